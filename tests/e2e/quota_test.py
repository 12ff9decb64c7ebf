#!/usr/bin/env python3
"""Quotas against the real daemon: what is admitted never exceeds them, and what is used is what receipts say.

However many ask at once, however a run ends, whoever is killed, and wherever the clock goes.
"""

import base64
import concurrent.futures
import datetime
import http.client
import json
import os
import signal
import subprocess
import tempfile
import time
import zoneinfo

import cordon
import tap
from clock import WoundDaemon, noon_zone
from daemon import Daemon

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
PATIENCE = 60  # seconds: a hang guard
SLEEP = "async () => { await new Promise(r => setTimeout(r, 600000)) }"
ASYNC = {"Prefer": "respond-async"}
PROFILE = """apiVersion: cordon/v1
kind: CapabilityProfile
metadata: {name: %s, owner: tests}
spec:
  class: interactive
  tier: standard
  minTrust: 0
  limits: {cpu: 200ms, wall: 600s, memory: 64MiB, output: 64KiB, operations: 10, logLines: 100}
  egress: []
"""
CEILING_US = 200_000
PLATFORM = """apiVersion: cordon/v1
kind: Platform
spec:
  prices: {currency: EUR, cpuSecond: "1", run: "0.01", egressGiB: "0", toolCall: "0", storedGiB: "5"}
"""


def today(zone):
    """Options of a daemon whose day does not end during a test, and whose queues do not matter for it."""
    return ("--billing-zone", zone, "--concurrency-min", "64", "--concurrency-max", "64")


def tenant(d, name):
    """A tenant with a profile; its keys by role."""
    if name != "default":
        d.tenant(name)
    assert d.ask("PUT", f"/v1/profiles/agent?tenant={name}", PROFILE % "agent").status == 201
    return {role: d.key(name, role) for role in ("runner", "auditor", "operator", "admin")}


def key_id(secret):
    return secret.removeprefix("cordon_")[:30]


def put(d, what, limits, tenant="default", key=None):
    return d.ask("PUT", f"/v1/quotas/{what}" + ("" if key else f"?tenant={tenant}"), limits, key=key)


def quotas(d, tenant="default"):
    """(scope, name, resource): row"""
    rows = d.ask("GET", f"/v1/quotas?tenant={tenant}")["quotas"]
    return {(r["scope"], r["name"], r["resource"]): r for r in rows}


def row(d, scope, name, resource, tenant="default"):
    return quotas(d, tenant)[scope, name, resource]


def taken(d, scope, name, resource, tenant="default"):
    r = row(d, scope, name, resource, tenant)
    return r["used"], r["reserved"]


def wait_until(what, why):
    end = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > end:
            raise RuntimeError(f"still not: {why}")
        time.sleep(0.01)


def settled(d, scope, name, resource, tenant="default"):
    """What is used, once nothing is reserved any more."""
    wait_until(lambda: row(d, scope, name, resource, tenant)["reserved"] == 0, f"{scope} {name} has nothing reserved")
    return row(d, scope, name, resource, tenant)["used"]


def acts(d, event, tenant="default"):
    return [e["event"] for e in d.ask("GET", f"/v1/events?limit=1000&event={event}&tenant={tenant}")["events"]]


def denied(r):
    """The code of a denial or a refusal; None: it was admitted."""
    if r.status == 429:
        return r.code
    return r["error"]["code"] if r.status == 200 and r["outcome"] == "denied" else None


def receipts_say(d, tenant="default", day=None):
    """What the statements of all runs of a tenant add up to."""
    total = dict.fromkeys(("runs", "cpu", "storage", "money"), 0)
    cursor = ""
    while cursor is not None:
        page = d.ask("GET", f"/v1/runs?limit=500&tenant={tenant}" + (f"&cursor={cursor}" if cursor else "")).data
        for r in page["runs"]:
            bundle = d.ask("GET", f"/v1/receipts/{r['run']}?wait=true&tenant={tenant}").data
            p = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))["predicate"]
            if day not in (None, p["charge"]["day"]):
                continue
            total["runs"] += p["result"]["outcome"] != "denied"
            total["cpu"] += p.get("usage", {}).get("cpu_us", 0) + p["charge"].get("judge_cpu_us", 0)
            total["storage"] += p["charge"]["stored_bytes"]
            total["money"] += p["charge"]["cost_nanos"]
        cursor = page["next"]
    return total


def many(n, ask):
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return list(pool.map(ask, range(n)))


# ---- how many are admitted ----

def storm_of_runs(t, d):
    """200 at once, of two keys of a team, where there is room for 50."""
    keys = [d.key("default", "runner", team="storm") for _ in range(2)]
    put(d, "team/storm", {"runs": 50})
    replies = many(200, lambda i: d.run("async () => { await new Promise(r => setTimeout(r, 20)); return 1 }", keys[i % 2], profile="agent"))
    codes = [denied(r) for r in replies]
    t.equal(sorted(set(map(str, codes))), ["None", "quota.runs"], "of 200 runs at once, where a team has room for 50, each is admitted or refused for that")
    t.equal(codes.count(None), 50, "50 are admitted")
    t.equal({r["outcome"] for r, c in zip(replies, codes, strict=True) if c is None}, {"completed"}, "and completed")
    t.equal(settled(d, "team", "storm", "runs"), 50, "and 50 are used")
    over = [r for r in replies if r.status == 429]
    t.equal(len(over), 120, "of the others 30 are denied runs, and 120 are no runs at all")
    reset = datetime.datetime.fromisoformat(row(d, "team", "storm", "runs")["reset_at"])
    left = (reset - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    t.ok(all(abs(int(r.headers["Retry-After"]) - left) < 60 for r in over), "Retry-After is until the next day begins", [r.headers["Retry-After"] for r in over[:3]])


def storm_of_ceilings(t, d):
    """The same with CPU time, where there is room for the ceilings of 50, and none has used any yet."""
    key = d.key("default", "runner", team="warm")
    put(d, "team/warm", {"cpu": 50 * CEILING_US})
    body = {"code": SLEEP, "profile": "agent"}
    replies = many(200, lambda _: d.ask("POST", "/v1/runs", body, key=key, headers=ASYNC))
    under_way = [r["run"] for r in replies if r.status == 202]
    t.equal(len(under_way), 50, "of 200 runs at once, where there is room for 50 ceilings of CPU time, 50 are admitted")
    t.equal(taken(d, "team", "warm", "cpu"), (0, 50 * CEILING_US), "whose ceilings are reserved")
    t.equal(denied(d.run("() => 1", key, profile="agent")), "quota.cpu", "one more is not")
    # What one of them gives back is room for another.
    d.ask("DELETE", f"/v1/runs/{under_way[0]}", key=key)
    d.wait(under_way[0], key)
    used = row(d, "team", "warm", "cpu")["used"]
    t.ok(0 < used < CEILING_US, "one is cancelled: what it used is used, and the rest of its ceiling is free", used)
    t.equal(denied(d.run("() => 1", key, profile="agent")), "quota.cpu", "but not enough for a whole ceiling")
    r = d.run("() => 1", key, profile="agent", limits={"cpu_ms": 100})
    t.equal(denied(r), None, "a run that asks for less has room")
    for run in under_way[1:]:
        d.ask("DELETE", f"/v1/runs/{run}", key=key)
    used = settled(d, "team", "warm", "cpu")
    t.equal(used, sum(d.wait(x, key)["usage"]["cpu_us"] for x in under_way) + r["usage"]["cpu_us"], "in the end what they used is used")


def hierarchy(t, d):
    """An agent cannot spend its team's day, nor a team its tenant's."""
    d.tenant("tree")
    d.ask("PUT", "/v1/profiles/agent?tenant=tree", PROFILE % "agent")
    a, b = (d.key("tree", "runner", team="red") for _ in range(2))
    c, alone = d.key("tree", "runner", team="blue"), d.key("tree", "runner")
    for what, n in (("tenant/tree", 8), ("team/red", 5), (f"key/{key_id(a)}", 3), (f"key/{key_id(c)}", 100), ("profile/agent", 7)):
        t.equal(put(d, what, {"runs": n}, "tree").status, 200, f"{what} has {n} runs a day")

    def spend(key, profile="agent"):
        """How many it gets, and who is in the way then."""
        n = 0
        while (r := d.run("() => 1", key, profile=profile))["outcome"] == "completed":
            n += 1
        return n, r["error"]["scope"], r["error"]["name"]

    t.equal(spend(a), (3, "key", key_id(a)), "a key has its own day")
    t.equal(spend(b), (2, "team", "red"), "its team's other key what is left of the team's")
    t.equal(spend(c), (2, "profile", "agent"), "another team what is left of the profile's")
    t.equal(spend(c, "transform"), (1, "tenant", "tree"), "under another profile, what is left of the tenant's, whatever its own is")
    t.equal(spend(alone, "transform"), (0, "tenant", "tree"), "and who has no team has that too")
    r = d.run("() => 1", alone, profile="transform")
    error = {k: v for k, v in r["error"].items() if k not in ("message", "retry_after_s", "reset_at")}
    t.equal(error, {"name": "tree", "code": "quota.runs", "scope": "tenant", "resource": "runs", "limit": 8, "used": 8, "reserved": 0, "asked": 1},
            "the denial says whose quota it is, and how full")
    t.ok(r["error"]["reset_at"] == row(d, "tenant", "tree", "runs", "tree")["reset_at"] and r["error"]["retry_after_s"] > 0, "and until when", r["error"])
    t.has(r["error"]["message"], r["error"]["reset_at"], "its sentence too")
    # A lease's runs are its maker's.
    put(d, "tenant/tree", {"runs": 1000}, "tree")
    put(d, "team/red", {"runs": 6}, "tree")
    token = d.ask("POST", "/v1/leases", {"profile": "transform"}, key=b)["token"]
    t.equal(spend(token, "transform"), (1, "team", "red"), "who has a lease's token spends the day of its maker's team")
    t.equal(d.run("() => 1", d.key("default", "runner", team="red"))["outcome"], "completed", "a team of that name in another tenant has a day of its own")


def at_once(t, d):
    """How many run at once; a change holds from now on, and stops nothing."""
    keys = tenant(d, "wide")
    view = lambda: next(r for r in d.ask("GET", "/v1/queue?tenant=wide")["tenants"] if r["tenant"] == "wide")
    for what in ("tenant/wide", f"key/{key_id(keys['runner'])}", "profile/agent"):
        put(d, what, {"running": 2}, "wide")
        body = {"code": SLEEP, "profile": "agent"}
        runs = [d.ask("POST", "/v1/runs", body, key=keys["runner"], headers=ASYNC)["run"] for _ in range(5)]
        wait_until(lambda: view()["running"] == 2, "two run")
        t.equal((view()["running"], view()["waiting"]), (2, 3), f"{what}: of five runs two run, where two may at once")
        put(d, what, {"running": 4}, "wide")
        wait_until(lambda: view()["running"] == 4, "four run")
        t.equal(view()["waiting"], 1, "raised to four, it is four at once")
        put(d, what, {"running": 1}, "wide")
        t.equal(view()["running"], 4, "lowered to one, they go on")
        put(d, what, {"running": None}, "wide")
        wait_until(lambda: view()["running"] == 5, "all run")
        d.ask("PATCH", "/v1/tenants/wide", {"weight": 250})
        t.equal(view()["weight"], 250, "a tenant's weight is what the queue goes by")
        for run in runs:
            d.ask("DELETE", f"/v1/runs/{run}", key=keys["runner"])
            d.wait(run, keys["runner"])
        d.ask("PATCH", "/v1/tenants/wide", {"weight": 100})


# ---- how runs end ----

def ends(t, d):
    """Whatever becomes of a run, nothing stays reserved, and what is used is what its receipt says."""
    keys = tenant(d, "ends")
    put(d, "tenant/ends", {"cpu": 10**9, "runs": 10**6, "storage": 10**11}, "ends")
    run = lambda code, **more: d.run(code, keys["runner"], profile="agent", **more)
    t.equal(run("() => 1")["outcome"], "completed", "a run that completes")
    t.equal(run("() => { throw 1 }")["outcome"], "failed", "fails")
    t.equal(run("() => { for (;;); }", limits={"cpu_ms": 20})["termination"]["reason"], "cpu_time", "uses up its CPU time")
    t.equal(run("() => 'x'", output_schema={"type": "number"})["outcome"], "failed", "has a value that is not what was asked for")
    t.equal(run("() => 1", limits={"cpu_ms": 999999})["outcome"], "denied", "is denied")
    t.equal(run("() => 1", input="x" * 10, labels={"a": "b"})["outcome"], "completed", "has labels")
    t.equal(d.ask("POST", "/v1/runs", {"code": "() => 1", "profile": "agent", "seed": "x"}, key=keys["runner"]).status, 400, "is no run")
    h = {"Idempotency-Key": "once"}
    for _ in range(3):
        d.run("() => 1", keys["runner"], headers=h, profile="agent")
    lease = d.ask("POST", "/v1/leases", {"profile": "agent"}, key=keys["runner"])
    start = lambda key: d.ask("POST", "/v1/runs", {"code": SLEEP, "profile": "agent"}, key=key, headers=ASYNC)["run"]
    runs = {"cancelled": start(keys["runner"]), "revoked": start(lease["token"]), "crashed": start(keys["runner"])}
    d.ask("DELETE", f"/v1/runs/{runs['cancelled']}", key=keys["runner"])
    d.ask("DELETE", f"/v1/leases/{lease['lease']}", key=keys["runner"])
    d.wait(runs["cancelled"], keys["runner"])
    d.wait(runs["revoked"], keys["runner"])
    places = set()
    # It is tried again, under what is reserved for it, until that is enough.
    while d.ask("GET", f"/v1/runs/{runs['crashed']}", key=keys["runner"])["state"] == "running":
        places.add(row(d, "tenant", "ends", "runs", "ends")["reserved"])
        wait_until(lambda: d.ask("GET", "/readyz").status == 200 and d.children("node"), "a node")
        node = d.children("node")[0]
        os.kill(node, signal.SIGKILL)
        wait_until(lambda: node not in d.children("node"), "its death")
    t.equal(places, {1}, "a run that is tried again has one place")
    for why, one in runs.items():
        t.equal(d.wait(one, keys["runner"])["termination"]["reason"], why, f"is {why}")
    used = {r: settled(d, "tenant", "ends", r, "ends") for r in ("cpu", "runs", "storage")}
    told = receipts_say(d, "ends")
    t.equal(used, {k: told[k] for k in used}, "what is used is what their receipts add up to")
    t.equal(used["runs"], 9, "and each is one run")


def stored(t, d):
    """Output that grows when it is written as JSON stays within what was reserved for it."""
    d.tenant("hoard")
    d.ask("PUT", "/v1/profiles/agent?tenant=hoard", PROFILE % "agent")
    key = d.key("hoard", "runner")
    few = {"operations": 2, "log_lines": 0}
    hostile = (("() => 'x'.repeat(60000)", few), ("() => { throw new Error('\\x02'.repeat(9000)) }", few),
               ("() => { for (let i = 0; i < 31; i++) console.log('\\0'.repeat(2000)); return 1 }", {"operations": 2, "log_lines": 31}),
               ("async () => { for (let i = 0; i < 10; i++) await fetch('https://example.com/' + 'x'.repeat(4000)).catch(() => 0); }", {"operations": 10, "output_kb": 1}),
               ("() => { for (let i = 0; i < 100; i++) console.log('') }", {"log_lines": 100, "output_kb": 1, "operations": 2}))
    labels = {f"{i}" + "\x03" * 100: "\x04" * 120 for i in range(16)}
    put(d, "tenant/hoard", {"storage": 2**40}, "hoard")

    def ceiling(limits):
        body = {"code": SLEEP, "profile": "agent", "limits": limits}
        running = d.ask("POST", "/v1/runs", body, key=key, headers=ASYNC)["run"]
        reserved = taken(d, "tenant", "hoard", "storage", "hoard")[1]
        d.ask("DELETE", f"/v1/runs/{running}", key=key)
        return reserved, settled(d, "tenant", "hoard", "storage", "hoard")

    left = []
    for code, limits in hostile:
        most, before = ceiling(limits)
        d.run(code, key, profile="agent", limits=limits, labels=labels, session="s" * 128, provenance={"model": "\x05" * 256})
        left.append((settled(d, "tenant", "hoard", "storage", "hoard") - before, most))
    t.ok(all(x <= most for x, most in left), "no run leaves more than was reserved for it, whatever it writes", left)
    t.ok(left[2][0] > 1.5 * 65536, "though output grows when it is written as JSON", left)
    most, used = ceiling(few)
    put(d, "tenant/hoard", {"storage": used + most * 2}, "hoard")
    code = None
    while not code:
        code = denied(d.run(hostile[0][0], key, profile="agent", limits=few, labels=labels))
    r = row(d, "tenant", "hoard", "storage", "hoard")
    t.ok(code == "quota.storage" and r["used"] <= r["limit"], "so what is stored never exceeds its limit", (code, r))


def money(t, zone):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(PLATFORM)
        f.flush()
        with Daemon(options=(*today(zone), "--platform", f.name)) as d:
            tenant(d, "default")
            t.equal(d.ask("GET", "/v1/quotas")["currency"], "EUR", "amounts of money are in the currency of the platform document")
            put(d, "team/rich", {"money": 10**12})
            key = d.key("default", "runner", team="rich")
            run = d.ask("POST", "/v1/runs", {"code": SLEEP, "profile": "agent"}, key=key, headers=ASYNC)["run"]
            ceiling = taken(d, "team", "rich", "money")[1]
            t.ok(ceiling > 10_000_000 + 200_000_000, "what a run could cost is reserved: itself, its CPU time, what it may leave", ceiling)
            d.ask("DELETE", f"/v1/runs/{run}", key=key)
            settled(d, "team", "rich", "money")
            put(d, "team/rich", {"money": 3 * ceiling})
            code = None
            while not code:
                code = denied(d.run("() => { let x = 0; for (let i = 0; i < 1e6; i++) x += i; return x }", key, profile="agent"))
            used = settled(d, "team", "rich", "money")
            t.equal(code, "quota.money", "then it is used up")
            t.equal(used, receipts_say(d)["money"], "what was paid is what the receipts add up to")
            t.ok(used <= 3 * ceiling < used + ceiling, "not more than the limit, and not much less", (used, ceiling))
            r = cli(d, "quota", "set", "team", "rich", "money=1.50USD")
            t.ok(r.returncode == 2 and "EUR" in r.stderr, "`cordon quota set` knows the currency", r)
            t.equal(cli(d, "quota", "set", "team", "rich", "money=1.50EUR").returncode, 0, "and takes it")
            t.equal(row(d, "team", "rich", "money")["limit"], 1_500_000_000, "as billionths of it")


# ---- deaths ----

def killed(t, d):
    """Control dies in the middle, again and again."""
    keys = tenant(d, "hard")
    put(d, "tenant/hard", {"runs": 200, "cpu": 10**9, "storage": 10**11}, "hard")
    put(d, "profile/agent", {"runs": 120}, "hard")

    def submit(i):
        """Until it was answered: the same request is the same run."""
        body = {"code": "async () => { await new Promise(r => setTimeout(r, 30)); return 1 }", "profile": "agent"}
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                r = d.ask("POST", "/v1/runs", body, key=keys["runner"], headers={"Idempotency-Key": f"k{i}"})
            except (OSError, http.client.HTTPException):
                continue
            if r.status != 503:
                return r
            time.sleep(0.01)
        raise RuntimeError("no answer")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = [pool.submit(submit, i) for i in range(150)]
        for _ in range(6):
            time.sleep(0.15)  # in the middle of it, wherever that is
            for pid in d.children("control"):
                os.kill(pid, signal.SIGKILL)
        replies = [f.result() for f in replies]
    codes = [denied(r) for r in replies]
    used = {r: settled(d, "tenant", "hard", r, "hard") for r in ("runs", "cpu", "storage")}
    told = receipts_say(d, "hard")
    t.equal(used, {k: told[k] for k in used}, "control is killed six times among 150 runs: what is used is what the receipts add up to")
    t.ok(told["runs"] == 120 and codes.count(None) == 120, "and no more were admitted than there was room for", (told, codes.count(None)))
    t.equal(len(acts(d, "quota_warned", "hard")), 1, "that most of it was used was told once")
    t.equal(len(acts(d, "quota_exhausted", "hard")), 1, "and that it was used up")
    d.stop()
    d.start()
    t.equal({r: row(d, "tenant", "hard", r, "hard")["used"] for r in used}, used, "it is so after a new start of all")
    t.equal(denied(d.run("() => 1", keys["runner"], profile="agent")), "quota.runs", "and it is still used up")
    t.equal(len(acts(d, "quota_exhausted", "hard")), 1, "which is not told again")


# ---- what is told ----

def thresholds(t, d):
    d.tenant("loud")
    key = d.key("loud", "runner", team="red")
    put(d, "team/red", {"runs": 10}, "loud")

    def spend(n):
        return [denied(d.run("() => 1", key)) for _ in range(n)]

    warned = lambda: acts(d, "quota_warned", "loud")
    exhausted = lambda: acts(d, "quota_exhausted", "loud")
    spend(6)
    t.equal(warned(), [], "60 % of a quota is nothing to tell")
    spend(1)
    wait_until(warned, "told of 70 %")
    act = warned()[0]
    t.equal({k: act[k] for k in ("scope", "name", "resource", "limit", "by", "tenant", "day")},
            {"scope": "team", "name": "red", "resource": "runs", "limit": "10", "by": "control", "tenant": "loud", "day": d.ask("GET", "/v1/quotas")["day"]},
            "at 70 % an act says whose, what and how much")
    t.equal(spend(3), [None] * 3, "up to the limit runs are admitted")
    t.equal(exhausted(), [], "which is not told as the end of it")
    t.equal(spend(2), ["quota.runs"] * 2, "the next are not")
    wait_until(exhausted, "told of the end")
    put(d, "team/red", {"runs": 11}, "loud")
    spend(2)
    t.equal((len(warned()), len(exhausted())), (1, 1), "each is told once a day, though the limit was raised and used up again")
    text = d.ask("GET", "/metrics").body.decode()
    t.has(text, 'cordon_quota_used_ratio{tenant="loud",scope="team",name="red",resource="runs"} 1.000000', "a metric shows how full it is")
    t.ok(sum(line.startswith("cordon_quota_used_ratio{") for line in text.splitlines()) <= 100, "of at most a hundred")


def shed(t, zone):
    """Who goes on asking leaves no runs, but a count."""
    with Daemon(options=today(zone)) as d:
        key = d.key("default", "runner", team="nag")
        put(d, "team/nag", {"runs": 0})
        codes = [d.run("() => 1", key) for _ in range(100)]
        t.equal([sum(r.status == s for r in codes) for s in (200, 429)], [30, 70], "of 100 refusals in a minute 30 are runs")
        t.equal(len(d.ask("GET", "/v1/runs?limit=500")["runs"]), 30, "there are so many")
        other = d.key("default", "runner")
        t.equal(d.run("() => 1", other)["outcome"], "completed", "others of the tenant are not refused for that")
        h = {"Idempotency-Key": "k"}
        first = d.run("() => 1", other, headers=h).data["run"]
        put(d, f"key/{key_id(other)}", {"runs": 0})
        r = d.run("() => 1", other, headers=h)
        t.equal((r["run"], r["outcome"]), (first, "completed"), "what was admitted before is told all the same, asked for again")
        t.has(d.ask("GET", "/metrics").body.decode(), 'cordon_requests_shed_total{reason="quota.runs"} 70', "the others are in a metric")
        d.stop()
        d.start()
        found = acts(d, "requests_refused")
        t.equal([(a["reason"], a["count"], a["tenant"]) for a in found], [("quota.runs", "70", "default")], "and in the log, as one act")
        t.ok(found and found[0]["since"] <= found[0]["until"], "with the time of the first and the last", found)


# ---- who sets them ----

def administration(t, d):
    keys = tenant(d, "acme")
    runner = d.key("acme", "runner", team="red")
    op, mine = keys["operator"], f"key/{key_id(runner)}"
    run = lambda: denied(d.run("() => 1", runner, profile="agent"))
    t.equal(put(d, "team/red", {"runs": 2, "cpu": 10**9}, key=op).status, 200, "an operator sets a team's")
    t.equal([run(), run(), run()], [None, None, "quota.runs"], "it holds at once")
    put(d, "team/red", {"runs": 3}, key=op)
    t.equal([run(), run()], [None, "quota.runs"], "so does a raised one")
    put(d, "team/red", {"runs": 1}, key=op)
    t.equal((run(), row(d, "team", "red", "runs", "acme")["used"]), ("quota.runs", 3), "one that is lower than what is used admits nothing more")
    r = d.ask("POST", "/v1/quotas/team/red/grants", {"runs": 3}, key=op)
    t.equal((r.status, [x["granted"] for x in r["quotas"] if x["resource"] == "runs"]), (200, [3]), "more is granted for today")
    t.equal([run(), run()], [None, "quota.runs"], "and not more than that")
    d.stop()
    d.start()
    t.equal(row(d, "team", "red", "runs", "acme")["granted"], 3, "which stands after a new start")
    t.equal(put(d, "team/red", {"runs": None}, key=op).status, 200, "null removes one")
    t.equal(run(), None, "it does not hold any more")
    t.equal(sorted(r for _, _, r in quotas(d, "acme")), ["cpu"], "the other stays")
    put(d, mine, {"cpu": 5}, key=op)
    t.equal(run(), "quota.cpu", "a key's own")
    t.equal(d.ask("DELETE", f"/v1/quotas/{mine}", key=op).status, 204, "all of one are removed")
    t.equal((run(), d.ask("DELETE", f"/v1/quotas/{mine}", key=op).status), (None, 404), "and gone")
    # Each is an act.
    t.equal([(a["resource"], a.get("old"), a["new"], a["by"]) for a in acts(d, "quota_set", "acme") if a["name"] == "red"],
            [("cpu", None, "1000000000", key_id(op)), ("runs", None, "2", key_id(op)), ("runs", "2", "3", key_id(op)), ("runs", "3", "1", key_id(op))],
            "acts say what was set, before and after")
    t.equal([(a["amount"], a["granted"]) for a in acts(d, "quota_granted", "acme")], [("3", "3")], "what was granted")
    t.equal([(a["name"], a["resource"], a["old"]) for a in acts(d, "quota_removed", "acme")], [("red", "runs", "1"), (key_id(runner), "cpu", "5")], "and what was removed")
    put(d, "team/red", {"cpu": 10**9}, key=op)
    t.equal(len(acts(d, "quota_set", "acme")), 5, "what stays as it was is none")
    many_quotas(t, d, op)


def many_quotas(t, d, op):
    statuses = [put(d, f"team/t{i}", {"cpu": 1, "runs": 1, "egress": 1, "tools": 1, "storage": 1, "money": 1}, key=op).status for i in range(340)]
    t.equal((statuses.count(200), set(statuses[340:])), (333, set()), "a tenant has 2000 quotas at most")
    t.equal(put(d, "team/t900", {"cpu": 1, "runs": 1}, key=op).code, "quota.quota", "one too many is told")
    t.equal(put(d, "team/t0", {"cpu": 2, "runs": 2}, key=op).status, 200, "those that are there can be changed")
    for i in range(334):
        d.ask("DELETE", f"/v1/quotas/team/t{i}", key=op)


def whose(t, d):
    """Nobody sets what is not theirs."""
    a, b = tenant(d, "ours"), tenant(d, "theirs")
    victim = key_id(b["runner"])
    d.ask("PUT", "/v1/profiles/secret?tenant=theirs", PROFILE % "secret")
    put(d, "tenant/ours", {"runs": 2}, "ours")
    put(d, f"key/{victim}", {"runs": 1000}, "theirs")
    before = (quotas(d, "ours"), quotas(d, "theirs"))
    for role, key in a.items():
        may = role in ("operator", "admin")
        for method, after, body in (("PUT", "", {"runs": 10**6}), ("DELETE", "", None), ("POST", "/grants", {"runs": 10**6})):
            r = d.ask(method, f"/v1/quotas/tenant/ours{after}", body, key=key)
            t.equal((r.status, r.code), (403, "auth.role"), f"{role}: {method} of its own tenant's quota{after}")
            for what in (f"key/{victim}", "profile/secret", "tenant/theirs"):
                wanted = (404, "not_found") if may and not what.startswith("tenant") else (403, "auth.role")
                r = d.ask(method, f"/v1/quotas/{what}{after}", body, key=key)
                t.equal((r.status, r.code), wanted, f"{role}: {method} of another tenant's {what.split('/')[0]}{after}")
                r = d.ask(method, f"/v1/quotas/{what}{after}?tenant=theirs", body, key=key)
                t.ok(r.status in (403, 404), f"{role}: and naming that tenant", r)
    t.equal(d.ask("GET", "/v1/quotas?tenant=theirs", key=a["admin"]).status, 404, "nor are they shown")
    t.equal(d.ask("GET", "/v1/quotas", key=a["runner"]).status, 403, "a runner sees none")
    put(d, "team/red", {"runs": 5}, key=a["admin"])
    t.equal(("team", "red", "runs") in quotas(d, "theirs"), False, "a team's quota is of one tenant")
    d.ask("DELETE", "/v1/quotas/team/red", key=a["admin"])
    t.equal((quotas(d, "ours"), quotas(d, "theirs")), before, "nothing of it was changed")
    for _ in range(4):
        r = d.run("() => 1", a["runner"])
    t.equal(r["error"]["scope"], "tenant", "and it holds")
    # A tenant that is made anew has no quotas, and has used what it used.
    d.ask("DELETE", "/v1/tenants/ours")
    d.tenant("ours")
    t.equal(quotas(d, "ours"), {}, "a deleted tenant's quotas are gone")
    key = d.key("ours", "runner")
    t.equal(denied(d.run("() => 1", key)), None, "and do not hold")
    put(d, "tenant/ours", {"runs": 4}, "ours")
    t.equal([denied(d.run("() => 1", key)) for _ in range(2)], [None, "quota.runs"], "but a tenant of the same name has not a new day")


def cli(d, *args):
    return subprocess.run([str(cordon.binary()), *args, "--data", d.data], text=True, capture_output=True, timeout=PATIENCE,
                          env={k: v for k, v in os.environ.items() if not k.startswith("CORDON_")})


def command(t, d):
    d.tenant("shell")
    r = cli(d, "quota", "set", "team", "red", "cpu=10m", "storage=50MiB", "runs=500", "money=1.5", "--tenant", "shell")
    lines = [line.split() for line in r.stdout.splitlines()]
    t.equal([line[:4] for line in lines], [["SCOPE", "NAME", "RESOURCE", "LIMIT"], ["team", "red", "cpu", "10m"], ["team", "red", "money", "1.5"],
                                           ["team", "red", "runs", "500"], ["team", "red", "storage", "50MiB"]], "cordon quota set, with amounts as people write them")
    t.equal(row(d, "team", "red", "cpu", "shell")["limit"], 600_000_000, "which the daemon has in microseconds")
    r = cli(d, "quota", "set", "tenant", "runs=7", "running=3", "--tenant", "shell")
    t.equal((r.returncode, row(d, "tenant", "shell", "running", "shell")["limit"]), (0, 3), "a tenant's name can be left out")
    r = cli(d, "quota", "set", "tenant", "shell", "runs=8")
    t.equal((r.returncode, row(d, "tenant", "shell", "runs", "shell")["limit"]), (0, 8), "or the tenant")
    r = cli(d, "quota", "grant", "team", "red", "cpu=5m", "--tenant", "shell", "--json")
    t.equal(json.loads(r.stdout)["quotas"][0]["granted"], 300_000_000, "cordon quota grant --json")
    t.equal(cli(d, "quota", "set", "team", "red", "runs=none", "--tenant", "shell").returncode, 0, "none removes one")
    t.equal(cli(d, "quota", "remove", "team", "red", "money", "--tenant", "shell").returncode, 0, "so does cordon quota remove")
    t.equal(sorted(x for s, n, x in quotas(d, "shell") if n == "red"), ["cpu", "storage"], "the others stay")
    r = cli(d, "quota", "list", "--tenant", "shell")
    t.equal([line.split()[7] for line in r.stdout.splitlines()[1:] if "cpu" in line], ["15m"], "cordon quota list says how much is left")
    t.equal(cli(d, "quota", "remove", "team", "red", "--tenant", "shell").returncode, 0, "cordon quota remove without resources")
    t.equal([k for k in quotas(d, "shell") if k[1] == "red"], [], "removes all")
    for args, part in ((("set", "team", "red", "cpu=10"), "10m"), (("set", "team", "red", "disk=1"), "RESOURCE"), (("set", "team", "red", "runs=1KiB"), "whole number"),
                       (("set", "team", "runs=1"), "NAME"), (("set", "team", "red"), "RESOURCE=AMOUNT"), (("set", "team", "red", "money=1.2.3"), "1.50"),
                       (("set", "team", "red", "cpu=99999999999h"), "too much"), (("grant", "team", "red", "runs=none"), "whole number"), (("remove", "team", "red", "disk"), "RESOURCE"),
                       (("set", "team", "red", "money=0.0000000001"), "1.50"), (("set", "key", "key_x", "runs=1"), "no such key")):
        r = cli(d, "quota", *args)
        t.ok(r.returncode == 2 and part in r.stderr, f"cordon quota {' '.join(args)}: {part}", r)
    r = cli(d, "tenant", "set", "shell", "--weight", "250")
    t.ok(r.returncode == 0 and "250" in r.stdout, "cordon tenant set --weight", r)
    r = json.loads(cli(d, "key", "create", "--tenant", "shell", "--role", "runner", "--team", "red", "--json").stdout)
    t.equal(r["team"], "red", "cordon key create --team")
    t.equal([a["team"] for a in acts(d, "key_created", "shell") if a["key"] == r["id"]], ["red"], "and the act says so")


# ---- the clock ----

def clock(t):
    """Midnight, there and back, in a zone whose days are not all of one length."""
    with WoundDaemon(options=("--billing-zone", "Europe/Berlin")) as d:
        at = lambda *when: d.wind(datetime.datetime(*when, tzinfo=BERLIN))
        at(2026, 12, 1, 12)
        keys = tenant(d, "default")
        key = keys["runner"]
        put(d, "tenant/default", {"runs": 5, "cpu": 10**9})
        run = lambda: denied(d.run("() => 1", key, profile="agent"))
        at(2026, 12, 9, 23, 59)
        late = d.ask("POST", "/v1/runs", {"code": SLEEP, "profile": "agent"}, key=key, headers=ASYNC)["run"]
        t.equal([run() for _ in range(5)], [None] * 4 + ["quota.runs"], "a day is used up, with a run under way")
        at(2026, 12, 10, 0, 1)
        t.equal(taken(d, "tenant", "default", "runs"), (0, 0), "midnight: nothing is used")
        t.equal([run() for _ in range(6)], [None] * 5 + ["quota.runs"], "and as much is admitted again")
        d.ask("DELETE", f"/v1/runs/{late}", key=key)
        d.wait(late, key)
        t.equal(taken(d, "tenant", "default", "runs"), (5, 0), "what ends now and was accepted before midnight is not this day's")
        bundle = d.ask("GET", f"/v1/receipts/{late}?wait=true").data
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        t.equal(statement["predicate"]["charge"]["day"], "2026-12-09", "as its receipt says")
        t.equal([(a["day"], a["name"]) for a in acts(d, "quota_exhausted")], [("2026-12-09", "default"), ("2026-12-10", "default")], "each day's end was told once")
        # There and back.
        total = receipts_say(d)["runs"]
        for n, when in enumerate(((2026, 12, 9, 23, 59), (2026, 12, 10, 0, 1)) * 6):
            at(*when)
            wanted = 5
            if run() != "quota.runs" or row(d, "tenant", "default", "runs")["used"] != wanted:
                t.ok(False, f"the clock goes back and forth over midnight, {n}", row(d, "tenant", "default", "runs"))
        t.equal(receipts_say(d)["runs"], total, "the clock goes back and forth over midnight, and nothing is admitted")
        for when, used in (((2026, 12, 11, 12), 0), ((2026, 12, 30, 12), 0), ((2026, 12, 9, 12), 5), ((2026, 12, 20, 12), 0), ((2026, 12, 10, 12), 5)):
            at(*when)
            t.equal(taken(d, "tenant", "default", "runs"), (used, 0), f"days that were put away are known again, on the {when[2]}th")
            if used:
                t.equal(run(), "quota.runs", "and used up")
        day = receipts_say(d, day="2026-12-10")
        t.equal({r: row(d, "tenant", "default", r)["used"] for r in ("runs", "cpu")}, {r: day[r] for r in ("runs", "cpu")}, "with what their receipts say")
        # What is granted is for a day.
        d.ask("POST", "/v1/quotas/tenant/default/grants", {"runs": 1})
        t.equal([run(), run()], [None, "quota.runs"], "more for this day")
        at(2026, 12, 9, 12)
        t.equal(run(), "quota.runs", "is not for the one before")
        at(2026, 12, 10, 12)
        t.equal((run(), row(d, "tenant", "default", "runs")["granted"]), ("quota.runs", 1), "and not there a second time")
        # A control that starts under a clock that is wrong, and is put right.
        at(2026, 12, 25, 12)
        os.kill(d.children("control")[0], signal.SIGKILL)
        wait_until(lambda: answers(d), "control")
        t.equal(taken(d, "tenant", "default", "runs"), (0, 0), "control starts on another day")
        at(2026, 12, 10, 12)
        t.equal((run(), taken(d, "tenant", "default", "runs")), ("quota.runs", (6, 0)), "and knows this one when it is back")
        reset = lambda: d.ask("GET", "/v1/quotas")["reset_at"]
        for when, wanted in (((2026, 10, 25, 0, 30), "2026-10-25T23:00:00.000Z"), ((2026, 10, 25, 23, 59), "2026-10-25T23:00:00.000Z"),
                             ((2026, 3, 29, 0, 30), "2026-03-29T22:00:00.000Z"), ((2026, 3, 28, 23, 59), "2026-03-28T23:00:00.000Z"), ((2026, 7, 1, 12), "2026-07-01T22:00:00.000Z")):
            at(*when)
            t.equal(reset(), wanted, f"a day of 23, 24 or 25 hours ends at its midnight: {when}")
        at(2026, 10, 25, 1)  # 25 hours
        t.equal([run() for _ in range(6)], [None] * 5 + ["quota.runs"], "and has one budget")
        d.wind(datetime.datetime(2026, 10, 25, 22, 30, tzinfo=datetime.timezone.utc))
        t.equal(run(), "quota.runs", "in its 25th hour too")
        d.wind(datetime.datetime(2026, 10, 25, 23, 0, 1, tzinfo=datetime.timezone.utc))
        t.equal(run(), None, "and no longer")


def answers(d):
    try:
        return d.ask("GET", "/healthz").status == 200
    except (OSError, http.client.HTTPException):
        return False


def test(t):
    zone = noon_zone()
    with Daemon(options=today(zone)) as d:
        tenant(d, "default")
        storm_of_runs(t, d)
        storm_of_ceilings(t, d)
        hierarchy(t, d)
        at_once(t, d)
        ends(t, d)
        stored(t, d)
        thresholds(t, d)
        administration(t, d)
        whose(t, d)
        command(t, d)
        killed(t, d)
    shed(t, zone)
    money(t, zone)
    clock(t)


if __name__ == "__main__":
    tap.main(test)
