"""Whose turn it is: fairness between tenants, classes and their floors, caps, debts. Nothing here reads a clock: slots are
taken by runs that sleep until they are cancelled, and with one slot runs end in the order in which they were started."""

import contextlib
import http.client
import json
import os
import signal

import tap
from queues import LATER, REASONS, SLEEP, SPIN, Queues, slots, statement

FLOOD = 1000


def says_why_it_waited(t, d):
    r = d.send("alpha", headers={}, class_="interactive")
    t.ok(r.status == 200 and set(r["queue"]) == {"class", "position", "waited_us", "because"} and r["attempts"] == 1,
         "a result says how it was in the queue", r)
    t.equal((r["queue"]["class"], r["queue"]["position"], r["queue"]["because"]), ("interactive", 0, "none"),
            "who need not wait says so")
    seen = statement(r["receipt"]["envelope"])["predicate"]
    t.equal(json.dumps(seen.get("queue"), sort_keys=True), json.dumps(r["queue"], sort_keys=True), "its receipt says the same")
    later = d.ask("GET", f"/v1/runs/{r['run']}", key=d.key_of("alpha"))
    t.equal(later["queue"], r["queue"], "and so does the run, later")
    with d.blocked():
        run = d.submit("alpha")
        waiting = d.ask("GET", f"/v1/runs/{run}", key=d.key_of("alpha"))
        t.equal((waiting["state"], waiting["queue"]["because"], waiting["queue"]["position"]), ("running", "concurrency", 0),
                "while it waits for a slot, it says that it does")
    r = d.done("alpha", run)
    t.ok(r["outcome"] == "completed" and r["queue"]["because"] == "concurrency" and r["queue"]["waited_us"] > 0, "and afterwards", r)


def cpu_of(order, tenant):
    return sum(cpu for name, _, cpu in order if name == tenant)


def one_starts_within_a_flood(t, d):
    """The flood is there first, and has one key; who sends one run waits for a turn, not for the flood."""
    with d.blocked():
        flood = [d.send("flood") for _ in range(FLOOD)]
        t.equal([r.status for r in flood], [202] * FLOOD, f"{FLOOD} runs of one tenant wait")
        t.equal([r["queue"]["position"] for r in flood], list(range(FLOOD)), "each knows how many were there before it")
        one = d.submit("single")
        first = d.ask("GET", "/v1/queue", key=d.key_of("single"))
        t.equal([(x["tenant"], x["class"], x["waiting"]) for x in first["tenants"]], [("single", "bulk", 1)],
                "a tenant's key sees its own queue, and no other")
        t.ok("classes" not in first.data and "flood" not in first.body.decode(), "nor anything of others", first)
    order = d.all_done("flood", "single", count=FLOOD + 1)
    before = [x[1] for x in order].index(one)
    turns = cpu_of(order[:before], "flood")  # one is 5 ms
    t.ok(before <= FLOOD / 10 and turns <= 15000, "the one is served within the next turns", f"after {before} of the flood, {turns} us")
    t.equal([x[1] for x in order if x[0] == "flood"], [r["run"] for r in flood], "the flood is served, in its order")
    t.equal(d.done("single", one)["queue"]["position"], FLOOD, "the one says how many waited when it came")


def together(order, counts):
    """The part of the order in which all of them still had work."""
    left = dict(counts)
    for i, (name, _, _) in enumerate(order):
        left[name] -= 1
        if not left[name]:
            return order[:i]
    return order


def is_charged_what_it_used(t, d):
    """Long runs against short ones: what counts is CPU time, not how many there are."""
    probe = d.done("calibration", d.submit("calibration", SPIN, input=30_000_000))
    turns = round(30_000_000 * 50_000 / probe["usage"]["cpu_us"])  # about 50 ms
    counts = {"long": 16, "short": 700}
    with d.blocked():
        for _ in range(counts["short"]):
            d.submit("short")
        for _ in range(counts["long"]):
            d.submit("long", SPIN, input=turns)
    order = together(d.all_done("long", "short", count=sum(counts.values())), counts)
    long, short = cpu_of(order, "long"), cpu_of(order, "short")
    n = [sum(x[0] == name for x in order) for name in ("long", "short")]
    t.ok(n[0] >= 5 and 2 / 3 <= long / short <= 3 / 2, "long runs and short ones get the same CPU time",
         f"{n[0]} long runs, {long} us; {n[1]} short ones, {short} us")
    t.ok(n[1] > 3 * n[0], "that is many short runs for each long one", n)


def asking_late_gains_nothing(t, d):
    """Who sends one run at a time has nothing waiting when its turn comes, and pays for what it had all the same."""
    probe = d.done("calibration", d.submit("calibration", SPIN, input=30_000_000))
    turns = round(30_000_000 * 20_000 / probe["usage"]["cpu_us"])  # about 20 ms, four turns
    with d.blocked():
        for _ in range(1500):
            d.submit("crowd")
    for _ in range(10):
        r = d.send("polite", SPIN, headers={}, input=turns)
        t.ok(r.status == 200 and r["outcome"] == "completed", "a run of who sends one at a time is done", r)
    order = d.order("polite", "crowd")
    order = order[:max(i for i, x in enumerate(order) if x[0] == "polite")]
    left = d.queue()["tenants"]
    t.ok(any(x["tenant"] == "crowd" and x["waiting"] for x in left), "while another tenant always has work waiting", left)
    polite, crowd = cpu_of(order, "polite"), cpu_of(order, "crowd")
    t.ok(polite <= 1.5 * crowd, "it has no more of the CPU than that", (polite, crowd))
    d.idle()


def keys_share_their_tenants_part(t, d):
    """A tenant does not get more by having many keys; and among its keys it is shared."""
    others = [d.key("many", role="operator") for _ in range(3)] if d.key_of("many") else []
    counts = {"many": 160, "lone": 160}
    with d.blocked():
        for i in range(40):
            for key in (d.key_of("many"), *others):
                d.submit("many", key=key)
            for _ in range(4):
                d.submit("lone")
    order = together(d.all_done("many", "lone", count=320), counts)
    many, lone = cpu_of(order, "many"), cpu_of(order, "lone")
    t.ok(2 / 3 <= many / lone <= 3 / 2, "four keys of one tenant get what one key of another gets", (many, lone))
    rows = d.runs("many")
    served = [rows[run]["key"] for name, run, _ in order if name == "many"]
    share = sorted(served.count(k) for k in set(served))
    t.ok(len(share) == 4 and share[0] >= len(served) / 8, "and each of them its part", share)


def interactive_does_not_wait_for_bulk(t):
    """Bulk runs have all slots, and give none back."""
    with Queues(*slots(4, most=8, interactive=2, bulk=1)) as d:
        with d.blocked("sleepy", count=4) as runs:
            more = [d.submit("sleepy", SLEEP) for _ in range(3)]
            q = d.queue()["classes"]["bulk"]
            t.equal((q["waiting"], q["running"]), (3, 4), "a lone tenant has all slots, and what the other class leaves of its own")
            t.equal(q["borrowed"], 2, "which are told as borrowed")
            for i in range(3):
                r = d.send("alpha", headers={}, class_="interactive")
                t.ok(r.status == 200 and r["outcome"] == "completed" and r["queue"]["because"] == "none",
                     "an interactive run starts at once all the same", r)
            t.equal(d.classes()["bulk"], (3, 4), "while they sleep on")
            with d.blocked("alpha", count=2, class_="interactive"):
                third = d.submit("alpha", class_="interactive")
                t.equal(d.classes(), {"interactive": (1, 2), "bulk": (3, 4)}, "but so many only as its floor is")
                d.cancel("sleepy", runs.pop())
                t.equal(d.classes()["bulk"], (3, 3), "and a slot that a bulk run borrowed is given back, not taken by the next")
            t.equal(d.done("alpha", third)["outcome"], "completed", "an interactive run beyond its floor waits for a slot")
            d.cancel("sleepy", *more)


def bulk_has_its_floor(t):
    """Interactive runs have all slots, more of them wait, and bulk work gets what is given back first."""
    with Queues(*slots(2, interactive=1, bulk=1)) as d:
        with d.blocked("eager", count=2, class_="interactive") as runs:
            more = [d.submit("eager", SLEEP, class_="interactive") for _ in range(4)]
            q = d.queue()["classes"]["interactive"]
            t.equal((q["waiting"], q["running"], q["borrowed"]), (4, 2, 1), "interactive runs borrow what bulk leaves")
            bulk = [d.submit("patient", SLEEP) for _ in range(2)]
            t.equal(d.classes(), {"interactive": (4, 2), "bulk": (2, 0)}, "bulk runs wait for it to come back")
            d.cancel("eager", runs.pop())
            d.until(lambda: d.classes()["bulk"] == (1, 1), "a bulk run is started")
            t.equal(d.classes(), {"interactive": (4, 1), "bulk": (1, 1)}, "and get it before the interactive ones that wait")
            d.cancel("patient", *bulk)
            d.until(lambda: d.classes() == {"interactive": (3, 2), "bulk": (0, 0)}, "the slot is lent again")
            t.ok(True, "afterwards it is lent again")
            d.cancel("eager", *more)


def a_held_sandbox_serves_one_at_a_time(t):
    code = "async ({ input }) => { if (input) await new Promise((resolve) => setTimeout(resolve, 3000000)); return 1 }"
    with Queues(*slots(4, interactive=1, bulk=1)) as d:
        key = d.key_of("alpha")
        artifact = d.ask("PUT", "/v1/artifacts", {"code": code}, key=key)["artifact"]
        token = d.ask("POST", "/v1/leases", {"profile": "patient", "hold": True, "artifact": artifact}, key=key)["token"]

        def use(sleeps):
            r = d.ask("POST", "/v1/runs", {"input": sleeps}, key=token, headers=LATER)
            assert r.status == 202, r
            return r["run"]

        first = use(1)
        d.until(lambda: d.classes()["interactive"] == (0, 1), "the first runs")
        second = use(0)
        t.equal(d.ask("GET", f"/v1/runs/{second}", key=key)["queue"]["because"], "lease", "the next run of a held sandbox waits for it")
        t.equal(d.classes()["interactive"], (1, 1), "though there are slots")
        r = d.send("alpha", headers={}, class_="interactive")
        t.ok(r["outcome"] == "completed" and r["queue"]["because"] == "none", "and holds up nobody else", r)
        d.cancel("alpha", first)
        d.done("alpha", second)
        d.idle()
        t.ok(True, "it is over when the first is")


def debts_outlive_a_restart(t, d):
    """One run that was much longer than anybody could know: its tenant owes that, and after a restart as well."""
    probe = d.done("calibration", d.submit("calibration", SPIN, input=30_000_000))
    turns = round(30_000_000 * 700_000 / probe["usage"]["cpu_us"])
    d.idle()
    d.done("debtor", d.submit("debtor", SPIN, input=turns))
    d.key_of("other"), d.key_of("blocker")
    d.stop()
    d.start()
    with d.blocked():
        for _ in range(20):
            d.submit("debtor")
        for _ in range(20):
            d.submit("other")
        debts = {x["tenant"]: x["debt_us"] for x in d.queue()["tenants"] if x["class"] == "bulk"}
        t.ok(debts["debtor"] > 300000 and debts["other"] < 100000, "what a tenant owed before the restart it owes after it", debts)
    order = [x[0] for x in d.all_done("debtor", "other", count=41)][1:]
    t.ok(order.index("debtor") >= 15, "so others are served before it, though it asked first", order)
    t.equal(order.count("debtor"), 20, "until it is its turn again")


def the_waiting_can_be_cancelled(t, d):
    with d.blocked():
        runs = [d.submit("alpha") for _ in range(3)]
        d.cancel("alpha", runs[1])
        r = d.done("alpha", runs[1])
        t.equal((r["outcome"], r["termination"]["reason"], r["usage"]["cpu_us"]), ("terminated", "cancelled", 0),
                "a run that waits is cancelled without having begun")
        receipt = d.ask("GET", f"/v1/receipts/{runs[1]}?wait=true", key=d.key_of("alpha"))
        t.ok(r["queue"]["waited_us"] > 0 and statement(receipt["dsseEnvelope"])["predicate"]["queue"] == r["queue"],
             "it says how long it waited, and its receipt says the same", (r["queue"], receipt))
        t.equal(d.classes()["bulk"], (2, 1), "and is out of the queue")
        key = d.ask("POST", "/v1/keys?tenant=alpha", {"role": "runner"})
        lost = d.submit("alpha", key=key["key"])
        t.equal(d.ask("DELETE", f"/v1/keys/{key['id']}?tenant=alpha").status, 204, "its key is revoked")
        r = d.done("alpha", lost)
        t.equal((r["outcome"], r["termination"]["reason"]), ("terminated", "revoked"), "and so is a run that waits")
        t.equal(d.classes()["bulk"], (2, 1), "which is out of the queue, too")
    for run in (runs[0], runs[2]):
        t.equal(d.done("alpha", run)["outcome"], "completed", "the others are done")


def who_sleeps_in_all_slots_keeps_nobody_out(t):
    with Queues("--concurrency-min", "4", "--concurrency-max", "4", "--floor-interactive", "2", "--floor-bulk", "0",
                "--concurrency-reserve", "1") as d:
        with d.blocked("sleeper", count=4, class_="interactive"):
            for _ in range(20):
                d.submit("sleeper", SLEEP, class_="interactive")
            r = d.done("other", d.submit("other", class_="interactive"))
            t.equal((r["outcome"], r["queue"]["because"]), ("completed", "concurrency"), "who has nothing running is not kept out by who sleeps in all slots")
            t.equal(d.classes()["interactive"], (20, 4), "and takes nothing from him")
            d.ask("PATCH", "/v1/tenants/sleeper", {"state": "suspended"})
            d.until(lambda: d.classes()["interactive"] == (0, 4), "what waits of a suspended tenant is not begun")
            d.ask("PATCH", "/v1/tenants/sleeper", {"state": "active"})


def a_class_outlives_control(t):
    with Queues() as d:
        run = d.submit("one", SLEEP)
        d.until(lambda: d.classes()["bulk"] == (0, 1), "it runs")
        for pid in d.children("control"):
            os.kill(pid, signal.SIGKILL)
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if d.ask("GET", "/readyz").status == 200:
                    break
        r = d.wait(f"{run}?tenant=one")
        t.equal((r["class"], r["termination"]["reason"]), ("bulk", "crashed"), "a run that control lost keeps its class")


def test(t):
    who_sleeps_in_all_slots_keeps_nobody_out(t)
    a_class_outlives_control(t)
    with Queues(*slots(1)) as d:
        says_why_it_waited(t, d)
        the_waiting_can_be_cancelled(t, d)
        one_starts_within_a_flood(t, d)
        is_charged_what_it_used(t, d)
        keys_share_their_tenants_part(t, d)
        asking_late_gains_nothing(t, d)
        debts_outlive_a_restart(t, d)
        reasons = {r["queue"]["because"] for r in (d.ask("GET", f"/v1/runs/{run}", key=d.key_of(name))
                                                   for name, run, _ in d.order("flood", "short")[:400:7])}
        t.ok(reasons <= REASONS and "none" not in reasons, "who waited says for what", reasons)
    interactive_does_not_wait_for_bulk(t)
    bulk_has_its_floor(t)
    a_held_sandbox_serves_one_at_a_time(t)


if __name__ == "__main__":
    tap.main(test)
