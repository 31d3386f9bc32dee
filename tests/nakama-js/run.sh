#!/usr/bin/env bash
# The stock Nakama JavaScript client against a running server.
#
#   BANTER_URL=http://127.0.0.1:PORT tests/nakama-js/run.sh [argument of `node --test` ...]
#
# With NAKAMA_JS_FORMAT=protobuf its sockets use the SDK's protobuf adapter.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
: "${BANTER_URL:?the address of a running server, e.g. http://127.0.0.1:7350}"

node_packages
cd "$tests/nakama-js"
# The test files are named: without names node looks into node_modules too.
exec node --import ./node-gaps.mjs --test --test-reporter=spec "$@" ./*.test.mjs
