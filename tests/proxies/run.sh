#!/usr/bin/env bash
# banter behind nginx, Caddy and HAProxy, each configured by its example in docs/proxies.md.
#
#   BANTER_URL=http://127.0.0.1:PORT tests/proxies/run.sh [TEST FILE ...]
#
# Some tests need a server that they can stop: they start BANTER_PROGRAM, by default the debug build of this
# checkout. Proxies that the system lacks are fetched from Debian's packages, once, into target/. Where that
# is not possible, the tests of that proxy are skipped, and that is said. The last line is `N passed, N failed`.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
: "${BANTER_URL:?the address of a running server, e.g. http://127.0.0.1:7350}"
BANTER_PROGRAM=$(realpath -m "${BANTER_PROGRAM:-${CARGO_TARGET_DIR:-$root/target}/debug/banter}")
export BANTER_PROGRAM
[ -x "$BANTER_PROGRAM" ] || die "there is no program $BANTER_PROGRAM: build it, or name another in BANTER_PROGRAM"
need openssl "it makes the proxies' certificate"

fetched=$cache/proxies
PATH=$PATH:/usr/sbin:/sbin # where Debian keeps servers; not in everybody's PATH

PROXIES_SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/banter-proxies.XXXXXX")
export PROXIES_SCRATCH
mkdir "$PROXIES_SCRATCH/running"

# Nothing outlives this script. The tests are one process group, and each program they have started is
# another, with a note under its number in running/ until it has ended.
job=
finish() {
  local note group
  if [ -n "$job" ] && kill -KILL -- "-$job" 2>/dev/null; then wait "$job" 2>/dev/null || true; fi
  for note in "$PROXIES_SCRATCH"/running/*; do
    group=-$(basename "$note")
    # Until it is gone, for it may still write into the directory.
    while [ -e "$note" ] && kill -KILL -- "$group" 2>/dev/null; do sleep 0.01; done
  done
  rm -rf "$PROXIES_SCRATCH"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Prints the path of a proxy's program. Fetches it when the system has none.
find_proxy() { # NAME
  command -v "$1" && return
  if [ ! -x "$fetched/bin/$1" ]; then locked proxies fetch "$1" >&2 || return; fi
  echo "$fetched/bin/$1"
}

# Unpacks a package of Debian, and those it needs and the system lacks, below target/. It is not installed:
# nothing starts, neither now nor at the next boot, and the system's own configuration stays as it is.
fetch() { # PACKAGE
  local archives=$PROXIES_SCRATCH/archives libraries program package
  if [ -x "$fetched/bin/$1" ]; then return; fi # by another run that held the lock
  command -v apt-get >/dev/null || return
  if [ "$(id -u)" = 0 ]; then apt-get update -qq || return; fi
  mkdir -p "$archives/partial" "$fetched/root" "$fetched/bin"
  # Without the locks and the user of a real installation, it also works for others than root.
  apt-get install -qq -y --download-only --no-install-recommends \
    -o Dir::Cache::archives="$archives" -o Debug::NoLocking=1 -o APT::Sandbox::User=root "$1" || return
  for package in "$archives"/*.deb; do dpkg-deb -x "$package" "$fetched/root" || return; done
  program=$(PATH=$fetched/root/usr/sbin:$fetched/root/usr/bin command -v "$1") || return
  libraries=$(find "$fetched/root" -type d -path '*/lib/*-linux-*' -prune | paste -sd :)
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$libraries" "$program" >"$fetched/bin/$1.new"
  chmod +x "$fetched/bin/$1.new"
  # The name comes last, so that whatever has it is complete.
  mv "$fetched/bin/$1.new" "$fetched/bin/$1"
}

for proxy in nginx caddy haproxy; do
  if ! program=$(find_proxy "$proxy"); then
    program=
    # Nothing here is worth much without nginx, so where it can be had it has to be there.
    if [ "$proxy" = nginx ] && [ -e /etc/debian_version ] && [ "$(id -u)" = 0 ]; then
      die "nginx could not be fetched"
    fi
    echo "SKIP everything behind $proxy: it is not installed and could not be fetched"
  fi
  export "PROXY_${proxy^^}=$program"
done

# Self-signed, and trusted by Node because it is named to it.
export PROXIES_CERTIFICATE=$PROXIES_SCRATCH/certificate.pem PROXIES_KEY=$PROXIES_SCRATCH/key.pem
export NODE_EXTRA_CA_CERTS=$PROXIES_CERTIFICATE
openssl_log=$PROXIES_SCRATCH/openssl.log # it talks even when all is well
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
  -addext subjectAltName=IP:127.0.0.1 -out "$PROXIES_CERTIFICATE" -keyout "$PROXIES_KEY" 2>"$openssl_log" ||
  die "openssl failed: $(cat "$openssl_log")"

node_packages
cd "$tests/proxies"
[ $# -gt 0 ] || set -- ./*.test.mjs
set -m # gives the tests their group
node --import ../nakama-js/node-gaps.mjs --test --test-reporter=./reporter.mjs \
  --test-reporter-destination=stdout --test-concurrency=3 "$@" </dev/null &
job=$!
set +m
status=0
wait "$job" || status=$?
job=
exit "$status"
