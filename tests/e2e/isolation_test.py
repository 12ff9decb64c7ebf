#!/usr/bin/env python3
"""Nothing of one run can be seen in the next: not globals, prototypes, module state, chance or clock."""

import json

import cordon
import tap

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
  look("symbol", Symbol.for("mark").description !== "mark" || Symbol.for("mark")[0]);
  look("map", "mark" in Map.prototype);
  look("json", JSON.mark);
  look("regexp", RegExp.$1 === "left");
  look("error", Error.mark || Error.stackTraceLimit === 3);
  look("module", state.count());
  look("intl", Intl.mark);
  look("timer", setTimeout.mark);
  look("response", Response.prototype.mark);
  globalThis.mark = true;
  for (const o of [Object.prototype, Array.prototype, Function.prototype, console, Map.prototype, JSON, Intl, setTimeout, Response.prototype, Error]) o.mark = true;
  /(left)/.test("left");
  Error.stackTraceLimit = 3;
  state.add();
  const first = setTimeout(() => {}, 1000);
  clearTimeout(first);
  return { found, first };
};
"""
STATE = "let n = 0;\nexport const count = () => n;\nexport const add = () => n++;"
CHANCE = """
() => ({ math: [Math.random(), Math.random()], uuid: crypto.randomUUID(),
         bytes: [...crypto.getRandomValues(new Uint8Array(8))] })
"""
TIME = "() => ({ now: Date.now(), zone: new Date(0).getHours(), local: new Intl.DateTimeFormat().resolvedOptions() })"


def test(t):
    cordon.adopt()
    for tier in ("standard", "regulated"):
        runs = cordon.together([lambda: cordon.run(MARK, "--tier", tier, files={"state.js": STATE})] * 4)
        t.equal([run.value for run in runs], [{"found": [], "first": 1}] * 4, f"no trace of earlier runs ({tier})")

    runs = cordon.together([lambda: cordon.run(CHANCE)] * 4 + [lambda: cordon.run(CHANCE, "--tier", "regulated")] * 2)
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
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    tap.main(test)
