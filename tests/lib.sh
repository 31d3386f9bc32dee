# What the test scripts share. Sourced, never run.

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$tests")
cache=$root/target          # Python packages and the like: ignored by git, gone with `cargo clean`
venv=$cache/venv
mkdir -p "$cache"

die() {
  echo "$(basename "$0"): $*" >&2
  exit 2
}

need() { # PROGRAM WHAT-FOR
  command -v "$1" >/dev/null || die "$1 is missing ($2)"
}

# Runs a command while no other run in this checkout does the same.
locked() ( # NAME COMMAND...
  exec 9>"$cache/$1.lock"
  python3 -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' # the lock goes with descriptor 9
  shift
  "$@"
)

# Makes $venv with the packages of a requirements file, unless it is there already.
python_venv() { # REQUIREMENTS
  need python3 "the protocol suites are Python"
  locked venv make_venv "$1" || die "no Python environment in $venv"
}

make_venv() {
  local stamp
  stamp=$(cksum <"$1")
  if [ "$(cat "$venv/.ready" 2>/dev/null)" = "$stamp" ]; then return; fi
  rm -rf "$venv"
  venv_module && python3 -m venv "$venv" &&
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$1" &&
    echo "$stamp" >"$venv/.ready"
}

# Debian and Ubuntu keep a part of Python's venv module in a package of its own.
venv_module() {
  if python3 -c 'import ensurepip, venv' 2>/dev/null; then return; fi
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && apt-get install -qq -y python3-venv
  else
    echo "python3 -m venv does not work here: install the package python3-venv" >&2
    return 1
  fi
}

# Fetches the packages of tests/nakama-js as its lock file says, unless they are there already.
node_packages() {
  need node "the JavaScript client runs on Node 20 or newer"
  need npm "the JavaScript client comes from npm"
  [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || die "Node 20 or newer is needed, this is $(node -v)"
  locked node-packages install_node_packages || die "npm ci failed in $tests/nakama-js"
}

install_node_packages() {
  local stamp
  cd "$tests/nakama-js" || return
  stamp=$(cksum <package-lock.json)
  if [ "$(cat node_modules/.ready 2>/dev/null)" = "$stamp" ]; then return; fi
  npm ci --loglevel=error && echo "$stamp" >node_modules/.ready
}
