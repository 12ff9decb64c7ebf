#!/usr/bin/env python3
"""Processes are killed at random moments under load: restart_test.py [BINARY [SEED]].

Afterwards every run that was accepted has one outcome, a request that was repeated is one run, nothing ran twice,
and nothing is left behind.
"""

import contextlib
import http.client
import json
import os
import random
import signal
import sys
import threading
import time

import cordon
import tap
from daemon import Daemon, kept

ROUNDS = 14
CLIENTS = 5
PATIENCE = 60  # seconds until an answer is missed: a hang guard
KILLED = ("control", "node", "zygote", "supervisor")
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
        check(t, d, key, answers, {name: body for c in clients for name, body in c.sent.items()})
        t.equal(d.run("() => 'alive'", key)["value"], "alive", "it serves")
        t.equal(d.stop(), 0, "asked to stop, it stops")
        t.equal(cordon.left_behind(), [], "and nothing is left behind")


def one_by_one(t, d, key):
    """Code that has begun is not begun again, whoever dies."""
    for name in KILLED:
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
        t.equal((final["outcome"], final["termination"]["reason"]), ("terminated", "crashed"), f"{name} killed: its run has crashed")
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                again = d.ask("POST", "/v1/runs", body, key=key, headers=h)
                break
        t.equal(again.data, final.data, "and repeated it stays so")


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
