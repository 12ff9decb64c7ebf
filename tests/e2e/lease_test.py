#!/usr/bin/env python3
"""Leases, their tokens, sandboxes that they hold, and artifacts."""

import base64
import json
import os
import signal
import threading
import time

import cordon
import tap
from daemon import Daemon

COUNTER = """
let n = 0, late = 0;
export default async (input) => {
  if (input === "throw") throw new Error("as asked");
  if (input === "loop") for (;;);
  if (input === "later") setTimeout(() => late++, 0);
  if (input === "wait") await new Promise((done) => setTimeout(done, 300));
  return { n: ++n, late, chance: Math.random() };
};
"""

TRUSTED = """
apiVersion: cordon/v1
kind: CapabilityProfile
metadata: {name: trusted, owner: tests}
spec:
  class: interactive
  tier: standard
  minTrust: 1
  limits: {cpu: 50ms, wall: 2s, memory: 64MiB, output: 64KiB, operations: 10}
  egress: []
"""


def lease(d, key, **members):
    return d.ask("POST", "/v1/leases", {"profile": "transform", **members}, key=key)


def run(d, token, headers=None, **members):
    return d.ask("POST", "/v1/runs", members, key=token, headers=headers)


def first_event(d, key, run):
    return json.loads(d.ask("GET", f"/v1/runs/{run['run']}/events", key=key).body.splitlines()[0])


def artifacts(t, d, key, operator):
    r = d.ask("PUT", "/v1/artifacts", {"code": "export default (i) => i + 1"}, key=key)
    digest = r["artifact"]
    t.equal(r.status, 201, "an artifact is put")
    again = d.ask("PUT", "/v1/artifacts", {"code": "export default (i) => i + 1"}, key=key)
    t.equal((again.status, again["artifact"]), (200, digest), "put again, it is the same")
    for i in range(3):
        r = d.ask("POST", "/v1/runs", {"artifact": digest, "input": i}, key=key)
        t.equal((r["value"], r["artifact"]), (i + 1, digest), f"a run names it ({i})")
        t.equal(first_event(d, key, r)["artifact"], digest, "and so does its journal, by the code that the node got")
    r = d.ask("GET", f"/v1/artifacts/{digest}", key=key)
    t.equal((r["runs"], r["cache_hits"]), (3, 2), "it was parsed once")
    t.equal(r["modules"], {"main": "export default (i) => i + 1"}, "its code can be read back")
    r = d.run("export default (i) => i + 1", key, input=1)
    t.equal(r["artifact"], digest, "the same code in a request has the same digest")
    for what in ({"code": "```js\n() => 1\n```", "fences": True}, {"modules": {"b.ts": "export default 1", "a.js": "1"}, "main": "b.ts"},
                 {"code": "() => 1", "language": "ts"}):
        r = d.ask("POST", "/v1/runs", what, key=key)
        t.equal((r.status, first_event(d, key, r)["artifact"]), (200, r["artifact"]), f"node and control name code alike: {what}")
    r = d.ask("POST", "/v1/runs", {"artifact": "sha256:" + "0" * 64}, key=key)
    t.equal((r["outcome"], r["error"]["code"]), ("denied", "artifact.unknown"), "one that is not there is denied")
    r = d.ask("POST", "/v1/runs", {"artifact": digest, "code": "1"}, key=key)
    t.equal(r.status, 400, "an artifact and code exclude each other")
    t.equal(d.ask("PUT", "/v1/profiles/trusted", TRUSTED, key=operator).status, 201, "a profile asks for trust")
    r = d.ask("POST", "/v1/runs", {"artifact": digest, "profile": "trusted", "input": 1}, key=key)
    t.equal((r["outcome"], r["error"]["code"]), ("denied", "trust.too_low"), "code without it is denied")
    t.equal(d.ask("PUT", f"/v1/artifacts/{digest}/trust", {"trust": 2}, key=key).status, 403, "a runner gives none")
    t.equal(d.ask("PUT", f"/v1/artifacts/{digest}/trust", {"trust": 1}, key=operator)["trust"], 1, "an operator does")
    r = d.ask("POST", "/v1/runs", {"artifact": digest, "profile": "trusted", "input": 1}, key=key)
    t.equal(r["outcome"], "completed", "then it runs")
    r = d.run("export default (i) => i + 1", key, profile="trusted", input=1)
    t.equal(r["outcome"], "denied", "the same code in a request is not trusted for that")
    t.equal(lease(d, key, profile="trusted", hold=True, code="() => 1").code, "trust.too_low", "nor in a lease")


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def forged(token):
    """Tokens that must not be taken: (what was done, token)."""
    head, body, sign = token.split(".")
    claims = json.loads(_unb64(body))
    for name, value in (("tenant", "default"), ("epoch", 2), ("exp_ms", claims["exp_ms"] + 10**9),
                        ("sub", "lease_" + "0" * 26), ("policy", "sha256:" + "0" * 64)):
        yield f"{name} changed", f"{head}.{_b64(json.dumps({**claims, name: value}).encode())}.{sign}"
    none = _b64(b'{"alg":"none","typ":"JWT"}')
    yield "alg none, no signature", f"{none}.{body}."
    yield "alg none, with the signature", f"{none}.{body}.{sign}"
    yield "alg HS256", f"{_b64(json.dumps({'alg': 'HS256'}).encode())}.{body}.{sign}"
    yield "the signature's last bits changed", f"{head}.{body}.{sign[:-1]}{'B' if sign[-1] != 'B' else 'C'}"
    yield "signature cut", f"{head}.{body}.{sign[:-4]}"
    yield "signature empty", f"{head}.{body}."
    yield "padding added", f"{head}.{body}.{sign}="
    yield "a part more", f"{token}.{sign}"
    yield "a part less", f"{head}.{body}"
    yield "another's signature", f"{head}.{body}.{_b64(os.urandom(64))}"
    yield "very long", token + "A" * 4000
    yield "dots only", ".."


def tokens(t, d, key):
    r = lease(d, key, ttl_s=60, session="agent-7")
    token = r["token"]
    t.equal((r.status, r["state"], r["epoch"], r["hold"]), (201, "active", 1, False), "a lease is made")
    x = run(d, token, code="() => 7", session="agent-7")
    t.equal((x["value"], x["lease"], x["session"]), (7, r["lease"], "agent-7"), "its token runs code under it")
    for what, other in forged(token):
        t.equal(run(d, other, code="() => 1").status, 401, f"a token is refused: {what}")
    for method, path in (("GET", "/v1/keys"), ("POST", "/v1/leases"), ("GET", "/v1/profiles"),
                         ("POST", f"/v1/leases/{r['lease']}/renew"), ("DELETE", f"/v1/leases/{r['lease']}")):
        t.equal(d.ask(method, path, {} if method == "POST" else None, key=token).status, 403,
                f"a token may not: {method} {path.split('/lease_')[0]}")
    t.equal(run(d, token, code="() => 1", profile="trusted")["error"]["code"], "lease.terms", "nor leave its profile")
    y = run(d, token, artifact="sha256:" + "0" * 64, profile="trusted")
    t.equal((y.status, (y.data.get("error") or {}).get("code")), (200, "lease.terms"), "nor with an artifact that is not there")
    other = d.run("() => 1", key)["run"]
    t.equal(d.ask("GET", f"/v1/runs/{other}", key=token).status, 404, "nor see what was run without it")
    t.equal([w["run"] for w in d.ask("GET", "/v1/runs?outcome=completed", key=token)["runs"]], [x["run"]],
            "it sees its own runs")
    n = d.ask("POST", f"/v1/leases/{r['lease']}/renew", {"epoch": 1, "ttl_s": 90}, key=key)
    t.equal((n.status, n["epoch"]), (200, 2), "a lease is renewed")
    t.equal(d.ask("POST", f"/v1/leases/{r['lease']}/renew", {"epoch": 1}, key=key).code, "lease.epoch",
            "by one of two who try")
    t.equal(run(d, token, code="() => 1").code, "lease.epoch", "the token of before is no good any more")
    t.equal(run(d, n["token"], code="() => 1")["outcome"], "completed", "the new one is")
    t.equal(d.ask("DELETE", f"/v1/leases/{r['lease']}", key=key).status, 204, "a lease is revoked")
    t.equal(run(d, n["token"], code="() => 1").code, "lease.revoked", "its token with it")
    t.equal(d.ask("POST", f"/v1/leases/{r['lease']}/renew", {"epoch": 2}, key=key).code, "lease.over",
            "and it cannot be renewed")
    maker = d.ask("POST", "/v1/keys?tenant=acme", {"role": "runner"})
    r = lease(d, maker["key"])
    t.equal(d.ask("GET", f"/v1/leases/{r['lease']}", key=key).status, 404, "a runner sees its own leases only")
    work = [d.ask("POST", "/v1/runs", {"code": "async () => { await new Promise(() => {}) }", "limits": {"wall_ms": 9000}},
                  key=who, headers={"Prefer": "respond-async"})["run"] for who in (maker["key"], r["token"])]
    d.ask("DELETE", f"/v1/keys/{maker['id']}?tenant=acme")
    t.equal([d.wait(name, key=d.key("acme", "auditor"))["termination"]["reason"] for name in work], ["revoked"] * 2,
            "what a key had started ends when it is revoked")
    t.equal(run(d, r["token"], code="() => 1").code, "auth.revoked", "a lease is worth no more than its maker's key")


def slowly(d, token, body, meanwhile):
    """The answer to a run whose body comes when something else has happened."""
    body = json.dumps(body).encode()
    c = d.connection(key=token)
    c.putrequest("POST", "/v1/runs")
    c.putheader("Authorization", f"Bearer {token}")
    c.putheader("Content-Length", str(len(body)))
    c.endheaders()
    time.sleep(0.2)  # its head has been judged by then
    meanwhile()
    c.send(body)
    r = json.loads(c.getresponse().read())
    c.close()
    return r


def late(t, d, key):
    r = lease(d, key)
    x = slowly(d, r["token"], {"code": "() => 1"}, lambda: d.ask("DELETE", f"/v1/leases/{r['lease']}", key=key))
    t.equal(x.get("code"), "lease.revoked", "a lease that is revoked while a body comes starts nothing")
    k = d.ask("POST", "/v1/keys?tenant=acme", {"role": "runner"})
    x = slowly(d, k["key"], {"code": "() => 1"}, lambda: d.ask("DELETE", f"/v1/keys/{k['id']}?tenant=acme"))
    t.equal(x.get("code"), "auth.revoked", "nor does a key")


def repeated(t, d, key):
    a, b = (lease(d, key, hold=True, code=f"() => '{name}'")["token"] for name in "ab")
    once = {"Idempotency-Key": "once"}
    first = run(d, a, once, input=1)
    t.equal([first["value"], run(d, b, once, input=1)["value"]], ["a", "b"], "a lease's idempotency keys are its own")
    t.equal([first_event(d, key, run(d, a, input=i))["artifact"] for i in (2, 3)], [first["artifact"]] * 2,
            "the node names the code that it holds")
    again = run(d, a, once, input=1)
    t.equal((again["run"], again.headers["Idempotency-Replayed"]), (first["run"], "true"), "used again, it is that run")
    t.equal(run(d, key, once, code="() => 'c'").data.get("value"), "c", "and its maker's key has others")
    got, wait = [], "async () => { await new Promise((done) => setTimeout(done, 300)) }"
    threads = [threading.Thread(target=lambda: got.append(run(d, key, {"Idempotency-Key": "both"}, code=wait)))
               for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal(len({x["run"] for x in got}), 1, "two at once are one run")
    t.equal(sorted(x.headers["Idempotency-Replayed"] or "" for x in got), ["", "true"], "and one is told so")


def revoked(t, d, key):
    r = lease(d, key, ttl_s=60)
    runs = [d.ask("POST", "/v1/runs", {"code": code, "limits": {"cpu_ms": 1000, "wall_ms": 9000}}, key=r["token"],
                  headers={"Prefer": "respond-async"})["run"]
            for code in ("() => { for (;;); }", "async () => { await new Promise(() => {}) }")]
    d.ask("DELETE", f"/v1/leases/{r['lease']}", key=key)
    for name in runs:
        w = d.wait(name, key)
        t.equal((w["outcome"], w["termination"]["reason"]), ("terminated", "revoked"), "work of a revoked lease ends")
    r = lease(d, key, ttl_s=1)
    w = run(d, r["token"], code="async () => { await new Promise(() => {}) }", limits={"wall_ms": 9000})
    t.equal(w["termination"]["reason"], "revoked", "work of a lease whose time is over ends")
    t.equal(run(d, r["token"], code="() => 1").code, "lease.expired", "and its token is no good any more")


LEFT = """
let release;
export default async (input) => {
  if (input === "first") {
    Promise.reject(new Error("as asked"));
    await new Promise((done) => (release = done));
    return "the first's";
  }
  release?.();
  await new Promise((done) => setTimeout(done, 20));
  return "its own";
};
"""


def left(t, d, key):
    token = lease(d, key, hold=True, code=LEFT)["token"]
    got = [run(d, token, input=i) for i in ("", "first", "second")]
    t.equal([x["outcome"] for x in got], ["completed", "failed", "completed"], "a run ends before its function does")
    t.equal(got[2]["value"], "its own", "what that returns later is not the next one's value")


def deleted(t, d):
    d.tenant("gone")
    before = d.ask("GET", "/metrics").body.count(b"cordon_leases_held 0")
    token = lease(d, d.key("gone"), hold=True, code=COUNTER)["token"]
    run(d, token)
    t.equal((before, d.ask("GET", "/metrics").body.count(b"cordon_leases_held 1")), (1, 1), "a lease holds a sandbox")
    t.equal(d.ask("DELETE", "/v1/tenants/gone").status, 204, "its tenant is deleted")
    t.equal(d.ask("GET", "/metrics").body.count(b"cordon_leases_held 0"), 1, "the sandbox is held no longer")


def after_death(d, token):
    """The count of the next run that has a sandbox; what was handed to a dead one has ended with it."""
    while (x := run(d, token))["outcome"] == "terminated" and x["termination"]["reason"] == "crashed":
        time.sleep(0.05)
    return x["value"]["n"]


def held(t, d, key):
    r = lease(d, key, hold=True, code=COUNTER)
    token = r["token"]
    t.equal((r.status, r["hold"]), (201, True), "a lease holds code")
    first, second = run(d, token)["value"], run(d, token)["value"]
    t.equal([first["n"], second["n"]], [1, 2], "its module is evaluated once, and keeps its state")
    t.ok(first["chance"] != second["chance"], "each run has its own seed")
    same = [run(d, token, seed="5")["value"]["chance"] for _ in range(2)]
    t.equal(same[0], same[1], "or the one that it asks for")
    x = run(d, token, input="throw")
    t.equal((x["outcome"], x["error"]["message"]), ("failed", "as asked"), "code that throws has failed")
    t.equal(run(d, token)["value"]["n"], 5, "and the sandbox serves on")
    run(d, token, input="later")
    time.sleep(0.05)
    t.equal(run(d, token)["value"]["late"], 0, "what a run left waiting does not go on in the next")
    x = run(d, token, input="loop", limits={"cpu_ms": 50})
    t.equal(x["termination"]["reason"], "cpu_time", "each run has its own ceilings")
    t.ok(49000 < x["usage"]["cpu_us"] < 500000, "and its own usage", x["usage"])
    t.equal(run(d, token)["value"]["n"], 1, "a sandbox that was stopped at a ceiling is not used again")
    x = run(d, token, code="() => 1")
    t.equal(x["error"]["code"], "lease.terms", "it runs no other code")
    t.equal(run(d, token, limits={"memory_mb": 10}).status, 400, "its memory is the profile's, over all runs")
    got = []
    threads = [threading.Thread(target=lambda: got.append(run(d, token, input="wait")["value"]["n"])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal(sorted(got), [2, 3, 4, 5], "runs that come at once have it one after the other")
    other = lease(d, key, hold=True, code=COUNTER)["token"]
    t.equal(run(d, other)["value"]["n"], 1, "another lease of the same code has a sandbox of its own")
    for pid in d.children("sandbox"):
        os.kill(pid, signal.SIGKILL)
    t.equal(after_death(d, token), 1, "one that died is replaced")
    os.kill(d.children("node")[0], signal.SIGKILL)
    t.equal(after_death(d, token), 1, "one whose node died is replaced too")
    d.ask("DELETE", f"/v1/leases/{r['lease']}", key=key)
    t.equal(run(d, token).code, "lease.revoked", "revoked, it serves no more")
    x = lease(d, key, hold=True, code="let a = []; export default () => { a.push(new Uint8Array(30 << 20).fill(1)) }")
    reasons = [(run(d, x["token"])["termination"] or {}).get("reason") for _ in range(8)]
    t.equal(reasons, [None] * 4 + ["memory"] + [None] * 3, "memory that runs pile up counts for one ceiling")
    bad = lease(d, key, hold=True, code="export const nothing = 1")["token"]
    t.equal([run(d, bad)["error"]["code"] for _ in range(2)], ["code.no_entry"] * 2, "code that cannot run says so")
    many = [lease(d, key, hold=True, code="() => 1") for _ in range(70)]
    got = [run(d, r["token"]) for r in many]
    t.ok(sum(r["outcome"] == "completed" for r in got) <= 64 and got[-1]["error"]["code"] == "capacity",
         "one tenant cannot hold all that can be held", [r["outcome"] for r in got])
    d.tenant("other")
    theirs = lease(d, d.key("other"), hold=True, code="() => 2")["token"]
    t.equal(run(d, theirs)["value"], 2, "another still can")
    for r in many:
        d.ask("DELETE", f"/v1/leases/{r['lease']}", key=key)
    t.equal(lease(d, key, hold=True).status, 400, "a lease that holds needs code")
    t.equal(lease(d, key, code="() => 1").status, 400, "one that holds nothing takes none")


def test(t):
    cordon.adopt()
    with Daemon() as d:
        d.tenant("acme")
        key, operator = d.key("acme"), d.key("acme", "operator")
        deleted(t, d)
        artifacts(t, d, key, operator)
        tokens(t, d, key)
        late(t, d, key)
        repeated(t, d, key)
        left(t, d, key)
        revoked(t, d, key)
        held(t, d, key)
        r = lease(d, key, ttl_s=60, hold=True, code=COUNTER)
        short = lease(d, key, ttl_s=1)
        d.stop()
        t.equal(cordon.left_behind(), [], "a stop leaves nothing behind")
        time.sleep(1)
        d.start()
        t.equal(run(d, r["token"])["value"]["n"], 1, "a lease outlives a restart")
        t.equal(run(d, short["token"], code="() => 1").code, "lease.expired", "and its time goes on meanwhile")


if __name__ == "__main__":
    tap.main(test)
