#!/usr/bin/env python3
"""The platform document: what each column of the table of tiers does, as seen from outside; what is refused; what is on record."""

import base64
import contextlib
import errno
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import tempfile
import time

import cordon
import tap
from daemon import Daemon

HANG = 60  # seconds: hang guards
LIMITS = {"cpu": "2s", "wall": "20s", "memory": "256MiB", "output": "1MiB", "operations": "500", "timers": "900", "logLines": "800"}
SPIN = "async () => { for (let i = 0; i < 100; i++) await new Promise(r => setTimeout(r, 100)) }"
LOOP = "() => { for (;;); }"
HEAD = "apiVersion: cordon/v1\nkind: Platform\nspec:\n"


def profile(name, tier, extra=""):
    limits = ", ".join(f"{k}: {v}" for k, v in LIMITS.items())
    return (f"apiVersion: cordon/v1\nkind: CapabilityProfile\nmetadata: {{name: {name}, owner: tests}}\nspec:\n  class: interactive\n"
            f"  tier: {tier}\n  minTrust: 0\n  limits: {{{limits}}}\n{extra}  egress: []\n")


class Platform:
    """A daemon whose document is a file that the next start reads again."""

    def __init__(self, directory, spec="", options=()):
        self.path = os.path.join(directory, "platform.yaml")
        self.set(spec)
        self.daemon = Daemon(options=("--platform", self.path, *options))

    def set(self, spec):
        pathlib.Path(self.path).write_text(HEAD + (spec or "  tiers: {}\n"))

    def again(self, spec):
        self.daemon.stop()
        self.set(spec)
        self.daemon.start()

    def __enter__(self):
        return self.daemon.start()

    def __exit__(self, *_):
        self.daemon.close()


def put(d, name, tier, tenant="default", extra=""):
    r = d.ask("PUT", f"/v1/profiles/{name}?tenant={tenant}", profile(name, tier, extra))
    assert r.status in (200, 201), r


def statement(d, run, tenant="default"):
    bundle = d.ask("GET", f"/v1/receipts/{run}?wait=true&tenant={tenant}").data
    return json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))["predicate"]


def acts(d, event, tenant="default"):
    return [x["event"] for x in d.ask("GET", f"/v1/events?event={event}&tenant={tenant}")["events"]]


def denied(r):
    return r["outcome"], (r["error"] or {}).get("code")


# Documents.

def example(t, directory):
    """The one of docs/platform.md is examples/platform.yaml, and is what a daemon serves."""
    page = (cordon.ROOT / "docs/platform.md").read_text()
    text = re.search(r"```yaml\n(.*?)```", page, re.S).group(1)
    shown, kept = os.path.join(directory, "shown.yaml"), str(cordon.ROOT / "examples/platform.yaml")
    pathlib.Path(shown).write_text(text)
    digests = []
    for path in (shown, kept):
        with Daemon(options=("--platform", path, "--billing-zone", "Europe/Berlin")) as d:
            r = d.ask("GET", "/v1/tiers")
            digests.append(r["digest"])
            t.equal((r["zone"], r["currency"]), ("Europe/Berlin", "EUR"), f"{os.path.basename(path)}: zone and currency")
            batch = r["tiers"][0]
            t.equal((batch["tier"], batch["limits"]["cpu_us"], batch["limits"]["timers"], batch["nice"], batch["keep_days"]),
                    ("batch", 600000000, None, 10, 7), "and what it says of a tier")
            p = d.ask("GET", "/v1/prices")
            t.equal((p["digest"], p["prices"]["cpu_second"], p["factors"]["batch"]), (r["digest"], "0.00002", "0.5"), "and its prices")
            listed = cordon.command(["tier", "list", "--data", d.data])
            t.equal(listed.status, 0, "`cordon tier list` prints them")
            for part in ("AVAILABLE", "10m", "1GiB", "synced", "operator, admin"):
                t.has(listed.out, part, f"with {part}")
            t.equal(json.loads(cordon.command(["tier", "list", "--json", "--data", d.data]).out), r.data, "and as JSON what the API says")
    t.equal(digests[0], digests[1], "docs/platform.md and examples/platform.yaml are the same document")


WRONG = [
    ("an unknown key", "  tiers: {batch: {limit: {}}}\n", "4:19: spec.tiers.batch.limit: unknown key; did you mean \"limits\"?"),
    ("a tier that is none", "  tiers: {gold: {}}\n", "4:11: spec.tiers.gold: unknown key; known here are batch, standard, regulated"),
    ("a key twice", "  tiers: {}\n  tiers: {}\n", "5:3: "),
    ("a value out of range", "  tiers: {batch: {nice: 20}}\n", "spec.tiers.batch.nice: 20 is not from 0 to 19"),
    ("a price that is a number", "  prices: {currency: EUR, run: 1}\n", "spec.prices.run: must be a string, but is a number; put it in quotes"),
    ("a weaker regulated tier", "  tiers: {regulated: {durability: written}}\n", "4:35: spec.tiers.regulated.durability: the tier regulated is \"synced\" always"),
    ("a faster regulated tier", "  tiers: {regulated: {engine: standard}}\n", "spec.tiers.regulated.engine: the tier regulated is \"regulated\" always"),
    ("a role that starts no runs", "  tiers: {batch: {roles: [auditor]}}\n", "spec.tiers.batch.roles[0]: \"auditor\" is unknown"),
    ("more than a mebibyte", "  tiers: {}\n" + "#" * (1 << 20), "has more than 1048576 bytes"),
]


def mistakes(t, directory):
    path, none = os.path.join(directory, "wrong.yaml"), os.path.join(directory, "none")
    for name, spec, says in WRONG:
        pathlib.Path(path).write_text(HEAD + spec)
        r = cordon.command(["up", "--data", none, "--platform", path])
        t.equal(r.status, 2, f"{name}: refused")
        t.has(r.err, says, f"{name}: says where and why")
        t.has(r.err, path, f"{name}: names the file")
    for zone in ("Mars/Base", "../../etc/passwd", "Europe", "", "x" * 300):
        r = cordon.command(["up", "--data", none, "--billing-zone", zone])
        t.equal(r.status, 2, f"the zone '{zone[:20]}' is refused")
        t.has(r.err, "give a name such as Europe/Berlin", "with what to give instead")
    t.ok(not os.path.exists(none), "nothing was made")


def recorded(t, directory):
    """Another document than the last time is an act; the same, or none at a first start, is not."""
    p = Platform(directory)
    plain = Daemon(data=p.daemon.data)
    with plain as d:
        os.chmod(os.path.dirname(d.data), 0o777)
        t.equal(acts(d, "platform_configured"), [], "the defaults at a first start are no act")
    with p as d:
        t.equal(acts(d, "platform_configured"), [], "nor is a document that says the same")
        p.again("  tiers: {batch: {nice: 7}}\n  prices: {currency: USD, run: \"1\"}\n")
        first = acts(d, "platform_configured")
        digest = d.ask("GET", "/v1/tiers")["digest"]
        t.equal([(a["digest"], a["currency"], a["zone"], a["by"]) for a in first], [(digest, "USD", "UTC", "control")], "another document is one")
        p.again("  # with a comment\n  prices: {run: \"1.0\", currency: USD}\n  tiers: {batch: {nice: 7}}\n")
        t.equal(len(acts(d, "platform_configured")), 1, "the same in other words is not another")
        os.kill(d.children("control")[0], 9)
        end = time.monotonic() + HANG
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if d.ask("GET", "/readyz").status == 200:
                    break
        t.equal(d.ask("GET", "/v1/tiers")["digest"], digest, "a control that was started again has the document too")
        t.equal(len(acts(d, "platform_configured")), 1, "and that is no act")
        try:  # as a control that is owned could, if it kept the descriptor
            with open(f"/proc/{d.children('supervisor')[0]}/fd/7", "r+b", buffering=0) as f:
                refused = f"{len(f.read())} bytes, and {f.write(b'{}')} written"
        except OSError as e:
            refused = e.errno
        t.equal(refused, errno.EPERM, "and nobody can change it for the next one")
    plain.options = ("--billing-zone", "Asia/Tokyo")
    plain.start()
    last = acts(plain, "platform_configured")[-1]
    t.equal((last.get("currency"), last["zone"]), (None, "Asia/Tokyo"), "that it is gone, and another zone, is one more")
    plain.stop()


# Columns of the table.

CEILINGS = "cpu: 60ms, wall: 3s, memory: 64MiB, output: 2KiB, operations: 5, timers: 3, logLines: 4"
LEAST = {"cpu_us": 60000, "wall_us": 3000000, "memory_bytes": 64 << 20, "output_bytes": 2048, "operations": 5, "timers": 3, "log_lines": 4}
ASKED = {"cpu_ms": 61, "wall_ms": 3001, "memory_mb": 65, "output_kb": 3, "operations": 6, "timers": 4, "log_lines": 5}


def ceilings(t, directory):
    with Platform(directory, f"  tiers: {{batch: {{limits: {{{CEILINGS}}}}}, regulated: {{limits: {{memory: 64MiB}}}}}}\n") as d:
        put(d, "low", "batch")
        put(d, "small", "regulated")
        put(d, "high", "standard")
        r = d.run("() => 1", profile="low")
        t.equal(statement(d, r["run"])["limits"], LEAST, "a run gets the least of profile and tier, of each limit")
        r = d.run("() => 1", profile="high")
        t.equal(statement(d, r["run"])["limits"]["cpu_us"], 2000000, "another tier's ceilings do not count")
        r = d.run(LOOP, profile="low")
        t.equal((r["outcome"], r["termination"]["reason"], r["termination"]["limit"]), ("terminated", "cpu_time", 60000), "and they hold")
        for name, value in ASKED.items():
            r = d.run("() => 1", profile="low", limits={name: value})
            t.equal(denied(r), ("denied", "limits.exceeded"), f"{name}: more than the tier gives is denied")
            t.has(r["error"]["message"], f"the tier 'batch' gives at most {value - 1}", "and the tier is named")
            r = d.run("() => 1", profile="low", limits={name: value - 1})
            t.ok(denied(r)[1] != "limits.exceeded", f"{name}: what it gives is given", r)
        r = d.run("() => 1", profile="high", limits={"cpu_ms": 2001})
        t.has(r["error"]["message"], "the profile 'high' gives at most 2000", "where the profile gives less, that is named")
        code = "let kept = []; export default () => { for (let i = 0; i < 100; i++) kept.push(new Uint8Array(1 << 20).fill(1)); return kept.length }"
        for name, wanted in (("small", ("terminated", "memory")), ("high", ("completed", None))):
            token = d.ask("POST", "/v1/leases", {"profile": name, "hold": True, "code": code})["token"]
            r = d.ask("POST", "/v1/runs", {}, key=token)
            t.equal((r["outcome"], r["termination"] and r["termination"]["reason"]), wanted, f"what a lease holds has the memory of its tier ({name})")


def tenants(t, directory):
    p = Platform(directory)
    with p as d:
        for tenant in ("acme", "globex"):
            d.tenant(tenant)
            put(d, "p", "batch", tenant)
        keys = {tenant: d.key(tenant, "admin") for tenant in ("acme", "globex")}
        leases = {tenant: d.ask("POST", "/v1/leases", {"profile": "p", "ttl_s": 3600}, key=key) for tenant, key in keys.items()}
        held = d.ask("POST", "/v1/leases", {"profile": "p", "ttl_s": 3600, "hold": True, "code": "() => 1"}, key=keys["globex"])
        put(d, "p", "standard", "globex")  # what the lease has is the version before
        p.again("  tiers: {batch: {tenants: [acme, default]}}\n")
        body = {"code": "() => 1"}
        t.equal(d.run(**body, profile="p", key=keys["acme"])["outcome"], "completed", "a tenant that the tier is for may use it")
        t.equal(d.ask("POST", "/v1/runs", body, key=leases["acme"]["token"])["outcome"], "completed", "its leases too")
        r = d.ask("POST", "/v1/runs", body, key=leases["globex"]["token"])
        t.equal(denied(r), ("denied", "tier.denied"), "a lease that was made before is denied to another, under the version of its profile")
        t.equal(denied(d.ask("POST", "/v1/runs", {}, key=held["token"])), ("denied", "tier.denied"), "one that holds a sandbox too")
        t.equal(d.run(**body, profile="p", key=keys["globex"])["outcome"], "completed", "the profile's newest version is of another tier")
        put(d, "p", "batch", "globex")
        r = d.run(**body, profile="p", key=keys["globex"])
        t.equal(denied(r), ("denied", "tier.denied"), "a tenant that the tier is not for is denied")
        t.equal(denied(d.run(**body, profile="p", key=keys["globex"], **{"class": "bulk"})), ("denied", "tier.denied"), "in any class")
        t.equal(denied(d.ask("POST", "/v1/runs?tenant=globex", {**body, "profile": "p"})), ("denied", "tier.denied"), "the administrator, for it, too")
        t.equal(d.ask("GET", f"/v1/runs/{r['run']}", key=keys["globex"])["outcome"], "denied", "that is a run like any other")
        r = d.ask("POST", "/v1/leases", {"profile": "p"}, key=keys["globex"])
        t.equal((r.status, r.code), (403, "tier.denied"), "it gets no lease")
        r = d.ask("POST", f"/v1/leases/{leases['globex']['lease']}/renew", {"epoch": 1}, key=keys["globex"])
        t.equal((r.status, r.code), (403, "tier.denied"), "nor is one renewed")
        seen = {tenant: d.ask("GET", "/v1/tiers", key=key)["tiers"][0] for tenant, key in keys.items()}
        t.equal((seen["acme"]["tenants"], seen["acme"]["available"]), (["acme"], True), "a key sees its own tenant")
        t.equal((seen["globex"]["tenants"], seen["globex"]["available"]), ([], False), "and no other")
        t.equal(d.ask("GET", "/v1/tiers")["tiers"][0]["tenants"], ["acme", "default"], "the administrator sees all")
        counted(t, d)


def counted(t, d):
    """Of the runs above: tiers do not share counters."""
    text = d.ask("GET", "/metrics").body.decode()

    def value(name, **labels):
        wanted = ",".join(f'{k}="{v}"' for k, v in labels.items())
        found = re.search(rf"^cordon_{name}{{{re.escape(wanted)}}} (\d+)$", text, re.M)
        return int(found.group(1)) if found else 0

    where = {"tier": "batch", "class": "interactive"}
    t.equal(value("tier_runs_total", **where, outcome="completed"), 2, "outcomes are counted by tier")
    t.equal(value("tier_runs_total", **where, outcome="denied"), 4, "denials too")
    t.equal(value("tier_denied_total", **where, code="tier.denied"), 4, "with their codes")
    t.equal(value("tier_denied_total", tier="batch", **{"class": "bulk"}, code="tier.denied"), 1, "and by class")
    where["tier"] = "standard"
    t.equal((value("tier_runs_total", **where, outcome="completed"), value("tier_runs_total", **where, outcome="denied")), (1, 0),
            "and another tier's are another's")
    before = value("tier_terminated_total", **where, reason="cpu_time")
    d.run(LOOP)
    text = d.ask("GET", "/metrics").body.decode()
    t.equal((before, value("tier_terminated_total", **where, reason="cpu_time")), (0, 1), "reasons of ends as well")


def roles(t, directory):
    p = Platform(directory)
    with p as d:
        put(d, "p", "regulated")
        keys = {role: d.key("default", role) for role in ("runner", "auditor", "operator", "admin")}
        lease = d.ask("POST", "/v1/leases", {"profile": "p", "ttl_s": 3600}, key=keys["runner"])
        p.again("  tiers: {regulated: {roles: [operator]}}\n")
        for role, wanted in (("runner", "denied"), ("operator", "completed"), ("admin", "denied"), (None, "denied")):
            r = d.run("() => 1", profile="p", key=keys.get(role))
            t.equal((r["outcome"], r["error"] and r["error"]["code"]), (wanted, "tier.denied" if wanted == "denied" else None),
                    f"a tier for operators: {role or 'the administrator'}")
            r = d.ask("POST", "/v1/leases", {"profile": "p"}, key=keys.get(role))
            t.equal((r.status, r.code), (403, "tier.denied") if wanted == "denied" else (201, None), "and a lease")
            shown = d.ask("GET", "/v1/tiers", key=keys.get(role))["tiers"][2]
            t.equal((shown["available"], shown["roles"]), (wanted == "completed", ["operator"]), "and what it is told")
        t.equal(d.run("() => 1", key=keys["runner"])["outcome"], "completed", "another tier is for all")
        token = d.ask("POST", "/v1/leases", {"profile": "p"}, key=keys["operator"])["token"]
        t.equal(d.ask("POST", "/v1/runs", {"code": "() => 1"}, key=token)["outcome"], "completed", "an operator's lease carries his right")
        path = f"/v1/leases/{lease['lease']}/renew"
        t.equal(d.ask("POST", path, {"epoch": 1}, key=keys["runner"]).code, "tier.denied", "a runner's from before is not renewed by him")
        t.equal(d.ask("POST", path, {"epoch": 1}, key=keys["operator"]).status, 200, "but by an operator")
        p.again("  tiers: {regulated: {roles: []}}\n")
        t.equal(denied(d.run("() => 1", profile="p", key=keys["operator"])), ("denied", "tier.denied"), "without roles a tier is for nobody")


def may_start_threads(d):
    """How many sandboxes have the right to: what WebAssembly gets."""
    found = 0
    for pid in d.children("sandbox"):
        with contextlib.suppress(OSError):
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            found += re.search(r"^Max processes +(\S+)", limits, re.M).group(1) != "0"
    return found


def while_it_runs(d, code, name):
    """How many may start threads while the code says that it runs."""
    run = d.ask("POST", "/v1/runs", {"code": code, "profile": name}, headers={"Prefer": "respond-async"})["run"]
    end = time.monotonic() + HANG
    while b"sandbox_issued" not in d.ask("GET", f"/v1/runs/{run}/events").body and time.monotonic() < end:
        time.sleep(0.02)
    found = may_start_threads(d)
    d.ask("DELETE", f"/v1/runs/{run}")
    d.wait(run)
    return found


def engine(t, directory):
    wasm = ("() => { if (typeof WebAssembly === 'undefined') return 'none'; "
            "return new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])) instanceof WebAssembly.Module ? 'wasm' : 'odd' }")
    p = Platform(directory)
    with p as d:
        put(d, "p", "standard", extra="  wasm: true\n")
        r = d.run(wasm, profile="p")
        t.equal((r["value"], statement(d, r["run"])["runtime"]["engine"]), ("wasm", "standard"), "the tier standard has the standard engine")
        t.ok(while_it_runs(d, "/* WebAssembly */ " + SPIN, "p") > 0, "with WebAssembly it may have threads")
        p.again("  tiers: {standard: {engine: regulated}}\n")
        t.equal(while_it_runs(d, "/* WebAssembly */ " + SPIN, "p"), 0, "under the regulated engine nothing may have threads, whatever the profile says")
        r = d.run(wasm, profile="p")
        t.equal(statement(d, r["run"])["runtime"]["engine"], "regulated", "or, if the document says so, the regulated one")
        t.ok(r["value"] != "wasm", "without WebAssembly, whatever the profile says", r)
        token = d.ask("POST", "/v1/leases", {"profile": "p", "hold": True, "code": wasm})["token"]
        r = d.ask("POST", "/v1/runs", {}, key=token)
        t.ok(r["value"] != "wasm", "what a lease holds as well", r)


def nice(t, directory):
    with Platform(directory, "  tiers: {batch: {nice: 13}}\n") as d:
        put(d, "low", "batch")
        put(d, "high", "standard")

        def values():
            found = []
            for pid in d.children("sandbox"):
                with contextlib.suppress(OSError):
                    found.append(int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[16]))
            return found

        def started(name, wanted):
            before = values().count(wanted)
            run = d.ask("POST", "/v1/runs", {"code": SPIN, "profile": name}, headers={"Prefer": "respond-async"})["run"]
            end = time.monotonic() + HANG
            while values().count(wanted) <= before and time.monotonic() < end:
                time.sleep(0.02)
            got = values().count(wanted) > before
            d.ask("DELETE", f"/v1/runs/{run}")
            d.wait(run)
            return got

        t.equal(values().count(13), 0, "no sandbox stands behind others by itself")
        t.ok(started("low", 13), "one that runs for a tier with less of the CPU does")


def syncs(d, name, runs=3):
    """How often control and ledger force what they wrote onto the disk during some runs, one after the other."""
    pids = d.children("control") + d.children("ledger")
    with tempfile.NamedTemporaryFile() as out:
        trace = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", out.name, *(f"-p{pid}" for pid in pids)],
                                 stderr=subprocess.PIPE)
        end = time.monotonic() + HANG
        while time.monotonic() < end and any(
                "TracerPid:\t0\n" in pathlib.Path(f"/proc/{pid}/status").read_text() for pid in pids):
            time.sleep(0.01)
        for _ in range(runs):
            assert d.run("() => 1", profile=name)["outcome"] == "completed"
        trace.terminate()
        trace.wait(HANG)
        lines = pathlib.Path(out.name).read_text().splitlines()
    return [sum(1 for line in lines if line.startswith(f"{pid} ") and "sync(" in line) for pid in pids]


def durability(t, directory):
    p = Platform(directory, "  tiers: {batch: {durability: synced}}\n", options=("--log-interval", "60000"))
    with p as d:
        for tier in ("batch", "standard", "regulated"):
            put(d, tier, tier)
            d.run("() => 1", profile=tier)
        t.equal(syncs(d, "standard"), [0, 0], "written: nothing is forced onto the disk before the answer")
        for tier in ("batch", "regulated"):
            got = syncs(d, tier)
            t.ok(min(got) >= 3, f"{tier}, synced: control and ledger do so for each run", got)


def born_earlier(run, days):
    """IDs begin with the time of birth: 48 bits of milliseconds, then 80 random ones, in base32."""
    digits, n = "0123456789abcdefghjkmnpqrstvwxyz", 0
    for c in run[4:]:
        n = n * 32 + digits.index(c)
    n -= days * 86400000 << 80
    return "run_" + "".join(digits[n >> 5 * i & 31] for i in range(25, -1, -1))


def retention(t, directory):
    p = Platform(directory)
    with p as d:
        d.tenant("acme")
        aged = {}
        for tenant in ("default", "acme"):
            for tier in ("batch", "standard"):
                put(d, tier, tier, tenant)
                for days in (10, 2):
                    run = d.ask("POST", f"/v1/runs?tenant={tenant}", {"code": "() => 'q8Zr-' + 4711", "profile": tier})["run"]
                    aged[tenant, tier, days] = (run, born_earlier(run, days))
        d.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(d.data, "state", "state.db"))) as db:
            for old, new in aged.values():
                db.execute("UPDATE runs SET id = ? WHERE id = ?", (new, old))
            db.commit()
        p.set("  tiers: {batch: {keepDays: 7}}\n")
        d.start()

        def erased(tenant, tier, days):
            r = d.ask("GET", f"/v1/runs/{aged[tenant, tier, days][1]}?tenant={tenant}")
            return r["value"] is None and "erased_at" in r.data and r["outcome"] == "completed"

        end = time.monotonic() + HANG
        while not (erased("default", "batch", 10) and erased("acme", "batch", 10)) and time.monotonic() < end:
            time.sleep(0.05)
        t.ok(erased("default", "batch", 10) and erased("acme", "batch", 10), "what the tier keeps no longer is erased, of every tenant")
        t.equal([key for key in aged if erased(*key)], [("default", "batch", 10), ("acme", "batch", 10)], "and nothing younger, nor of another tier")
        for tenant in ("default", "acme"):
            got = acts(d, "payloads_erased", tenant)
            t.equal([(a["by"], a["runs"], a["tier"]) for a in got], [("control", "1", "batch")], f"that is on record for {tenant}")
        t.equal([x["keep_days"] for x in d.ask("GET", "/v1/tiers?tenant=acme")["tiers"]], [7, 30, 30], "the table says for how long")
        d.ask("PATCH", "/v1/tenants/acme", {"payload_days": 3})
        t.equal([x["keep_days"] for x in d.ask("GET", "/v1/tiers?tenant=acme")["tiers"]], [3, 3, 3], "the shortest time counts")


def recovered(t, directory):
    """A run that its control left is of its tier still."""
    with Platform(directory) as d:
        put(d, "r", "regulated")
        run = d.ask("POST", "/v1/runs", {"code": SPIN, "profile": "r"}, headers={"Prefer": "respond-async"})["run"]
        os.kill(d.children("control")[0], 9)
        end = time.monotonic() + HANG
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                r = d.ask("GET", f"/v1/runs/{run}")
                if r.status == 200 and r["state"] == "done":
                    break
        t.equal((r["tier"], r["termination"]["reason"]), ("regulated", "crashed"), "a run whose control died keeps its tier")
        t.equal(statement(d, run)["run"]["tier"], "regulated", "in its receipt too")


def test(t):
    cordon.adopt()
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        os.chmod(directory, 0o755)
        for part in (example, mistakes, recorded, ceilings, tenants, roles, engine, nice, durability, retention, recovered):
            part(t, directory)
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    tap.main(test)
