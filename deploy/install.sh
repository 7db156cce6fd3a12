#!/usr/bin/env bash
# Puts a built k2i where packages put things: program, manual pages, completions, systemd unit, example configuration.
#
#   deploy/install.sh PROGRAM      to $DESTDIR$PREFIX (/usr/local) and $DESTDIR$SYSCONFDIR (/etc); what is in k2i/ of the
#                                  latter already stays
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=${1:?the program to install, as make release builds it}
prefix=${PREFIX:-/usr/local} etc=${SYSCONFDIR:-/etc}
root=${DESTDIR:-}

pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT

install -D -m 755 "$program" "$root$prefix/bin/k2i"

"$program" man --out-dir "$pages"
install -d "$root$prefix/share/man/man1"
install -m 644 "$pages"/*.1 "$root$prefix/share/man/man1/"

completion() { "$program" completions "$1" | install -D -m 644 /dev/stdin "$root$prefix/share/$2"; }
completion bash bash-completion/completions/k2i
completion zsh zsh/site-functions/_k2i
completion fish fish/vendor_completions.d/k2i.fish

install -D -m 644 "$here/config.example.toml" "$root$prefix/share/doc/k2i/config.example.toml"
unit=$root$prefix/lib/systemd/system/k2i.service
sed -e "s|/usr/local/|$prefix/|" -e "s|/etc/|$etc/|" "$here/systemd/k2i.service" | install -D -m 644 /dev/stdin "$unit"
install -d "$root$etc/k2i"
