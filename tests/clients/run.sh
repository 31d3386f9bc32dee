#!/usr/bin/env bash
# The stock Nakama clients for Python and Rust against a running server.
#
#   BANTER_URL=http://127.0.0.1:PORT tests/clients/run.sh [python|rust ...]
#
# Prints PASS or FAIL for each test and ends with `N passed, N failed`. What the clients need is fetched and built
# once, into target/. The one for Rust needs pkg-config and the headers of OpenSSL: it is always built with TLS.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
: "${BANTER_URL:?the address of a running server, e.g. http://127.0.0.1:7350}"
export BANTER_URL
here=$tests/clients
venv=$cache/clients-venv # not that of the conformance suite, whose packages are others

python() {
  python_venv "$here/python/requirements.txt"
  "$venv/bin/python" "$here/python/chat.py"
}

rust() {
  need cargo "https://rustup.rs"
  openssl_headers || return
  # One job, because other builds may be under way; debug, because it only runs for seconds.
  CARGO_TARGET_DIR=$cache/clients nice cargo build --quiet --locked -j1 \
    --manifest-path "$here/rust/Cargo.toml" || return
  "$cache/clients/debug/banter-stock-clients"
}

openssl_headers() {
  if pkg-config --exists openssl 2>/dev/null; then return; fi
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -qq -y libssl-dev pkg-config
  else
    echo "the headers of OpenSSL are missing: install the packages libssl-dev and pkg-config" >&2
    return 1
  fi
}

clients=("$@")
[ $# -gt 0 ] || clients=(python rust)
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
passed=0 failed=0
for client in "${clients[@]}"; do
  case $client in python | rust) ;; *) die "unknown client: $client (there are python and rust)" ;; esac
  status=0
  # In a process of its own: what cannot be set up ends it, and the other client has its turn all the same.
  ("$client" 2>&1) | tee "$log" || status=$?
  good=$(grep -c '^PASS ' "$log") bad=$(grep -c '^FAIL ' "$log")
  if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$good" -eq 0 ]; }; then
    echo "FAIL $client: ended with status $status after $good tests"
    bad=1
  fi
  passed=$((passed + good)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
