#!/usr/bin/env bash
# All recorded scenarios against a running server.
#
#   BANTER_URL=http://127.0.0.1:PORT tests/conformance/run.sh [option of `conform.py check` ...]
#
# Passes when exactly the scenarios listed in expected-failures.txt fail.
# The Python packages go to a venv under target/ (or VENV_DIR), made once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${BANTER_URL:?the address of a running server, e.g. http://127.0.0.1:7350}"
. "$here/../lib.sh"

python_venv "$here/requirements.txt"
exec "$venv/bin/python" "$here/conform.py" check --url "$BANTER_URL" --set public \
  --expected-failures "$here/expected-failures.txt" "$@"
