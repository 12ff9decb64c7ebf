#!/usr/bin/env python3
"""Nothing of one run can be seen in the next one on the same platform: not globals, prototypes, module state, chance
or clock; nor in one that runs at the same time."""

import json
import sys

import cordon
import tap

sys.path.insert(0, str(cordon.ROOT / "tests" / "lib"))
import wire  # noqa: E402

# Leaves traces everywhere it can, and tells whether it found any.
MARK = """
import * as state from "./state.js";
export default () => {
  const found = [];
  const look = (name, value) => { if (value) found.push(name); };
  look("global", globalThis.mark);
  look("object", ({}).mark);
  look("array", [].mark);
  look("function", (() => {}).mark);
  look("console", console.mark);
  look("symbol", Object(Symbol.for("mark")).mark);
  look("map", "mark" in Map.prototype);
  look("json", JSON.mark);
  look("regexp", RegExp.$1 === "left");
  look("error", Error.mark || Error.stackTraceLimit === 3);
  look("module", state.count());
  look("intl", Intl.mark);
  look("timer", setTimeout.mark);
  look("response", Response.prototype.mark);
  globalThis.mark = true;
  for (const o of [Object.prototype, Array.prototype, Function.prototype, console, Map.prototype, Symbol.prototype, JSON, Intl, setTimeout, Response.prototype, Error]) o.mark = true;
  /(left)/.test("left");
  Error.stackTraceLimit = 3;
  state.add();
  const first = setTimeout(() => {}, 1000);
  clearTimeout(first);
  console.count("mark");
  console.group();
  return { found, first };
};
"""
STATE = "let n = 0;\nexport const count = () => n;\nexport const add = () => n++;"
CHANCE = """
() => ({ math: [Math.random(), Math.random()], uuid: crypto.randomUUID(),
         bytes: [...crypto.getRandomValues(new Uint8Array(8))] })
"""
TIME = "() => ({ now: Date.now(), zone: new Date(0).getHours(), local: new Intl.DateTimeFormat().resolvedOptions() })"
ROUNDS = 20
ENGINES = ("standard", "regulated")


def traces(t, platform, engine):
    """One after the other, and then at once. All but the first use what was compiled before."""
    modules = {"main.js": MARK, "state.js": STATE}
    runs = [platform.run(modules, engine=engine) for _ in range(ROUNDS)]
    t.equal([run.value for run in runs], [{"found": [], "first": 1}] * ROUNDS,
            f"no trace of {ROUNDS} earlier runs of the same artifact ({engine})")
    t.equal([[text for _, text, _ in run.logs] for run in runs], [["mark: 1"]] * ROUNDS,
            f"console counts and groups begin anew ({engine})")
    handles = [platform.submit(modules, engine=engine) for _ in range(ROUNDS)]
    runs = [platform.wait(handle) for handle in handles]
    t.equal([run.value for run in runs], [{"found": [], "first": 1}] * ROUNDS,
            f"nor of {ROUNDS} that run at the same time ({engine})")


def chance(t, platform, engine):
    runs = [platform.run(CHANCE, engine=engine, seed=seed) for seed in range(ROUNDS)]
    for what in ("math", "uuid", "bytes"):
        seen = {json.dumps((run.value or {}).get(what)) for run in runs}
        t.equal(len(seen), ROUNDS, f"each seed has its own {what} ({engine})")
    again = platform.run(CHANCE, engine=engine, seed=3)
    t.ok(again.value is not None and again.value == runs[3].value, f"the same seed has the same ({engine})", again)
    # A run that drew much leaves nothing in the generator of the next.
    platform.run("() => { for (let i = 0; i < 10007; i++) Math.random(); }", engine=engine, seed=3)
    after = platform.run(CHANCE, engine=engine, seed=3)
    t.equal(after.value, runs[3].value, f"also after a run that drew much ({engine})")


def command_line(t):
    runs = cordon.together([lambda: cordon.run(CHANCE)] * 4)
    for what in ("math", "uuid", "bytes"):
        seen = {json.dumps((run.value or {}).get(what)) for run in runs}
        t.equal(len(seen), len(runs), f"without a seed, {what} differs from run to run")
    t.equal(len({run.seed for run in runs}), len(runs), "and so does the seed that is told")
    again = cordon.run(CHANCE, "--seed", runs[0].seed)
    t.equal(again.value, runs[0].value, "the seed that was told repeats the run")
    run = cordon.run(TIME)
    t.equal((run.value or {}).get("now"), run.now_ms, "the clock of a run starts where it says")
    t.equal([(run.value or {}).get("zone"), (run.value or {}).get("local", {}).get("timeZone")], [0, "UTC"],
            "the time zone of the machine does not show")
    secret = cordon.run("() => JSON.stringify(Object.getOwnPropertyNames(globalThis))", env={
        "PATH": "/usr/bin:/bin", "SECRET_OF_THE_CALLER": "s3cr3t", "TZ": "Asia/Kathmandu", "JSC_useJIT": "0"})
    t.ok(secret.outcome == "completed" and "s3cr3t" not in secret.out + secret.err,
         "the environment of the caller does not show", secret)


def test(t):
    cordon.adopt()
    with wire.Platform(build=str(cordon.binary().parent)) as platform:
        for engine in ENGINES:
            traces(t, platform, engine)
            chance(t, platform, engine)
    command_line(t)
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    tap.main(test)
