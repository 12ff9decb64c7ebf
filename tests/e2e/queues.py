"""Queues, as tests see them: slots that are taken until the test gives them back, and the order in which runs were done."""

import base64
import contextlib
import json
import time

from daemon import ANSWER, Daemon

# Its runs may be of either class, and sleep for an hour.
PATIENT = """apiVersion: cordon/v1
kind: CapabilityProfile
metadata: {name: patient, owner: tests}
spec:
  class: interactive
  tier: standard
  minTrust: 0
  limits: {cpu: 10s, wall: 1h, memory: 128MiB, output: 1MiB, operations: 1000}
  egress: []
  tools: []
  storage: []
"""
SLEEP = "async () => { await new Promise((resolve) => setTimeout(resolve, 3000000)); return 1 }"
# The clock stands still within a run: work is counted in turns of a loop.
SPIN = "({ input }) => { let x = 1; for (let i = 0; i < input; i++) x = Math.imul(x, 31) + i | 0; return x & 1 }"
SHORT = "() => 1"
LATER = {"Prefer": "respond-async"}
REASONS = {"none", "concurrency", "fairness", "tenant_cap", "key_cap", "profile_cap", "lease"}


def slots(least, most=None, interactive=0, bulk=0):
    """Options: so many runs at once, and the floors of the classes."""
    return ("--concurrency-min", str(least), "--concurrency-max", str(most or least), "--floor-interactive", str(interactive),
            "--floor-bulk", str(bulk), "--concurrency-reserve", "0")


class Queues(Daemon):
    """A daemon whose tenants are there when they are first asked for, each with a key and the profile `patient`."""

    def __init__(self, *options, **how):
        super().__init__(options=options, **how)
        self.keys, self.connections = {}, {}

    def stop(self, *how):
        for c, _ in self.connections.values():
            c.close()
        self.connections = {}
        return super().stop(*how)

    def key_of(self, tenant):
        if tenant not in self.keys:
            self.tenant(tenant)
            self.keys[tenant] = self.key(tenant, role="operator")
            put = self.ask("PUT", "/v1/profiles/patient", PATIENT, key=self.keys[tenant])
            assert put.status == 201, put
        return self.keys[tenant]

    def send(self, tenant, code=SHORT, key=None, headers=LATER, class_="bulk", **members):
        """The answer to a run that is sent and not waited for."""
        key = key or self.key_of(tenant)
        body = {"code": code, "profile": "patient", "class": class_, **members}
        c, since = self.connections.get(key, (None, 0))
        if time.monotonic() - since > 10:  # one that is idle for long is closed by the other side
            c = self.connection(key)
        self.connections[key] = c, time.monotonic()
        return self.ask("POST", "/v1/runs", body, key=key, headers=headers, connection=c)

    def submit(self, tenant, *how, **members):
        """The same of one that is accepted: its ID."""
        r = self.send(tenant, *how, **members)
        assert r.status == 202, r
        return r["run"]

    def done(self, tenant, run):
        return self.wait(run, self.key_of(tenant))

    def cancel(self, tenant, *runs):
        for run in runs:
            assert self.ask("DELETE", f"/v1/runs/{run}", key=self.key_of(tenant)).status == 202
        for run in runs:
            self.done(tenant, run)

    def queue(self, key=None):
        r = self.ask("GET", "/v1/queue", key=key)
        assert r.status == 200, r
        return r.data

    def classes(self):
        """Waiting and running, of interactive and of bulk."""
        c = self.queue()["classes"]
        return {name: (c[name]["waiting"], c[name]["running"]) for name in c}

    def until(self, condition, what):
        """What comes by itself, if it comes at all."""
        end = time.monotonic() + ANSWER
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.02)
        raise RuntimeError(f"{what}: never; {self.queue()}")

    def idle(self):
        self.until(lambda: all(v == (0, 0) for v in self.classes().values()), "nothing waits or runs")

    @contextlib.contextmanager
    def blocked(self, tenant="blocker", count=1, class_="bulk"):
        """All slots are taken, until the end of the block."""
        runs = [self.submit(tenant, SLEEP, class_=class_) for _ in range(count)]
        self.until(lambda: self.classes()[class_] == (0, count), "the slots are taken")
        yield runs
        self.cancel(tenant, *runs)

    def order(self, *names):
        """Completed runs of these tenants in the order of the log, in which they ended: (tenant, run, CPU time in us)."""
        found, after = [], ""
        while True:
            page = self.ask("GET", f"/v1/events?event=execution_completed&limit=1000{after}")
            found += [(e["event"]["tenant"], e["event"]["run"], e["event"]["cpu_us"]) for e in page["events"]]
            if not page["more"]:
                return [x for x in found if x[0] in names]
            after = f"&after={page['next']}"

    def all_done(self, *names, count):
        """The same, when there are so many."""
        self.until(lambda: len(self.order(*names)) >= count, f"{count} runs of {names} are done")
        return self.order(*names)

    def runs(self, tenant):
        """All that the tenant has: ID, and the row of the list."""
        found, cursor = {}, ""
        while True:
            page = self.ask("GET", f"/v1/runs?limit=500{cursor}", key=self.key_of(tenant))
            found.update({r["run"]: r for r in page["runs"]})
            if not page["next"]:
                return found
            cursor = f"&cursor={page['next']}"


def statement(envelope):
    """What was signed."""
    return json.loads(base64.b64decode(envelope["payload"]))
