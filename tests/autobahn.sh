#!/usr/bin/env bash
# Autobahn WebSocket conformance suite (wstest -m fuzzingclient) on Python 3.
#
#   autobahn.sh [SCRATCH_DIR] ws://127.0.0.1:PORT/PATH [CASE_PATTERN ...]
#
#   SCRATCH_DIR   venv + reports; "" or "-" means ${TMPDIR:-/tmp}/autobahn-suite.
#                 The venv is reused when this script has not changed.
#   CASE_PATTERN  default: 1.* 2.* 3.* 4.* 5.* 6.* 7.* 9.* 10.*
#                 (add 12.* 13.* for permessage-deflate; there is no group 8 or 11)
#   AUTOBAHN_EXCLUDE="9.* 6.4.1"   patterns to leave out
#   AUTOBAHN_AGENT=name            report name of the server (default: "server")
#   AUTOBAHN_CLOSE=1               see below
#   AUTOBAHN_PYTHON=python3.11     interpreter for the venv (default: python3)
#   AUTOBAHN_VENV=dir              the venv, where several runs share it (default: SCRATCH_DIR/venv)
#
# The published suite is Python 2 source. Its reference partner, autobahn 0.10.9,
# runs on Python 3, so only the suite is converted: 2to3 for the syntax, and a
# bytes/str boundary. Test cases keep payloads as native strings in which each
# character is one octet (Python 2 semantics); the boundary turns them into
# bytes where they enter autobahn and back where they leave it.
#
# Verdict per case is the suite's "behavior". NON-STRICT and INFORMATIONAL pass;
# UNIMPLEMENTED (the server declined an extension) is neither; a case without a
# result counts as failed. "behaviorClose" (closing handshake) is only listed,
# unless AUTOBAHN_CLOSE=1: then a closing verdict FAILED (the server let an
# invalid frame pass, so the suite had to fail the connection) fails the case.
# Exit: 0 all passed, 1 some failed, 2 the suite could not run.
set -euo pipefail

SUITE=autobahntestsuite==25.10.1
PINS=(autobahn==0.10.9 twisted==24.11.0 txaio==23.1.1 zope.interface==7.2
      wsaccel==0.6.7 six==1.17.0 'setuptools<81'       # setuptools: pkg_resources
      attrs==26.1.0 automat==25.4.16 constantly==23.10.4 hyperlink==21.0.0 idna==3.20
      incremental==24.11.0 packaging==26.3 typing_extensions==4.16.0)
FISSIX=fissix==24.4.24     # lib2to3's successor, for Python 3.13 and newer

usage() { sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
die() { echo "autobahn.sh: $*" >&2; exit 2; }

[ $# -ge 1 ] || usage
case "$1" in
  -h|--help) usage ;;
  ws://*) scratch=- ;;
  *) scratch=$1; shift ;;
esac
[ $# -ge 1 ] || usage
url=$1; shift
case "$scratch" in ''|-) scratch=${TMPDIR:-/tmp}/autobahn-suite ;; esac
[[ $url =~ ^ws://(127\.0\.0\.1|localhost)(:[0-9]+)?(/|$) ]] || die "only loopback ws:// URLs: $url"
if [ $# -eq 0 ]; then set -- '1.*' '2.*' '3.*' '4.*' '5.*' '6.*' '7.*' '9.*' '10.*'; fi
agent=${AUTOBAHN_AGENT:-server}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)
venv=${AUTOBAHN_VENV:-$scratch/venv}
py=$venv/bin/python
stamp=$(sha256sum "$here/$(basename "${BASH_SOURCE[0]}")" | cut -d' ' -f1)

convert() {  # the installed package, in place
  "$py" -W ignore - <<'PY'
import importlib.util, pathlib, re, subprocess, sys

pkg = pathlib.Path(importlib.util.find_spec("autobahntestsuite").origin).parent

def edit(name, *changes):
    f = pkg / name
    s = f.read_text(encoding="utf-8")
    for old, new, *flags in changes:
        s, n = re.subn(old, new, s, flags=re.M)
        if not n:
            sys.exit("conversion: %s: nothing matches %r" % (name, old))
    f.write_text(s, encoding="utf-8")

# Leave out what fuzzingclient mode does not need (WAMP, wsperf, databases).
for f in pkg.glob("wsperf*.py"): f.unlink()
for f in pkg.glob("wamp*.py"): f.unlink()
for f in ("testdb.py", "testrun.py", "serializer.py", "case/case9_9_1.py"): (pkg / f).unlink()
edit("wstest.py", (r"^import serializer$", ""))
edit("case/__init__.py", (r"^from case9_9_1 .*$", ""))
edit("report.py", (r"^import jinja2$", ""))

# In Python 2 a non-ASCII character in a plain literal was its UTF-8 octets.
for f in pkg.glob("case/*.py"):
    s = f.read_text(encoding="utf-8")
    t = re.sub(r"[^\x00-\x7f]",
               lambda m: "".join("\\x%02x" % b for b in m.group().encode("utf-8")), s)
    if t != s: f.write_text(t, encoding="utf-8")

try:
    import lib2to3; tool = "lib2to3"
except ImportError:
    tool = "fissix"
files = [str(p) for d in (pkg, pkg / "case") for p in sorted(d.glob("*.py"))]
fixers = "print import except raise has_key xrange unicode numliterals dict".split()
run = subprocess.run([sys.executable, "-W", "ignore", "-m", tool, "-w", "-n", "--no-diffs",
                      *sum((["-f", x] for x in fixers), []), *files],
                     capture_output=True, text=True)
if run.returncode: sys.exit(run.stdout + run.stderr)

(pkg / "py2str.py").write_text('''\
"""Python 2 native strings (one character per octet) against a bytes API."""
import binascii

def octets(x):
    return x.encode("latin-1") if isinstance(x, str) else x

def text(x):
    return x if isinstance(x, str) else bytes(x).decode("latin-1")

def b2a_hex(x):
    return binascii.b2a_hex(octets(x)).decode("ascii")

hexlify = b2a_hex

class Boundary:
    def sendFrame(self, opcode, payload=b"", *args, **kw):
        return super().sendFrame(opcode, octets(payload), *args, **kw)

    def sendMessage(self, payload, *args, **kw):
        return super().sendMessage(octets(payload), *args, **kw)

    def sendMessageFrameData(self, payload, *args, **kw):
        return super().sendMessageFrameData(octets(payload), *args, **kw)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        return super().sendCloseFrame(code, octets(reasonUtf8), isReply)

    def _onMessage(self, payload, isBinary):
        return super()._onMessage(text(payload), isBinary)

    def _onPong(self, payload):
        return super()._onPong(text(payload))
''')

use = "from autobahntestsuite import py2str"
edit("fuzzing.py",
     (r"^import os, json, binascii,", use + "\nimport txaio; txaio.use_twisted()\nimport os, json,"),
     (r"\bbinascii\.", "py2str."),
     (r"import reactor, ssl$", "import reactor"),     # ws:// only, no pyOpenSSL
     (r"\bssl\.ClientContextFactory\(\)", "None"),
     (r"^class FuzzingProtocol\b.*:$", "class FuzzingProtocol(py2str.Boundary):"),
     (r"^(def asciiLogData\(.*\):)$", r"\1\n   data = py2str.text(data)"),
     (r"\bdd\.decode\(", "py2str.octets(dd).decode("),
     (r"''\.join\(payload\)", "b''.join(payload)"),
     (r"\.encode\(\"utf-8\"\)\)$", ")"),
     (r"\bll\.encode\('utf8'\)", "ll"),
     (r", 'w'\)$", ", 'w', encoding = 'utf-8')"),
     (r"json\.dumps\(case,", "json.dumps(case, default = py2str.text,"),
     (r'case\["(httpRe\w+)"\]\.strip\(\)', r'py2str.text(case["\1"]).strip()'))
# pickled forms of equal values may differ (memoised references)
edit("case/case.py", (r"pickle\.dumps\((\w+)\) == pickle\.dumps\((\w+)\)", r"\1 == \2"))
edit("case/case10_1_1.py", (r"\(self\.payload\) / ", "(self.payload) // "))
edit("case/case12_x_x.py",
     (r"^(def onMessage\(self, msg, binary\):)$", r"\1\n   msg = msg.encode('latin-1')"))
edit("case/case6_x_x.py", (r"\bv\.validate\((.*?)\)$", r"v.validate(\1.encode('latin-1'))"))
for f in pkg.glob("case/case*.py"):
    s = f.read_text(encoding="utf-8")
    t = re.sub(r"^import binascii$", use + " as binascii", s, flags=re.M)
    t = re.sub(r"\(object, Case, \)", "(Case, )", t)
    if t != s: f.write_text(t, encoding="utf-8")

# autobahn: the one true division left in the code paths used here
import autobahn
f = pathlib.Path(autobahn.__file__).parent / "websocket" / "protocol.py"
s = f.read_text(encoding="utf-8")
t = s.replace("range(payload_len / len(payload))", "range(payload_len // len(payload))")
if t == s: sys.exit("conversion: autobahn: nothing to change in sendFrame")
f.write_text(t, encoding="utf-8")
PY
}

mkdir -p "$(dirname "$venv")"
exec 9>"$venv.lock"                                 # one run makes it, others wait
"${AUTOBAHN_PYTHON:-python3}" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
if [ "$(cat "$venv/.ready" 2>/dev/null || true)" != "$stamp" ]; then
  rm -rf "$venv"
  "${AUTOBAHN_PYTHON:-python3}" -m venv "$venv" || die "cannot create a venv"
  "$py" -c 'import lib2to3' 2>/dev/null || PINS+=("$FISSIX")
  "$py" -m pip install -q --disable-pip-version-check "${PINS[@]}" "$SUITE" || die "pip install failed"
  convert || die "conversion failed"
  echo "$stamp" >"$venv/.ready"
fi
exec 9>&-

out=$scratch/reports
rm -rf "$out"; mkdir -p "$out"
"$py" - "$scratch/spec.json" "$out" "$url" "$agent" "${AUTOBAHN_EXCLUDE:-}" "$@" <<'PY'
import json, sys
spec, out, url, agent, exclude, *cases = sys.argv[1:]
json.dump({"outdir": out, "servers": [{"url": url, "agent": agent}], "cases": cases,
           "exclude-cases": exclude.split(), "exclude-agent-cases": {}}, open(spec, "w"))
PY

start=$(date +%s)
rc=0
"$py" -W ignore -c 'from autobahntestsuite.wstest import run; run()' \
  -m fuzzingclient -s "$scratch/spec.json" >"$scratch/wstest.log" 2>&1 || rc=$?
grep -q '"behavior"' "$out/index.json" 2>/dev/null || {
  tail -n 15 "$scratch/wstest.log" >&2
  die "no case was run (wstest exit $rc)"
}
errors=$(grep -c '^Traceback' "$scratch/wstest.log" || true)
[ "$errors" = 0 ] || echo "note: $errors exception(s) inside the suite, see $scratch/wstest.log"

"$py" -W ignore - "$scratch/spec.json" "$out/index.json" "$(( $(date +%s) - start ))" <<'PY'
import collections, json, os, sys
from autobahntestsuite.case import Cases, CaseBasename, CaseCategories, CaseSetname, CaseSubCategories
from autobahntestsuite.caseset import CaseSet

spec = json.load(open(sys.argv[1]))
server = spec["servers"][0]
results = json.load(open(sys.argv[2])).get(server["agent"], {})
cases = CaseSet(CaseSetname, CaseBasename, Cases, CaseCategories, CaseSubCategories).parseSpecCases(spec)

strict = os.environ.get("AUTOBAHN_CLOSE", "") not in ("", "0")
kinds = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED"]
groups, ids, closes = {}, collections.defaultdict(list), collections.defaultdict(list)
for c in cases:
    r = results.get(c)
    kind = r["behavior"] if r and r["behavior"] in kinds else "FAILED"
    if r and strict and r["behaviorClose"] == "FAILED": kind = "FAILED"
    groups.setdefault(c.split(".")[0], collections.Counter())[kind] += 1
    ids[kind].append(c)
    if not r: ids["no result (counted as FAILED)"].append(c)
    if r and r["behaviorClose"] not in ("OK", "INFORMATIONAL"):
        closes[r["behaviorClose"]].append(c)

print("%s: %d cases in %s s" % (server["url"], len(cases), sys.argv[3]))
row = "%-44s" + "%14s" * len(kinds)
print(row % ("group", *kinds))
for g, n in groups.items():
    name = "%2s %s" % (g, CaseCategories.get(g, ""))
    print(row % (name[:44], *(n[k] or "-" for k in kinds)))
print(row % ("all", *(len(ids[k]) or "-" for k in kinds)))
for kind in kinds[1:] + sorted(set(ids) - set(kinds)):
    if ids[kind]: print("%s: %s" % (kind, " ".join(ids[kind])))
for kind, c in sorted(closes.items()):
    print("closing handshake %s: %s" % (kind, " ".join(c)))
failed = len(ids["FAILED"])
passed = len(cases) - failed - len(ids["UNIMPLEMENTED"])
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
PY
