#!/usr/bin/env bash
# The recipe of docs/javascript.md, in Node and in a page of another origin shown by a headless Chromium.
#
#   BANTER_PROGRAM=target/debug/banter tests/browser/run.sh [argument of `node --test` ...]
#
# The tests start, stop and restart servers of their own. CHROMIUM names a browser other than the one in PATH.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
: "${BANTER_PROGRAM:?the path of the server, e.g. target/debug/banter}"
BANTER_PROGRAM=$(realpath "$BANTER_PROGRAM")
export BANTER_PROGRAM

# Debian has Chromium in a package of its own.
chromium_package() {
  local name
  for name in "${CHROMIUM:-chromium}" chromium-browser google-chrome; do
    if CHROMIUM=$(command -v "$name"); then return; fi
  done
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null &&
      CHROMIUM=$(command -v chromium)
  else
    echo "there is no Chromium here: install it, or name it with CHROMIUM" >&2
    return 1
  fi
}

node_packages
locked chromium chromium_package || die "no Chromium"
chromium_package
export CHROMIUM

scratch=$(mktemp -d "${TMPDIR:-/tmp}/banter-browser.XXXXXX")
export TMPDIR=$scratch
set -m # the tests are a process group, so that neither server nor browser outlives them
job=
finish() {
  if [ -n "$job" ]; then kill -KILL -- "-$job" 2>/dev/null || true; fi
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

cd "$tests/browser"
node --import ../nakama-js/node-gaps.mjs --test --test-reporter=spec "$@" ./*.test.mjs </dev/null &
job=$!
wait "$job"
