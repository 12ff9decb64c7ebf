#!/usr/bin/env python3
"""Runs that the platform fails, tried again: only where it is safe, so often, and never as a storm."""

import contextlib
import json
import os
import re
import signal

import cordon
import tap
from daemon import Daemon

EVENTS = {"Accept": "text/event-stream"}
ASYNC = {"Prefer": "respond-async"}
BEGUN = "async ({input}) => { console.log('begun'); await new Promise(r => setTimeout(r, input)); return input }"
LONG = 600000

PROFILE = """apiVersion: cordon/v1
kind: CapabilityProfile
metadata: {name: %s, owner: tests}
spec:
  class: interactive
  tier: standard
  minTrust: 0
  limits: {cpu: 1s, wall: 20m, memory: 64MiB, output: 64KiB, operations: 100}
%s
"""
WRITES = """  egress:
    - {id: out, host: api.example.com, methods: [POST], paths: ["/x"], justification: tests, maxRequest: 1KiB, maxResponse: 1KiB}
"""
TOOL = """  tools:
    - {name: tickets.create, approval: none}
"""


class Stream:
    """A run that is followed; its events as they come."""

    def __init__(self, d, key, **body):
        self.c = d.connection(key)
        self.c.request("POST", "/v1/runs", json.dumps(body), {**EVENTS, "Authorization": f"Bearer {key}"})
        self.answer, self.seen = self.c.getresponse(), []
        self.run = self.until("run")["run"]

    def until(self, name):
        event = None
        while line := self.answer.readline().decode():
            if line.startswith("event: "):
                event = line[7:].strip()
            elif line.startswith("data: "):
                data = json.loads(line[6:])
                self.seen.append((event, data))
                if event == name:
                    return data
        raise RuntimeError(f"no event '{name}' came: {self.seen}")

    def close(self):
        self.c.close()


def kill(d, name="node"):
    """All of that name; back when others have taken their place."""
    old = set(d.children(name))
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    while not set(d.children(name)) - old or d.ask("GET", "/readyz").status != 200:
        pass


def metric(d, name):
    text = d.ask("GET", "/metrics").body.decode()
    return {m[1]: float(m[2]) for m in re.finditer(rf"^{name}{{(.*)}} (\S+)$", text, re.M)}


def kinds(t, d, key):
    for name, more in (("pure", ""), ("writes", WRITES), ("tool", TOOL), ("stores", "  storage: [{session: read-write, maxBytes: 1KiB}]\n"),
                       ("reads", "  storage: [{session: read, maxBytes: 1KiB}]\n")):
        t.ok(d.ask("PUT", f"/v1/profiles/{name}", PROFILE % (name, more), headers={"Content-Type": "application/yaml"}).status in (200, 201),
             f"profile {name}")
    for process in ("node", "zygote"):
        for profile, members, again in (("pure", {}, True), ("reads", {}, True), ("writes", {}, False), ("tool", {}, False),
                                        ("stores", {}, False), ("writes", {"idempotent": True}, True),
                                        ("pure", {"idempotent": False}, True)):
            s = Stream(d, key, code=BEGUN, input=1500, profile=profile, **members)
            s.until("log")
            kill(d, process)
            end = s.until("result")
            s.close()
            what = f"{process} killed, profile {profile} {members or ''}"
            reason = (end["termination"] or {}).get("reason")
            t.equal((end["outcome"], reason, end["attempts"]), ("completed", None, 2) if again else ("terminated", "crashed", 1), what)
            t.equal([e for e, _ in s.seen].count("retry"), int(again), f"{what}: who follows is told of a new attempt")
            t.equal([x["text"] for x in end["logs"]], ["begun"], f"{what}: logs of one attempt only")
            shown = d.ask("GET", f"/v1/runs/{s.run}", key=key)
            t.equal((shown["outcome"], shown["attempts"]), (end["outcome"], end["attempts"]), f"{what}: it stays so")


def bounds(t, d, key):
    s = Stream(d, key, code=BEGUN, input=LONG)
    s.until("log")
    kill(d)
    s.until("log")
    kill(d)
    end = s.until("result")
    s.close()
    t.equal((end["outcome"], end["termination"]["reason"], end["attempts"]), ("terminated", "crashed", 2),
            "a run that ends its node each time is given up")
    s = Stream(d, key, code=BEGUN, input=LONG, **{"class": "bulk"})
    for _ in range(3):
        s.until("log")
        kill(d)
    end = s.until("result")
    s.close()
    t.equal(end["attempts"], 3, "a bulk run after one attempt more")
    d.tenant("many")
    many = d.key("many")
    before = metric(d, "cordon_run_retries_total")
    streams = [Stream(d, many, code=BEGUN, input=8000) for _ in range(30)]
    for s in streams:
        s.until("log")
    kill(d)
    ends = [s.until("result") for s in streams]
    for s in streams:
        s.close()
    again = sum(e["attempts"] == 2 for e in ends)
    t.ok(1 <= again <= 13, "of thirty that are lost at once, no more are tried again than the budget has", again)
    t.equal(sorted({(e["outcome"], e["attempts"]) for e in ends}), [("completed", 2), ("terminated", 1)], "those complete; the others have crashed")
    after = metric(d, "cordon_run_retries_total")
    grown = {k: after[k] - before[k] for k in after if "interactive" in k and after[k] != before[k]}
    t.equal(sum(grown.values()), 30, "each was asked for")
    t.equal(grown['class="interactive",verdict="allowed"'], again, "and the metrics say what came of it")


def others(t, d, key):
    """What must not be tried again."""
    r = d.ask("POST", "/v1/leases", {"profile": "pure", "hold": True, "code": "export default async (input) => { console.log(1);"
              " await new Promise(r => setTimeout(r, input)) }"}, key=key)
    s = Stream(d, r["token"], input=LONG, idempotent=True)
    s.until("log")
    kill(d)
    end = s.until("result")
    s.close()
    t.equal((end["outcome"], end["attempts"]), ("terminated", 1), "what a held sandbox served has lost its state")
    # Its value is looked at, slowly; the node that does so is lost.
    s = Stream(d, key, code="() => 'a'.repeat(40) + 'b'", output_schema={"type": "string", "pattern": "^(a|a|a|aa)+$"})
    while s.until("journal")["event"] != "execution_completed":
        pass
    kill(d)
    end = s.until("result")
    s.close()
    t.equal((end["outcome"], (end["error"] or {}).get("code"), end["attempts"]), ("failed", "output.unjudged", 1),
            "a run that had ended is not begun again when its judge is lost")
    t.ok(end["usage"]["cpu_us"] > 0, "and what it used is known", end["usage"])
    # Tried again: what is cancelled then ends.
    end = d.run("() => { for (;;) {} }", key=key, limits={"cpu_ms": 50})
    t.equal((end["termination"]["reason"], end["attempts"]), ("cpu_time", 1), "a ceiling is no fault of the platform")
    end = d.run("() => { throw new Error('no') }", key=key)
    t.equal((end["outcome"], end["attempts"]), ("failed", 1), "nor is what the code throws")
    s = Stream(d, key, code=BEGUN, input=LONG)
    s.until("log")
    for pid in d.children("node"):
        os.kill(pid, signal.SIGKILL)
    s.until("retry")
    t.equal(d.ask("DELETE", f"/v1/runs/{s.run}", key=key).status, 202, "one that waits to be tried again can be cancelled")
    end = s.until("result")
    s.close()
    t.equal(end["termination"]["reason"], "cancelled", "and is not begun again")
    s = Stream(d, key, code=BEGUN, input=LONG, deadline_ms=4000)
    s.until("log")
    kill(d)
    end = s.until("result")
    s.close()
    t.ok((end["outcome"], (end["termination"] or end["error"]).get("reason") or end["error"].get("code")) in
         (("terminated", "wall_time"), ("denied", "queue.deadline")), "its deadline is that of all attempts", end)
    t.equal(end["termination"] and end["termination"]["detail"], "its deadline passed while it was running", "and that is said")
    # Nothing can be begun for a while: what was never begun is not lost.
    r = [d.run(BEGUN, key=key, headers=ASYNC, input=0) for _ in range(20)]
    for pid in d.children("node"):
        os.kill(pid, signal.SIGKILL)
    ends = [d.wait(x["run"], key) for x in r]
    t.equal({e["outcome"] for e in ends}, {"completed"}, "runs of no effect all complete, whatever had begun")


def test(t):
    with Daemon() as d:
        key = d.key("default", "runner")
        kinds(t, d, key)
    with Daemon() as d:
        key = d.key("default", "runner")
        d.ask("PUT", "/v1/profiles/pure", PROFILE % ("pure", ""), headers={"Content-Type": "application/yaml"})
        others(t, d, key)
    with Daemon(options=("--concurrency-min", "40")) as d:
        bounds(t, d, d.key("default", "runner"))
        with contextlib.suppress(FileNotFoundError):
            t.equal([f for f in os.listdir(d.data) if "core" in f], [], "no core is left")


tap.main(test)
