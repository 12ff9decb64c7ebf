"""The open-loop load generator, as the measurements call it."""
import contextlib
import json
import os
import subprocess
import tempfile


class Streams:
    """Files for keys and bodies, which the generator reads, are made here and go away with it."""

    def __init__(self, build):
        self.program = os.path.join(build, "bench-openloop")
        self.directory = tempfile.TemporaryDirectory(prefix="cordon-bench-")
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def file(self, content):
        self.count += 1
        path = os.path.join(self.directory.name, str(self.count))
        with open(path, "w") as f:
            f.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def stream(self, name, *words, body=None, key=None, **values):
        parts = [f"name={name}", *words, *(f"{k.rstrip('_')}={v}" for k, v in values.items())]
        parts += [f"body={self.file(body)}"] if body is not None else []
        parts += [f"key={self.file(key)}"] if key is not None else []
        return ",".join(parts)

    def run(self, url, *streams, seconds, all_answered=True, **options):
        """The generator's result, and its streams by name. If all must be answered, and were not, it is no measurement."""
        argv = [self.program, "--url", url, "--seconds", str(seconds)]
        for k, v in options.items():
            argv += [f"--{k}", str(v)]
        for s in streams:
            argv += ["--stream", s]
        done = subprocess.run(argv, stdout=subprocess.PIPE, preexec_fn=first)
        if done.returncode > (0 if all_answered else 1):
            raise RuntimeError(f"bench-openloop ended with {done.returncode}: {done.stdout.decode()[:2000]}")
        data = json.loads(done.stdout)
        return data, {s["name"]: s for s in data["streams"]}


def first():
    """Callers are elsewhere, as a rule: they do not wait for a processor that runs have."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
