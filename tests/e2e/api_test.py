#!/usr/bin/env python3
"""The daemon's main job over HTTP: keys, profiles, runs, and what is left after it stops."""

import json
import os
import signal

import cordon
import tap
from daemon import Daemon, kept

RUN_KEYS = (cordon.KEYS | {"state", "tenant", "profile", "policy", "artifact", "key", "labels", "trace", "created_at", "lease", "session", "provenance", "queue", "attempts",
                           "ended_at", "receipt"})
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

NARROW = """
apiVersion: cordon/v1
kind: CapabilityProfile
metadata: {name: narrow, owner: tests}
spec:
  class: bulk
  tier: regulated
  minTrust: 0
  limits: {cpu: 50ms, wall: 2s, memory: 64MiB, output: 64KiB, operations: 10}
  egress: []
tests:
  - {request: {method: GET, url: "https://example.com/"}, expect: deny, reason: egress.host}
"""


def runs(t, d, key):
    r = d.run("({ input }) => input.a * 2", key, input={"a": 21}, labels={"team": "blue"},
              headers={"traceparent": TRACE})
    t.equal((r.status, r["outcome"], r["value"]), (200, "completed", 42), "a run is answered when it is over")
    t.equal(set(r.data), RUN_KEYS, "its members")
    t.equal((r["trace"], r.headers["traceparent"]), (TRACE, TRACE), "the caller's trace is kept, and returned")
    t.equal(d.ask("GET", f"/v1/runs/{r['run']}", key=key).data, kept(r.data), "it can be read again")
    lines = d.ask("GET", f"/v1/runs/{r['run']}/events", key=key).body.splitlines()
    t.ok(len(lines) >= 2, "its journal is kept", lines)
    events = [json.loads(line) for line in lines]
    t.ok(all((e["run"], e["tenant"], e["trace"]) == (r["run"], "acme", TRACE) for e in events),
         "each event says whose it is, and carries the trace", events)
    told = {k: r[k] for k in ("policy", "profile", "key", "artifact", "class")}
    t.equal({k: events[0].get(k) for k in told}, told, "the first says what was admitted")
    t.equal((events[0]["event"], events[0]["engine"], events[1]["policy"]), ("run_admitted", "standard", r["policy"]),
            "the second which policy the sandbox is under")
    r = d.run("() => { throw new TypeError('no') }", key)
    t.equal((r["outcome"], r["error"]["name"]), ("failed", "TypeError"), "code that throws has failed")
    r = d.run("() => { for (;;); }", key, limits={"cpu_ms": 30})
    t.equal((r["outcome"], r["termination"]["reason"]), ("terminated", "cpu_time"), "a loop ends at its ceiling")
    r = d.run("() => 1", key, limits={"cpu_ms": 999999})
    t.equal((r.status, r["outcome"], r["error"]["code"]), (200, "denied", "limits.exceeded"),
            "limits beyond the profile's are denied")
    t.equal(d.ask("GET", f"/v1/runs/{r['run']}", key=key)["outcome"], "denied", "a denied run can be looked up")
    r = d.run("() => 1", key, profile="nothing")
    t.equal((r["outcome"], r["error"]["code"]), ("denied", "profile.unknown"), "an unknown profile is denied")
    r = d.ask("GET", "/v1/runs?label=team%3Dblue", key=key)
    t.equal([x["outcome"] for x in r["runs"]], ["completed"], "runs are found by label")


def later(t, d, key):
    body = {"code": "async () => { await new Promise(r => setTimeout(r, 60000)) }", "limits": {"wall_ms": 9000}}
    r = d.ask("POST", "/v1/runs", body, key=key, headers={"Prefer": "respond-async"})
    t.equal((r.status, r["state"], r.headers["Location"]), (202, "running", f"/v1/runs/{r['run']}"),
            "Prefer: respond-async answers at once")
    t.equal(d.ask("DELETE", f"/v1/runs/{r['run']}", key=key).status, 202, "a run can be cancelled")
    r = d.wait(r["run"], key)
    t.equal((r["outcome"], r["termination"]["reason"]), ("terminated", "cancelled"), "and ends as cancelled")


def once(t, d, key):
    h = {"Idempotency-Key": "order-17"}
    first = d.run("() => Math.random()", key, headers=h)
    again = d.run("() => Math.random()", key, headers=h)
    t.equal(again.data, kept(first.data), "the same idempotency key gives the same run")
    t.equal(again.headers["Idempotency-Replayed"], "true", "and says so")
    r = d.run("() => 2", key, headers=h)
    t.equal((r.status, r.code), (409, "idempotency.reused"), "another body under it is refused")
    return first


def profiles(t, d, key, operator):
    r = d.ask("PUT", "/v1/profiles/narrow", NARROW, key=key)
    t.equal((r.status, r.code), (403, "auth.role"), "a runner may not put a profile")
    r = d.ask("PUT", "/v1/profiles/narrow", NARROW, key=operator)
    t.equal((r.status, r["version"]), (201, 1), "an operator may")
    r = d.ask("PUT", "/v1/profiles/narrow", NARROW, key=operator)
    t.equal((r.status, r["version"]), (200, 1), "the same again is the same version")
    first = r["digest"]
    r = d.ask("PUT", "/v1/profiles/narrow", NARROW.replace("50ms", "40ms"), key=operator)
    t.equal((r.status, r["version"]), (201, 2), "another text is another version")
    for query in ("version=1", f"digest={first}"):
        r = d.ask("GET", f"/v1/profiles/narrow?{query}", key=key)
        t.equal((r["version"], r["digest"], r["source"]), (1, first, NARROW), f"the one before stays: {query.split('=')[0]}")
    r = d.ask("POST", "/v1/profiles/diff", {"a": "narrow@2", "b": "narrow@1"}, key=key)
    t.equal((r["wider"], "cpu" in r["witness"]["what"]), (True, True), "what one allows and the other does not is told")
    r = d.ask("POST", "/v1/profiles/diff", {"a": "narrow@1", "b": "narrow"}, key=key)
    t.equal((r["wider"], r["witness"]), (False, None), "and that nothing is")
    r = d.run("() => typeof WebAssembly", key, profile="narrow")
    t.equal((r["value"], r["tier"], r["class"]), ("undefined", "regulated", "bulk"), "runs are as their profile says")
    r = d.ask("PUT", "/v1/profiles/narrow", NARROW.replace("egress:", "egres:"), key=operator)
    t.equal((r.status, r.code), (422, "profile.unknown_key"), "a profile with a mistake is refused")
    t.has(r["detail"], 'spec.egres: unknown key; did you mean "egress"?', "with its place and the remedy")
    for method, path in (("PUT", "transform"), ("POST", "check")):
        r = d.ask(method, f"/v1/profiles/{path}", "", key=operator)
        t.equal((r.status, r.code), (422, "document.syntax"), f"and so is an empty body: {method} {path}")


def tenants(t, d, key):
    d.tenant("globex")
    other = d.key("globex", "admin")
    run = d.run("() => 1", key)["run"]
    for path in (f"/v1/runs/{run}", f"/v1/runs/{run}/events", "/v1/runs?tenant=acme", "/v1/keys?tenant=acme"):
        t.equal(d.ask("GET", path, key=other).status, 404, f"another tenant's admin: GET {path.split('/run_')[0]}")
    t.equal(d.ask("DELETE", f"/v1/runs/{run}", key=other).status, 404, "another tenant's admin: DELETE")
    t.equal(d.ask("GET", "/metrics", key=other).status, 403, "the platform's metrics are not a tenant's")
    t.equal(d.ask("GET", "/metrics", key=d.key("default", "auditor")).status, 200, "but the tenant default's")
    t.equal(d.ask("PATCH", "/v1/tenants/globex", {"state": "suspended"}).status, 200, "a tenant is suspended")
    r = d.run("() => 1", other)
    t.equal((r["outcome"], r["error"]["code"]), ("denied", "tenant.suspended"), "and runs nothing")
    t.equal(d.ask("DELETE", "/v1/tenants/globex").status, 204, "a tenant is deleted")
    t.equal(d.ask("GET", "/v1/runs", key=other).code, "auth.unknown", "and its keys with it")


def inputs(t, d, key):
    """What has been received is not counted for ever: 18 times 15 MiB are more than may be received at once."""
    text = "x" * (15 << 20)
    got = [d.run("() => 1", key, input=text).status for _ in range(18)]
    t.equal(got, [200] * 18, "large inputs, one after the other, leave room for others")


def suspended(t, d):
    """A tenant that is suspended while its runs wait."""
    d.tenant("sleepy")
    key = d.key("sleepy")
    slow = "async () => { await new Promise(r => setTimeout(r, 1500)) }"
    runs = [d.run(slow, key, headers={"Prefer": "respond-async"}, **{"class": "bulk"})["run"] for _ in range(80)]
    t.equal(d.ask("PATCH", "/v1/tenants/sleepy", {"state": "suspended"}).status, 200, "suspended")
    ends = [d.wait(f"{r}?tenant=sleepy") for r in runs]
    by = {(e["outcome"], (e["error"] or {}).get("code")) for e in ends}
    t.equal(by, {("completed", None), ("denied", "tenant.suspended")}, "what runs is done, what waits is not begun")


def test(t):
    cordon.adopt()
    with Daemon() as d:
        d.tenant("acme")
        key, operator = d.key("acme"), d.key("acme", "operator")
        runs(t, d, key)
        later(t, d, key)
        profiles(t, d, key, operator)
        tenants(t, d, key)
        inputs(t, d, key)
        suspended(t, d)
        first = once(t, d, key)
        t.equal(d.stop(), 0, "asked to stop, it stops")
        t.equal(cordon.left_behind(), [], "and leaves nothing behind")
        d.start()
        r = d.run("() => Math.random()", key, headers={"Idempotency-Key": "order-17"})
        t.equal(r.data, kept(first.data), "a new start knows the runs, keys and idempotency keys of before")
        d.stop(signal.SIGKILL)
        t.equal(cordon.left_behind(), [], "killed, it leaves nothing behind")
    if os.geteuid() == 0:
        with Daemon(prefix=("runuser", "-u", "nobody", "--")) as d:
            r = d.run("() => 'ordinary'", d.key())
            t.equal((r["value"], r["jail"]["full"]), ("ordinary", True), "the same as an ordinary user")
        unit = (cordon.ROOT / "etc/cordon.service.in").read_text()
        caps = next(line for line in unit.splitlines() if line.startswith("CapabilityBoundingSet=")).split("=")[1]
        caps = ",".join("+" + name.removeprefix("CAP_").lower() for name in caps.split())
        with Daemon(prefix=("setpriv", "--no-new-privs", "--bounding-set", f"-all,{caps}", "--inh-caps", "-all")) as d:
            r = d.run("() => 'service'", d.key())
            t.equal((r["value"], r["jail"]["full"]), ("service", True), "with what the systemd unit leaves of root")


if __name__ == "__main__":
    tap.main(test)
