#!/usr/bin/env bash
# Runs the steps of the Dockerfile's last stage without a container engine, in a Debian made by debootstrap, and starts the
# program there as its user. The first stage is `make release` on a Debian machine, whose program is handed over.
#
#   deploy/docker/check.sh PROGRAM      asks for root, debootstrap and Debian's mirror; takes a minute
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=$(realpath "${1:?the program that the first stage would build}")
[ "$(id -u)" = 0 ] || { echo 'check: run it as root' >&2; exit 1; }
command -v debootstrap > /dev/null || { echo 'check: install debootstrap' >&2; exit 1; }

root=$(mktemp -d)
chmod 755 "$root"
mounts() { awk -v root="$root/" 'index($2, root) == 1 { print $2 }' /proc/mounts; }
cleanup() {
  mounts | while read -r at; do umount "$at"; done
  # Never reach through a mount that is still there.
  [ -n "$(mounts)" ] || rm -rf --one-file-system "$root"
}
trap cleanup EXIT

# The last stage, one instruction a line.
stage() { sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' "$here/Dockerfile" | awk '/^FROM/ { text = "" } { text = text $0 "\n" } END { printf "%s", text }'; }

base=$(stage | sed -n 's/^FROM debian:\([a-z]*\)-slim$/\1/p')
[ -n "$base" ] || { echo 'check: the last stage begins with FROM debian:<release>-slim' >&2; exit 1; }
echo "check: debootstrap $base"
debootstrap --variant=minbase "$base" "$root" > /dev/null
mount -t proc proc "$root/proc"

user=root workdir=/ entry=''
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
while read -r instruction rest; do
  case $instruction in
    FROM | EXPOSE | VOLUME | STOPSIGNAL | CMD | '#'* | '') continue ;;
    RUN) echo "check: RUN $rest"; inside DEBIAN_FRONTEND=noninteractive sh -ec "$rest" > /dev/null < /dev/null ;;
    COPY)
      to=${rest##* }
      echo "check: COPY $to"
      install -D -m 755 "$program" "$root$to" ;;
    USER) user=$rest ;;
    WORKDIR) workdir=$rest; mkdir -p "$root$workdir" ;;
    ENTRYPOINT) entry=$(tr -d '[]",' <<< "$rest") ;;
    *) echo "check: the instruction $instruction is not known here" >&2; exit 1 ;;
  esac
done < <(stage)

as_user() { inside setpriv --reuid "$user" --regid "$(inside id -g "$user")" --clear-groups sh -ec "cd $workdir && $*" < /dev/null; }
as_user "$entry --version"
as_user "touch state && rm state"
install -d "$root/etc/k2i"
cp "$here/../quickstart.toml" "$root/etc/k2i/config.toml"
as_user "$entry validate --offline --config /etc/k2i/config.toml"
echo 'check: every step of the last stage works, and the program runs as its user'
