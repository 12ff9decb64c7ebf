#!/usr/bin/env python3
"""Each ceiling ends a run with its own reason, tells limit and observation, and harms no neighbour."""

import sys

import cordon
import tap

sys.path.insert(0, str(cordon.ROOT / "tests" / "lib"))
import wire  # noqa: E402

MIB = 1 << 20
SPIN = "() => { for (;;); }"
NEIGHBOUR = """
async ({ input }) => {
  let sum = 0;
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    for (let k = 0; k < 1000; k++) sum += k;
  }
  return { sum, n: input.n };
}
"""

# name, code, options, reason, limit in the ceiling's own unit, least observed
CEILINGS = [
    ("wall_time, waiting", "() => new Promise((r) => setTimeout(r, 60000))", ("--wall-ms", 300), "wall_time", 300000, 300000),
    ("wall_time, awaiting what never comes", "() => new Promise(() => {})", ("--wall-ms", 300), "wall_time", 300000, 300000),
    ("wall_time, computing", SPIN, ("--wall-ms", 300, "--cpu-ms", 60000), "wall_time", 300000, 300000),
    ("cpu_time", SPIN, ("--cpu-ms", 600), "cpu_time", 600000, 600000),
    ("cpu_time adds up over turns",
     "async () => { for (;;) { let x = 0; for (let i = 0; i < 200000; i++) x += i; await new Promise((r) => setTimeout(r, 1)); } }",
     ("--cpu-ms", 600, "--operations", 1000000), "cpu_time", 600000, 600000),
    ("memory, engine heap", "() => { const a = []; for (;;) a.push(new Array(1000).fill(a.length)); }",
     ("--memory-mb", 32, "--cpu-ms", 10000), "memory", 32 * MIB, 16 * MIB),
    ("memory, one buffer", "() => new Uint8Array(256 << 20).fill(1).length", ("--memory-mb", 64, "--cpu-ms", 10000),
     "memory", 64 * MIB, 32 * MIB),
    ("output, result", "() => 'x'.repeat(200000)", ("--output-kb", 100), "output", 100 << 10, 190000),
    ("output, one log line", "() => { console.log('x'.repeat(60000)); }", ("--output-kb", 16), "output", 16 << 10, 16 << 10),
    ("output, logs and result together",
     "() => { for (let i = 0; i < 10; i++) console.log('x'.repeat(2000)); return 'x'.repeat(60000); }",
     ("--output-kb", 80), "output", 80 << 10, 80 << 10),
    ("operations, fetch", "async () => { for (;;) await fetch('https://example.com/').catch(() => 0); }",
     ("--operations", 20), "operations", 20, 21),
    ("operations, timers", "async () => { for (;;) await new Promise((r) => setTimeout(r, 1)); }",
     ("--operations", 20), "operations", 20, 21),
    ("operations, none at all", "async () => { await fetch('https://example.com/').catch(() => 0); }",
     ("--operations", 0), "operations", 0, 1),
    ("log_lines", "() => { for (;;) console.log('line'); }", ("--log-lines", 10), "log_lines", 10, 11),
    ("log_lines, none at all", "() => { console.log('line'); }", ("--log-lines", 0), "log_lines", 0, 1),
]

# Just inside of a ceiling: nothing is ended that may go on.
INSIDE = [
    ("log_lines", "() => { for (let i = 0; i < 10; i++) console.log(i); return 1; }", ("--log-lines", 10), 1),
    ("operations", "async () => { for (let i = 0; i < 20; i++) await fetch('https://e.com/').catch(() => 0); return 1; }",
     ("--operations", 20), 1),
    ("output", "() => 'x'.repeat(1022)", ("--output-kb", 1), "x" * 1022),
    ("memory", "() => new Uint8Array(16 << 20).fill(1).length", ("--memory-mb", 64), 16 << 20),
    ("timers", "async () => { let n = 0; await Promise.all(Array.from({ length: 10 }, () => new Promise((r) => setTimeout(() => r(n++), 1)))); return n; }",
     ("--timers", 10), 10),
]


def most(reason, limit, least):
    """What may have been seen at the end. Sizes and numbers are exact."""
    if reason in ("wall_time", "cpu_time"):
        return 2 * limit + (20_000_000 if reason == "wall_time" else 0)
    slack = {"memory": MIB, "output": 256 << 10}.get(reason, 1)
    return max(limit, least) + slack


def check_ceiling(t, run, name, reason, limit, least, tier):
    told = run.termination or {}
    why = run.flaw()
    if not why and run.reason != reason:
        why = f"wanted terminated {reason}"
    if not why and told["limit"] != limit:
        why = f"limit is {told['limit']}, wanted {limit}"
    if not why and told["observed"] < least:
        why = f"observed {told['observed']}, wanted at least {least}"
    if not why and told["observed"] > most(reason, limit, least):
        why = f"observed {told['observed']}: it was let go far past its ceiling"
    if not why and not told["detail"]:
        why = "no detail for a person"
    t.ok(why is None, f"{name} ({tier})", f"{why}\n{run}\n{run.usage}")


def usage(t):
    code = """
async () => {
  const kept = new Uint8Array(24 << 20).fill(1);
  let x = 0;
  for (let i = 0; i < 3000000; i++) x = (x * 31 + i) | 0;
  await new Promise((resolve) => setTimeout(resolve, 100));
  console.log("hello");
  await fetch("https://example.com/").catch(() => 0);
  return kept.length;
}
"""
    run = cordon.run(code, "--memory-mb", "64")
    use = run.usage or {}
    t.equal(run.value, 24 << 20, "a run that uses something of everything")
    t.ok(use.get("cpu_us", 0) >= 1000, "cpu_us counts what it computed", use)
    t.ok(use.get("run_us", 0) >= 100000, "run_us counts what it waited", use)
    t.ok(use.get("wall_us", 0) >= use.get("run_us", 0), "wall_us holds run_us", use)
    t.ok(use.get("cpu_us", 0) <= use.get("run_us", 0) + 10000, "one thread uses no more CPU time than passes", use)
    t.ok(24 * MIB <= use.get("memory_peak_bytes", 0) <= 65 * MIB, "memory_peak_bytes holds the buffer", use)
    t.equal(use.get("operations"), 2, "operations counts the wait and the fetch")
    t.ok(use.get("output_bytes", 0) >= len("hello") + 8, "output_bytes counts log and result", use)
    empty = cordon.run("() => 1", "--memory-mb", "8").usage or {}
    t.ok(empty.get("memory_peak_bytes", 1 << 40) < 4 * MIB and empty.get("operations") == 0,
         "a run that does nothing uses next to nothing", empty)


def sizes(t):
    filler = "export const x = '" + "a" * (4 << 20) + "';\nexport default () => x.length;"
    big = cordon.run(filler)
    t.ok(big.status == 2 and str(4 << 20) in big.err and big.data is None,
         "code of more than 4 MiB is a usage error that names the bound", big)
    half = "export default '" + "a" * (2500 << 10) + "';"
    two = cordon.run("import './a.js';\nexport default () => 1;", files={"a.js": half, "b.js": half})
    t.ok(two.status in (2, 3) and two.err + two.message, "so are modules of more than 4 MiB together", two)
    just = cordon.run("export default () => 1; //" + "a" * ((4 << 20) - 4096), "--cpu-ms", "5000")
    t.equal(just.value, 1, "code just below 4 MiB runs")
    few = {f"m{i}.js": f"export default {i};" for i in range(255)}
    total = "\n".join(f"import m{i} from './m{i}.js';" for i in range(255))
    total += "\nexport default () => " + " + ".join(f"m{i}" for i in range(255)) + ";"
    t.equal(cordon.run(total, files=few).value, sum(range(255)), "256 modules run")
    many = cordon.run(total, files={**few, "one-more.js": "export default 1;"})
    t.ok(many.status == 2 and "255" in many.err, "257 modules are a usage error that names the bound", many)


def timers(t):
    run = cordon.run("() => { for (;;) setTimeout(() => {}, 1); }", "--timers", "10")
    t.ok(run.outcome == "failed" and run.code == "code.limit" and "10" in run.message,
         "more pending timers than allowed is an error of the code that names the bound", run)


def neighbours(t):
    """On one platform: while others are ended at each ceiling, those beside them complete."""
    limits = {"--cpu-ms": ("cpu_us", 1000), "--wall-ms": ("wall_us", 1000), "--memory-mb": ("memory_bytes", MIB),
              "--output-kb": ("output_bytes", 1 << 10), "--operations": ("operations", 1), "--log-lines": ("log_lines", 1)}
    # Beside so many that use up all processors it takes as long as it takes.
    patient = dict(wall_us=60_000_000, cpu_us=5_000_000, input={"n": 1})
    with wire.Platform(build=str(cordon.binary().parent)) as platform:
        bad, good = [], []
        for _, code, options, reason, *_ in CEILINGS:
            more = {"cpu_us": 1_000_000, "wall_us": 60_000_000, "memory_bytes": 64 * MIB, "operations": 1000}
            for option, value in zip(options[::2], options[1::2]):
                field, scale = limits[option]
                more[field] = value * scale
            bad.append((platform.submit(code, **more), reason))
            good.append(platform.submit(NEIGHBOUR, **patient))
        t.equal([platform.wait(handle).value for handle in good], [{"sum": 9990000, "n": 1}] * len(good),
                "neighbours of runs at their ceilings complete")
        ended = [(platform.wait(handle), reason) for handle, reason in bad]
        t.ok(all(run.reason == reason for run, reason in ended), "while each of those ended for its own reason",
             [(run, reason) for run, reason in ended if run.reason != reason])
        t.equal(platform.incarnation, 1, "on one and the same node")


def test(t):
    cordon.adopt()
    both = [(c, tier) for c in CEILINGS for tier in ("standard", "regulated")]
    runs = cordon.together([lambda c=c, tier=tier: cordon.run(c[1], *c[2], "--tier", tier) for c, tier in both])
    for (c, tier), run in zip(both, runs):
        check_ceiling(t, run, c[0], *c[3:], tier)
    runs = cordon.together([lambda c=c: cordon.run(c[1], *c[2]) for c in INSIDE])
    for (name, _, _, value), run in zip(INSIDE, runs):
        t.ok(run.value == value, f"inside of the ceiling: {name}", run)
    timers(t)
    usage(t)
    sizes(t)
    neighbours(t)
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    tap.main(test)
