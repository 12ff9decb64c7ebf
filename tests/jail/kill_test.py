#!/usr/bin/env python3
"""Kills each process of a running platform, again and again, and looks for what is lost or left over.

Then: runs cannot observe each other, nothing grows over many runs, and idle sandboxes are small.

    CORDON_BUILD=build tests/jail/kill_test.py [kill|observe|churn|density ...]

CORDON_SEED (default 1) chooses victims and moments, CORDON_CHURN_RUNS (default 20000) the length of
the endurance run.
"""

import ctypes
import os
import random
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import wire  # noqa: E402
from tap import Tap  # noqa: E402
from wire import Platform, descriptors, memory, processes, reap_orphans  # noqa: E402

SEED = int(os.environ.get("CORDON_SEED", "1"))
CHURN = int(os.environ.get("CORDON_CHURN_RUNS", "20000"))
PATIENCE = 30  # seconds for what should take milliseconds
IN_FLIGHT = 20

QUICK = "export default x => ({ x })"
SLEEPS = "export default async x => { await new Promise(r => setTimeout(r, 20)); return { x } }"
SPINS = "export default x => { for (let i = 0; i < 3e6; i++) x += i & 1; return { x } }"
LOGS = "export default x => { for (let i = 0; i < 20; i++) console.log(i); return { x } }"


def until(condition):
    """Whether the condition came true before patience ran out."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        reap_orphans_of_nobody()
        time.sleep(0.005)
    return True


living = set()  # supervisors that are Platform's to bury


def reap_orphans_of_nobody():
    """Orphans come to us; a dead supervisor of a Platform that is still in use stays for stop()."""
    if not living:
        reap_orphans()


def nothing_left():
    return until(lambda: not processes())


def named(platform, name):
    # The kernel cuts names at 15 characters.
    return [p for p in processes(platform.pid) if p.name == name[:15] and p.state != "Z"]


def fill(platform, rng):
    """About IN_FLIGHT runs of all kinds; each result must be its own."""
    handles = {}
    while len(platform.pending) < IN_FLIGHT and not platform.ended:
        n = rng.randrange(1 << 30)
        handle = platform.submit(
            rng.choice([QUICK, SLEEPS, SPINS, LOGS]),
            input=n,
            engine=rng.choice(["standard", "standard", "standard", "regulated"]),
        )
        handles[handle] = n
    return handles


def at_a_moment(platform, rng):
    """Lets a random number of messages go by."""
    for _ in range(rng.randrange(40)):
        if not platform.pending or not platform.turn(0.05):
            break


def account(platform, handles):
    """Every run that was submitted, and how it ended. Raises wire.Hang when one has no end."""
    ended = platform.wait_all()
    kinds = {}
    for handle in handles:
        result = ended.get(handle)
        kind = "missing" if result is None else result.outcome
        if kind == "terminated":
            kind = result.reason
        kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


# What may become of runs in flight when this kind of process is killed.
MAY_BECOME = {
    "sandbox": {"completed", "crashed"},
    "zygote": {"completed", "crashed"},
    "node": {"completed", "lost"},
    "supervisor": {"completed", "lost"},
}


def serves(platform):
    """New runs work, in both engine modes."""
    results = [platform.run(QUICK, input=7, engine=e) for e in ("standard", "regulated")]
    good = all(r.outcome == "completed" and r.value == {"x": 7} for r in results)
    return good, results


def kill_round(tap, platform, rng, kind, name):
    before = platform.incarnation
    handles = fill(platform, rng)
    at_a_moment(platform, rng)
    handles.update(fill(platform, rng))
    victims = {
        "sandbox": lambda: named(platform, "cordon-sandbox"),
        "zygote": lambda: named(platform, "cordon-zygote"),
        "node": lambda: named(platform, "cordon-node"),
        "supervisor": lambda: [p for p in processes() if p.pid == platform.pid],
    }[kind]()
    if not victims:
        return tap.ok(False, f"{name}: there is a {kind} to kill", processes(platform.pid))
    victim = rng.choice(victims).pid
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        pass  # a sandbox that had just ended
    try:
        ends = account(platform, handles)
    except wire.Hang as e:
        return tap.ok(False, f"{name}: every run has an outcome", e)
    good = set(ends) <= MAY_BECOME[kind] and not platform.duplicates
    if kind == "sandbox":
        good = good and ends.get("crashed", 0) <= 1
    if kind == "node":
        platform.until(lambda: platform.incarnation > before and platform.ready is not None)
        good = good and platform.incarnation == before + 1
    tap.ok(
        good,
        f"{name}: each of {len(handles)} runs has one outcome it may have",
        f"{ends}, twice: {platform.duplicates}, incarnation {before} -> {platform.incarnation}",
    )
    if kind == "supervisor":
        platform.until(lambda: platform.ended)
        return tap.ok(platform.ended, f"{name}: the front sees the end")
    # A run that comes before its death is noticed is a run in flight.
    until(lambda: all(p.pid != victim for p in processes(platform.pid)))
    good, results = serves(platform)
    return tap.ok(good, f"{name}: new runs work", results)


def test_kill(tap):
    rng = random.Random(SEED)
    rounds = ["sandbox"] * 14 + ["zygote"] * 12 + ["node"] * 8
    rng.shuffle(rounds)
    platform = Platform(node_args=("--pool-floor=6", "--pool-ceiling=12"))
    living.add(platform.pid)
    serves(platform)
    for i, kind in enumerate(rounds):
        kill_round(tap, platform, rng, kind, f"kill {i + 1}, {kind}")
    tap.ok(
        until(lambda: len(named(platform, "cordon-sandbox")) >= 12),
        "after all: the pools are full again",
        processes(platform.pid),
    )
    living.clear()
    tap.equal(platform.stop(), 0, "the supervisor that outlived them ends with status 0")
    tap.ok(nothing_left(), "and nothing of it is left", processes())
    for i in range(6):
        name = f"kill {len(rounds) + i + 1}, supervisor"
        platform = Platform()
        living.add(platform.pid)
        kill_round(tap, platform, rng, "supervisor", name)
        platform.stop()
        living.clear()
        tap.ok(nothing_left(), f"{name}: nothing of it is left", processes())


def refuse_namespaces():
    """In this process and its children clone() with CLONE_NEWUSER fails, as some machines have it."""
    code = [
        (0x20, 0, 0, 0),  # the call's number
        (0x15, 0, 3, 56),  # clone
        (0x20, 0, 0, 16),  # its flags
        (0x45, 0, 1, 0x10000000),  # CLONE_NEWUSER
        (0x06, 0, 0, 0x00050001),  # EPERM
        (0x06, 0, 0, 0x7FFF0000),
    ]
    raw = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *c) for c in code))
    program = struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(raw))
    libc = ctypes.CDLL(None)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
        os._exit(126)


def test_kill_without_namespaces(tap):
    """No PID namespace, so the kernel does not end the sandboxes with their zygote."""
    endless = "export default () => { for (;;); }"
    for victim in ("cordon-zygote", "cordon-node", "cordon-supervisor"):
        platform = Platform(jail="available", before_exec=refuse_namespaces)
        living.add(platform.pid)
        name = f"weaker jail, {victim} killed"
        tap.ok(
            b'"full":false' in platform.ready["jail"]
            and b'"pid_namespace":false' in platform.ready["jail"],
            f"{name}: the platform says that its jail is not full",
            platform.ready,
        )
        handles = [platform.submit(endless, cpu_us=60_000_000, wall_us=60_000_000) for _ in range(2)]
        platform.submit(QUICK, input=1)
        platform.until(lambda: len(platform.pending) == 2)
        if victim == "cordon-supervisor":
            os.kill(platform.pid, signal.SIGKILL)
        else:
            os.kill(named(platform, victim)[0].pid, signal.SIGKILL)
        ends = account(platform, handles)
        tap.ok(set(ends) <= {"lost", "crashed"}, f"{name}: each run has its outcome", ends)
        platform.stop()
        living.clear()
        tap.ok(nothing_left(), f"{name}: no sandbox goes on computing", processes())
        for p in processes():  # ours, and failed to end
            os.kill(p.pid, signal.SIGKILL)
        nothing_left()


LEAVES_TRACES = """
globalThis.secret = "mine";
Object.prototype.secret = "mine";
Array.prototype.secret = "mine";
Math.secret = JSON.secret = console.secret = "mine";
Math.random = () => 0.5;
Promise.prototype.then.secret = "mine";
export default async (x) => {
  await new Promise(r => setTimeout(r, x));
  return [secret, {}.secret];
};
"""
LOOKS_FOR_TRACES = """
import * as own from "./own.js";
export default async () => {
  const seen = [];
  for (const [name, probe] of Object.entries({
    global: () => globalThis.secret,
    prototype: () => ({}).secret ?? [].secret,
    builtin: () => Math.secret ?? JSON.secret ?? console.secret ?? Promise.prototype.then.secret,
    random: () => Math.random() === 0.5 && Math.random() === 0.5,
    storage: () => globalThis.localStorage ?? globalThis.sessionStorage ?? globalThis.indexedDB,
    channel: () => globalThis.BroadcastChannel ?? globalThis.SharedWorker ?? globalThis.Worker,
    shared: () => globalThis.SharedArrayBuffer,
    process: () => globalThis.process ?? globalThis.Deno ?? globalThis.Bun ?? globalThis.require,
    finalizers: () => globalThis.WeakRef ?? globalThis.FinalizationRegistry,
  })) {
    let value;
    try { value = probe(); } catch { value = undefined; }
    if (value) seen.push(name);
  }
  for (const name of ["./secret.js", "secret.js", "/secret.js", "../secret.js", "file:///etc/passwd",
                      "/etc/passwd", "/proc/self/maps", "node:fs", "fs", "data:text/javascript,1",
                      "http://127.0.0.1/x.js"]) {
    try { await import(name); seen.push(name); } catch {}
  }
  if (own.value !== "own") seen.push("own.js");
  return seen;
};
"""


def limits(pid):
    """Name -> hard limit, as the kernel has it; of a process that is gone, that."""
    found = {"Max cpu time": "gone"}
    try:
        text = open(f"/proc/{pid}/limits").read()
    except OSError:
        text = ""
    for line in text.splitlines()[1:]:
        name, hard = line[:26].strip(), line[47:68].strip()
        found[name] = hard if hard == "unlimited" else int(hard)
    return found


def oom_score_adj(pid):
    try:
        with open(f"/proc/{pid}/oom_score_adj") as f:
            return f.read().strip()
    except OSError:
        return None


def test_ceilings_are_set(tap, platform):
    """What the node asks for in START is what the kernel holds the sandbox to."""
    # Those that wait for work; one that still dies of an earlier run has that run's ceilings.
    before = {
        p.pid
        for p in named(platform, "cordon-sandbox")
        if limits(p.pid)["Max cpu time"] == "unlimited"
    }
    handle = platform.submit(
        "export default () => { for (;;); }", cpu_us=20_000_000, memory_bytes=32 << 20
    )
    found = []

    def has_ceilings():
        found[:] = [
            limit
            for p in named(platform, "cordon-sandbox")
            if p.pid in before
            for limit in [limits(p.pid)]
            if limit["Max cpu time"] not in ("unlimited", "gone")
        ]
        return found

    if not tap.ok(until(has_ceilings), "a sandbox that runs has its ceilings"):
        return
    (limit,) = found
    tap.equal(limit["Max cpu time"], 22, "its CPU time is at most a little more than its ceiling")
    for name, most in (("Max data size", 1 << 30), ("Max address space", 1 << 38)):
        tap.ok(limit[name] != "unlimited" and limit[name] < most, f"{name.lower()} is bounded", limit)
    tap.equal(
        [
            limit[name]
            for name in ("Max processes", "Max core file size", "Max file size", "Max locked memory")
        ],
        [0, 0, 0, 0],
        "no process, core, file or locked memory is left to it",
    )
    platform.cancel(handle)
    tap.equal(platform.wait(handle).reason, "cancelled", "and it can be cancelled")
    (node,) = named(platform, "cordon-node")
    tap.equal(oom_score_adj(node.pid), "0", "the node is an ordinary process to the out-of-memory killer")
    tap.equal({oom_score_adj(p) for p in before} - {None}, {"500"}, "a sandbox goes before it")


def test_observe(tap):
    with Platform(node_args=("--pool-floor=8",)) as platform:
        living.add(platform.pid)
        for engine in ("standard", "regulated"):
            # Modules of the one are no modules of the other, though both run at the same time.
            hider = {"main.js": LEAVES_TRACES, "secret.js": "export const value = 'mine'"}
            seeker = {"main.js": LOOKS_FOR_TRACES, "own.js": "export const value = 'own'"}
            together = [platform.submit(hider, input=300, engine=engine) for _ in range(4)]
            looks = [platform.submit(seeker, engine=engine) for _ in range(4)]
            for i, handle in enumerate(looks):
                r = platform.wait(handle)
                tap.equal(
                    (r.outcome, r.value), ("completed", []), f"{engine}: run {i + 1} sees nobody"
                )
            for i, handle in enumerate(together):
                r = platform.wait(handle)
                tap.equal(r.value, ["mine", "mine"], f"{engine}: hider {i + 1} sees itself")
            r = platform.run(seeker, engine=engine)
            tap.equal((r.outcome, r.value), ("completed", []), f"{engine}: nothing stays behind")
        test_ceilings_are_set(tap, platform)
        kinds = ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")
        outside = {os.readlink(f"/proc/self/ns/{n}") for n in kinds}
        inside, fds = set(), {}
        try:
            for p in named(platform, "cordon-sandbox"):
                try:
                    inside |= {os.readlink(f"/proc/{p.pid}/ns/{n}") for n in kinds}
                    fds[p.pid] = os.listdir(f"/proc/{p.pid}/fd")
                except FileNotFoundError:
                    pass  # the last run's, just ended
        except PermissionError:
            tap.skip("sandboxes seen from outside", "only root may look")
        else:
            tap.ok(fds and not inside & outside, "no sandbox shares a namespace with us")
            tap.ok(all(f == ["3"] for f in fds.values()), "each holds descriptor 3 alone", fds)
    living.clear()
    tap.ok(nothing_left(), "observe: nothing is left", processes())


def look(platform, pool):
    """Sizes of node and zygote when nothing runs and the pool is full."""
    settled = until(
        lambda: len(named(platform, "cordon-sandbox")) == pool
        and all(p.state != "R" for p in named(platform, "cordon-sandbox"))
    )
    seen = {"settled": settled}
    for name in ("cordon-node", "cordon-zygote"):
        found = named(platform, name)
        if len(found) != 1:  # settled is false then, and the caller says so
            seen["settled"] = False
            seen[name] = {"children": len(found), "processes": processes(platform.pid)}
            continue
        (p,) = found
        seen[name] = {"children": len(processes(p.pid))}
        try:
            seen[name]["fds"] = descriptors(p.pid)
            seen[name]["kib"] = memory(p.pid)["VmRSS"]
        except PermissionError:
            pass  # the zygote cannot be looked at, but by root
    return seen


def test_churn(tap):
    pool, in_flight, first = 16, 16, CHURN // 5
    artifacts = [f"export default x => x * {k}" for k in range(1, 41)]
    wrong, done, sizes = [], 0, []
    with Platform(node_args=(f"--pool-floor={pool}", f"--pool-ceiling={pool}")) as platform:
        living.add(platform.pid)
        began = time.monotonic()
        expected, submitted = {}, 0
        for goal in (first, CHURN):
            while done < goal:
                while len(platform.pending) < in_flight and submitted < goal:
                    k = submitted % len(artifacts)
                    handle = platform.submit(artifacts[k], input=submitted, seed=submitted)
                    expected[handle] = submitted * (k + 1)
                    submitted += 1
                platform.turn()
                for handle, r in platform.results.items():
                    done += 1
                    if r.outcome != "completed" or r.value != expected.pop(handle):
                        wrong.append(r)
                platform.results.clear()
            sizes.append(look(platform, pool))
        took = time.monotonic() - began
    living.clear()
    tap.note(f"{CHURN} runs in {took:.1f} s, {CHURN / took:.0f}/s; {sizes}")
    tap.equal((done, wrong[:3]), (CHURN, []), f"{CHURN} runs, each with its own result")
    tap.ok(sizes[0]["settled"] and sizes[1]["settled"], "the pool settles both times", sizes)
    for name in ("cordon-node", "cordon-zygote"):
        a, b = (s[name] for s in sizes)
        tap.equal(b["children"], a["children"], f"{name}: as many processes below it as at 1/5")
        if "fds" not in a or "fds" not in b:
            tap.skip(f"{name}: descriptors and memory", "only root may look")
            continue
        tap.equal(b["fds"], a["fds"], f"{name}: as many descriptors as at 1/5")
        # Fragmentation has settled by then; a leak of 64 bytes a run would be 1 MiB.
        tap.ok(b["kib"] <= a["kib"] + 512, f"{name}: at most 512 KiB larger than at 1/5", sizes)
    tap.ok(nothing_left(), "churn: nothing is left", processes())


def test_density(tap):
    n, ceiling = 500, 0.8
    with Platform(node_args=(f"--pool-floor={n}",)) as platform:
        living.add(platform.pid)
        full = until(lambda: len(named(platform, "cordon-sandbox")) == n)
        tap.ok(full, f"{n} sandboxes are alive at once", len(named(platform, "cordon-sandbox")))
        until(lambda: all(p.state == "S" for p in named(platform, "cordon-sandbox")))
        try:
            all_of_them = [memory(p.pid) for p in named(platform, "cordon-sandbox")]
        except PermissionError:
            tap.skip("private memory of an idle sandbox", "only root may look")
        else:

            def mib(of):
                return sum(of(m) for m in all_of_them) / len(all_of_them) / 1024

            private = mib(lambda m: m["Private_Clean"] + m["Private_Dirty"])
            tables = mib(lambda m: m["VmPTE"])
            tap.note(
                f"per idle sandbox: private {private:.2f} MiB, page tables {tables:.2f} MiB, "
                f"PSS {mib(lambda m: m['Pss']):.2f} MiB"
            )
            tap.ok(
                private <= ceiling,
                f"private memory of an idle sandbox is at most {ceiling} MiB",
                f"{private:.2f} MiB",
            )
        results = [platform.submit(QUICK, input=i) for i in range(n)]
        good = sum(platform.wait(h).value == {"x": i} for i, h in enumerate(results))
        tap.equal(good, n, f"all {n} can be used at once")
    living.clear()
    tap.ok(nothing_left(), "density: nothing is left", processes())


TESTS = {
    "kill": (test_kill, test_kill_without_namespaces),
    "observe": (test_observe,),
    "churn": (test_churn,),
    "density": (test_density,),
}


def main():
    tap = Tap()
    wire.become_subreaper()
    for name in sys.argv[1:] or TESTS:
        for test in TESTS[name]:
            began = time.monotonic()
            try:
                test(tap)
            except wire.Hang as e:
                tap.ok(False, f"{test.__name__}: nothing hangs", e)
                for p in processes():
                    os.kill(p.pid, signal.SIGKILL)
                living.clear()
            tap.note(f"{test.__name__}: {time.monotonic() - began:.1f} s")
    tap.end()


if __name__ == "__main__":
    main()
