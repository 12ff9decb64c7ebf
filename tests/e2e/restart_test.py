#!/usr/bin/env python3
"""Processes are killed at random moments under load: restart_test.py [BINARY [SEED [ROUNDS]]].

Afterwards every run that was accepted has one outcome, a request that was repeated is one run, nothing ran twice,
every run that was acknowledged is in the ledger once and as it was acknowledged, the log has only grown, and
nothing is left behind.
"""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import cordon
import tap
from daemon import Daemon, kept

ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 18
CLIENTS = 5
PATIENCE = 60  # seconds until an answer is missed: a hang guard
KILLED = ("control", "node", "zygote", "ledger", "supervisor")
OUTCOMES = {"completed", "terminated"}

CODES = (
    "({ input }) => [input, Math.random()]",
    "async ({ input }) => { await new Promise(r => setTimeout(r, 40)); return [input, Math.random()] }",
    "({ input }) => { let x = 0; for (let i = 0; i < 3e6; i++) x += i; return [input, Math.random()] }",
)


class Client(threading.Thread):
    """Submits one run after the other, each under a key of its own, and repeats what got no answer."""

    def __init__(self, number, seed, d, key, over):
        super().__init__(daemon=True)
        self.random, self.number = random.Random(f"{seed}/{number}"), number
        self.d, self.key, self.over = d, key, over
        self.sent = {}    # idempotency key: body
        self.answers = {}  # idempotency key: what came for it, in order
        self.odd, self.repeats = [], 0

    def run(self):
        while not self.over.is_set():
            name = f"c{self.number}-{len(self.sent)}"
            self.sent[name] = json.dumps({"code": self.random.choice(CODES), "input": name, "labels": {"k": name}})
            self.answers[name] = []
            self.submit(name)
            if self.random.random() < 0.3:
                self.submit(self.random.choice(list(self.sent)))

    def submit(self, name):
        headers = {"Idempotency-Key": name}
        if self.random.random() < 0.4:
            headers["Prefer"] = "respond-async"
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                r = self.d.ask("POST", "/v1/runs", self.sent[name], key=self.key, headers=headers)
            except (OSError, http.client.HTTPException):
                self.repeats += 1
                time.sleep(0.02)
                continue
            if r.status in (200, 202):
                self.answers[name].append(r.data)
                return
            if r.status != 503:
                break
            self.repeats += 1
            time.sleep(0.02)
        self.odd.append(f"{name}: {r}")


class Watcher(threading.Thread):
    """Reads checkpoints all the time, as a monitor of the log would."""

    def __init__(self, d, over):
        super().__init__(daemon=True)
        self.d, self.over, self.seen = d, over, {}

    def run(self):
        while not self.over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                r = self.d.ask("GET", "/v1/log/checkpoint")
                if r.status == 200:
                    _, size, root = r.body.decode().split("\n")[:3]
                    self.seen.setdefault(int(size), set()).add(root)
            time.sleep(0.02)


def rounds(d, chance):
    """Kills, and starts again what does not start by itself. The names of the killed."""
    killed, starts = [], 0
    # Each at least three times, in an order that depends on the seed alone.
    names = [KILLED[i % len(KILLED)] for i in range(ROUNDS)]
    chance.shuffle(names)
    for name in names:
        time.sleep(chance.uniform(0.05, 1.2))
        pids = d.children(name)
        if not pids:
            continue  # it is just being started anew
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids[0], signal.SIGKILL)
        killed.append(name)
        if name == "supervisor":
            d.process.wait(PATIENCE)
            d.process.stdout.close()
            d.start()
            starts += 1
    return killed, starts


def test(t):
    seed = sys.argv[2] if len(sys.argv) > 2 else "1"
    cordon.adopt()
    with Daemon() as d:
        key = d.key()
        one_by_one(t, d, key)
        over = threading.Event()
        clients = [Client(i, seed, d, key, over) for i in range(CLIENTS)]
        watcher = Watcher(d, over)
        watcher.start()
        for c in clients:
            c.start()
        killed, starts = rounds(d, random.Random(seed))
        time.sleep(0.3)
        over.set()
        for c in clients:
            c.join(PATIENCE * 2)
        answers = {name: a for c in clients for name, a in c.answers.items()}
        print(f"# seed {seed}: killed {', '.join(killed)}; {starts} starts; {len(answers)} runs, "
              f"{sum(c.repeats for c in clients)} repeats", flush=True)
        t.ok(len(killed) >= ROUNDS - 4, "processes were killed", killed)
        t.equal([x for c in clients for x in c.odd], [], "every request was answered in the end")
        watcher.join(PATIENCE)
        evidence(t, d, answers, watcher.seen)
        check(t, d, key, answers, {name: body for c in clients for name, body in c.sent.items()})
        t.equal(d.run("() => 'alive'", key)["value"], "alive", "it serves")
        t.equal(d.stop(), 0, "asked to stop, it stops")
        t.equal(cordon.left_behind(), [], "and nothing is left behind")


def one_by_one(t, d, key):
    """Code that has begun, when somebody dies."""
    ledger_alone(t, d, key)
    for name in (n for n in KILLED if n != "ledger"):
        body = {"code": "async () => { console.log('begun'); await new Promise(r => setTimeout(r, 8000)) }"}
        h = {"Idempotency-Key": f"long-{name}", "Authorization": f"Bearer {key}"}
        c = d.connection(key)
        c.request("POST", "/v1/runs", json.dumps(body), {**h, "Accept": "text/event-stream"})
        stream, run = c.getresponse(), None
        while b"event: log" not in (line := stream.readline()):
            if line.startswith(b"data: ") and run is None:
                run = json.loads(line[6:])["run"]
        c.close()
        os.kill(d.children(name)[0], signal.SIGKILL)
        if name == "supervisor":
            t.ok(d.process.wait(PATIENCE) != 0, "`cordon up` fails when its supervisor was killed")
            d.process.stdout.close()
            d.start()
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                final = d.wait(run, key)
                break
        # What has no effects is begun again when its node is lost; with control goes what it had.
        again = name in ("node", "zygote")
        t.equal((final["outcome"], (final["termination"] or {"reason": None})["reason"], final["attempts"]),
                ("completed", None, 2) if again else ("terminated", "crashed", 0),
                f"{name} killed: its run {'is tried again' if again else 'has crashed'}")
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                again = d.ask("POST", "/v1/runs", body, key=key, headers=h)
                break
        t.equal(again.data, final.data, "and repeated it stays so")


def ledger_alone(t, d, key):
    """A run that is under way when the ledger dies goes on, and is recorded by the next."""
    body = {"code": "async () => { await new Promise(r => setTimeout(r, 700)); return 'on' }"}
    run = d.ask("POST", "/v1/runs", body, key=key, headers={"Prefer": "respond-async"})["run"]
    os.kill(d.children("ledger")[0], signal.SIGKILL)
    t.equal(d.wait(run, key)["value"], "on", "ledger killed: its runs go on")
    t.equal(d.ask("GET", f"/v1/receipts/{run}?wait=true", key=key).status, 200, "and have receipts")


def fold(hashes, index, size, leaf):
    """RFC 9162, section 2.1.3.2: the root to which a proof leads."""
    fn, sn, r = index, size - 1, leaf
    for p in hashes:
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\1" + p + r).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\1" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    return r if sn == 0 else None


def evidence(t, d, answers, seen):
    """What was acknowledged stands in the log, once, and the log has only grown."""
    t.ok(all(len(roots) == 1 for roots in seen.values()), f"{len(seen)} checkpoints were seen, of each size one", seen)
    last = d.ask("GET", "/v1/log/checkpoint").body.decode().split("\n")
    size, sizes = int(last[1]), sorted(seen)
    t.ok(sizes and sizes[-1] <= size, "the log is no smaller than any of them", (sizes[-1:], size))
    wrong = []
    leaves = []
    for n in range(0, size, 256):
        width = min(256, size - n)
        path = merkle_path(n // 256) + ("" if width == 256 else f".p/{width}")
        data = d.ask("GET", f"/v1/log/tile/0/{path}").body
        leaves += [data[i:i + 32] for i in range(0, len(data), 32)]
    t.equal(len(leaves), size, "all of its leaves can be read")
    roots = prefix_roots(leaves, sizes)
    t.equal([s for s in sizes if base64.b64encode(roots[s]).decode() not in seen[s]], [], "and every checkpoint that was seen is one of its past")
    # Each run that was acknowledged, from the log's own events.
    told = {x["run"]: x for a in answers.values() for x in a if x["state"] == "done"}
    entries, after, more = {}, "0.0", True
    while more:
        page = d.ask("GET", f"/v1/events?limit=1000&after={after}").data
        for e in page["events"]:
            if "run" in e["event"] and e["event"]["event"] != "run_cancelled":
                entries.setdefault(e["event"]["run"], set()).add(e["entry"])
        after, more = page["next"], page["more"]
    wrong += [f"{run}: {entries.get(run)}" for run in told if len(entries.get(run, ())) != 1]
    wrong += [f"{run} is in the log {len(n)} times" for run, n in entries.items() if len(n) != 1]
    t.equal(wrong[:5], [], f"{len(told)} acknowledged runs are in the log, each once")
    for run in random.Random(1).sample(sorted(told), min(25, len(told))):
        bundle = d.ask("GET", f"/v1/receipts/{run}?wait=true").data
        entry = bundle["verificationMaterial"]["tlogEntries"][0]
        proof = entry["inclusionProof"]
        leaf = hashlib.sha256(b"\0" + base64.b64decode(entry["canonicalizedBody"])).digest()
        root = fold([base64.b64decode(h) for h in proof["hashes"]], int(proof["logIndex"]), int(proof["treeSize"]), leaf)
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        envelope = told[run]["receipt"].get("envelope")
        if envelope is not None and envelope != bundle["dsseEnvelope"]:
            wrong.append(f"{run}: another envelope")
        if root != base64.b64decode(proof["rootHash"]):
            wrong.append(f"{run}: the proof leads elsewhere")
        if told[run]["outcome"] != statement["predicate"]["result"]["outcome"] and not is_lost(told[run]):
            wrong.append(f"{run}: {told[run]['outcome']}, and in the log {statement['predicate']['result']['outcome']}")
    t.equal(wrong, [], "their receipts are what was answered, and lead to the log's root")
    text = d.ask("GET", "/metrics").body.decode()
    t.has(text, "cordon_trace_completeness_ratio 1.000000", "every run that is over has its journal in the log")
    usage = d.ask("GET", "/v1/usage?limit=1000").data
    t.equal((usage["behind"], usage["more"], sum(r["runs"] for r in usage["rows"])), (0, False, len(entries)), "usage has each run once")
    t.equal(checked(d), (0, ""), "`cordon log check` finds nothing wrong")
    t.equal(checked(d, "usage", "check", "--live", "detail"), (0, ""), "nor `cordon usage check`, with what the daemon says of each label")


def is_lost(run):
    return run["termination"] and "receipt" in (run["termination"]["detail"] or "")


def checked(d, *words):
    p = subprocess.run([str(cordon.binary()), *(words or ("log", "check")), "--data", d.data], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
    return p.returncode, p.stdout if p.returncode else ""


def merkle_path(n):
    text = f"{n % 1000:03}"
    while n >= 1000:
        n //= 1000
        text = f"x{n % 1000:03}/{text}"
    return text


def prefix_roots(leaves, sizes):
    """The roots of the first s leaves, for each s: one pass with the roots of perfect subtrees."""
    found, edge, wanted = {}, [], set(sizes)
    for i, leaf in enumerate(leaves, 1):
        edge.append((1, leaf))
        while len(edge) > 1 and edge[-2][0] == edge[-1][0]:
            (n, right), (_, left) = edge.pop(), edge.pop()
            edge.append((2 * n, hashlib.sha256(b"\1" + left + right).digest()))
        if i in wanted:
            root = edge[-1][1]
            for _, left in reversed(edge[:-1]):
                root = hashlib.sha256(b"\1" + left + root).digest()
            found[i] = root
    return found


def check(t, d, key, answers, bodies):
    rows, cursor = {}, ""
    while cursor is not None:
        page = d.ask("GET", f"/v1/runs?limit=500{cursor and '&cursor=' + cursor}", key=key)
        for r in page["runs"]:
            if r["labels"]:
                rows.setdefault(r["labels"]["k"], []).append(r)
        cursor = page["next"]
    t.equal({k: len(v) for k, v in rows.items() if len(v) != 1}, {}, "each idempotency key has one run")
    t.equal({k for k, a in answers.items() if len({x["run"] for x in a}) != 1 or a[0]["run"] != rows[k][0]["run"]}, set(),
            "and each repeated request got that run")
    finals, wrong = {}, []
    for name, a in answers.items():
        final = finals[name] = d.wait(a[0]["run"], key).data
        if final["outcome"] not in OUTCOMES or (final["termination"] or {"reason": "crashed"})["reason"] not in (
                "crashed", "shutdown"):
            wrong.append(f"{name}: {final['outcome']} {final['termination']}")
        if final["outcome"] == "completed" and final["value"][0] != name:
            wrong.append(f"{name}: has another's value {final['value']}")
        for x in a:
            if x["state"] == "done" and kept(x) != final:
                wrong.append(f"{name}: was told as {x}, and is now {final}")
    t.equal(wrong, [], "every accepted run has one outcome, which stays: its own value, or 'crashed'")
    wrong = []
    for name, final in finals.items():
        lines = d.ask("GET", f"/v1/runs/{final['run']}/events", key=key).body.splitlines()
        events = [json.loads(line) for line in lines]
        if final["outcome"] == "completed" and ([e["seq"] for e in events] != list(range(1, len(events) + 1)) or
                                                [e["event"] for e in events][:2] != ["run_admitted", "sandbox_issued"] or
                                                [e["event"] for e in events].count("sandbox_issued") != 1 or
                                                [e["event"] for e in events].count("execution_completed") != 1):
            wrong.append(f"{name}: {[e['event'] for e in events]}")
        if any(e["run"] != final["run"] for e in events):
            wrong.append(f"{name}: has events of another run")
    t.equal(wrong, [], "no journal tells of two executions")
    done = sum(f["outcome"] == "completed" for f in finals.values())
    t.ok(done > len(finals) / 2, f"most were completed all the same ({done} of {len(finals)})")
    again = {}
    for name in list(answers)[::7]:
        r = d.ask("POST", "/v1/runs", bodies[name], key=key, headers={"Idempotency-Key": name})
        if r.data != finals[name]:
            again[name] = str(r)
    t.equal(again, {}, "an old request repeated gives its old answer")


if __name__ == "__main__":
    tap.main(test)
