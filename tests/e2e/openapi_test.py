#!/usr/bin/env python3
"""The API is what its document says: the same routes and roles, every answer in its form, and no way to another tenant.

A new operation needs a row in REQUESTS here; a new problem code needs a request that provokes it. Without them this
fails.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import cordon
import tap
from daemon import Daemon, Reply
from ledger import Follower, Witness, age
from openapi import Checked, Document, Validator

ROLES = ("runner", "auditor", "operator", "admin")
# Codes that take a broken disk (storage_test.py), a gibibyte of artifacts, ten thousand leases, hard work, or a ledger
# that has just been made; a clock that jumps, thousands of quotas, prices, and what nothing uses yet (quota_test.py).
ELSEWHERE = re.compile(r"store\.|ledger_unavailable|log\.empty|artifact\.quota|lease\.quota|capacity|policy\.too_complex|quota\.(loading|quota|storage|money|egress|tools)")

LONG = "async () => { await new Promise(r => setTimeout(r, 600000)) }"
PROFILE = """apiVersion: cordon/v1
kind: CapabilityProfile
metadata: {name: %s, owner: tests}
spec:
  class: interactive
  tier: standard
  minTrust: 0
  limits: {cpu: 1s, wall: 600s, memory: 64MiB, output: 64KiB, operations: 10}
  egress: []
tests:
  - {request: {method: GET, url: "https://example.com/"}, expect: deny}
"""
GOOD = PROFILE % "mine"
BAD_PROFILES = {
    "document.ambiguous": GOOD.replace("owner: tests", "owner: yes"),
    "document.duplicate": GOOD.replace("minTrust: 0", "minTrust: 0\n  minTrust: 0"),
    "document.encoding": b"\xff" + GOOD.encode(),
    "document.syntax": "{",
    "document.too_large": GOOD.replace("owner: tests", "owner: " + "[" * 200),
    "document.unsupported": GOOD.replace("owner: tests", "owner: &a tests"),
    "profile.missing": GOOD.replace("  tier: standard\n", ""),
    "profile.range": GOOD.replace("minTrust: 0", "minTrust: 99"),
    "profile.test": GOOD.replace("expect: deny", "expect: allow"),
    "profile.type": GOOD.replace("minTrust: 0", "minTrust: []"),
    "profile.unknown_key": GOOD.replace("minTrust: 0", "minTrus: 0"),
    "profile.value": GOOD.replace("tier: standard", "tier: golden"),
}


class World:
    """Two tenants; what the victim has, and what is asked about it."""

    def __init__(self, d):
        self.keys = {role: d.key("acme", role) for role in ROLES}
        self.key_id = self.keys["auditor"].split("_", 1)[1].rsplit("_", 1)[0][:30]
        assert d.ask("PUT", "/v1/profiles/mine", GOOD, key=self.keys["admin"]).status == 201
        done = d.run("() => 'acme-value'", self.keys["runner"], labels={"acme-label": "1"})
        self.done, self.receipt = done["run"], done["receipt"]["id"]
        self.running = d.ask("POST", "/v1/runs", {"code": LONG, "profile": "mine"}, key=self.keys["runner"],
                             headers={"Prefer": "respond-async"})["run"]
        code = {"code": "() => 'acme-code'"}
        self.artifact = d.ask("PUT", "/v1/artifacts", code, key=self.keys["runner"])["artifact"]
        lease = d.ask("POST", "/v1/leases", {"profile": "mine"}, key=self.keys["runner"])
        self.lease, self.token = lease["lease"], lease["token"]


# operationId: (what fills the path's parameter, and what does not exist in its form, body)
NO_RUN, NO_KEY, NO_LEASE, NO_ARTIFACT, NO_RECEIPT = "run_" + "0" * 26, "key_" + "0" * 26, "lease_" + "0" * 26, "sha256:" + "0" * 64, "rct_" + "0" * 26
REQUESTS = {
    "health": lambda w: ("", "", None),
    "ready": lambda w: ("", "", None),
    "openapi": lambda w: ("", "", None),
    "metrics": lambda w: ("", "", None),
    "addTenant": lambda w: ("", "", {"id": "stolen"}),
    "listTenants": lambda w: ("", "", None),
    "getTenant": lambda w: ("acme", "nobody", None),
    "setTenant": lambda w: ("acme", "nobody", {"state": "suspended"}),
    "deleteTenant": lambda w: ("acme", "nobody", None),
    "addKey": lambda w: ("", "", {"role": "admin"}),
    "listKeys": lambda w: ("", "", None),
    "listQuotas": lambda w: ("", "", None),
    "setQuota": lambda w: (f"key/{w.key_id}", f"key/{NO_KEY}", {"runs": 1}),
    "deleteQuota": lambda w: (f"key/{w.key_id}", f"key/{NO_KEY}", None),
    "grantQuota": lambda w: (f"key/{w.key_id}", f"key/{NO_KEY}", {"cpu": 1}),
    "revokeKey": lambda w: (w.key_id, NO_KEY, None),
    "listTiers": lambda w: ("", "", None),
    "getPrices": lambda w: ("", "", None),
    "listProfiles": lambda w: ("", "", None),
    "checkProfile": lambda w: ("", "", GOOD),
    "diffProfiles": lambda w: ("", "", {"a": "mine", "b": "mine@1"}),
    "putProfile": lambda w: ("fresh", "fresh", PROFILE % "fresh"),
    "getProfile": lambda w: ("mine", "nothing", None),
    "listProfileVersions": lambda w: ("mine", "nothing", None),
    "putArtifact": lambda w: ("", "", {"code": "() => 'stolen'"}),
    "listArtifacts": lambda w: ("", "", None),
    "getArtifact": lambda w: (w.artifact, NO_ARTIFACT, None),
    "deleteArtifact": lambda w: (w.artifact, NO_ARTIFACT, None),
    "trustArtifact": lambda w: (w.artifact, NO_ARTIFACT, {"trust": 2}),
    "createLease": lambda w: ("", "", {"profile": "mine"}),
    "getQueue": lambda w: ("", "", None),
    "listLeases": lambda w: ("", "", None),
    "getLease": lambda w: (w.lease, NO_LEASE, None),
    "renewLease": lambda w: (w.lease, NO_LEASE, {"epoch": 1}),
    "revokeLease": lambda w: (w.lease, NO_LEASE, None),
    "submitRun": lambda w: ("", "", {"code": "() => 1", "profile": "mine"}),
    "listRuns": lambda w: ("", "", None),
    "getRun": lambda w: (w.running, NO_RUN, None),
    "getRunEvents": lambda w: (w.done, NO_RUN, None),
    "cancelRun": lambda w: (w.running, NO_RUN, None),
    "eraseRun": lambda w: (w.done, NO_RUN, None),
    "getReceipt": lambda w: (w.receipt, NO_RECEIPT, None),
    "listEvents": lambda w: ("", "", None),
    "listUsage": lambda w: ("", "", None),
    "listUsageReasons": lambda w: ("", "", None),
    "getCheckpoint": lambda w: ("", "", None),
    "getTile": lambda w: ("0/000.p/1", "0/999", None),
    "getEntries": lambda w: ("000.p/1", "999", None),
    "getTrustedRoot": lambda w: ("", "", None),
    "getInclusionProof": lambda w: ("", "", None),
    "getConsistencyProof": lambda w: ("", "", None),
    "rotateLogKeys": lambda w: ("", "", None),
    "addCosignature": lambda w: ("", "", "none"),
}
# What has an owner: a tenant, or within it a key, whose runner sees no other's.
OF_A_TENANT = {"setQuota", "deleteQuota", "grantQuota", "revokeKey", "getProfile", "listProfileVersions", "getRun", "getRunEvents", "cancelRun", "getArtifact", "deleteArtifact",
               "trustArtifact", "getLease", "renewLease", "revokeLease", "eraseRun", "getReceipt"}
OF_A_KEY = {"getRun", "getRunEvents", "cancelRun", "getLease", "renewLease", "revokeLease", "getReceipt"}
UNKNOWN = {"getReceipt": "receipt.unknown"}  # else not_found


def target(o, parameter, tenant=None):
    if "{scope}" in o.path:  # the only one with two
        scope, _, name = parameter.partition("/")
        path = o.fill(lambda which: scope if which == "scope" else name or scope, o.path)
    else:
        path = o.fill(lambda _: parameter, o.path)
    return f"{path}?tenant={tenant}" if tenant else path


def routes(t, d, doc):
    """The table in api.c, the document, and what the daemon says to a method that nothing has."""
    source = (cordon.ROOT / "src/control/api.c").read_text()
    macros = {"ROLE_KEY": "RUNNER AUDITOR OPERATOR ADMIN LOCAL", "ROLE_NOBODY": ""}
    for name, text in re.findall(r"^#define (\w+) \(([\w| ]+)\)$", source, re.M):
        macros[name] = text
    table = {}
    for method, path, roles in re.findall(r'\{"([A-Z]+)",\s+"([^"]+)",\s+([\w| \n\t]+),\s+\w+,', source):
        words = set(re.findall(r"\w+", roles))
        while words & macros.keys():
            words = {w for word in words for w in re.findall(r"\w+", macros.get(word, word))}
        table[method, path] = {w.removeprefix("ROLE_").lower() for w in words}
    ours = {(o.method, o.route): set(o.roles) for o in doc.operations.values()}
    t.equal(len(table), len(re.findall(r'^\t\{"', source, re.M)), "every line of the table of routes is understood")
    t.equal(sorted(ours), sorted(table), "the document has the routes of the table, no more and no fewer")
    t.equal({k: v for k, v in ours.items() if v != table.get(k)}, {}, "and their roles")
    wrong = []
    for path in doc.data["paths"]:
        r = d.ask("BREW", re.sub(r"\{\w+\}", "some-name", path), key="x")
        methods = {m.upper() for m in doc.data["paths"][path] if m in ("get", "put", "post", "delete", "patch")}
        if r.code != "request.method" or not methods <= set(r.headers["Allow"].split(", ")):
            wrong.append(f"{path}: {r} {r.headers.get('Allow')}")
    t.equal(wrong, [], "the daemon names those methods in Allow")
    t.equal(set(doc.operations) ^ set(REQUESTS), set(), "every operation has a row in this test")
    page = (cordon.ROOT / "docs/api.md").read_text()
    t.equal([str(o) for o in doc.operations.values()
             if not re.search(rf"^\| `{re.escape(str(o))}`[^|]*\| {', '.join(o.roles) or 'anyone'} \|", page, re.M)], [],
            "docs/api.md has every operation, with its roles")
    codes = {code for o in doc.operations.values() for _, code in o.promises() if code and not re.match(r"document|profile\.|module\.", code)}
    t.equal(sorted(code for code in codes if f"`{code}`" not in page), [], "and every problem code")
    text = (cordon.ROOT / "src/control/openapi.json").read_text()
    t.equal(json.loads(text), doc.data, "what is served is the file in the source")


def raw(d, o, headers, local):
    c = d.connection("x", local)
    c.putrequest(o.method, target(o, "some-name"), skip_accept_encoding=True)
    for name, value in headers:
        c.putheader(name, value)
    c.endheaders()
    r = c.getresponse()
    reply = Reply(r.status, r.headers, r.read())
    c.close()
    return reply


STRANGER = """
import http.client, json, os, socket, sys
os.setgid(65534); os.setuid(65534)
for method, path in json.load(sys.stdin):
    c = http.client.HTTPConnection("localhost"); c.sock = socket.socket(socket.AF_UNIX); c.sock.connect(sys.argv[1])
    c.request(method, path); r = c.getresponse()
    print(json.dumps([r.status, dict(r.headers), r.read().decode()]))
"""


def everywhere(t, d, api, doc, dead):
    """What every operation says: framing, size, keys, roles, strangers."""
    for o in doc.operations.values():
        path = target(o, "some-name")
        local = o.roles == ["local"]
        for headers in ((("Content-Length", "2"), ("Transfer-Encoding", "chunked")),), ((("Content-Length", "99999999"),),):
            api.judge(o.method, path, None, raw(d, o, headers[0], True))
        if not o.roles:
            continue
        key = None if local else d.key("acme", next(r for r in o.roles if r in ROLES))
        for bad, _ in dead.values():
            api.ask(o.method, path, key=bad, local=False)
        api.ask(o.method, path, local=False)
        low = next((r for r in ROLES if r not in o.roles), None)
        if low or "lease" not in o.roles:
            api.ask(o.method, path, key=d.key("acme", low) if low else World.last.token)
        else:
            api.seen.add((o.id, 403, "auth.role"))  # every role may
        if "tenant" in o.query:
            api.ask(o.method, target(o, REQUESTS[o.id](World.last)[0], "nobody"), REQUESTS[o.id](World.last)[2], key=key)
    if os.geteuid() != 0:
        t.skip("a stranger at the unix socket", "needs root, to become one")
        for o in doc.operations.values():
            api.seen.add((o.id, 403, "auth.local"))
        return
    door = os.path.join(d.data, "control.sock")
    os.chmod(os.path.dirname(d.data), 0o755)
    os.chmod(d.data, 0o711)
    os.chmod(door, 0o666)
    asked = [(o.method, target(o, "some-name")) for o in doc.operations.values()]
    done = subprocess.run([sys.executable, "-c", STRANGER, door], input=json.dumps(asked), text=True,
                          stdout=subprocess.PIPE, check=True)
    os.chmod(door, 0o600)
    os.chmod(d.data, 0o700)
    for (method, path), line in zip(asked, done.stdout.splitlines(), strict=True):
        status, headers, body = json.loads(line)
        api.judge(method, path, None, Reply(status, headers, body.encode()))
        if doc.find(method, path).roles and status != 403:
            t.ok(False, f"a stranger at the unix socket is refused: {method} {path}", status)


def tenants(d, api):
    ask = api.ask
    assert ask("POST", "/v1/tenants", {"id": "short"}).status == 201
    ask("POST", "/v1/tenants", {"id": "short"})
    for body in ({"id": "-"}, {"id": "x" * 64}, {"id": 3}, {}, {"id": "a", "b": 1}):
        ask("POST", "/v1/tenants", body)
    for path in ("/v1/tenants", "/v1/tenants/short", "/v1/tenants/none"):
        ask("GET", path)
    ask("POST", "/v1/tenants", "[]")
    for body in ({"state": "suspended"}, {"state": "active"}, {"state": "gone"}, {}, "{", {"payload_days": 7}, {"payload_days": 0}, {"state": "active", "payload_days": 1}, {"weight": 250}, {"weight": 0}, {"weight": 10001}, {"weight": "1"},
                 {"payload_days": -1}, {"payload_days": 36501}, {"payload_days": "1"}):
        ask("PATCH", "/v1/tenants/short", body)
    ask("PATCH", "/v1/tenants/none", {"state": "active"})
    run = ask("POST", "/v1/runs?tenant=short", {"code": LONG}, headers={"Prefer": "respond-async"})["run"]
    ask("DELETE", "/v1/tenants/short")
    d.wait(f"{run}?tenant=short")
    ask("DELETE", "/v1/tenants/short")
    ask("DELETE", "/v1/tenants/short")
    for body in ({"role": "runner"}, {"role": "admin", "label": "é" * 64, "ttl_s": 5}, {"role": "king"}, {"role": "runner", "ttl_s": 0},
                 {"role": "runner", "ttl_s": 1.5}, {"role": "runner", "label": "x" * 129}, {"rôle": 1}, "nothing"):
        key = ask("POST", "/v1/keys", body)
    ask("GET", "/v1/keys")
    key = ask("POST", "/v1/keys", {"role": "runner"})["id"]
    ask("DELETE", f"/v1/keys/{key}")
    ask("DELETE", f"/v1/keys/{NO_KEY}")


def quotas(d, api):
    ask = api.ask
    key = ask("POST", "/v1/keys", {"role": "runner", "team": "red"})
    for body in ({"role": "runner", "team": "-"}, {"role": "runner", "team": ""}, {"role": "runner", "team": 1}):
        ask("POST", "/v1/keys", body)
    ask("GET", "/v1/keys")
    for path in ("team/red", f"key/{key['id']}", "profile/transform", "tenant/default", f"key/{NO_KEY}", "key/x", "profile/none", "tenant/acme", "team/A", "group/red"):
        for body in ({"runs": 1, "cpu": 10**9, "running": 5}, {"cpu": None}, {"running": None, "egress": 0}, {}, {"runs": -1}, {"runs": 1.5}, {"runs": "1"}, {"cpu": 2**50}, {"running": 0},
                     {"disk": 1}, "[]", "{", {"cpu": 10**9, "storage": 10**12, "money": 5}):
            r = d.ask("PUT", f"/v1/quotas/{path}", body)
            api.judge("PUT", f"/v1/quotas/{path}", None if path == "team/red" and r.status == 400 else body, r)
        for body in ({"runs": 1}, {"tools": 1}, {"runs": 0}, {"runs": None}, {"running": 1}, {"cpu": 2**50 - 1}, {}, "x"):
            r = d.ask("POST", f"/v1/quotas/{path}/grants", body)
            api.judge("POST", f"/v1/quotas/{path}/grants", None if r.status == 400 else body, r)
    ask("GET", "/v1/quotas")
    ask("GET", "/v1/quotas", key=World.last.keys["auditor"])
    ask("GET", "/v1/quotas?tenant=nobody")
    ask("DELETE", "/v1/quotas/tenant/default")
    ask("DELETE", f"/v1/quotas/key/{key['id']}")
    ask("DELETE", "/v1/quotas/profile/transform")
    ask("DELETE", "/v1/quotas/profile/transform")
    # As many as are runs, and one more.
    for body in ({"runs": 0, "cpu": None, "storage": None, "money": None}, {"runs": None, "cpu": 1}):
        ask("PUT", "/v1/quotas/team/red", body)
        for _ in range(31):
            r = ask("POST", "/v1/runs", {"code": "() => 1"}, key=key["key"])
        ask("POST", "/v1/runs", {"code": "() => 1"}, key=key["key"], headers={"Accept": "text/event-stream"})
    ask("DELETE", "/v1/quotas/team/red")


def profiles(d, api):
    ask = api.ask
    for path in ("/v1/profiles/check", "/v1/profiles/mine"):
        for text in (GOOD, GOOD, *BAD_PROFILES.values()):
            ask("PUT" if path.endswith("mine") else "POST", path, text)
    ask("PUT", "/v1/profiles/other", GOOD)
    wider = GOOD.replace("egress: []", 'egress: [{id: a, host: example.org, methods: [GET], paths: ["/x/**"]}]').replace("cpu: 1s", "cpu: 500ms")
    ask("PUT", "/v1/profiles/wide", wider.replace("name: mine", "name: wide"))
    for a, b in (("mine", "wide"), ("wide", "mine"), ("mine@1", "mine"), ("mine", "none"), ("mine@", "mine"), ("mine@9", "mine"), (1, "mine"), ("mine", None)):
        ask("POST", "/v1/profiles/diff", {"a": a, "b": b} if b else {"a": a})
    ask("POST", "/v1/profiles/diff", {"a": "mine", "b": "mine", "c": 1})
    ask("POST", "/v1/profiles/diff", "[]")
    for path in ("", "/mine", "/mine?version=1", "/mine?version=9", "/mine?version=x", "/mine?version=1x", "/none",
                 "/mine/versions", "/none/versions"):
        ask("GET", f"/v1/profiles{path}")


def artifacts(d, api):
    ask, c = api.ask, {"code": "() => 2"}
    for body in (c, c, {"main": "a.ts", "modules": {"a.ts": "1", "b.bin": {"base64": "AA=="}}, "language": "ts", "fences": True}, {}, {**c, "artifact": NO_ARTIFACT}, {**c, "main": "x"},
                 {**c, "language": "py"}, {**c, "fences": 0}, {**c, "input": 1}, {"code": 5}, {"modules": {"a": 0}, "main": "a"}, "[", "[]",
                 {"main": "a", "modules": {"a": "1", "\1": ""}}, {"main": "b", "modules": {"a": "1"}}, {"main": "m0", "modules": {f"m{i}": "" for i in range(300)}}):
        odd = isinstance(body, dict) and len(body.get("modules", ())) != 1
        r = d.ask("PUT", "/v1/artifacts", body)
        api.judge("PUT", "/v1/artifacts", None if odd and "main" in body and r.status == 400 else body, r)
    api.judge("PUT", "/v1/artifacts", None, d.ask("PUT", "/v1/artifacts", {"code": "/" * (5 << 20)}))
    digest = ask("PUT", "/v1/artifacts", c)["artifact"]
    for path in ("", f"/{digest}", f"/{NO_ARTIFACT}", "/x"):
        ask("GET", f"/v1/artifacts{path}")
    for body in ({"trust": 1}, {"trust": 3}, {"trust": -1}, {"trust": "1"}, {}, {"trust": 1, "x": 1}, "no"):
        ask("PUT", f"/v1/artifacts/{digest}/trust", body)
    ask("PUT", f"/v1/artifacts/{NO_ARTIFACT}/trust", {"trust": 1})
    ask("POST", "/v1/runs", {"artifact": digest})
    ask("POST", "/v1/runs", {"artifact": NO_ARTIFACT})
    ask("POST", "/v1/runs", {"artifact": "sha256:x"})
    held = ask("POST", "/v1/leases", {"profile": "transform", "hold": True, "artifact": digest})
    ask("DELETE", f"/v1/artifacts/{digest}")
    ask("DELETE", f"/v1/artifacts/{digest}")
    ask("POST", "/v1/runs", {}, key=held["token"])
    ask("POST", "/v1/leases", {"profile": "transform", "hold": True, "artifact": digest})


def leases(d, api):
    ask, p = api.ask, {"profile": "transform"}
    first = ask("POST", "/v1/leases", {**p, "session": "s-1", "ttl_s": 60})
    for body in ({**p, "hold": True, "code": "() => 1"}, {**p, "hold": True, "main": "a", "modules": {"a": "1"}}, {**p, "hold": True}, {**p, "hold": False}, {**p, "code": "1"},
                 {**p, "hold": 1}, {}, {**p, "ttl_s": 0}, {**p, "ttl_s": 86401}, {**p, "session": ""}, {**p, "session": "a b"}, {**p, "session": "x" * 129}, {"profile": "A"},
                 {"profile": 1}, {**p, "x": 1}, {"profile": "unheard-of"}, "x"):
        ask("POST", "/v1/leases", body)
    for body in ({"main": "a", "modules": {"a": "1", "\1": ""}}, {"main": "b", "modules": {"a": "1"}}, {"code": "/" * (5 << 20)}, {"main": "m0", "modules": {f"m{i}": "" for i in range(300)}}):
        api.judge("POST", "/v1/leases", None, d.ask("POST", "/v1/leases", {**p, "hold": True, **body}))
    trusted = PROFILE.replace("minTrust: 0", "minTrust: 1") % "trusted"
    ask("PUT", "/v1/profiles/trusted", trusted)
    ask("POST", "/v1/leases", {"profile": "trusted", "hold": True, "code": "() => 1"})
    d.tenant("sleepy")
    d.ask("PATCH", "/v1/tenants/sleepy", {"state": "suspended"})
    ask("POST", "/v1/leases?tenant=sleepy", p)
    one = first["lease"]
    token = ask("POST", f"/v1/leases/{one}/renew", {"epoch": 1})["token"]
    for body in ({"epoch": 1}, {}, {"epoch": 0}, {"epoch": "2"}, {"epoch": 2, "ttl_s": 0}, {"epoch": 2, "x": 1}, "", {"epoch": 2**62}):
        ask("POST", f"/v1/leases/{one}/renew", body)
    ask("POST", "/v1/runs", {"code": "() => 1", "session": "s-1"}, key=token)
    ask("POST", "/v1/runs", {"code": "() => 1", "session": "s-2"}, key=token)
    for path in (f"?lease={one}", "?session=s-1", f"?artifact={NO_ARTIFACT}"):
        ask("GET", f"/v1/runs{path}", key=token)
    for path in ("", f"/{one}", f"/{NO_LEASE}"):
        ask("GET", f"/v1/leases{path}")
    ask("POST", f"/v1/leases/{NO_LEASE}/renew", {"epoch": 1})
    ask("DELETE", f"/v1/leases/{one}")
    ask("DELETE", f"/v1/leases/{NO_LEASE}")
    ask("POST", f"/v1/leases/{one}/renew", {"epoch": 2})
    ask("GET", f"/v1/leases/{one}")


def followed(d, api):
    """Answers as server-sent events."""
    events = {"Accept": "text/event-stream"}
    code = "async () => { console.log(1); await new Promise(r => setTimeout(r, 50)); await fetch('https://example.com').catch(() => 0); return 1 }"
    for body in ({"code": code}, {"code": "() => { throw 1 }"}, {"code": "() => 1", "profile": "none"}):
        r = api.ask("POST", "/v1/runs", body, headers=events)
        run = json.loads(r.body.decode().rstrip().rsplit("data: ", 1)[1])["run"]
        api.ask("GET", f"/v1/runs/{run}/events", headers=events)
    r = api.ask("POST", "/v1/runs", {"code": code}, headers={"Prefer": "respond-async"})
    api.ask("GET", f"/v1/runs/{r['run']}/events", headers=events)


def evidence(d, api):
    """Receipts, events and the log."""
    ask, key = api.ask, World.last.keys["auditor"]
    run = ask("POST", "/v1/runs", {"code": "() => fetch('https://example.com')", "session": "s", "labels": {"a": "b"}})["run"]
    receipt = run.replace("run_", "rct_")
    for path in (f"{receipt}?wait=true", receipt, run, f"{receipt}?wait=false", f"{receipt}?wait=1", NO_RECEIPT, NO_RUN, "x", "x" * 100, f"{receipt}?tenant=none"):
        r = d.ask("GET", f"/v1/receipts/{path}")
        api.judge("GET", f"/v1/receipts/{path.replace('?tenant=none', '')}", None, r)
    for query in ("", "?limit=2", "?limit=1000", "?limit=1001", "?limit=0", "?limit=x", "?limit=", "?after=1.1", "?after=1", "?after=.", "?after=1.1x", "?after=",
                  "?after=99999999999999999999.1", f"?run={run}", f"?subject={run}", f"?run={run}&subject={run}", "?event=tool_call_blocked", "?event=run_admitted&tenant=default", "?reason=egress.denied",
                  "?destination=https%3A%2F%2Fexample.com%3A443", "?decision=d4", "?lease=x", "?session=s", "?artifact=x", "?profile=transform", "?trace=x",
                  "?event=", "?event=%22", "?event=%5C", "?trace=" + "x" * 201, "?since=0&until=9999999999999", "?since=x", "?until=-1", "?since=1e3", "?tenant=nobody"):
        ask("GET", f"/v1/events{query}")
    for query in ("", "?tenant=acme", "?tenant=default"):
        ask("GET", f"/v1/events{query}", key=key)
    ask("GET", "/v1/events?after=x", headers={"Accept": "text/event-stream"})
    ask("GET", "/v1/events", headers={"Accept": "text/event-stream", "Last-Event-ID": "x"})
    for query in ("", "?from=2026-01-01&to=2999-12-31", "?from=x", "?to=2026", "?limit=1", "?limit=0", "?limit=1001", "?limit=x", "?after=2026-01-01.0", "?after=x",
                  "?after=2026-01-01.x", "?tenant=default", "?tenant=nobody", "?tenant=" + "x" * 513, "?class=bulk", "?tier=standard", "?profile=transform"):
        for path in ("/v1/usage", "/v1/usage/reasons"):
            ask("GET", path + query)
    for query in ("?rows=detail", "?rows=x", "?team=", "?key=local", "?artifact=", "?label=a=1", "?label=a", "?label=" + "x=" * 300, "?currency=EUR", "?rows=totals&label=a=b"):
        ask("GET", f"/v1/usage{query}")
    for query in ("?outcome=denied", "?reason=capacity", "?key=local"):
        ask("GET", f"/v1/usage/reasons{query}")
    for query in ("", "?tenant=acme", "?tenant=default"):
        ask("GET", f"/v1/usage{query}", key=key)
        ask("GET", f"/v1/usage/reasons{query}", key=key)
    with Follower(d, "?event=tool_call_blocked") as f:
        f.next()
        api.judge("GET", "/v1/events?event=tool_call_blocked", None, Reply(f.status, f.headers, f.text.encode()))
    for path in ("checkpoint", "trusted-root", "tile/0/000.p/2", "tile/0/999", "tile/8/000", "tile/99/000", "tile/0/0", "tile/x", "tile/entries/000.p/2", "tile//", "tile/0/000.p/256",
                 "tile/0/x000/000", "entries/000.p/2", "entries/999", "entries/0", "entries/entries/000", "entries/x/y/z",
                 "proof/inclusion?index=1", "proof/inclusion?index=1&size=3", "proof/inclusion?index=3&size=3", "proof/inclusion?index=1&size=99999", "proof/inclusion",
                 "proof/inclusion?index=x", "proof/inclusion?index=", "proof/inclusion?index=1&size=x", "proof/inclusion?index=99999999999999999999",
                 "proof/consistency?from=2", "proof/consistency?from=2&size=3", "proof/consistency?from=3&size=3", "proof/consistency?from=4&size=3",
                 "proof/consistency?from=0", "proof/consistency", "proof/consistency?size=2"):
        ask("GET", f"/v1/log/{path}", key=key)
    for note in ("", "none", d.ask("GET", "/v1/log/checkpoint").body[:-20]):
        ask("POST", "/v1/log/cosignatures", note)
    ask("POST", "/v1/log/rotate")


def witnessed(doc, validator, seen):
    """With a witness, checkpoints that are seldom, and keys that are old enough for new ones. The flaws."""
    witness, stranger = Witness("witness.example.com"), Witness("stranger.example.com")
    with Daemon(options=("--log-interval", "60000", "--log-witness", witness.verifier)) as d:
        first = d.ask("GET", "/v1/log/checkpoint").body.decode()
        d.run("() => 1")
        d.stop()
        age(d, 3600)
        d.start()
        api = Checked(d, doc, validator)
        while (last := api.ask("GET", "/v1/log/checkpoint").body.decode()) == first:
            time.sleep(0.02)  # at a start what is there is signed
        for note in (witness.sign(first), last, stranger.sign(last), witness.sign(last), witness.sign(last)):
            api.ask("POST", "/v1/log/cosignatures", note)
        api.ask("GET", f"/v1/receipts/{api.ask('POST', '/v1/runs', {'code': '() => 1'})['run']}")
        api.ask("POST", "/v1/log/rotate")
        api.ask("POST", "/v1/log/rotate")
        api.ask("GET", "/v1/log/trusted-root")
        seen |= api.seen
    witness.close()
    stranger.close()
    return api.flaws


PLATFORM = """apiVersion: cordon/v1
kind: Platform
spec:
  tiers:
    standard: {roles: [admin], limits: {cpu: 500ms}}
    batch: {tenants: [acme]}
  prices: {currency: EUR, cpuSecond: "0.00002", run: "0", tiers: {batch: "0.5"}}
"""


def tiered(doc, validator, seen):
    """Tiers and prices, with and without a document; tiers that are not for everybody. The flaws."""
    flaws = []
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(PLATFORM)
        file.flush()
        for options in ((), ("--platform", file.name)):
            with Daemon(options=options) as d:
                api, keys = Checked(d, doc, validator), {role: d.key("default", role) for role in ROLES}
                for path in ("/v1/tiers", "/v1/prices"):
                    for key in (None, *keys.values()):
                        api.ask("GET", path, key=key)
                api.ask("GET", "/v1/tiers?tenant=nobody")
                lease = api.ask("POST", "/v1/leases", {"profile": "transform"}, key=keys["admin"])["lease"]
                for role in ("runner", "operator"):
                    api.ask("POST", "/v1/leases", {"profile": "transform"}, key=keys[role])
                    api.ask("POST", f"/v1/leases/{lease}/renew", {"epoch": 1}, key=keys[role])
                    api.ask("POST", "/v1/runs", {"code": "() => 1", "limits": {"cpu_ms": 900}}, key=keys[role])
                flaws += api.flaws
                seen |= api.seen
    return flaws


def runs(d, api):
    ask = api.ask
    fine = ({"code": "() => 1"}, {"code": "() => { throw {a: 1} }"}, {"code": "() => { for (;;); }", "limits": {"cpu_ms": 20}},
            {"code": "() => new Uint8Array(3)"}, {"code": "({input}) => { console.warn(input, new Error('x')); return input }", "input": {"a": [1, None]}},
            {"main": "a.ts", "modules": {"a.ts": "import d from './d.bin'; export default () => d.length", "d.bin": {"base64": "AAEC"}}, "language": "ts"},
            {"code": "```js\n() => Math.random()\n```", "fences": True, "seed": "18446744073709551615", "labels": {"k": "v"}, "class": "bulk"},
            {"code": "() => 1", "profile": "none", "session": "s", "provenance": {"origin": "agent", "model": "m", "prompt_sha256": "0" * 64, "author": "a"}}, {"code": "() => 1", "limits": {"memory_mb": 1 << 20}}, {"code": "() => fetch('https://example.com')"},
            {"code": "() => 1", "output_schema": {"type": "integer"}}, {"code": "() => 'x'", "output_schema": {"type": "integer"}}, {"code": "() => 1", "output_schema": True},
            {"code": "() => new Uint8Array(1)", "output_schema": {"type": "integer"}}, {"code": "() => 1", "output_schema": {"type": 7}},
            {"code": "() =>"}, {"code": "x => { throw new Error('e', {cause: new TypeError('t')}) }"})
    ids = [ask("POST", "/v1/runs", body)["run"] for body in fine]
    for run in ids:
        ask("GET", f"/v1/runs/{run}")
        ask("GET", f"/v1/runs/{run}/events")
    c = {"code": "() => 1"}
    for body in ({}, {"code": 1}, {"code": "1", "modules": {}}, {"main": "a"}, {"modules": {"a": "1"}}, {**c, "main": "main"}, {**c, "seed": "x"}, {**c, "seed": 1},
                 {**c, "seed": "18446744073709551616"[:25] + "0"}, {**c, "class": "x"}, {**c, "language": "py"}, {**c, "fences": 1}, {**c, "labels": []},
                 {**c, "labels": {"a": 1}}, {**c, "labels": {str(i): "" for i in range(17)}}, {**c, "labels": {"a" * 129: ""}}, {**c, "limits": []},
                 {**c, "limits": {"cpu": 1}}, {**c, "limits": {"cpu_ms": -1}}, {**c, "limits": {"cpu_ms": 1.5}}, {**c, "session": "a b"}, {**c, "output_schema": 1}, {**c, "provenance": {"x": ""}}, {**c, "provenance": {"prompt_sha256": "0"}}, {**c, "provenance": []}, {**c, "profile": "A"}, {**c, "profile": ""},
                 {**c, "code main": 1}, {**c, "limits": {"cpu_ms wall_ms": 1}}, {**c, "": 1}, {"modules": {"a": {"base64": "AA==", "x": 1}}, "main": "a"},
                 {"modules": {"a": 1}, "main": "a"}, "[1]", "{", '{"code":"1","code":"2"}'):
        ask("POST", "/v1/runs", body)
    for body in ({"main": "a", "modules": {"a": "1", "\1": ""}}, {"main": "b", "modules": {"a": "1"}}, {"code": "/" * (5 << 20)},
                 {"main": "m0", "modules": {f"m{i}": "" for i in range(300)}}):
        api.judge("POST", "/v1/runs", None, d.ask("POST", "/v1/runs", body))
    api.judge("POST", "/v1/runs", None, d.ask("POST", "/v1/runs", {**c, "output_schema": {"const": "x" * 70000}}))
    ask("POST", "/v1/runs", c, headers={"Idempotency-Key": "with space"})
    ask("POST", "/v1/runs", c, headers={"Idempotency-Key": "once"})
    ask("POST", "/v1/runs", c, headers={"Idempotency-Key": "once"})
    ask("POST", "/v1/runs", {"code": "() => 2"}, headers={"Idempotency-Key": "once"})
    ask("POST", "/v1/runs", {"code": "() => 1", "input": "x" * (17 << 20)})
    run = ask("POST", "/v1/runs", {"code": LONG}, headers={"Prefer": "respond-async"})["run"]
    for path in (f"/{run}", f"/{run}/events", f"/{NO_RUN}", f"/{NO_RUN}/events", "", "?limit=2", "?limit=501", "?limit=x", "?since=-1",
                 "?until=9e9", "?label=x", "?label=k%3Dv&outcome=completed&reason=&profile=transform&since=0&until=9999999999999",
                 "?outcome=denied", f"?cursor={run}", "?limit=", "?limit=%201", "?limit=%2B1", "?label=" + "x" * 300 + "%3D"):
        ask("GET", f"/v1/runs{path}")
    for path in (NO_RUN, f"{run}/payload", run):
        ask("DELETE", f"/v1/runs/{path}")
    d.wait(run)
    ask("DELETE", f"/v1/runs/{run}")
    for run in ids:
        ask("DELETE", f"/v1/runs/{run}/payload")
        ask("DELETE", f"/v1/runs/{run}/payload")
        ask("GET", f"/v1/runs/{run}")
        ask("GET", f"/v1/runs/{run}/events")
    ask("DELETE", f"/v1/runs/{NO_RUN}/payload")
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        ask("GET", path)


def not_ready(d, api):
    """While the node is started anew, and while the platform ends."""
    end = time.monotonic() + 20
    while ("ready", 503, "platform.no_node") not in api.seen and time.monotonic() < end:
        for pid in d.children("node"):
            os.kill(pid, signal.SIGKILL)
        for _ in range(20):
            api.ask("GET", "/readyz")
    while d.ask("GET", "/readyz").status != 200:
        time.sleep(0.02)
    api.ask("POST", "/v1/runs", {"code": LONG}, headers={"Prefer": "respond-async"})
    d.process.send_signal(signal.SIGTERM)
    while api.ask("GET", "/readyz").status == 200 and time.monotonic() < end:
        time.sleep(0.02)
    api.ask("POST", "/v1/runs", {"code": "() => 1"})
    d.stop()


def hurried(doc, validator, seen):
    """Too many requests. The flaws."""
    flaws = []
    for option, code in (("--rate-key", "rate.key"), ("--rate-address", "rate.address")):
        with Daemon(options=(option, "1")) as d:
            api, key = Checked(d, doc, validator), d.key("default", "admin")
            for o in doc.operations.values():
                for _ in range(4):
                    if o.roles or code == "rate.address":
                        api.ask(o.method, target(o, "some-name"), key=key)
            flaws += api.flaws
            seen |= {x for x in api.seen if x[2] == code}
    return flaws


def crowded(doc, validator, seen):
    """No room in the queue. The flaws."""
    options = {"concurrency-min": 1, "concurrency-max": 1, "floor-interactive": 1, "floor-bulk": 0, "queue-interactive": 2, "queue-bulk": 1}
    with Daemon(options=[x for name, n in options.items() for x in (f"--{name}", str(n))]) as d:
        api, patient = Checked(d, doc, validator), {"Prefer": "respond-async"}
        keys = [d.key(d.tenant(name)) for name in ("one", "two", "three")]
        slow = "async () => { await new Promise(r => setTimeout(r, 300)) }"
        first = api.ask("POST", "/v1/runs", {"code": slow}, key=keys[0], headers=patient)
        api.ask("POST", "/v1/runs", {"code": LONG}, key=keys[0], headers=patient)
        d.wait(first["run"], keys[0])  # how long such runs take is known now
        api.ask("POST", "/v1/runs", {"code": slow, "deadline_ms": 10}, key=keys[0])
        for key in keys:
            api.ask("POST", "/v1/runs", {"code": LONG}, key=key, headers=patient)
        api.ask("POST", "/v1/runs", {"code": LONG}, key=keys[0], headers=patient)
        api.ask("GET", "/v1/queue")
        api.ask("GET", "/v1/queue", key=d.key("one", "auditor"))
        seen |= {x for x in api.seen if x[0] == "getQueue" or (x[2] or "").startswith("queue.")}
        return api.flaws


def snapshot(d):
    """All that the victim has, and who there is."""
    return [d.ask("GET", path).body for path in (
        "/v1/tenants", "/v1/keys?tenant=acme", "/v1/profiles?tenant=acme", "/v1/profiles/mine?tenant=acme",
        "/v1/profiles/mine/versions?tenant=acme", "/v1/runs?tenant=acme", f"/v1/runs/{World.last.done}/events?tenant=acme",
        "/v1/artifacts?tenant=acme", f"/v1/artifacts/{World.last.artifact}?tenant=acme", "/v1/leases?tenant=acme",
        "/v1/quotas?tenant=acme", "/v1/events?tenant=acme&limit=1000")] + [
        d.ask("GET", path)["rows"] for path in (  # how many entries the log has is no secret of the victim
            "/v1/usage?tenant=acme", "/v1/usage?tenant=acme&rows=detail", "/v1/usage/reasons?tenant=acme")]


def same_but_ids(a, b, ids):
    def plain(r):
        text = r.body.decode(errors="replace")
        for one in ids:
            text = text.replace(one, "ID") if one else text
        return r.status, {k: v for k, v in r.headers.items() if k != "Date"}, text

    return plain(a) == plain(b)


def changed(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at:][1:]


def dead_keys(d, world):
    """Keys and tokens that must open nothing, each with the code of its refusal."""
    def lease(key, **members):
        return d.ask("POST", "/v1/leases", {"profile": "transform", **members}, key=key)

    d.tenant("gone")
    maker, good = d.ask("POST", "/v1/keys?tenant=acme", {"role": "admin"}), world.keys["admin"]
    dead = {"an expired key": (d.key("acme", "admin", ttl_s=1), "auth.expired"),
            "an expired lease's token": (lease(good, ttl_s=1)["token"], "lease.expired"),
            "a key of a deleted tenant": (deleted := d.key("gone", "admin"), "auth.unknown"),
            "a token of a deleted tenant": (lease(deleted)["token"], "token.invalid"),
            "a revoked key": (maker["key"], "auth.revoked"), "a token of a revoked key": (lease(maker["key"])["token"], "auth.revoked")}
    end = time.monotonic() + 1.1
    assert d.ask("DELETE", "/v1/tenants/gone").status == 204
    assert d.ask("DELETE", f"/v1/keys/{maker['id']}?tenant=acme").status == 204
    revoked, renewed = lease(good), lease(good)
    assert d.ask("DELETE", f"/v1/leases/{revoked['lease']}", key=good).status == 204
    assert d.ask("POST", f"/v1/leases/{renewed['lease']}/renew", {"epoch": 1}, key=good).status == 200
    dead |= {"a revoked lease's token": (revoked["token"], "lease.revoked"), "a token of an earlier epoch": (renewed["token"], "lease.epoch"),
             "a malformed key": ("cordon_key_x", "auth.unknown"), "a malformed token": ("a.b.c", "token.invalid"),
             "a changed secret": (changed(good, -2), "auth.unknown"), "a changed signature": (changed(world.token, -9), "token.invalid"),
             "another key's secret": (good[:38] + world.keys["runner"][38:], "auth.unknown"),
             "a key without its beginning": (good.removeprefix("cordon_"), "auth.unknown")}
    time.sleep(max(0, end - time.monotonic()))  # their life is what is tested
    return dead


def crossing(t, d, doc, world, dead):
    d.tenant("globex")
    d.tenant("asleep")
    foreign = {role: d.key("globex", role) for role in ROLES}
    asleep = {role: d.key("asleep", role) for role in ROLES}
    other = d.key("acme", "runner")
    tokens = {}
    for tenant, key in (("acme", other), ("globex", foreign["admin"]), ("asleep", asleep["admin"])):
        tokens[tenant] = d.ask("POST", "/v1/leases", {"profile": "transform"}, key=key)["token"]
    assert d.ask("PATCH", "/v1/tenants/asleep", {"state": "suspended"}).status == 200
    secrets = [world.done, world.running, world.key_id, world.artifact, world.lease, "acme", "mine"]
    first = snapshot(d)
    for o in doc.operations.values():
        real, missing, body = REQUESTS[o.id](world)
        wrong, before = [], snapshot(d)

        def want(what, reply, status, code, wrong=wrong, before=before):
            if (reply.status, reply.code) != (status, code):
                wrong.append(f"{what}: wanted {status} {code}, got {reply}")
            if snapshot(d) != before:
                wrong.append(f"{what}: something changed")

        def ask(key, parameter, tenant=None, o=o, body=body):
            return d.ask(o.method, target(o, parameter, tenant), body, key=key, local=False)

        if not o.roles:
            t.ok(ask(None, "").status == 200, f"{o}: needs no key")
            continue
        want("no key", ask(None, real), 401, "auth.missing")
        for what, (key, code) in dead.items():
            want(what, ask(key, real), 401, code)
        for tenant, key in tokens.items():
            if "lease" not in o.roles:
                want(f"a token of {tenant}", ask(key, real), 403, "auth.role")
            elif o.id in OF_A_TENANT:
                want(f"a token of {tenant}", r := ask(key, real), 404, UNKNOWN.get(o.id, "not_found"))
                if not same_but_ids(r, none := ask(key, missing), (real, missing)):
                    wrong.append(f"a token of {tenant}: {r}, a missing one: {none}")
            else:
                if tenant != "acme":
                    want(f"a token of {tenant} names the tenant", ask(key, real, "acme"), 404, "not_found")
                    r = ask(key, real)
                    if o.id == "submitRun" and r["outcome"] != "denied" or o.id != "submitRun" and r["runs"] not in ([], None) and tenant == "asleep":
                        wrong.append(f"a token of {tenant}: {r}")
        for role in ROLES:
            if role not in o.roles:
                want(f"role {role}", ask(world.keys[role], real), 403, "auth.role")
                continue
            for tenant, keys in (("globex", foreign), ("asleep", asleep)):
                what, key = f"{role} of {tenant}", keys[role]
                if "tenant" in o.query:
                    r, none = ask(key, real, "acme"), ask(key, missing, "nobody")
                    want(f"{what} names the tenant", r, 404, "not_found")
                    if not same_but_ids(r, none, (real, missing)):
                        wrong.append(f"{what}: a foreign tenant is answered as {r}, none as {none}")
                if o.id in OF_A_TENANT:
                    r, none = ask(key, real), ask(key, missing)
                    want(what, r, 404, UNKNOWN.get(o.id, "not_found"))
                    if not same_but_ids(r, none, (real, missing)):
                        wrong.append(f"{what}: a foreign one is answered as {r}, a missing one as {none}")
                else:
                    r = ask(key, real)
                    if snapshot(d)[1:] != before[1:]:
                        wrong.append(f"{what}: something of the victim changed")
                    found = [s for s in secrets if s in r.body.decode(errors="replace")]
                    if o.id in ("checkProfile", "submitRun", "listEvents"):
                        found = [s for s in found if s != "mine"]  # their own requests name it
                    if found and r.status < 400:
                        wrong.append(f"{what}: the answer shows {found}: {r}")
                    if tenant == "asleep" and o.id == "submitRun" and (r["outcome"], r["error"]["code"]) != (
                            "denied", "tenant.suspended"):
                        wrong.append(f"{what}: {r}")
            if role == "runner" and o.id in OF_A_KEY:
                r, none = ask(other, real), ask(other, missing)
                want("another runner of the tenant", r, 404, UNKNOWN.get(o.id, "not_found"))
                if not same_but_ids(r, none, (real, missing)):
                    wrong.append(f"another runner of the tenant: {r}, a missing one: {none}")
        t.equal(wrong, [], f"{o}: only those who may")
    t.equal(snapshot(d), first, "and nothing was changed")


def test(t):
    with Daemon() as d:
        doc = Document(d.ask("GET", "/openapi.json", local=False, key="x").body.decode())
        routes(t, d, doc)
        d.tenant("acme")
        assert d.ask("PUT", "/v1/quotas/tenant/acme?tenant=acme", {"runs": 100000}).status == 200
        world = World.last = World(d)
        dead = dead_keys(d, world)
        crossing(t, d, doc, world, dead)
        with Validator(doc) as validator:
            api = Checked(d, doc, validator)
            everywhere(t, d, api, doc, dead)
            tenants(d, api)
            quotas(d, api)
            profiles(d, api)
            artifacts(d, api)
            leases(d, api)
            followed(d, api)
            evidence(d, api)
            runs(d, api)
            not_ready(d, api)
            api.flaws += hurried(doc, validator, api.seen) + crowded(doc, validator, api.seen) + witnessed(doc, validator, api.seen) + tiered(doc, validator, api.seen)
            t.equal(api.flaws, [], f"{api.answers} answers are as the document says")
            missing = sorted(f"{o.id} {status} {code or ''}".strip() for o in doc.operations.values()
                             for status, code in o.promises()
                             if (o.id, status, code) not in api.seen and not ELSEWHERE.match(code or ""))
            t.equal(missing, [], "each documented status and problem code was seen")


if __name__ == "__main__":
    tap.main(test)
