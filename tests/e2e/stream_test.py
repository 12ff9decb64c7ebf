#!/usr/bin/env python3
"""Runs that are followed as they happen: server-sent events."""

import json
import threading

import cordon
import tap
from daemon import Daemon, kept

EVENTS = {"Accept": "text/event-stream"}

SLOW = """
async ({ input }) => {
  for (let i = 0; i < 3; i++) {
    console.log("step", i);
    await new Promise((done) => setTimeout(done, 150));
  }
  await fetch("https://example.com/").catch(() => {});
  return "over";
}
"""


def follow(d, method, path, body=None, key=None):
    """The reply's type, and (event, data) of each event."""
    c = d.connection(key)
    c.request(method, path, body=json.dumps(body) if body else None,
              headers={**EVENTS, "Authorization": f"Bearer {key}"})
    r = c.getresponse()
    seen, name = [], None
    while line := r.readline().decode():
        if line.startswith("event: "):
            name = line[7:].strip()
        elif line.startswith("data: "):
            seen.append((name, json.loads(line[6:])))
    c.close()
    return r.headers["Content-Type"], seen


ENDLESS = """
async () => {
  console.log("first");
  await fetch("https://example.com/").catch(() => {});
  await new Promise(() => {});
}
"""


def live(t, d, key):
    """Of a run that does not end by itself, everything is there before its end is ordered."""
    c = d.connection(key)
    c.request("POST", "/v1/runs", body=json.dumps({"code": ENDLESS, "limits": {"wall_ms": 10000}}),
              headers={**EVENTS, "Authorization": f"Bearer {key}"})
    r, seen = c.getresponse(), []
    while not {"first", "tool_call_blocked"} <= {x.get("text") or x.get("event") for x in seen}:
        line = r.readline().decode()
        if line.startswith("data: "):
            seen.append(json.loads(line[6:]))
        elif not line:
            break
    d.ask("DELETE", f"/v1/runs/{seen[0]['run']}", key=key)
    end = [json.loads(line[6:]) for line in r.read().decode().splitlines() if line.startswith("data: ")][-1]
    t.equal(end["termination"]["reason"], "cancelled", "log lines and decisions come as they happen")
    c.close()


def test(t):
    cordon.adopt()
    with Daemon() as d:
        d.tenant("acme")
        key = d.key("acme")
        kind, seen = follow(d, "POST", "/v1/runs", {"code": SLOW}, key)
        names = [name for name, _ in seen]
        t.equal(kind, "text/event-stream", "a run is answered with events")
        t.equal((names[0], names[-1]), ("run", "result"), "first the run, last its result")
        t.equal(seen[-1][1]["value"], "over", "the whole of it")
        logs = [data for name, data in seen if name == "log"]
        t.equal([data["text"] for data in logs], ["step 0", "step 1", "step 2"], "its log lines")
        journal = [data for name, data in seen if name == "journal"]
        t.equal([e["seq"] for e in journal], list(range(1, len(journal) + 1)), "its journal, without gaps")
        blocked = [data for name, data in seen if name == "journal" and data["event"] == "tool_call_blocked"]
        t.ok(len(blocked) == 1 and names.index("journal") < names.index("log"), "decisions among it", journal)
        run = seen[-1][1]["run"]
        again = follow(d, "GET", f"/v1/runs/{run}/events", key=key)[1]
        t.equal([e for e in again if e[0] == "journal"], [e for e in seen if e[0] == "journal"],
                "the same can be had afterwards")
        t.equal(again[-1][1], kept(seen[-1][1]), "with the result")
        live(t, d, key)
        r = d.ask("POST", "/v1/runs", {"code": SLOW}, key=key, headers={"Prefer": "respond-async"})
        late = follow(d, "GET", f"/v1/runs/{r['run']}/events", key=key)[1]
        t.equal(late[-1][1]["value"], "over", "a run that is under way can be joined")
        denied = follow(d, "POST", "/v1/runs", {"code": "() => 1", "profile": "none"}, key)[1]
        t.equal([(n, x.get("outcome")) for n, x in denied], [("run", None), ("result", "denied")], "a denied run is an event too")
        t.equal(d.ask("POST", "/v1/runs", {"code": 1}, key=key, headers=EVENTS).status, 400, "a problem is no stream")
        # A client that goes away, and one that does not read: the run goes on, and others are served.
        c = d.connection(key)
        c.request("POST", "/v1/runs", body=json.dumps({"code": SLOW, "labels": {"who": "gone"}}),
                  headers={**EVENTS, "Authorization": f"Bearer {key}"})
        c.getresponse().readline()
        c.close()
        flood = "() => { for (let i = 0; i < 900; i++) console.log('x'.repeat(1000)) }"
        c = d.connection(key)
        c.request("POST", "/v1/runs", body=json.dumps({"code": flood}),
                  headers={**EVENTS, "Authorization": f"Bearer {key}"})
        got = []
        threads = [threading.Thread(target=lambda: got.append(d.run("() => 1", key)["value"])) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        t.equal(got, [1] * 8, "others are served meanwhile")
        c.close()
        r = d.ask("GET", "/v1/runs?label=who%3Dgone", key=key)
        t.equal(d.wait(r["runs"][0]["run"], key)["value"], "over", "a run whose client went away goes on")
        t.equal(d.stop(), 0, "it stops")
        t.equal(cordon.left_behind(), [], "and leaves nothing behind")


if __name__ == "__main__":
    tap.main(test)
