#!/usr/bin/env python3
"""What the daemon records: a receipt of every run, an event of every administrative act, and one log that has both.

Receipts are judged by Sigstore's verifier, the log by Go's checker, as evidence_test.py does with evidence from fixed
keys; here the evidence is a daemon's, over HTTP.
"""

import base64
import hashlib
import itertools
import json
import os
import pathlib
import re
import tempfile
import threading
import time

import cordon
import evidence_test
import tap
from daemon import Daemon, kept
from ledger import Follower, Witness, age, consistent, included, leaf, root

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENTS = {"Accept": "text/event-stream"}
SLOW = "async () => { await new Promise(() => {}) }"
COUNTER = "let n = 0; export default (i) => ({ n: ++n, i })"
NONE = "0" * 26
SCHEMA = {"type": "object", "required": ["items"]}
REGULATED = """
apiVersion: cordon/v1
kind: CapabilityProfile
metadata: {name: regulated, owner: tests}
spec:
  class: bulk
  tier: regulated
  minTrust: 0
  limits: {cpu: 500ms, wall: 5s, memory: 64MiB, output: 64KiB, operations: 10}
  egress: []
tests:
  - {request: {method: GET, url: "https://example.com/"}, expect: deny}
"""
HANDS_OUT = """async ({ input }) => {
  console.log("working on", input);
  for (const path of ["a", "b"]) await fetch("https://example.com/" + path).catch(() => {});
  await fetch("http://169.254.169.254/latest/").catch(() => {});
  await new Promise((done) => setTimeout(done, 5));
  return { b: 1, a: [2.5, 1e21, "\\u00e9\\u2028", null], input };
}"""

# name, body, headers, outcome, reason: of runs that are answered at once
RUNS = [
    ("completed", {"code": HANDS_OUT, "input": {"x": [1.0, "é"]}, "labels": {"team": "blue", "é": "ü"}, "session": "s-1", "seed": "7",
                   "provenance": {"origin": "agent", "model": "m", "prompt_sha256": "0" * 64, "author": "a"}, "limits": {"cpu_ms": 900, "operations": 5}},
     {"traceparent": TRACE}, "completed", None),
    ("completed with text", {"code": "export default { fetch: () => new Response('héllo') }"}, {}, "completed", None),
    ("completed with bytes", {"code": "() => new Uint8Array([0, 255, 10])"}, {}, "completed", None),
    ("completed with nothing", {"code": "() => {}"}, {}, "completed", None),
    ("completed under a regulated profile", {"code": "() => 'kept'", "profile": "regulated"}, {}, "completed", None),
    ("failed", {"code": "() => { throw new Error('as asked') }"}, {}, "failed", None),
    ("failed to parse", {"code": "() =>"}, {}, "failed", None),
    ("failed at a blocked tool call", {"code": "() => fetch('https://example.com/')"}, {}, "failed", None),
    ("output that does not match", {"code": "() => 1", "output_schema": SCHEMA}, {}, "failed", None),
    ("output that matches", {"code": "() => ({ items: [] })", "output_schema": SCHEMA}, {}, "completed", None),
    ("denied: no such profile", {"code": "() => 1", "profile": "none", "labels": {"a": "b"}}, {}, "denied", "profile.unknown"),
    ("denied: limits", {"code": "() => 1", "limits": {"cpu_ms": 999999}}, {}, "denied", "limits.exceeded"),
    ("terminated by cpu_time", {"code": "() => { for (;;); }", "limits": {"cpu_ms": 50}}, {}, "terminated", "cpu_time"),
    ("terminated by wall_time", {"code": SLOW, "limits": {"wall_ms": 50}}, {}, "terminated", "wall_time"),
    ("terminated by output", {"code": "() => 'x'.repeat(100000)", "limits": {"output_kb": 1}}, {}, "terminated", "output"),
]


class World:
    def __init__(self, d, directory):
        self.d, self.directory = d, directory
        for tenant in ("acme", "globex"):
            d.tenant(tenant)
        self.runner, self.other, self.auditor, self.operator, self.admin = (
            d.key("acme", role) for role in ("runner", "runner", "auditor", "operator", "admin"))
        self.foreign = {role: d.key("globex", role) for role in ("runner", "auditor", "operator", "admin")}
        assert d.ask("PUT", "/v1/profiles/regulated", REGULATED, key=self.operator).status == 201
        self.names = itertools.count()
        self.bundles = {}  # ID of a run or act: path of its bundle
        self.checkpoints = []  # what was seen, in its order

    def keep(self, name, text):
        path = self.directory / f"{next(self.names)}-{name}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def receipt(self, subject, key=None):
        """The bundle, kept for the verifier."""
        r = self.d.ask("GET", f"/v1/receipts/{subject}?wait=true", key=key)
        assert r.status == 200, r
        self.bundles[subject] = self.keep("bundle", r.body)
        return r.data

    def trusted_root(self):
        return self.d.ask("GET", "/v1/log/trusted-root", key=self.runner).data

    def checkpoint(self):
        note = self.d.ask("GET", "/v1/log/checkpoint", key=self.runner).body.decode()
        if note not in self.checkpoints:
            self.checkpoints.append(note)
        return note

    def events(self, after="0.0", key=None, query="", limit=1000):
        """All pages from there."""
        found, more = [], True
        while more:
            page = self.d.ask("GET", f"/v1/events?limit={limit}&after={after}{query}", key=key).data
            found += page["events"]
            after, more = page["next"], page["more"]
        return found

    def end(self):
        """The place behind all that there is."""
        all_ = self.events()
        return "{entry}.{line}".format(**all_[-1])


def statement(bundle):
    text = base64.b64decode(bundle["dsseEnvelope"]["payload"]).decode()
    s = json.loads(text)
    assert json.dumps(s, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == text, text
    return s


def value_bytes(r):
    """The value as it stands in an answer."""
    text = r.body.decode() if hasattr(r, "body") else r
    at = text.index('"value":') + len('"value":')
    value, end = json.JSONDecoder().raw_decode(text, at)
    kind = json.loads(re.search(r'"value_kind":("\w+")', text)[1])
    return text[at:end].encode() if kind == "json" else value.encode() if kind == "text" else base64.b64decode(value["base64"])


def without_request(line):
    """A line of a journal, and the payload that stands beside it; None: none does."""
    before, comma, payload = line.partition(b',"request":')
    return (before + b"}", payload[:-1]) if comma else (line, None)


def journal(t, w, name, run, s, key):
    """The journal that can be read is the one of the receipt. Its events."""
    lines, wrong, before = [], [], None
    for number, raw in enumerate(w.d.ask("GET", f"/v1/runs/{run}/events", key=key).body.splitlines(), 1):
        line, payload = without_request(raw)
        e = json.loads(line)
        if json.dumps(e, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != line:
            wrong.append(f"{number}: not canonical: {line}")
        if e["seq"] != number or e.get("prev") != (before and leaf(before).hex()):
            wrong.append(f"{number}: sequence or link: {line}")
        if payload is not None and (hashlib.sha256(payload).hexdigest(), len(payload)) != (e["sha256"], e["bytes"]):
            wrong.append(f"{number}: another payload: {raw}")
        if (e["run"], e["tenant"]) != (run, s["predicate"]["run"]["tenant"]):
            wrong.append(f"{number}: of another run: {line}")
        lines.append(line)
        before = line
    j = s["predicate"]["journal"]
    t.equal(wrong, [], f"{name}: the journal's lines follow one another")
    t.equal((j["count"], j["root"]), (len(lines), root([leaf(x) for x in lines]).hex()), f"{name}: they are those of the receipt")
    return [json.loads(x) for x in lines]


def check_run(t, w, name, r, key=None, asked=None, role="runner", text=None):
    """Everything that a receipt says of a run, against its answer and its journal. `r`: the first answer."""
    asked, key = asked or {}, key or w.runner
    begin = time.monotonic()
    bundle = w.receipt(r["run"], key)
    t.ok(time.monotonic() - begin < 2, f"{name}: wait=true answers within 2 s", time.monotonic() - begin)
    s = statement(bundle)
    p = s["predicate"]
    answer = {k: v for k, v in r.items()}
    envelope = answer["receipt"].get("envelope")
    if envelope is not None:
        t.equal(envelope, bundle["dsseEnvelope"], f"{name}: the answer's envelope is the receipt's")
    t.equal(w.d.ask("GET", f"/v1/runs/{r['run']}", key=key).data, kept(answer), f"{name}: the answer that is kept has its ID")
    t.equal((answer["receipt"]["id"], p["recorded"]["receipt"]), (r["run"].replace("run_", "rct_"),) * 2, f"{name}: which is the run's")
    t.equal((s["_type"], s["predicateType"]), ("https://in-toto.io/Statement/v1", "urn:cordon:run:v1"), f"{name}: a statement about a run")
    reason = (r["termination"] or {}).get("reason") if r["outcome"] == "terminated" else r["error"]["code"] if r["outcome"] == "denied" else None
    wanted = {
        "run": {"id": r["run"], "tenant": r["tenant"], "tier": r["tier"], "class": r["class"], "labels": r["labels"], "created_at": r["created_at"],
                **{m: r[m] for m in ("session", "lease", "trace") if r[m]},
                **({"input_sha256": hashlib.sha256(json.dumps(asked["input"]).encode()).hexdigest()} if "input" in asked else {})},
        "caller": {"key": r["key"], "role": role},
        "provenance": r["provenance"],
        "artifact": {"digest": r["artifact"]},
        "policy": {"profile": r["profile"], **({"digest": r["policy"]} if r["policy"] else {})},
        "usage": {**r["usage"], "egress_bytes": 0, "tool_calls": 0},
        "result": {"outcome": r["outcome"], "ended_at": r["ended_at"], **({"reason": reason} if reason else {})},
    }
    subject = {"artifact": r["artifact"].removeprefix("sha256:"), "journal": p["journal"]["root"]}
    if r["outcome"] == "completed":
        digest = hashlib.sha256(value_bytes(text or json.dumps(answer, separators=(",", ":"), ensure_ascii=False))).hexdigest()
        wanted["result"] |= {"output_sha256": digest, "value_kind": r["value_kind"]}
        subject["output"] = digest
    for member, value in wanted.items():
        t.equal(p.get(member), value, f"{name}: {member}")
    t.equal({x["name"]: x["digest"]["sha256"] for x in s["subject"]}, subject, f"{name}: what it is about")
    t.equal(p.get("jail"), r["jail"], f"{name}: jail")
    t.equal((p["runtime"]["seed"], p["runtime"]["clock_ms"]), (r["seed"], r["now_ms"]), f"{name}: seed and clock")
    events = journal(t, w, name, r["run"], s, key)
    first, last = events[0], events[-1]
    t.equal((p["journal"].get("artifact"), p["journal"]["outcome"]), (first.get("artifact"), last.get("outcome")), f"{name}: what its ends say")
    if first["event"] == "run_admitted":
        t.equal(p["limits"], {m: first[m] for m in p["limits"]}, f"{name}: its limits are the node's")
        t.equal(p["journal"]["sealed_by"], "node", f"{name}: the node has sealed it")
        issued = next(e for e in events if e["event"] == "sandbox_issued")
        t.equal((p["runtime"]["cached"], r["seed"]), (issued["cached"], issued["seed"]), f"{name}: what its sandbox was")
        t.equal({m: last[m] for m in r["usage"]}, r["usage"], f"{name}: usage is the last event's")
    else:
        t.equal((first["event"], p["journal"]["sealed_by"]), ("run_denied", "control"), f"{name}: control has refused it")
    for member, limit in asked.get("limits", {}).items():
        scale = {"cpu_ms": ("cpu_us", 1000), "wall_ms": ("wall_us", 1000), "operations": ("operations", 1), "output_kb": ("output_bytes", 1024)}[member]
        if r["outcome"] != "denied":
            t.equal(p["limits"][scale[0]], limit * scale[1], f"{name}: the limit that was asked for")
    decided = [e for e in events if e["event"] in ("tool_call_blocked", "run_denied")]
    names = ("decision", "tool", "destination", "rule", "reason")
    t.equal((p["decisions"]["denied"], p["decisions"]["allowed"], p["decisions"]["denials"]),
            (len(decided), 0, [{m: e[m] for m in names if m in e} for e in decided]), f"{name}: decisions are the journal's")
    rules = {}
    for e in decided:
        rules[e.get("rule"), e["reason"]] = rules.get((e.get("rule"), e["reason"]), 0) + 1
    t.equal({(x.get("rule"), x["reason"]): x["count"] for x in p["decisions"]["by_rule"]}, rules, f"{name}: and counted by rule")
    return p, events


def runs(t, w):
    """A run of each outcome, and of each way to ask for one."""
    done = {}
    for name, body, headers, outcome, reason in RUNS:
        r = w.d.ask("POST", "/v1/runs", body, key=w.runner, headers=headers)
        got = (r["termination"] or {}).get("reason") or (r["error"] or {}).get("code") if outcome in ("terminated", "denied") else None
        t.equal((r["outcome"], got), (outcome, reason), f"a run that is {name}")
        p, events = check_run(t, w, name, r.data, asked=body, text=r.body.decode())
        done[name] = r.data
        if name == "completed":
            calls = [e for e in events if e["event"] == "tool_call_blocked"]
            t.equal(([e["destination"] for e in calls], [e["decision"] for e in calls]),
                    (["https://example.com:443", "https://example.com:443", "http://169.254.169.254:80"], [f"d{e['seq']}" for e in calls]), "each blocked call is a decision")
    r = w.d.ask("POST", "/v1/runs", {"code": "() => 2"}, key=w.runner, headers={"Prefer": "respond-async"})
    t.equal((r.status, r["receipt"]), (202, None), "a run that is under way has no receipt")
    done["async"] = w.d.wait(r["run"], w.runner).data
    check_run(t, w, "asynchronous", done["async"])
    r = w.d.ask("POST", "/v1/runs", {"code": SLOW}, key=w.runner, headers={"Prefer": "respond-async"})
    w.d.ask("DELETE", f"/v1/runs/{r['run']}", key=w.runner)
    done["cancelled"] = w.d.wait(r["run"], w.runner).data
    check_run(t, w, "cancelled", done["cancelled"])
    r = w.d.ask("POST", "/v1/runs", {"code": HANDS_OUT, "input": 1}, key=w.runner, headers=EVENTS)
    result = r.body.decode().rstrip().rsplit("data: ", 1)[1]
    done["stream"] = json.loads(result)
    check_run(t, w, "told in events", done["stream"], asked={"input": 1}, text=result)
    t.ok("envelope" in done["stream"]["receipt"], "the event `result` has the envelope")
    live = [x.split("\ndata: ", 1)[1] for x in r.body.decode().split("\n\n") if x.startswith("event: journal\n")]
    t.equal("\n".join(live) + "\n", w.d.ask("GET", f"/v1/runs/{done['stream']['run']}/events", key=w.runner).body.decode(), "events that came live are those that are kept")
    r = w.d.ask("POST", "/v1/runs", {"code": "() => 1", "profile": "none"}, key=w.runner, headers=EVENTS)
    denied = json.loads(r.body.decode().rstrip().rsplit("data: ", 1)[1])
    t.equal(re.findall("^event: (\\w+)", r.body.decode(), re.M), ["run", "result"], "a denied run in events")
    check_run(t, w, "denied in events", denied)
    digest = w.d.ask("PUT", "/v1/artifacts", {"code": "() => 'stored'"}, key=w.runner)["artifact"]
    r = w.d.ask("POST", "/v1/runs", {"artifact": digest}, key=w.runner)
    t.equal(check_run(t, w, "an artifact's", r.data)[0]["artifact"]["digest"], digest, "an artifact's receipt names it")
    r = w.d.ask("POST", "/v1/runs?tenant=acme", {"code": "() => 1"})
    check_run(t, w, "of the administrator", r.data, key=w.auditor, role="local")
    return done


def leases(t, w):
    plain = w.d.ask("POST", "/v1/leases", {"profile": "transform", "session": "s-2"}, key=w.runner).data
    held = w.d.ask("POST", "/v1/leases", {"profile": "transform", "hold": True, "code": COUNTER}, key=w.runner).data
    r = w.d.ask("POST", "/v1/runs", {"code": "() => 'leased'"}, key=plain["token"])
    p, _ = check_run(t, w, "under a lease", r.data, key=plain["token"], role="lease")
    t.equal((p["run"]["lease"], p["run"]["session"]), (plain["lease"], "s-2"), "its receipt names lease and session")
    for n in (1, 2):
        x = w.d.ask("POST", "/v1/runs", {"input": n}, key=held["token"])
        p, events = check_run(t, w, f"run {n} of what a lease holds", x.data, key=held["token"], role="lease", asked={"input": n}, text=x.body.decode())
        t.equal((x["value"]["n"], events[1]["served"], p["artifact"]["digest"]), (n, n - 1, x["artifact"]), f"run {n}: the same sandbox, the lease's code")
    return plain, r.data, x.data


def who_sees(t, w, done, plain, leased):
    ask = w.d.ask
    t.equal([ask("GET", f"/v1/receipts/{leased['run']}", key=k).status for k in (plain["token"], w.runner, w.auditor, w.operator, w.admin, None)], [200] * 6,
            "a receipt is seen with the lease's token, by its maker, and by who reads the tenant's")
    unseen = [(w.other, leased["run"]), (plain["token"], done["completed"]["run"]), *((k, leased["run"]) for k in w.foreign.values())]
    for key, run in unseen:
        for name in (run, run.replace("run_", "rct_")):
            for query in ("", "?wait=true"):
                r, none = ask("GET", f"/v1/receipts/{name}{query}", key=key), ask("GET", f"/v1/receipts/{name[:4]}{NONE}{query}", key=key)
                same = (r.status, r.code, r.body.replace(name.encode(), b"")) == (none.status, none.code, none.body.replace((name[:4] + NONE).encode(), b""))
                t.ok(r.status == 404 and r.code == "receipt.unknown" and same, "no others, and a missing one is answered alike", (r, none))
    acts = {e["event"]["event"]: e for e in w.events() if "act" in e["event"] and e["event"].get("tenant") == "acme"}
    name = acts["key_created"]["receipt"]
    t.equal([ask("GET", f"/v1/receipts/{name}?wait=true", key=k).status for k in (w.auditor, w.operator, w.admin, None)], [200] * 4, "an act's receipt is for who reads the tenant's")
    t.equal([ask("GET", f"/v1/receipts/{name}", key=k).code for k in (w.runner, plain["token"], w.foreign["admin"])], ["receipt.unknown"] * 3, "and for nobody else")
    t.equal([ask("GET", "/v1/events", key=k).code for k in (w.runner, plain["token"], w.foreign["runner"])], ["auth.role"] * 3, "a runner reads no events, nor does a lease's token")
    for key in (w.auditor, w.operator, w.admin, *(w.foreign[r] for r in ("auditor", "operator", "admin"))):
        tenant = "globex" if key in w.foreign.values() else "acme"
        t.equal({e["event"].get("tenant") for e in w.events(key=key)}, {tenant}, "events of one's own tenant")
    own = w.events(key=w.foreign["auditor"])
    run = done["completed"]["run"]
    for query in (f"run={run}", f"subject={run}", f"artifact={done['completed']['artifact']}", "session=s-1", f"trace={TRACE}", f"lease={plain['lease']}",
                  "destination=https%3A%2F%2Fexample.com%3A443", "reason=egress.denied", "event=tool_call_blocked"):
        t.equal((w.events(key=w.foreign["auditor"], query=f"&{query}"), w.events(key=w.auditor, query=f"&{query}") != []), ([], True), f"another tenant's auditor sees nothing by {query.split('=')[0]}")
    r, none = (ask("GET", f"/v1/events?tenant={x}", key=w.foreign["auditor"]) for x in ("acme", "nobody"))
    t.equal((r.status, r.body), (404, none.body), "and may not name another tenant")
    text = json.dumps(own)
    t.equal([x for x in ("acme", run, plain["lease"], done["completed"]["artifact"], TRACE) if x in text], [], "nor does anything show through")


def bearer(who):
    return who["token"] if "token" in who else who["key"]


def acts(t, w):
    """Each administrative act is one event, with who did it; what is refused is none."""
    d = w.d
    admin, operator, runner = (d.ask("POST", "/v1/keys?tenant=acme", {"role": r}).data for r in ("admin", "operator", "runner"))

    def acted(name, do, event, who, refused=False, **members):
        place = w.end()
        answer = do()
        t.ok((answer.status >= 400) == refused, f"{name}: {'refused' if refused else 'done'}", answer)
        found = [e for e in w.events(place) if "act" in e["event"]]
        by, role = ("local", "local") if who is None else (who["lease"], "lease") if "lease" in who else (who["id"], who["role"])
        wanted = {"event": event, "by": by, "role": role, "tenant": "acme", **members}
        got = [{m: e["event"].get(m) for m in wanted} for e in found]
        t.equal(got, [] if refused or event is None else [wanted], f"{name}: {'no event' if refused or event is None else 'one event, with who did it'}")
        if found:
            s = statement(w.receipt(found[0]["event"]["act"]))
            t.equal((s["predicateType"], s["predicate"]["event"]), ("urn:cordon:act:v1", {k: v for k, v in found[0]["event"].items() if k != "seq"}), f"{name}: its receipt says the same")
        return answer

    def ask(method, path, body=None, who=None):
        return lambda: d.ask(method, path, body, key=who and bearer(who))

    acted("a tenant", ask("POST", "/v1/tenants", {"id": "initech"}), "tenant_created", None, tenant="initech")
    acted("a tenant again", ask("POST", "/v1/tenants", {"id": "initech"}), None, None, refused=True)
    acted("suspended", ask("PATCH", "/v1/tenants/initech", {"state": "suspended"}), "tenant_changed", None, tenant="initech", state="suspended")
    acted("active", ask("PATCH", "/v1/tenants/initech", {"state": "active"}), "tenant_changed", None, tenant="initech", state="active")
    acted("payload days", ask("PATCH", "/v1/tenants/initech", {"payload_days": 9}), "tenant_changed", None, tenant="initech", payload_days="9", state=None)
    acted("deleted", ask("DELETE", "/v1/tenants/initech"), "tenant_deleted", None, tenant="initech")
    acted("deleted again", ask("DELETE", "/v1/tenants/initech"), None, None, refused=True)
    r = acted("a key", ask("POST", "/v1/keys", {"role": "auditor", "label": "é"}, admin), "key_created", admin, key_role="auditor", label="é")
    acted("a key, refused", ask("POST", "/v1/keys", {"role": "auditor"}, operator), None, operator, refused=True)
    acted("a key revoked", ask("DELETE", f"/v1/keys/{r['id']}", None, admin), "key_revoked", admin, key=r["id"])
    acted("a key revoked again", ask("DELETE", f"/v1/keys/{r['id']}", None, admin), None, admin)
    acted("no key revoked", ask("DELETE", f"/v1/keys/key_{NONE}", None, admin), None, admin, refused=True)
    p = REGULATED.replace("regulated, owner", "ours, owner")
    acted("a profile", ask("PUT", "/v1/profiles/ours", p, operator), "profile_put", operator, profile="ours", version="1")
    acted("the same profile", ask("PUT", "/v1/profiles/ours", p, operator), None, operator)
    acted("its next version", ask("PUT", "/v1/profiles/ours", p.replace("500ms", "400ms"), operator), "profile_put", operator, profile="ours", version="2")
    acted("no profile", ask("PUT", "/v1/profiles/ours", "{", operator), None, operator, refused=True)
    r = acted("an artifact", ask("PUT", "/v1/artifacts", {"code": "() => 'an act'"}, runner), "artifact_put", runner)
    digest = r["artifact"]
    acted("the same artifact", ask("PUT", "/v1/artifacts", {"code": "() => 'an act'"}, runner), None, runner)
    acted("trust", ask("PUT", f"/v1/artifacts/{digest}/trust", {"trust": 2}, operator), "artifact_trusted", operator, artifact=digest, trust="2")
    acted("trust, refused", ask("PUT", f"/v1/artifacts/{digest}/trust", {"trust": 2}, runner), None, runner, refused=True)
    acted("an artifact deleted", ask("DELETE", f"/v1/artifacts/{digest}", None, operator), "artifact_deleted", operator, artifact=digest)
    lease = acted("a lease", ask("POST", "/v1/leases", {"profile": "ours", "session": "s-9"}, runner), "lease_created", runner, profile="ours", session="s-9").data
    acted("a lease renewed", ask("POST", f"/v1/leases/{lease['lease']}/renew", {"epoch": 1}, runner), "lease_renewed", runner, lease=lease["lease"])
    acted("renewed, refused", ask("POST", f"/v1/leases/{lease['lease']}/renew", {"epoch": 1}, runner), None, runner, refused=True)
    acted("a lease revoked", ask("DELETE", f"/v1/leases/{lease['lease']}", None, runner), "lease_revoked", runner, lease=lease["lease"])
    acted("a lease revoked again", ask("DELETE", f"/v1/leases/{lease['lease']}", None, runner), None, runner)
    lease = d.ask("POST", "/v1/leases", {"profile": "transform"}, key=runner["key"]).data
    for who, name in ((runner, "a run cancelled"), (lease, "a run cancelled by its lease")):
        run = d.ask("POST", "/v1/runs", {"code": SLOW}, key=bearer(who), headers={"Prefer": "respond-async"})["run"]
        acted(name, ask("DELETE", f"/v1/runs/{run}", None, who), "run_cancelled", who, run=run)
        d.wait(run, runner["key"])
        acted(f"{name}, too late", ask("DELETE", f"/v1/runs/{run}", None, who), None, who, refused=True)
    acted("payloads erased", ask("DELETE", f"/v1/runs/{run}/payload", None, operator), "payload_erased", operator, run=run)
    acted("payloads erased again", ask("DELETE", f"/v1/runs/{run}/payload", None, operator), None, operator)


def every_receipt(t, w):
    """Each entry of the log has a receipt, and no other entry tells of the same. When each was recorded."""
    events = w.events()
    entries = {}
    for e in events:
        entries.setdefault(e["entry"], []).append(e)
    t.equal(sorted(entries), list(range(len(entries))), f"{len(entries)} entries, each with events")
    t.equal([n for n, es in entries.items() if [e["line"] for e in es] != list(range(1, len(es) + 1))], [], "and all their lines")
    recorded, wrong = {}, []
    for n, es in entries.items():
        s = statement(w.receipt(es[0]["receipt"]))
        subject = es[0]["event"].get("act") or es[0]["event"]["run"]
        recorded[n] = s["predicate"]["recorded"]
        about = s["predicate"]["run"]["id"] if "run" in s["predicate"] else s["predicate"]["event"]["act"]
        index = int(json.loads(w.bundles[es[0]["receipt"]].read_text())["verificationMaterial"]["tlogEntries"][0]["logIndex"])
        if (about, index, s["predicate"]["journal"]["count"]) != (subject, n, len(es)):
            wrong.append((n, about, subject, index))
    t.equal(wrong, [], "the receipt of each entry is its own")
    times = [recorded[n]["time"] for n in sorted(recorded)]
    t.equal(times, sorted(times), "in the order of time")
    return events, recorded


def filters(t, w, events, recorded):
    first = {e["entry"]: e["event"] for e in reversed(events)}
    of_entry = {"trace": "trace", "session": "session", "lease": "lease", "artifact": "artifact", "profile": "profile", "tenant": "tenant"}
    of_line = ("event", "destination", "reason", "decision")

    def fits(e, name, value):
        if name in ("run", "subject"):
            return first[e["entry"]].get("act", first[e["entry"]].get("run")) == value
        return (first[e["entry"]] if name in of_entry else e["event"]).get(name) == value

    def want(*conditions, key=None):
        quote = "".join(f"&{n}=" + "".join(f"%{b:02x}" for b in v.encode()) for n, v in conditions)
        wanted = [e for e in events if all(fits(e, n, v) for n, v in conditions)]
        got = w.events(query=quote, key=key)
        t.ok(got == wanted, f"filter: {', '.join(f'{n}={v[:40]}' for n, v in conditions)}: {len(wanted)} events", (len(got), len(wanted), got[:2], wanted[:2]))
        return len(wanted)

    seen = {}
    for name in (*of_entry, *of_line):
        values = sorted({v for v in ((first[e["entry"]] if name in of_entry else e["event"]).get(name) for e in events) if v})
        for value in values[:40]:
            seen[name] = seen.get(name, 0) + want((name, value))
        want((name, "nothing"))
    t.equal([n for n in (*of_entry, *of_line) if not seen.get(n)], [], "every filter found something")
    for run in [e["event"]["run"] for e in events if e["event"]["event"] == "tool_call_blocked"][:3]:
        want(("run", run))
        want(("subject", run), ("event", "tool_call_blocked"))
    want(("subject", next(e["event"]["act"] for e in events if "act" in e["event"])))
    want(("event", "tool_call_blocked"), ("destination", "https://example.com:443"), ("reason", "egress.denied"))
    want(("tenant", "acme"), ("event", "execution_terminated"), ("reason", "cpu_time"))
    want(("tenant", "globex"), ("event", "execution_terminated"))
    want(("session", "s-1"), ("event", "sandbox_issued"))
    want(("lease", next(e["event"]["lease"] for e in events if "lease" in e["event"] and "run" in e["event"])), ("event", "execution_completed"))
    want(("decision", "d4"), ("reason", "egress.denied"), ("profile", "transform"))

    ms = {n: cordon_time(r["time"]) for n, r in recorded.items()}
    middle = sorted(ms.values())
    for since, until in ((middle[len(middle) // 3], None), (None, middle[len(middle) // 2]), (middle[len(middle) // 3], middle[len(middle) // 2]),
                         (middle[0], middle[-1]), (middle[-1] + 1, None), (None, middle[0] - 1), (middle[3], middle[3]), (0, None)):
        query = "".join(f"&{n}={v}" for n, v in (("since", since), ("until", until)) if v is not None)
        wanted = [e for e in events if (since is None or ms[e["entry"]] >= since) and (until is None or ms[e["entry"]] <= until)]
        t.ok(w.events(query=query) == wanted, f"recorded in a time: {len(wanted)} events", query)
        blocked = [e for e in wanted if e["event"]["event"] == "tool_call_blocked"]
        t.ok(w.events(query=f"{query}&event=tool_call_blocked") == blocked, f"and with another condition: {len(blocked)}", query)


def cordon_time(text):
    """RFC 3339 to milliseconds since 1970."""
    seconds, ms = text.removesuffix("Z").split(".")
    return int(time.mktime(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) - time.timezone) * 1000 + int(ms)


def pages(t, w, events):
    for limit in (1, 2, 7, 100):
        t.ok(w.events(limit=limit) == events, f"pages of {limit} have all events, once")
    r = w.d.ask("GET", "/v1/events")
    t.equal((r["events"], r["more"]), (events[:100], len(events) > 100), "a page has 100 of them")
    for at in (0, 1, len(events) // 2, len(events) - 1):
        place = "{entry}.{line}".format(**events[at])
        t.ok(w.events(place) == events[at + 1:], f"what is behind {place}")
    t.equal(w.d.ask("GET", "/v1/events?after=999999.1").data["events"], [], "behind the end there is nothing")
    t.equal([w.d.ask("GET", f"/v1/events?after={x}").code for x in ("", "1", "1.", ".1", "a.b", "1.1.1", "-1.1", "1.-1", "+1.1", "%201.1", "9" * 30 + ".1")], ["request.query"] * 11, "places that are none")
    blocked = [e for e in events if e["event"]["event"] == "tool_call_blocked"]
    t.ok(w.events(limit=2, query="&event=tool_call_blocked") == blocked, "pages of what a filter finds")


def follow(t, w):
    """Followed, lost, and followed on: what came is what is there, each once."""
    d, key = w.d, w.auditor

    def work(n):
        for i in range(n):
            d.run("() => fetch('https://example.com/').catch(() => 1)", w.runner, session=f"f-{i}")

    start, got = w.end(), []
    work(2)
    with Follower(d, f"?after={start}", key) as f:
        got += f.take(10)
        thread = threading.Thread(target=work, args=(3,))
        thread.start()
        got += f.take(7)
        thread.join()
    work(2)
    while len(got) < 60:
        with Follower(d, "?after=0.0", key, last=got[-1][0]) as f:
            thread = threading.Thread(target=work, args=(1,))
            thread.start()
            got += f.take(6)
            thread.join()
    there = [e for e in w.events(start) if e["event"].get("tenant") == "acme"]
    t.equal([place for place, _ in got], ["{entry}.{line}".format(**e) for e in there[:len(got)]], f"{len(got)} events over connections that were lost: no gap, nothing twice")
    t.ok([e for _, e in got] == there[:len(got)], "as the pages have them")
    with Follower(d, "?event=tool_call_blocked", key) as f:
        wanted = [e for e in w.events(key=key) if e["event"]["event"] == "tool_call_blocked"]
        t.ok([e for _, e in f.take(len(wanted))] == wanted, "with a condition")
        work(1)
        t.equal(f.next()[1]["event"]["event"], "tool_call_blocked", "which holds for what comes")
    with Follower(d, "", w.foreign["auditor"]) as f:
        own = w.events(key=w.foreign["auditor"])
        seen = f.take(len(own))
        work(1)
        d.run("() => 1", w.foreign["runner"])
        seen += f.take(1)
        t.equal({e["event"]["tenant"] for _, e in seen}, {"globex"}, "a follower sees its own tenant's")


def share(t, w):
    """Followers have a limit, and a place is free again when who had it is gone or may not follow."""
    d = w.d
    one = d.ask("POST", "/v1/keys?tenant=globex", {"role": "auditor"}).data
    followers = [Follower(d, "?event=none", w.foreign["auditor"]) for _ in range(15)] + [Follower(d, "?event=none", one["key"])]
    t.equal([f.status for f in followers], [200] * 16, "a tenant has sixteen followers")
    with Follower(d, "", w.foreign["operator"]) as f:
        t.equal(f.status, 503, "and no more")
    with Follower(d, "?event=none", w.auditor) as f, Follower(d, "?event=none") as g:
        t.equal((f.status, g.status), (200, 200), "others have their own")
    d.ask("DELETE", f"/v1/keys/{one['id']}?tenant=globex")
    t.equal(followers[-1].next(), None, "a key is revoked: its stream ends")
    with Follower(d, "?event=none", w.foreign["operator"]) as f:
        t.equal(f.status, 200, "and its place is free")
    for f in followers:
        f.close()
    followers = [Follower(d, "?event=none", w.foreign["auditor"]) for _ in range(16)]
    t.equal([f.status for f in followers], [200] * 16, "clients that went away without a word lose theirs")
    t.equal([f.answer.read(3) for f in followers[:2]], [b":\n\n"] * 2, "who is told nothing else is told that it is there")
    for f in followers:
        f.close()


def log(t, w):
    """Tiles, entries and proofs, against the leaves that the receipts have."""
    d, key = w.d, w.runner
    for i in range(max(0, 600 - len({e["entry"] for e in w.events()}))):
        d.run("() => 1", w.runner, profile="none")
    w.receipt(d.run("() => 1", w.runner)["run"], key)
    _, size, top = w.checkpoint().split("\n")[:3]
    size = int(size)
    leaves, bodies = [], []
    for n in range(0, size, 256):
        width = min(256, size - n)
        path = f"{n // 256:03}" + ("" if width == 256 else f".p/{width}")
        data = d.ask("GET", f"/v1/log/tile/0/{path}", key=key).body
        leaves += [data[i:i + 32] for i in range(0, len(data), 32)]
        data = d.ask("GET", f"/v1/log/tile/entries/{path}", key=key).body
        t.ok(data == d.ask("GET", f"/v1/log/entries/{path}", key=key).body, "entries at either address")
        while data:
            end = 2 + int.from_bytes(data[:2], "big")
            bodies.append(data[2:end])
            data = data[end:]
    t.equal((len(leaves), len(bodies)), (size, size), "tiles have every leaf, and every entry")
    t.ok([leaf(b) for b in bodies] == leaves, "which are those entries' hashes")
    t.equal(base64.b64encode(root(leaves)).decode(), top, "they have the checkpoint's root")
    tile = d.ask("GET", f"/v1/log/tile/1/000.p/{size // 256}", key=key).body
    t.equal(tile, b"".join(root(leaves[i:i + 256]) for i in range(0, size - 255, 256)), "the tile above has theirs")
    width = size % 256
    for path, status in ((f"0/{size // 256:03}.p/{width}", 200), (f"0/{size // 256:03}.p/{width + 1}", 404), (f"0/{size // 256:03}", 404), (f"0/{size // 256 + 1:03}", 404), ("0/x001/000", 404), ("1/000", 404),
                         (f"1/000.p/{size // 256 + 1}", 404), ("2/000.p/1", 404), (f"entries/{size // 256:03}.p/{width + 1}", 404), ("0/0", 400), ("0/1", 400), ("0/000.p/0", 400), ("0/000.p/256", 400),
                         ("0/000.p/", 400), ("0/000.p/01", 400), ("00/000", 400), ("-1/000", 400), ("64/000", 400), ("0/x000/001", 400), ("0/000/", 400), ("0/000x", 400), ("0", 400), ("data/000", 400),
                         ("entries/", 400), ("0/000/../000", 400)):
        r = d.ask("GET", f"/v1/log/tile/{path}", key=key)
        t.equal((r.status, r.code), (status, None if status == 200 else "log.tile"), f"tile {path}: {status}")
    wrong = []
    for i in list(range(0, size, 37)) + [255, 256, size - 1]:
        p = d.ask("GET", f"/v1/log/proof/inclusion?index={i}&size={size}", key=key).data
        if included([base64.b64decode(h) for h in p["hashes"]], i, size, bodies[i]) != root(leaves):
            wrong.append(i)
    t.equal(wrong, [], "proofs of inclusion lead to the root")
    sizes = [1, 2, 3, 64, 255, 256, 257, 300, 512, size - 1, size]
    wrong = [(a, b) for a, b in itertools.combinations(sizes, 2) if a < b and not consistent(
        [base64.b64decode(h) for h in d.ask("GET", f"/v1/log/proof/consistency?from={a}&size={b}", key=key)["hashes"]], a, b, root(leaves[:a]), root(leaves[:b]))]
    t.equal(wrong, [], "proofs of consistency, from any size to any")
    return leaves


def grown(t, w, leaves):
    """Each checkpoint that was seen is a beginning of the next."""
    notes = sorted((int(n.split("\n")[1]), base64.b64decode(n.split("\n")[2])) for n in w.checkpoints)
    t.ok(len(notes) > 2, f"{len(notes)} checkpoints were seen")
    wrong = [(a, b) for (a, ra), (b, rb) in itertools.combinations(notes, 2) if not consistent(
        [base64.b64decode(h) for h in w.d.ask("GET", f"/v1/log/proof/consistency?from={a}&size={b}", key=w.runner)["hashes"]], a, b, ra, rb)]
    t.equal(wrong, [], "each is consistent with those after it")
    t.equal([a for a, r in notes if a <= len(leaves) and root(leaves[:a]) != r], [], "and is the root of what there was")


def vkeys(trusted):
    """Verifier keys of the log, as Go has them: of each generation."""
    keys = []
    for x in trusted["trustedRoot"]["tlogs"]:
        name, der = x["baseUrl"].removeprefix("https://"), base64.b64decode(x["publicKey"]["rawBytes"])
        data = b"\1" + der[-32:]
        full = hashlib.sha256(name.encode() + b"\n" + data).digest()
        assert base64.b64encode(full).decode() == x["logId"]["keyId"], x
        keys.append(f"{name}+{full[:4].hex()}+{base64.b64encode(data).decode()}")
    return keys


def signed_by(note, vkey):
    return any(base64.b64decode(line.split(" ")[2])[:4].hex() == vkey.split("+")[1] for line in note.splitlines() if line.startswith("\u2014"))


def part(trusted, n):
    """A trusted root with the keys of one generation."""
    hint = list(trusted["keys"])[n]
    return {"trustedRoot": {**trusted["trustedRoot"], "tlogs": [trusted["trustedRoot"]["tlogs"][n]]}, "keys": {hint: trusted["keys"][hint]}}


def judged(t, w, trusted, subjects, name, code=None):
    """What Sigstore's verifier says of receipts."""
    if not evidence_test.node_is_new_enough():
        t.skip(f"Sigstore's verifier: {name}", "it needs Node.js 20.17")
        return
    lines = evidence_test.verify(w.keep("root.json", json.dumps(trusted)), *(w.bundles[s] for s in subjects))
    t.ok(lines and all(line == "ok" if code is None else line.startswith(code) for line in lines), f"Sigstore {'accepts' if code is None else 'refuses'} {len(lines)} receipts: {name}",
         [line for line in lines if line != "ok"][:5] or lines[:3])


def changed(w, subject):
    bundle = json.loads(w.bundles[subject].read_text())
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b'"outcome":"completed"', b'"outcome":"failed"')
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    w.bundles["changed"] = w.keep("changed.json", json.dumps(bundle))
    return "changed"


def go(t, w, checker, vkey, notes, name):
    paths = [w.keep("checkpoint", note) for note in notes]
    got = evidence_test.run(checker, vkey, f"{w.d.url}/v1/log", *paths, env={**os.environ, "CHECKTILES_TOKEN": w.runner})
    t.equal(got, (0, "ok"), f"Go's checker: {name}")


def rotation(t, w, done, checker):
    d = w.d
    r = d.ask("POST", "/v1/log/rotate")
    t.equal((r.status, r.code, bool(r.headers["Retry-After"])), (409, "ledger.rotated", True), "keys that are new are not changed")
    before = w.trusted_root()
    old = [done["completed"]["run"], done["terminated by cpu_time"]["run"], done["denied: limits"]["run"]]
    early = {s: w.bundles[s] for s in old}
    d.stop()
    t.equal(cordon.left_behind(), [], "a stop leaves nothing behind")
    age(d, 3600)
    d.start()
    first = d.run("() => 'before'", w.runner)
    w.receipt(first["run"], w.runner)
    place = w.end()
    r = d.ask("POST", "/v1/log/rotate")
    note = w.checkpoint()
    after = w.trusted_root()
    keys = vkeys(after)
    t.equal((r.status, r["generation"], r["statement_key"]), (200, 2, list(after["keys"])[1]), "new keys, as their hint says")
    t.equal((list(after["keys"])[:1], after["trustedRoot"]["tlogs"][0]["logId"], len(keys)), (list(before["keys"]), before["trustedRoot"]["tlogs"][0]["logId"], 2), "the trusted root has both generations")
    t.ok(note.count("\n\u2014 ") == 2 and all(signed_by(note, k) for k in keys), "the checkpoint at the hand-over has both signatures", note)
    found = [(e["event"]["event"], e["event"]["by"]) for e in w.events(place)]
    t.equal(found, [("rotation_asked", "local"), ("keys_rotated", "ledger")], "who asked is an event, and so is the hand-over")
    rotated = w.events(place)[1]
    t.equal((rotated["entry"] + 1, rotated["event"]["generation"]), (r["first_entry"], 2), "which is the old keys' last entry")
    t.equal(base64.b64decode(rotated["event"]["statement_key"]), base64.b64decode(after["keys"][r["statement_key"]]), "and names the new ones")
    t.equal(statement(w.receipt(rotated["event"]["act"]))["predicate"]["recorded"]["generation"], 1, "its receipt is of the first generation")
    handed = rotated["event"]["act"]
    t.equal(d.ask("POST", "/v1/log/rotate").code, "ledger.rotated", "and not again at once")
    second = d.run("() => 'after'", w.runner)
    t.equal(statement(w.receipt(second["run"], w.runner))["predicate"]["recorded"]["generation"], 2, "a run from then on is signed by the new keys")
    last = w.checkpoint()
    t.equal([signed_by(last, k) for k in keys], [False, True], "and so is the next checkpoint")
    judged(t, w, after, [*old, first["run"], handed, second["run"]], "from before and after a rotation, by the new trusted root")
    judged(t, w, before, old, "from before, by the old one")
    judged(t, w, before, [second["run"]], "from after, by the old one", "PUBLIC_KEY_ERROR")
    judged(t, w, part(after, 1), [second["run"]], "from after, by the new keys alone")
    judged(t, w, part(after, 1), old, "from before, by the new keys alone", "PUBLIC_KEY_ERROR")
    judged(t, w, part(after, 0), [second["run"]], "from after, by the old keys alone", "PUBLIC_KEY_ERROR")
    for s in old:
        w.receipt(s, w.runner)
    t.ok([json.loads(early[s].read_text())["dsseEnvelope"] == json.loads(w.bundles[s].read_text())["dsseEnvelope"] for s in old] == [True] * 3, "a receipt that is asked for again has the same signature")
    judged(t, w, after, old, "from before, asked for again")
    swapped = {**part(after, 1), "keys": {list(after["keys"])[0]: after["keys"][r["statement_key"]]}}
    judged(t, w, swapped, old, "from before, with the new key under the old hint", "SIGNATURE_ERROR")
    mixed = {**part(after, 0), "keys": after["keys"]}
    judged(t, w, mixed, [second["run"]], "from after, with the log's old key alone", "TLOG_")
    signed = [[n for n in w.checkpoints if signed_by(n, k)] for k in keys]
    go(t, w, checker, keys[0], signed[0], f"{len(signed[0])} checkpoints with the old key's signature")
    go(t, w, checker, keys[1], signed[1], f"{len(signed[1])} with the new one's")
    status, _ = evidence_test.run(checker, keys[0], f"{d.url}/v1/log", w.keep("checkpoint", last), env={**os.environ, "CHECKTILES_TOKEN": w.runner})
    t.equal(status, 1, "and refuses one of the new key's by the old")
    return keys


def pending(t, directory):
    """Checkpoints that are seldom: what is not covered yet; and a witness."""
    witness = Witness("witness.example.com/1")
    with Daemon(options=("--log-interval", "60000", "--log-batch", "8", "--log-origin", "log.example.com/test", "--log-witness", witness.verifier)) as d:
        w = World(d, directory)
        r = d.run("() => 1", w.runner)
        seen = [d.ask("GET", f"/v1/receipts/{x}", key=w.runner) for x in (r["run"], r["receipt"]["id"])]
        while seen[0].status == 200:  # the batch was full with it
            r = d.run("() => 1", w.runner)
            seen = [d.ask("GET", f"/v1/receipts/{x}", key=w.runner) for x in (r["run"], r["receipt"]["id"])]
        t.equal([(x.status, x.code, bool(x.headers["Retry-After"])) for x in seen], [(409, "receipt.pending", True)] * 2, "no checkpoint covers it yet")
        t.equal([d.ask("GET", f"/v1/receipts/{r['run']}", key=k).code for k in w.foreign.values()], ["receipt.unknown"] * 4, "which is not another tenant's to know")
        got = []
        thread = threading.Thread(target=lambda: got.append(d.ask("GET", f"/v1/receipts/{r['run']}?wait=true", key=w.runner)))
        thread.start()
        time.sleep(0.1)
        for _ in range(8):
            d.run("() => 1", w.runner, profile="none")
        thread.join()
        t.equal(got[0].status, 200, "who waits has it when there are as many entries as make a batch")
        w.bundles["waited"] = w.keep("bundle", got[0].body)
        note = w.checkpoint()
        r = d.ask("POST", "/v1/log/cosignatures", witness.sign(note), key=w.auditor)
        t.ok(r.status == 200 and witness.name in r.body.decode() and r.body.decode().startswith(note), "a witness's signature is added", r)
        t.equal(w.checkpoint(), r.body.decode(), "and shown")
        w.receipt(json.loads(base64.b64decode(got[0].data["dsseEnvelope"]["payload"]))["predicate"]["run"]["id"], w.runner)
        judged(t, w, w.trusted_root(), list(w.bundles), "with a witness's signature in the checkpoint, or without")
        t.equal(note.split("\n")[0], "log.example.com/test", "the log has the name that it was given")
    witness.close()


def test(t):
    cordon.adopt()
    with tempfile.TemporaryDirectory(prefix="cordon-ledger-") as name, Daemon() as d:
        directory = pathlib.Path(name)
        checker = evidence_test.build_checker(directory)
        w = World(d, directory)
        w.checkpoint()
        r = d.ask("GET", f"/v1/receipts/rct_{NONE}", key=w.runner)
        t.equal((r.status, r.code), (404, "receipt.unknown"), "an unknown receipt")
        done = runs(t, w)
        plain, leased, _ = leases(t, w)
        w.checkpoint()
        who_sees(t, w, done, plain, leased)
        acts(t, w)
        events, recorded = every_receipt(t, w)
        filters(t, w, events, recorded)
        pages(t, w, events)
        trusted = w.trusted_root()
        judged(t, w, trusted, list(w.bundles), "every one")
        judged(t, w, trusted, [changed(w, done["completed"]["run"])], "one that was changed", "TLOG_BODY_ERROR")
        w.bundles.pop("changed")
        follow(t, w)
        share(t, w)
        leaves = log(t, w)
        rotation(t, w, done, checker)
        grown(t, w, leaves)
        t.equal(d.stop(), 0, "it stops")
        pending(t, directory)
        t.equal(cordon.left_behind(), [], "and nothing is left behind")


if __name__ == "__main__":
    tap.main(test)
