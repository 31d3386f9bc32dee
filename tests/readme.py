#!/usr/bin/env python3
"""Runs the examples of a Markdown file against a running server.

    BANTER_URL=http://127.0.0.1:PORT python3 tests/readme.py README.md

An example is a fenced code block whose info string names its language and `test`:

    ```sh test      bash, stops at the first failing command; curl fails on HTTP errors;
                    keeps the variables that earlier sh examples of the file have set
    ```js test      node, with the packages of tests/nakama-js; `js test continued` runs behind the js
                    examples before it, in one module

Examples are written for the default address, 127.0.0.1:7350; the server's address takes its place.
Prints PASS or FAIL for each and ends with `N passed, N failed`.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

TESTS = pathlib.Path(__file__).resolve().parent
LIMIT_SECONDS = 60
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>(?:sh|js)\b[^\n]*)\n(?P<code>.*?)^(?P=indent)```[ \t]*$",
                   re.MULTILINE | re.DOTALL)


def examples(text):
    """-> (line number, language, code) of each block to run"""
    before = ""
    for block in FENCE.finditer(text):
        language, *marks = re.split(r"[\s,]+", block["info"].strip())
        if "test" in marks:
            indent = len(block["indent"])
            code = "".join(line[indent:] for line in block["code"].splitlines(keepends=True))
            if "continued" in marks:
                code = before + code
            if language == "js":
                before = code
            yield text.count("\n", 0, block.start()) + 1, language, code


def at(code, url):
    """The example with the server's address in place of the default one."""
    server = urllib.parse.urlsplit(url)
    for default, real in (("http://127.0.0.1:7350", url), ("127.0.0.1:7350", server.netloc),
                          ('"127.0.0.1"', f'"{server.hostname}"'), ('"7350"', f'"{server.port}"')):
        code = code.replace(default, real)
    return code


def shell(code, scratch):
    variables = scratch / "variables"
    variables.touch()
    script = scratch / "example.sh"
    script.write_text(
        "curl() { command curl --fail-with-body --silent --show-error \"$@\"; }\n"
        f"set -aeu -o pipefail\n. '{variables}'\n{code}\nexport -p >'{variables}'\n")
    return ["bash", script]


def javascript(code, scratch):
    packages = scratch / "node_modules"
    if not packages.exists():
        subprocess.run(["bash", "-euc", f". '{TESTS}/lib.sh'; node_packages"], check=True)
        packages.symlink_to(TESTS / "nakama-js" / "node_modules")
    script = scratch / "example.mjs"
    script.write_text(code)
    return ["node", "--import", TESTS / "nakama-js" / "node-gaps.mjs", script]


def run(command, scratch):
    """-> (whether it succeeded, its output)"""
    try:
        done = subprocess.run(command, cwd=scratch, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired as late:
        return False, (late.stdout or b"").decode(errors="replace") + f"still running after {LIMIT_SECONDS} s\n"
    return done.returncode == 0, done.stdout


def main():
    path, url = pathlib.Path(sys.argv[1]), os.environ["BANTER_URL"].rstrip("/")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        for line, language, code in examples(path.read_text()):
            command = {"sh": shell, "js": javascript}[language](at(code, url), scratch)
            ok, output = run(command, scratch)
            passed, failed = passed + ok, failed + (not ok)
            print(f"{'PASS' if ok else 'FAIL'} {path.name}:{line} ({language})")
            if not ok:
                print("".join(f"     {row}\n" for row in output.splitlines()), end="")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0 or passed == 0)


if __name__ == "__main__":
    main()
