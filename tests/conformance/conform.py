#!/usr/bin/env python3
"""Differential conformance runner. See README.md."""
import argparse
import asyncio
import importlib.util
import json
import pathlib
import sys

import httpx

import harness

HERE = pathlib.Path(__file__).resolve().parent
DEFAULTS = (None, False, 0, "")


def load(sets):
    for s in sets:
        d = HERE / "scenarios" / s
        if not d.is_dir():
            continue
        harness._current_set = s
        for f in sorted(d.glob("*.py")):
            spec = importlib.util.spec_from_file_location(f"scenarios_{s}_{f.stem}", f)
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return harness.SCENARIOS


def strip(v):
    """Drop fields that hold a default value: absent and default mean the same."""
    if isinstance(v, dict):
        out = {k: strip(x) for k, x in v.items()}
        return {k: x for k, x in out.items() if not (x in DEFAULTS or x == [] or x == {})}
    if isinstance(v, list):
        return [strip(x) for x in v]
    return v


def masked(v):
    return harness.re.sub(r"<(uuid|time|username):\d+>", r"<\1>", json.dumps(strip(v), sort_keys=True, ensure_ascii=False))


def diff(path, a, b, out):
    if type(a) is not type(b) and not (isinstance(a, (int, float)) and isinstance(b, (int, float))):
        out.append(f"{path}: expected {short(a)}, got {short(b)}")
    elif isinstance(a, dict):
        for k in sorted(set(a) | set(b)):
            if k not in b:
                out.append(f"{path}.{k}: missing, expected {short(a[k])}")
            elif k not in a:
                out.append(f"{path}.{k}: unexpected {short(b[k])}")
            else:
                diff(f"{path}.{k}", a[k], b[k], out)
    elif isinstance(a, list):
        for i in range(max(len(a), len(b))):
            if i >= len(b):
                out.append(f"{path}[{i}]: missing, expected {short(a[i])}")
            elif i >= len(a):
                out.append(f"{path}[{i}]: unexpected {short(b[i])}")
            else:
                diff(f"{path}[{i}]", a[i], b[i], out)
    elif a != b:
        out.append(f"{path}: expected {short(a)}, got {short(b)}")


def short(v):
    s = v if isinstance(v, str) and v.startswith("<") else json.dumps(v, ensure_ascii=False)
    return s if len(s) <= 160 else s[:150] + "..."


def where(i, step):
    t = step.get("label") or step.get("request") or ""
    if not t and step.get("sent"):
        who, m = step["sent"][0]
        t = f"{who} " + (next((k for k in m if k != "cid"), "?") if isinstance(m, dict) else str(m)[:30])
    return f"step {i + 1} {step['step']}" + (f" ({t})" if t else "")


def compare(golden, got, strict=False):
    """-> (hard differences, soft notes)"""
    hard, soft = [], []
    s = (lambda v: v) if strict else strip
    for i in range(max(len(golden), len(got))):
        if i >= len(got):
            hard.append(f"{where(i, golden[i])}: step missing")
            continue
        if i >= len(golden):
            hard.append(f"{where(i, got[i])}: extra step")
            continue
        g, o = golden[i], got[i]
        w = where(i, g)
        if g["step"] != o["step"]:
            hard.append(f"{w}: kind is {o['step']}")
        elif g["step"] == "ws":
            out = soft if g.get("soft") else hard
            for name in sorted(set(g["recv"]) | set(o["recv"])):
                gf = g["recv"].get(name, {"frames": [], "order": []})
                of = o["recv"].get(name, {"frames": [], "order": []})
                if gf.get("unordered"):
                    gl, ol = sorted(map(masked, gf["frames"])), sorted(map(masked, of["frames"]))
                    diff(f"{w}: {name} (any order)", gl, ol, out)
                else:
                    diff(f"{w}: {name}", s(gf["frames"]), s(of["frames"]), out)
                if of["order"] != gf["order"] and of["order"] not in gf.get("order_alts", []):
                    soft.append(f"{w}: {name} order {' '.join(of['order'])} (recorded: {' '.join(gf['order'])})")
        else:
            out = []
            g, o = dict(g), dict(o)
            for x in (g, o):            # error bodies may or may not repeat the text as "error"
                if x["step"] == "http" and isinstance(x.get("body"), dict) and "code" in x["body"] and \
                        isinstance(x.get("status"), int) and x["status"] >= 400:
                    x["body"] = {k: v for k, v in x["body"].items() if k != "error"}
            drop = ("label", "request", "query", "soft") + (("content_type",) if g["step"] == "handshake" else ())
            diff(w, s({k: v for k, v in g.items() if k not in drop}),
                 s({k: v for k, v in o.items() if k not in drop}), out)
            (soft if g.get("soft") else hard).extend(out)
    return hard, soft


def expected_failures(path):
    """Names of the scenarios that are known to fail: one per line, `#` starts a comment."""
    lines = (line.split("#")[0].strip() for line in pathlib.Path(path).read_text().splitlines())
    names = [n for n in lines if n]
    twice = sorted({n for n in names if names.count(n) > 1})
    unknown = sorted(set(names) - set(harness.SCENARIOS))
    if twice or unknown:
        sys.exit(f"{path}: listed twice: {twice or 'none'}; no such scenario: {unknown or 'none'}")
    return set(names)


def expected_counts(golden):
    return [{n: len(f["frames"]) for n, f in st["recv"].items()} for st in golden if st["step"] == "ws"]


def merge(runs):
    """Fold several recordings into one golden, marking what is not stable. -> (golden, problems)"""
    base = json.loads(json.dumps(runs[0]))
    problems = []
    for other in runs[1:]:
        for i, st in enumerate(base):
            if i < len(other) and st["step"] == "ws" and other[i]["step"] == "ws":
                for name, gf in st["recv"].items():
                    of = other[i]["recv"].get(name)
                    if not of:
                        continue
                    if of["order"] != gf["order"] and of["order"] not in gf.get("order_alts", []):
                        gf.setdefault("order_alts", []).append(of["order"])
                    if strip(of["frames"]) != strip(gf["frames"]) and \
                            sorted(map(masked, of["frames"])) == sorted(map(masked, gf["frames"])):
                        gf["unordered"] = True
        hard, _ = compare(base, other, strict=True)
        problems += hard
    return base, problems


async def each(scs, jobs, fn):
    sem = asyncio.Semaphore(jobs)

    async def one(sc):
        async with sem:
            return await fn(sc)
    for task in [asyncio.create_task(one(sc)) for sc in scs]:
        yield await task


async def main(a):
    sets = [a.set]
    scs = [s for s in load(sets).values() if not a.only or any(o in s.name for o in a.only.split(","))]
    known = expected_failures(a.expected_failures) if getattr(a, "expected_failures", None) else set()
    if a.area:
        scs = [s for s in scs if s.area == a.area]
    if a.cmd == "list":
        for s in scs:
            print(f"{s.set:6} {s.area:14} {s.name:48} {s.doc}")
        print(f"{len(scs)} scenarios")
        return 0
    opt = harness.Options(a.url, a.quiet_ms, a.patience, a.server_key)
    passed = failed = as_expected = 0
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=64)) as client:
        if a.cmd == "record":
            async def rec(sc):
                runs, err = [], None
                for _ in range(a.runs):
                    n, err = await harness.run_scenario(sc, opt, client)
                    if err:
                        break
                    runs.append(n)
                return sc, runs, err
            async for sc, runs, err in each(scs, a.jobs, rec):
                problems = [err] if err else []
                if not err:
                    golden, problems = merge(runs)
                if problems:
                    failed += 1
                    print(f"FAIL {sc.name} (not recorded)")
                    for p in problems[:8]:
                        print(f"     {p}")
                    continue
                d = pathlib.Path(a.out) / sc.set
                d.mkdir(parents=True, exist_ok=True)
                doc = {"name": sc.name, "area": sc.area, "doc": sc.doc, "runs": a.runs, "steps": golden}
                (d / f"{sc.name}.json").write_text(json.dumps(doc, indent=1, ensure_ascii=False) + "\n")
                passed += 1
                print(f"RECORDED {sc.name}")
        else:
            async def chk(sc):
                f = pathlib.Path(a.goldens) / sc.set / f"{sc.name}.json"
                if not f.exists():
                    return sc, [f"no golden {sc.set}/{f.name}"], []
                golden = json.loads(f.read_text())["steps"]
                got, err = await harness.run_scenario(sc, opt, client, expected_counts(golden))
                hard, soft = compare(golden, got, a.strict)
                if err:
                    hard.insert(0, err)
                return sc, hard, soft
            async for sc, hard, soft in each(scs, a.jobs, chk):
                if sc.name in known and not hard:
                    failed += 1
                    print(f"FAIL {sc.name}\n     passes, though {pathlib.Path(a.expected_failures).name} lists it")
                elif hard:
                    if sc.name in known:
                        as_expected += 1
                        print(f"XFAIL {sc.name}" + (f" - {sc.doc}" if a.verbose else ""))
                        if not a.verbose:
                            continue
                    else:
                        failed += 1
                        print(f"FAIL {sc.name}" + (f" - {sc.doc}" if a.verbose else ""))
                    for h in hard[:(200 if a.verbose else 8)]:
                        print(f"     {h}")
                    if len(hard) > 8 and not a.verbose:
                        print(f"     ... {len(hard) - 8} more (-v shows all)")
                else:
                    passed += 1
                    print(f"PASS {sc.name}")
                if a.verbose:
                    for x in soft:
                        print(f"     soft: {x}")
                sys.stdout.flush()
    if known:
        print(f"{as_expected} failed as expected")
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed + as_expected else 1


def cli():
    p = argparse.ArgumentParser(description=__doc__)
    sub = p.add_subparsers(dest="cmd", required=True)
    for cmd in ("record", "check", "list"):
        q = sub.add_parser(cmd)
        q.add_argument("--set", choices=["public"], default="public")
        q.add_argument("--only", help="run only scenarios whose name contains this (comma separated)")
        q.add_argument("--area")
        if cmd == "list":
            continue
        q.add_argument("--url", required=True)
        q.add_argument("--jobs", type=int, default=8)
        q.add_argument("--server-key", default=harness.SERVER_KEY)
        q.add_argument("--patience", type=float, default=3.0, help="seconds to wait for an expected frame")
        q.add_argument("-v", "--verbose", action="store_true")
        if cmd == "record":
            q.add_argument("--out", default=HERE / "goldens")
            q.add_argument("--runs", type=int, default=3)
            q.add_argument("--quiet-ms", type=int, default=300)
        else:
            q.add_argument("--goldens", default=HERE / "goldens")
            q.add_argument("--quiet-ms", type=int, default=120)
            q.add_argument("--expected-failures", metavar="FILE",
                           help="names of scenarios that must fail; one of them passing is a failure")
            q.add_argument("--strict", action="store_true", help="do not treat defaults and absent as equal")
    sys.exit(asyncio.run(main(p.parse_args())))


if __name__ == "__main__":
    cli()
