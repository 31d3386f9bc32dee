#!/usr/bin/env bash
# Everything that checks banter, from a clean clone.
#
#   tests/run.sh                  all parts
#   tests/run.sh PART ...         some: rust deny conformance openapi autobahn nakama-js clients browser proxies
#                                 loadtest readme
#
# Needs a Rust toolchain, Python 3 and Node 20 or newer; Python and Node packages are fetched once, into
# target/ and node_modules/. On Debian, and as root, browsers and proxies that are missing are installed. Every server gets a free port and a directory of its own, so several runs can
# go side by side. A failing step does not stop the others. The last line is `N passed, N failed`: the sum
# of what each tool counted, where a lint counts as one.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root" || exit 2

parts=("$@")
all=(rust deny conformance openapi autobahn nakama-js clients browser proxies loadtest readme)
[ $# -gt 0 ] || parts=("${all[@]}")
for part in "${parts[@]}"; do
  case $part in
    rust | deny | conformance | openapi | autobahn | nakama-js | clients | browser | proxies | loadtest | readme) ;;
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    *) die "unknown part: $part (there are ${all[*]})" ;;
  esac
done
need cargo "https://rustup.rs"
need python3 "the protocol suites are Python"

# The logs are parsed, and settings of whoever calls this must not reach the servers under test.
export CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=never NO_COLOR=1
unset FORCE_COLOR RUST_LOG "${!BANTER_@}"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/banter-tests.XXXXXX")
export TMPDIR=$scratch
job=
set -m # each step is a process group, so that nothing of it outlives this script
finish() {
  if [ -n "$job" ]; then kill -TERM -- "-$job" 2>/dev/null && wait "$job" 2>/dev/null; fi
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

passed=0 failed=0 failures=()

# One step: its heading, its output, its numbers, its duration. A step that exits with an error has failed
# at least once, whatever it counted.
step() { # COUNTER TITLE COMMAND...
  local counter=$1 title=$2 start=$SECONDS log=$scratch/step.log status=0 good bad
  shift 2
  printf '\n== %s\n' "$title"
  ("$@" 2>&1 | tee "$log") </dev/null &
  job=$!
  wait "$job" || status=$?
  job=
  if [ "$counter" = lint ]; then
    good=$((status == 0)) bad=0
  else
    read -r good bad < <("count_$counter" <"$log")
  fi
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  passed=$((passed + good)) failed=$((failed + bad))
  if [ "$bad" -ne 0 ]; then failures+=("$title ($bad)"); fi
  printf -- '-- %s: %d s, ok %d, not ok %d\n' "$title" "$((SECONDS - start))" "$good" "$bad"
}

# Each tool's own summary as "PASSED FAILED".
count_lines() { awk '/^[0-9]+ passed, [0-9]+ failed$/ { p = $1; f = $3 } END { print p + 0, f + 0 }'; }
count_cargo() { awk '/^test result: / { p += $4; f += $6 } END { print p + 0, f + 0 }'; }
count_node() { # "# pass 3" or, for eyes, "ℹ pass 3"
  awk 'NF == 3 && ($1 == "#" || $1 == "ℹ") && $2 == "pass" { p += $3 }
       NF == 3 && ($1 == "#" || $1 == "ℹ") && ($2 == "fail" || $2 == "cancelled") { f += $3 }
       END { print p + 0, f + 0 }'
}
count_nextest() { # Summary [ 1.2s] 9 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 4 skipped
  awk '/^ *Summary \[.* run: / {
         sub(/.* run: /, ""); n = split($0, part, ", "); p = f = 0
         for (i = 1; i <= n; i++) {
           if (part[i] ~ / passed/) p = part[i] + 0
           else if (part[i] ~ / (failed|timed out)/) f += part[i] + 0
         }
       } END { print p + 0, f + 0 }'
}

built() { # PATH under the target directory's debug/
  cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"] + "/debug/" + sys.argv[1])' "$1"
}

# Starts a server, waits until it listens, runs a command with BANTER_URL, stops the server with SIGTERM.
# Fails with the command, and when the server dies, hangs, or (with `clean`) ends with an error.
with_server() { # clean|any PROGRAM [ARGUMENT ...] -- COMMAND...
  local ending=$1 server=() url='' pid status=0 code=0 i
  shift
  while [ "$1" != -- ]; do server+=("$1"); shift; done
  shift
  # What an earlier server has said must be gone before this one is asked where it listens.
  : >"$scratch/server.out"
  "${server[@]}" >"$scratch/server.out" 2>"$scratch/server.err" &
  pid=$!
  for ((i = 0; i < 300; i++)); do
    url=$(sed -n 's/^listening on //p' "$scratch/server.out" | head -n 1)
    if [ -n "$url" ] || ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  if [ -z "$url" ]; then
    echo "the server did not start: ${server[*]}"
    status=1
  else
    BANTER_URL=$url "$@" || status=$?
  fi
  if ! kill -TERM "$pid" 2>/dev/null; then
    echo "the server has died"
    status=1
  fi
  for ((i = 0; i < 150; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  if kill -KILL "$pid" 2>/dev/null; then
    echo "the server did not stop within 15 s of SIGTERM"
    status=1
  fi
  wait "$pid" 2>/dev/null || code=$?
  if [ "$ending" = clean ] && [ "$code" -ne 0 ]; then
    echo "the server ended with status $code"
    status=1
  fi
  if grep -n 'panicked at' "$scratch/server.err"; then
    echo "the server panicked"
    status=1
  fi
  if [ "$status" -ne 0 ] && grep -qv ' INFO ' "$scratch/server.err"; then
    echo "what the server complained about:"
    grep -v ' INFO ' "$scratch/server.err" | tail -n 30
  fi
  return "$status"
}

# What every server is started with, beside addresses and a directory.
server_options=()

with_banter() { # COMMAND...
  cargo build --quiet --bin banter || return
  local program
  program=$(built banter) || return
  with_server clean "$program" serve --listen 127.0.0.1:0 --metrics-listen off \
    --data-dir "$(mktemp -d "$scratch/data.XXXXXX")" ${server_options[@]+"${server_options[@]}"} -- "$@"
}

with_component() { # COMPONENT COMMAND...
  cargo "${1#rust}" --version >/dev/null 2>&1 || rustup component add "$1" || return
  shift
  "$@"
}

rust_part() {
  step lint 'cargo fmt' with_component rustfmt cargo fmt --all --check
  step lint 'cargo clippy' with_component clippy \
    cargo clippy --workspace --all-targets --features banter/bench --quiet -- -D warnings
  step lint 'without default features' cargo check --no-default-features --quiet
  step lint 'the client with TLS' \
    cargo clippy -p banter-client --features tls --all-targets --quiet -- -D warnings
  step lint 'cargo doc' env RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet
  if cargo nextest --version >/dev/null 2>&1; then
    step nextest 'cargo nextest' cargo nextest run --workspace --no-fail-fast --status-level fail
  else
    step cargo 'cargo test' cargo test --workspace --lib --bins --tests --examples --no-fail-fast --quiet
  fi
  step cargo 'documentation tests' cargo test --workspace --doc --quiet
}

deny_part() {
  step lint 'licences, bans and sources of dependencies (cargo deny)' "$tests/deny/run.sh"
}

conformance_part() {
  step lines 'conformance with the Nakama protocol' with_banter "$tests/conformance/run.sh"
}

openapi_part() {
  # One machine asks thousands of questions as one user.
  local server_options=(--rate-limits off)
  step lint 'schemas/openapi.yaml (Schemathesis)' with_banter "$tests/openapi/run.sh"
}

autobahn_part() {
  step lines 'WebSocket conformance (Autobahn)' autobahn
}

autobahn() {
  cargo build --quiet --example echo || return
  local program
  program=$(built examples/echo) || return
  with_server any "$program" --listen 127.0.0.1:0 -- autobahn_against_url
}

autobahn_against_url() {
  venv_module || return
  AUTOBAHN_CLOSE=1 AUTOBAHN_VENV=$cache/autobahn-venv \
    bash "$tests/autobahn.sh" "$scratch/autobahn" "ws${BANTER_URL#http}/"
}

nakama_js_part() {
  step node 'the stock JavaScript client' with_banter "$tests/nakama-js/run.sh"
  step node 'the stock JavaScript client with protobuf' \
    with_banter env NAKAMA_JS_FORMAT=protobuf "$tests/nakama-js/run.sh"
  step node 'the stock JavaScript client with TLS' nakama_js_with_tls
}

nakama_js_with_tls() {
  need openssl "makes the certificate"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$scratch/tls.key" -out "$scratch/tls.pem" 2>/dev/null || return
  BANTER_TLS_CERT=$scratch/tls.pem BANTER_TLS_KEY=$scratch/tls.key \
    with_banter env NODE_EXTRA_CA_CERTS="$scratch/tls.pem" CURL_CA_BUNDLE="$scratch/tls.pem" \
    "$tests/nakama-js/run.sh"
}

clients_part() {
  step lines 'the stock clients for Python and Rust' with_banter "$tests/clients/run.sh"
}

browser_part() {
  step node 'a page in a browser' browser
}

browser() {
  cargo build --quiet --bin banter || return
  local program
  program=$(built banter) || return
  BANTER_PROGRAM=$program "$tests/browser/run.sh"
}

proxies() {
  cargo build --quiet --bin banter || return
  local program
  program=$(built banter) || return
  # Beside the server that most of it speaks to, it starts and stops some of its own.
  with_banter env BANTER_PROGRAM="$program" "$tests/proxies/run.sh"
}

proxies_part() {
  step lines 'behind nginx, Caddy and HAProxy' proxies
}

loadtest_part() {
  step lint 'a tournament of 200 players' loadtest tournament --players 200 --seconds 20 --seed 1
  step lint 'fan-out to 200 members' loadtest fanout --members 200 --seconds 2 --format protobuf
  step lint 'stored messages' loadtest persist --seconds 2 --format bincode
  step lint 'idle connections' loadtest idle --connections 500 --join-room
  step lint 'a storm of 300 joins' loadtest storm --members 300
}

loadtest() { # COMMAND...
  cargo build --quiet -p loadtest || return
  local program
  program=$(built loadtest) || return
  "$program" "$@"
}

readme_part() {
  if grep -Eq '^ *```(sh|js) .*\btest\b' README.md 2>/dev/null; then
    step lines "the README's examples" with_banter python3 "$tests/readme.py" README.md
  fi
}

for part in "${parts[@]}"; do
  "${part//-/_}_part"
done

printf '\n'
for failure in ${failures[@]+"${failures[@]}"}; do echo "not ok: $failure"; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
