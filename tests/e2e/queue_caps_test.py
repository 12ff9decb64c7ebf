"""What an operator says of queues: how many runs of a tenant, a key or a profile are under way at once, and who gets more of the
CPU. Slots are taken by runs that sleep until they are cancelled."""

import tap
from queues import SLEEP, SPIN, Queues, slots

SLOTS = 6


def limit(d, tenant, scope, name, running):
    r = d.ask("PUT", f"/v1/quotas/{scope}/{name}?tenant={tenant}", {"running": running})
    assert r.status == 200, r


def why(d, tenant, run):
    return d.ask("GET", f"/v1/runs/{run}", key=d.key_of(tenant))["queue"]["because"]


def holds(t, d, tenant, runs, cap, what):
    """Of these sleeping runs the first `cap` run, the others wait for that reason, and nobody else does."""
    d.until(lambda: d.classes()["bulk"] == (len(runs) - cap, cap), f"{cap} of {len(runs)} run")
    t.equal([why(d, tenant, run) for run in runs[cap:]], [what] * (len(runs) - cap), f"{what}: who is beyond it waits, and says so")
    for other in ("passer", "another"):
        r = d.send(other, headers={})
        t.ok(r.status == 200 and r["outcome"] == "completed" and r["queue"]["because"] == "none", f"{what}: others pass by", r)
    t.equal(d.classes()["bulk"], (len(runs) - cap, cap), f"{what}: and the slots that are free are no matter")


def of_a_tenant(t, d):
    d.key_of("capped")
    limit(d, "capped", "tenant", "capped", 2)
    runs = [d.submit("capped", SLEEP) for _ in range(5)]
    holds(t, d, "capped", runs, 2, "tenant_cap")
    shown = [x for x in d.queue()["tenants"] if x["tenant"] == "capped"][0]
    t.equal((shown["running_max"], shown["running"], shown["waiting"]), (2, 2, 3), "the queue shows the cap")
    run = d.submit("capped", class_="interactive")
    t.equal(why(d, "capped", run), "tenant_cap", "runs of both classes count")
    t.equal(d.classes()["interactive"], (1, 0), "together")
    limit(d, "capped", "tenant", "capped", 3)
    # Nothing comes or ends: raising is enough.
    t.equal(d.done("capped", run)["outcome"], "completed", "when it is raised, the next one starts")
    d.until(lambda: d.classes()["bulk"] == (2, 3), "three run")
    limit(d, "capped", "tenant", "capped", None)
    d.until(lambda: d.classes()["bulk"] == (0, 5), "all run")
    t.ok(True, "and when it is taken away, all do")
    d.cancel("capped", *runs)


def of_a_key(t, d):
    tenant = "keyed"
    secret = d.key_of(tenant)
    one = d.ask("POST", f"/v1/keys?tenant={tenant}", {"role": "operator"})
    limit(d, tenant, "key", one["id"], 1)
    runs = [d.submit(tenant, SLEEP, key=one["key"]) for _ in range(3)]
    holds(t, d, tenant, runs, 1, "key_cap")
    r = d.send(tenant, key=secret, headers={})
    t.ok(r["outcome"] == "completed" and r["queue"]["because"] == "none", "another key of the tenant is not held up", r)
    d.cancel(tenant, runs.pop(0))
    d.until(lambda: d.classes()["bulk"] == (1, 1), "the next one runs")
    t.ok(True, "when one ends, the next starts")
    d.cancel(tenant, *runs)


def of_a_profile(t, d):
    tenant = "profiled"
    d.key_of(tenant)
    limit(d, tenant, "profile", "patient", 2)
    runs = [d.submit(tenant, SLEEP) for _ in range(4)]
    holds(t, d, tenant, runs, 2, "profile_cap")
    r = d.send(tenant, headers={}, profile="transform")
    t.ok(r["outcome"] == "completed" and r["queue"]["because"] == "none", "a run under another profile is not held up", r)
    d.cancel(tenant, *runs)


def a_weight_is_a_share(t):
    with Queues(*slots(1)) as d:
        probe = d.done("calibration", d.submit("calibration", SPIN, input=30_000_000))
        turns = round(30_000_000 * 10_000 / probe["usage"]["cpu_us"])  # about 10 ms
        d.key_of("heavy"), d.key_of("light")
        r = d.ask("PATCH", "/v1/tenants/heavy", {"weight": 300})
        t.ok(r.status == 200 and r["weight"] == 300, "a tenant is given a weight", r)
        with d.blocked():
            for _ in range(90):
                d.submit("heavy", SPIN, input=turns)
                d.submit("light", SPIN, input=turns)
        order = d.all_done("heavy", "light", count=180)
        order = order[:max(i for i, x in enumerate(order) if x[0] == "heavy")]  # both had work until then
        heavy, light = (sum(cpu for name, _, cpu in order if name == who) for who in ("heavy", "light"))
        t.ok(2 <= heavy / light <= 4.5, "and gets three times the CPU of one with a third of it", (heavy, light))


def test(t):
    with Queues(*slots(SLOTS)) as d:
        of_a_tenant(t, d)
        of_a_key(t, d)
        of_a_profile(t, d)
    a_weight_is_a_share(t)


if __name__ == "__main__":
    tap.main(test)
