#!/usr/bin/env bash
# Whether a running server is what schemas/openapi.yaml says, asked with what Schemathesis makes of it.
#
#   BANTER_URL=http://127.0.0.1:PORT tests/openapi/run.sh [option of `st run` ...]
#
# Wants a server of its own, without limits of rate. The same requests each time; `--seed N` asks others, and
# `--max-examples N` more.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
: "${BANTER_URL:?the address of a running server, e.g. http://127.0.0.1:7350}"
export BANTER_URL
here=$tests/openapi
venv=$cache/openapi-venv # not that of the conformance suite, whose packages are others

python_venv "$here/requirements.txt"
PEOPLE=$("$venv/bin/python" "$here/people.py")
TOKEN=$(PEOPLE=$PEOPLE python3 -c 'import json, os; print(json.loads(os.environ["PEOPLE"])["token"])')
export PEOPLE TOKEN SCHEMATHESIS_HOOKS=people PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
# It keeps what it has found in the directory it runs in.
cd "$(mktemp -d "$cache/openapi.XXXXXX")"
trap 'rm -rf "$PWD"' EXIT
"$venv/bin/st" --config-file "$here/schemathesis.toml" run "$root/schemas/openapi.yaml" --url "$BANTER_URL" \
  --phases examples,coverage,fuzzing --max-examples 20 --no-color "$@"
