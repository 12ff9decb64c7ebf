#!/usr/bin/env python3
"""Many questions to the ledger, and dear ones: they keep no run waiting, and end no process."""

import concurrent.futures
import threading
import time

import cordon
import tap
from daemon import Daemon

PROFILE = """apiVersion: cordon/v1
kind: CapabilityProfile
metadata: {name: noisy, owner: t, description: Much to record.}
spec:
  class: interactive
  tier: standard
  minTrust: 0
  limits: {cpu: 20s, wall: 60s, memory: 128MiB, output: 16MiB, operations: 100000, logLines: 100000}
"""
CALLS = "export default async () => { for (;;) { try { await fetch('http://h' + Math.random() + '.example/') } catch {} } }"
LOGS = "export default () => { for (;;) console.log('x') }"
CLIENTS = 120


class Victim:
    """Runs of another tenant, one after the other, and how long the slowest took."""

    def __init__(self, daemon, key):
        self.daemon, self.key, self.going, self.slowest, self.bad = daemon, key, True, 0, []
        self.thread = threading.Thread(target=self.go)
        self.thread.start()

    def go(self):
        while self.going:
            begun = time.monotonic()
            r = self.daemon.run("export default () => 1", key=self.key)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if r.status != 200 or r["outcome"] != "completed":
                self.bad.append(str(r))

    def stop(self):
        self.going = False
        self.thread.join()
        return self


def test(t):
    cordon.adopt()
    with Daemon() as d:
        d.tenant("evil")
        t.equal(d.ask("PUT", "/v1/profiles/noisy?tenant=evil", PROFILE).status, 201, "a profile for long journals")
        runner, auditor, other = d.key("evil"), d.key("evil", "auditor"), d.key()
        full = [d.run(code, key=runner, profile="noisy")["run"] for code in (CALLS, LOGS)]
        ledger = d.children("ledger")
        victim = Victim(d, other)
        for query in ("event=tool_call_blocked&decision=d0", "event=log&decision=d0", "reason=egress.denied&trace=no",
                      "decision=d0"):
            r = d.ask("GET", f"/v1/events?{query}", key=auditor)
            t.ok(r.status == 200 and r["events"] == [], f"of thousands of events none fits: {query}", r)
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(lambda i: d.ask("GET", f"/v1/runs/{full[i % 2]}/events", key=runner), range(CLIENTS)))
            t.equal({(r.status, len(r.body) > 4 << 20) for r in answers}, {(200, True)}, "the longest journals, all at once")
            answers = list(pool.map(lambda i: d.ask("GET", "/v1/events?limit=1000&event=tool_call_blocked", key=auditor), range(CLIENTS)))
            t.equal({(r.status, len(r["events"])) for r in answers}, {(200, 1000)}, "the longest pages, all at once")
            receipts = list(pool.map(lambda i: d.ask("GET", f"/v1/receipts/{full[i % 2]}?wait=true", key=runner), range(CLIENTS)))
            t.equal({r.status for r in receipts}, {200}, "receipts, all at once")
        victim.stop()
        t.equal(victim.bad, [], "runs of another tenant complete meanwhile")
        t.ok(victim.slowest < 2.5, "none of them waits for it", victim.slowest)
        t.equal(d.children("ledger"), ledger, "the ledger lives")
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    tap.main(test)
