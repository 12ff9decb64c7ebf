"""Memory that the kernel no longer counts must be gone: what a sandbox really holds, as the kernel has it."""

import pathlib
import re
import signal
import subprocess
import tempfile

import cordon
import tap

CEILING_MIB = 64
# Each buffer is filled, shrunk to nothing and kept: 960 MiB in all, if shrinking only hid the pages.
CODE = """async () => {
  const kept = [];
  for (let i = 0; i < 60; i++) {
    const buffer = new ArrayBuffer(0, { maxByteLength: 1 << 24 });
    buffer.resize(1 << 24);
    new Uint8Array(buffer).fill(1);
    buffer.resize(0);
    kept.push(buffer);
  }
  console.log("filled", kept.length);
  await new Promise((resolve) => setTimeout(resolve, 60000));
  return kept.length;
}
"""


def descendants(pid):
    """All processes beneath `pid`, by /proc."""
    found = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def held_mib(pid):
    match = re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(match.group(1)) / 1024


def test(t):
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        path = pathlib.Path(directory) / "code.js"
        path.write_text(CODE)
        argv = [cordon.binary(), "run", "--memory-mb", str(CEILING_MIB), "--cpu-ms", "30000", "--wall-ms", "60000", path]
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            first = process.stderr.readline()
            t.ok(b"filled 60" in first, "all buffers were filled, one after the other", first)
            names = {p: pathlib.Path(f"/proc/{p}/comm").read_text().strip() for p in descendants(process.pid)}
            # Pages of the zygote's image are counted in each sandbox; a fresh one shows how many those are.
            held = sorted(held_mib(p) for p, name in names.items() if name == "cordon-sandbox")
            t.ok(len(held) >= 1, "its sandbox is there to be looked at", names)
            t.ok(held[-1] - held_mib(next(p for p, n in names.items() if n == "cordon-zygote")) <= CEILING_MIB,
                 f"it holds no more than its ceiling of {CEILING_MIB} MiB", held)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
            t.equal(process.returncode, 4, "and ends when it is told to")


if __name__ == "__main__":
    tap.main(test)
