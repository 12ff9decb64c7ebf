#!/usr/bin/env python3
"""What a run brought to light is erased: on request, and when its tenant's time is over. Journal and receipt stay and verify."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess
import time

import cordon
import tap
from daemon import Daemon

SECRET = "q8Zr-Zurich-4711-vkT"
CODE = f"""export default async (input) => {{
  console.log("seen", input);
  try {{ await fetch("https://api.example.com/" + input) }} catch {{ }}
  return {{ answer: input, more: [1, 2] }};
}}"""


def places(d, text):
    """Files of the data directory that have it."""
    found = []
    for path in pathlib.Path(d.data).rglob("*"):
        if path.is_file() and text.encode() in path.read_bytes():
            found.append(path.name)
    return sorted(found)


def leaf(line):
    return hashlib.sha256(b"\0" + line).digest()


def root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def statement(d, run, key):
    bundle = d.ask("GET", f"/v1/receipts/{run}?wait=true", key=key).data
    return json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))["predicate"]


def on_request(t, d, key, runner, foreign):
    r = d.run(CODE, key, input=SECRET)
    run, before = r["run"], statement(d, r["run"], key)
    t.equal(before["result"]["output_sha256"], hashlib.sha256(json.dumps(r["value"], separators=(",", ":")).encode()).hexdigest(),
            "the receipt has the value's digest")
    t.ok("state.db-wal" in places(d, SECRET) or "state.db" in places(d, SECRET), "what it brought to light is kept")
    t.equal([p for p in places(d, SECRET) if "ledger" in p], [], "and none of it is in the ledger")
    path = f"/v1/runs/{run}/payload"
    t.equal(d.ask("DELETE", path, key=runner).code, "auth.role", "a runner may not erase")
    t.equal(d.ask("DELETE", path, key=foreign).status, 404, "nor may another tenant")
    t.equal(d.ask("DELETE", "/v1/runs/run_01234567890123456789012345/payload", key=key).status, 404, "a run that is none")
    t.equal(d.ask("DELETE", path, key=key).status, 204, "an operator may")
    t.equal(places(d, SECRET), [], "no file has it any more, logs of databases included")
    after = d.ask("GET", f"/v1/runs/{run}", key=key)
    t.equal((after["outcome"], after["value"], after["logs"], after["error"]), ("completed", None, [], None), "the run stays, without it")
    t.ok(after["erased_at"], "and says when", after)
    t.equal(after["usage"], r["usage"], "its usage stays what it was")
    lines = d.ask("GET", f"/v1/runs/{run}/events", key=key).body.splitlines()
    t.ok(not any(b'"request":' in x for x in lines), "its journal stays, without payloads")
    t.equal((root([leaf(x) for x in lines]).hex(), len(lines)), (before["journal"]["root"], before["journal"]["count"]), "and has the root that the receipt has")
    t.equal(statement(d, run, key), before, "the receipt is what it was")
    t.equal(d.ask("DELETE", path, key=key).status, 204, "erased again, it is erased")
    acts = d.ask("GET", f"/v1/events?event=payload_erased&tenant=acme").data["events"]
    t.equal([(a["event"]["run"], a["event"]["role"]) for a in acts], [(run, "operator")], "who did it is on record, once")
    slow = d.ask("POST", "/v1/runs", {"code": "async () => { await new Promise(r => setTimeout(r, 3000)) }"}, key=key,
                 headers={"Prefer": "respond-async"})["run"]
    t.equal(d.ask("DELETE", f"/v1/runs/{slow}/payload", key=key).code, "run.running", "a run that is under way has to be cancelled first")
    d.ask("DELETE", f"/v1/runs/{slow}", key=key)
    d.wait(slow, key)


def born_earlier(run, days):
    """IDs begin with the time of birth: 48 bits of milliseconds, then 80 random ones, in base32."""
    digits = "0123456789abcdefghjkmnpqrstvwxyz"
    n = 0
    for c in run[4:]:
        n = n * 32 + digits.index(c)
    n -= days * 86400000 << 80
    return "run_" + "".join(digits[n >> 5 * i & 31] for i in range(25, -1, -1))


def by_time(t, d, key):
    old, new = d.run(CODE, key, input=SECRET + "-old")["run"], d.run(CODE, key, input=SECRET + "-new")["run"]
    for bad in (-1, 1.5, "7", 40000):
        t.equal(d.ask("PATCH", "/v1/tenants/acme", {"payload_days": bad}).status, 400, f"payload_days {bad!r} is refused")
    t.equal(d.ask("PATCH", "/v1/tenants/acme", {}).status, 400, "a change of nothing is refused")
    t.equal(d.ask("PATCH", "/v1/tenants/acme", {"payload_days": 7})["payload_days"], 7, "a tenant says how long")
    d.stop()
    aged = born_earlier(old, 10)
    with contextlib.closing(sqlite3.connect(os.path.join(d.data, "state", "state.db"))) as db:
        db.execute("UPDATE runs SET id = ? WHERE id = ?", (aged, old))
        db.commit()
    d.start()
    end = time.monotonic() + 30  # a hang guard
    while (r := d.ask("GET", f"/v1/runs/{aged}", key=key))["value"] is not None and time.monotonic() < end:
        time.sleep(0.05)
    t.ok(r["value"] is None and r["erased_at"], "what is older is erased by itself", r)
    t.equal(d.ask("GET", f"/v1/runs/{new}", key=key)["value"]["answer"], SECRET + "-new", "what is younger is not")
    acts = d.ask("GET", "/v1/events?event=payloads_erased").data["events"]
    t.equal([(a["event"]["by"], a["event"]["tenant"], a["event"]["runs"]) for a in acts], [("control", "acme", "1")], "and that is on record")
    t.equal(places(d, SECRET + "-old"), [], "no file has it any more")
    t.equal(d.ask("PATCH", "/v1/tenants/acme", {"payload_days": 0})["payload_days"], None, "0: as long as runs are kept")


def checked(d):
    p = subprocess.run([str(cordon.binary()), "log", "check", "--json", "--data", d.data], stdout=subprocess.PIPE, timeout=60)
    return p.returncode, json.loads(p.stdout)


def tampered(t, d, key):
    """What the state database has, against what receipts and journals have."""
    runs = {kind: d.run(code, key)["run"] for kind, code in {
        "json": "() => ({ b: [1, 2.50, '\\u00e9\\n'], a: null })", "text": "export default { fetch() { return new Response('a\\n\\u0000\\ud83d\\ude00') } }",
        "bytes": "() => new Uint8Array([0, 255, 10])", "nothing": "() => undefined", "thrown": "() => { throw 1 }"}.items()}
    t.equal([d.ask("GET", f"/v1/runs/{runs[kind]}", key=key)["value_kind"] for kind in ("json", "bytes")], ["json", "bytes"], "values of each kind")
    called = d.run(CODE, key, input="x")["run"]
    status, found = checked(d)
    t.ok(status == 0 and found["payloads"] is None and "state" in found["payloads_why"], "while the daemon runs, payloads are left out, and that is said", found)
    d.stop()
    status, found = checked(d)
    t.ok(status == 0 and found["payloads"] >= 6, "when it does not, each is what its receipt says", found)
    path = os.path.join(d.data, "state", "state.db")
    for run, column, old, new in ((runs["json"], "result", b"2.5", b"2.6"), (runs["text"], "result", b"a\\n", b"b\\n"),
                                  (runs["bytes"], "result", b'"base64":"A', b'"base64":"B'), (runs["nothing"], "result", b'"value":null', b'"value":1234'),
                                  (called, "payloads", b"api.example", b"api.exanple"), (called, "payloads", b"GET", b"PUT"),
                                  (called, "id", b"run_0", b"run_1")):
        with contextlib.closing(sqlite3.connect(path)) as db:
            before = db.execute(f"SELECT {column} FROM runs WHERE id = ?", (run,)).fetchone()[0]
            data = before if isinstance(before, bytes) else before.encode()
            changed = data.replace(old, new, 1)
            assert changed != data, (column, old, data)
            db.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (changed if isinstance(before, bytes) else changed.decode(), run))
            db.commit()
        status, found = checked(d)
        wrong = [f["subject"] for f in found["findings"]]
        t.ok(status == 1 and wrong and wrong[0][5:] == run[5:], f"{old.decode()!r} changed in {column} is found", found)
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute(f"UPDATE runs SET {column} = ? WHERE id IN (?, ?)", (before, run, run.replace("run_0", "run_1")))
            db.commit()
    t.equal(checked(d)[0], 0, "put back, all is well")
    d.start()


def test(t):
    cordon.adopt()
    with Daemon() as d:
        d.tenant("acme")
        d.tenant("globex")
        key, runner, foreign = d.key("acme", "operator"), d.key("acme"), d.key("globex", "operator")
        on_request(t, d, key, runner, foreign)
        by_time(t, d, key)
        tampered(t, d, key)
        t.equal(d.stop(), 0, "asked to stop, it stops")


if __name__ == "__main__":
    tap.main(test)
