"""When there is too much: queues that are full, deadlines that pass, queues that stand. Slots are taken by runs that sleep until
they are cancelled."""

import tap
from queues import SLEEP, Queues, slots

ROOM = 10  # of the bulk queue; one tenant has half of it


def is_refused(t, r, code, name):
    after = r.headers.get_all("Retry-After") or []
    t.ok(r.status == 429 and r.code == code and len(after) == 1 and 1 <= int(after[0]) <= 3600 and
         r.headers.get("Content-Type") == "application/problem+json", name, f"{r} {r.headers}")


def a_full_queue_answers_at_once(t, d):
    with d.blocked():
        accepted = {"one": [d.submit("one") for _ in range(ROOM // 2)]}
        is_refused(t, d.send("one"), "queue.tenant_full", "a tenant has room for half of a queue; the next is refused at once")
        is_refused(t, d.send("one", headers={}), "queue.tenant_full", "also who would wait for the answer")
        is_refused(t, d.send("one", headers={"Accept": "text/event-stream"}), "queue.tenant_full", "and who would follow it")
        other_key = d.key("one", role="operator")
        is_refused(t, d.send("one", key=other_key), "queue.tenant_full", "and another key of that tenant")
        accepted["two"] = [d.submit("two") for _ in range(ROOM // 2)]
        before = d.queue()["classes"]["bulk"]
        t.equal((before["waiting"], before["waiting_max"]), (ROOM, ROOM), "another tenant has the other half")

        key = {"Idempotency-Key": "again", "Prefer": "respond-async"}
        is_refused(t, d.send("one", headers=key), "queue.tenant_full", "a request with an Idempotency-Key is refused")
        d.cancel("one", accepted["one"][0])
        r = d.send("one", headers=key)
        t.ok(r.status == 202 and "Idempotency-Replayed" not in r.headers, "which is no answer to be repeated later", r)
        accepted["one"].append(r["run"])
        r = d.send("one", headers=key)
        t.ok(r.status == 202 and r["run"] == accepted["one"][-1], "but one that was accepted is, when the queue is full", r)

        accepted["late"] = []
        for _ in range(ROOM):
            r = d.send("late")
            if r.status != 202:
                break
            accepted["late"].append(r["run"])
        is_refused(t, r, "queue.full", "a third tenant is refused when it has its even share waiting")
        t.ok(3 <= len(accepted["late"]) <= 4, "and gets that, though the queue was full when it came", accepted["late"])
        t.equal(d.classes()["bulk"], (ROOM, 1), "the queue is as full as before")

        def denied(tenant):
            rows = d.runs(tenant)
            return [run for run in accepted[tenant] if rows[run]["outcome"] == "denied"]

        d.until(lambda: len(denied("one") + denied("two")) >= len(accepted["late"]), "as many are denied")
        lost = {tenant: denied(tenant) for tenant in ("one", "two")}
        for tenant in lost:
            t.ok(len(lost[tenant]) >= 1 and lost[tenant] == sorted(lost[tenant]) and
                 set(lost[tenant]) <= set(accepted[tenant][-len(lost[tenant]):]), "the newest ones of those who had most made room", lost)
        t.equal(len(lost["one"]) + len(lost["two"]), len(accepted["late"]), "one for each")
        r = d.done("two", lost["two"][0])
        t.equal((r["outcome"], r["error"]["code"], r["usage"]["run_us"]), ("denied", "queue.evicted", 0), "they are denied, and say why")
        for tenant, runs in accepted.items():
            t.equal(sorted(d.runs(tenant)), sorted(runs), f"of what was refused to '{tenant}' there is no run")
    for tenant, runs in accepted.items():
        for run in set(runs) - set(lost.get(tenant, [])) - {accepted["one"][0]}:
            t.equal(d.done(tenant, run)["outcome"], "completed", "what was accepted is done")
    t.equal(d.queue()["classes"]["bulk"]["evicted"], len(accepted["late"]), "evictions are counted")


def a_full_class_leaves_the_other_alone(t, d):
    with d.blocked():
        for _ in range(ROOM // 2):
            d.submit("one")
        is_refused(t, d.send("one"), "queue.tenant_full", "the bulk queue has no room")
        r = d.send("one", headers={}, class_="interactive")
        t.ok(r.status == 200 and r["outcome"] == "completed", "an interactive run of the same tenant is done", r)
    d.idle()


def deadlines_count_from_submission(t, d):
    with d.blocked():
        run = d.submit("one", deadline_ms=300)
        other = d.submit("one")
        # Nothing else happens: no run comes or ends.
        r = d.done("one", run)
        t.equal((r["outcome"], r["error"]["code"], r["usage"]["run_us"], r["usage"]["cpu_us"]), ("denied", "queue.deadline", 0, 0),
                "a run that waits past its deadline is not begun")
        t.equal(d.classes()["bulk"], (1, 1), "the one behind it waits on")
        t.ok(r["queue"]["waited_us"] >= 290000, "and it was given its time", r["queue"])
    t.equal(d.done("one", other)["outcome"], "completed", "which is done")
    r = d.done("one", d.submit("one", SLEEP, deadline_ms=500))
    t.equal((r["outcome"], (r["termination"] or {}).get("reason")), ("terminated", "wall_time"), "a run that has begun is stopped at its deadline")
    t.has((r["termination"] or {}).get("detail") or "", "deadline", "and says that it was that")
    r = d.send("one", headers={}, deadline_ms=60000)
    t.equal((r.status, r["outcome"]), (200, "completed"), "one that has time is done")
    for bad in (0, -1, 86400001, "300", 1.5, None):
        r = d.send("one", deadline_ms=bad)
        t.ok(r.status == 400 and r.code == "request.member" and "deadline_ms" in r["detail"], f"no deadline: {bad!r}", r)


def what_cannot_be_done_is_not_begun(t, d):
    """Runs of this profile and key take 0.3 s at least, as is known by now; who gives one 20 ms is told at once."""
    code = "async () => { await new Promise((resolve) => setTimeout(resolve, 300)); return 1 }"
    runs = [d.submit("slow", code) for _ in range(3)]
    last = d.submit("slow", SLEEP)
    for run in runs:
        d.done("slow", run)
    is_refused(t, d.send("slow", code, deadline_ms=20), "queue.deadline", "a deadline that cannot be kept is refused at once")
    t.equal(len(d.runs("slow")), 4, "and there is no run")
    d.cancel("slow", last)


def a_queue_that_stands_lets_go(t):
    """Interactive runs wait for seconds, and it does not get better: some are let go. Bulk runs may wait."""
    code = "async () => { await new Promise((resolve) => setTimeout(resolve, 50)); return 1 }"
    with Queues(*slots(1), "--queue-target", "500") as d:
        with d.blocked():
            bulk = [d.submit("eager", code) for _ in range(60)]
            runs = [d.submit("eager", code, class_="interactive") for _ in range(200)]
        # One at a time: the tenth has waited for half a second, the hundredth for five.
        ends = [d.done("eager", run) for run in runs]
        t.equal({r["outcome"] for r in ends}, {"completed", "denied"}, "some are let go, the others are done")
        t.equal({r["error"]["code"] for r in ends if r["outcome"] == "denied"}, {"queue.overload"}, "and say why")
        t.ok(all(r["queue"]["waited_us"] >= 500000 for r in ends if r["outcome"] == "denied"), "none that had not waited for long")
        t.equal({d.done("eager", run)["outcome"] for run in bulk}, {"completed"}, "all bulk runs are done")
        q = d.queue()["classes"]
        t.equal((q["interactive"]["shed"], q["bulk"]["shed"]), (sum(r["outcome"] == "denied" for r in ends), 0), "what was let go is counted")


def test(t):
    with Queues(*slots(1), "--queue-bulk", str(ROOM)) as d:
        a_full_queue_answers_at_once(t, d)
        deadlines_count_from_submission(t, d)
        what_cannot_be_done_is_not_begun(t, d)
    with Queues(*slots(1, most=2, interactive=1), "--queue-bulk", str(ROOM)) as d:
        a_full_class_leaves_the_other_alone(t, d)
    a_queue_that_stands_lets_go(t)


if __name__ == "__main__":
    tap.main(test)
