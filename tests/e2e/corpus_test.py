#!/usr/bin/env python3
"""Every program of tests/corpus/hostile, in both engine modes: each ends in the typed outcome its header names.

In the `standard` tier each gets a platform of its own by way of the command line, whose answer must be one whole
JSON object. In the `regulated` tier all of them share one platform, two at a time and each beside an honest run,
which has to complete whatever its neighbour does.

A program begins with comments:
    // expect: terminated cpu_time            outcome, and reason (terminated) or code (failed, denied)
    // expect: completed {"a":1}              the value as JSON; left out: any value
    // expect: terminated memory | failed …   where the engine may reach either first
    // expect-regulated: …                    where the mode without JIT differs
    // known: why                             a weakness that is known; skipped while it is there
    // expect-logs: ["a"]                     the text of the log lines, as JSON
    // options: --cpu-ms 200                  of `cordon run`; @DIR@ is the folder of the program
Arguments: the binary, then names of programs to run only those.
"""

import argparse
import base64
import json
import re
import shlex
import sys

import cordon
import tap

sys.path.insert(0, str(cordon.ROOT / "tests" / "lib"))
import wire  # noqa: E402

CORPUS = cordon.ROOT / "tests" / "corpus" / "hostile"
AT_LEAST = 50
HONEST = "({ input }) => { let s = 0; for (let i = 1; i <= input; i++) s += i; console.log(s); return s; }"


class Program:
    def __init__(self, path):
        self.path = path
        self.headers = dict(re.findall(r"^// ([a-z-]+): (.+)$", path.read_text(), re.MULTILINE))
        self.options = shlex.split(self.headers.get("options", "").replace("@DIR@", str(path.parent)))

    def complaint(self, run, tier):
        """What is wrong with how it ended; None: nothing."""
        wanted = self.headers.get(f"expect-{tier}", self.headers.get("expect", ""))
        if not any(matches(run, one.strip()) for one in wanted.split(" | ")):
            return f"wanted {wanted}\ngot    {run}"
        logs = self.headers.get("expect-logs")
        if logs is not None and run.texts != json.loads(logs):
            return f"wanted logs {logs}\ngot         {json.dumps(run.texts)}"
        return None

    def judge(self, t, tier, complaint):
        """A weakness that is known and written down (`// known: why`) is counted as skipped while it lasts."""
        if complaint and "known" in self.headers:
            t.skip(f"{self.path.name} {tier}", f"known: {self.headers['known']}")
        else:
            t.ok(complaint is None, f"{self.path.name} {tier}", complaint)

    def submission(self):
        """The options of the command line as what Platform.submit() takes."""
        p = argparse.ArgumentParser(allow_abbrev=False)
        for name, scale, default in (("cpu-ms", 1000, 1000), ("wall-ms", 1000, 10000), ("memory-mb", 1 << 20, 128),
                                     ("output-kb", 1024, 1024), ("operations", 1, 1000), ("log-lines", 1, 1000),
                                     ("timers", 1, 1000)):
            p.add_argument(f"--{name}", type=lambda text, scale=scale: int(text) * scale, default=default * scale)
        p.add_argument("--eval", action="store_true")
        p.add_argument("--module", action="append", default=[])
        o = p.parse_args(self.options)
        modules = {self.path.name: self.path.read_bytes()}
        for module in o.module:
            name, _, file = module.partition("=")
            modules[name] = open(file, "rb").read()
        return modules, dict(main=self.path.name, flags=("eval",) if o.eval else (), cpu_us=o.cpu_ms, wall_us=o.wall_ms,
                             memory_bytes=o.memory_mb, output_bytes=o.output_kb, operations=o.operations,
                             log_lines=o.log_lines, timers=o.timers)


class Shared:
    """A result of the shared platform, in the words of the command line."""

    def __init__(self, result):
        self.outcome, self.reason, self.code, self.error = result.outcome, result.reason, result.code, result.error
        self.value = {"base64": base64.b64encode(result.value).decode()} if isinstance(result.value, bytes) else result.value
        self.texts = [text for _, text, _ in result.logs]
        self.shown = repr(result)

    def __str__(self):
        return self.shown[:1000]


def matches(run, wanted):
    outcome, _, more = wanted.partition(" ")
    if outcome not in cordon.EXITS or run.outcome != outcome:
        return False
    if outcome == "completed":
        return not more or cordon.same(run.value, json.loads(more))
    return more == (run.reason if outcome == "terminated" else run.code)


def alone(t, programs):
    runs = cordon.together([lambda p=p: cordon.run_file(p.path, *p.options) for p in programs])
    for program, run in zip(programs, runs):
        complaint = run.flaw() or program.complaint(run, "standard")
        program.judge(t, "standard", complaint)
    t.equal(len({run.run for run in runs}), len(runs), "every run has its own ID")


def shared(t, programs):
    with wire.Platform(build=str(cordon.binary().parent)) as platform:
        for first, second in zip(programs[::2], programs[1::2] + [None]):
            pair = [p for p in (first, second) if p]
            handles = []
            for program in pair:
                modules, options = program.submission()
                handles.append(platform.submit(modules, engine="regulated", **options))
            # Beside two that use up all processors it takes as long as it takes.
            honest = Shared(platform.run(HONEST, engine="regulated", input=1000, wall_us=60_000_000))
            for program, handle in zip(pair, handles):
                complaint = program.complaint(Shared(platform.wait(handle)), "regulated")
                program.judge(t, "regulated", complaint)
            t.ok((honest.value, honest.texts) == (500500, ["500500"]),
                 f"an honest run beside {' and '.join(p.path.stem for p in pair)}", honest)
        t.equal(platform.incarnation, 1, "the node stood all of them")
        t.equal(platform.duplicates, [], "and told one outcome for each")


def test(t):
    cordon.adopt()
    only = sys.argv[2:]
    paths = sorted(p for p in CORPUS.iterdir() if p.suffix in (".js", ".ts"))
    programs = [Program(p) for p in paths if not only or p.stem in only]
    t.ok(only or len(programs) >= AT_LEAST, f"the corpus has at least {AT_LEAST} programs", f"it has {len(programs)}")
    t.equal([p.path.name for p in programs if "expect" not in p.headers], [], "each says how it ends")
    alone(t, programs)
    shared(t, programs)
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    tap.main(test)
