#!/usr/bin/env python3
"""Every program of tests/corpus/hostile, in both engine modes: each ends in the typed outcome its header names.

A program begins with comments:
    // expect: terminated cpu_time            outcome, and reason (terminated) or code (failed, denied)
    // expect: completed {"a":1}              the value as JSON; left out: any value
    // expect: terminated memory | failed …   where the engine may reach either first
    // expect-regulated: …                    where the mode without JIT differs
    // expect-logs: ["a"]                     the text of the log lines, as JSON
    // options: --cpu-ms 200                  of `cordon run`; @DIR@ is the folder of the program
"""

import json
import re
import shlex
import sys

import cordon
import tap

CORPUS = cordon.ROOT / "tests" / "corpus" / "hostile"
TIERS = ("standard", "regulated")
AT_LEAST = 50


class Program:
    def __init__(self, path):
        self.path = path
        self.headers = dict(re.findall(r"^// ([a-z-]+): (.+)$", path.read_text(), re.MULTILINE))
        self.options = shlex.split(self.headers.get("options", "").replace("@DIR@", str(path.parent)))

    def run(self, tier):
        return cordon.run_file(self.path, "--tier", tier, *self.options)

    def complaint(self, run, tier):
        """What is wrong with how it ended; None: nothing."""
        flaw = run.flaw()
        if flaw:
            return flaw
        if run.tier != tier:
            return f"it ran in tier {run.tier}"
        wanted = self.headers.get(f"expect-{tier}", self.headers.get("expect", ""))
        if not any(matches(run, one.strip()) for one in wanted.split(" | ")):
            return f"wanted {wanted}\ngot    {run}"
        logs = self.headers.get("expect-logs")
        if logs is not None and run.texts != json.loads(logs):
            return f"wanted logs {logs}\ngot         {json.dumps(run.texts)}"
        return None


def matches(run, wanted):
    outcome, _, more = wanted.partition(" ")
    if outcome not in cordon.EXITS or run.outcome != outcome:
        return False
    if outcome == "completed":
        return not more or cordon.same(run.value, json.loads(more))
    return more == (run.reason if outcome == "terminated" else run.code)


def test(t):
    cordon.adopt()
    only = sys.argv[2:]
    paths = sorted(p for p in CORPUS.iterdir() if p.suffix in (".js", ".ts"))
    programs = [Program(p) for p in paths if not only or p.stem in only]
    t.ok(only or len(programs) >= AT_LEAST, f"the corpus has at least {AT_LEAST} programs", f"it has {len(programs)}")
    jobs = [(program, tier) for program in programs for tier in TIERS]
    runs = cordon.together([lambda p=p, tier=tier: p.run(tier) for p, tier in jobs])
    for (program, tier), run in zip(jobs, runs):
        complaint = program.complaint(run, tier)
        t.ok(complaint is None, f"{program.path.name} {tier}", complaint)
    t.equal(len({run.run for run in runs}), len(runs), "every run has its own ID")
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    tap.main(test)
