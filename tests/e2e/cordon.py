"""Runs the `cordon` command, as a person or a script would, and reads what it prints."""

import concurrent.futures
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HANG = 120  # seconds: no run here takes a tenth of it, unless something hangs
PARALLEL = 2
PR_SET_CHILD_SUBREAPER = 36

# A daemon that runs on this machine takes no part: no variable names it, and where one is by default there is none.
for _name in ("CORDON_URL", "CORDON_API_KEY"):
    os.environ.pop(_name, None)
os.environ["XDG_STATE_HOME"] = os.devnull

KEYS = {"run", "outcome", "termination", "value_kind", "value", "error", "logs", "usage", "jail", "seed", "now_ms",
        "tier", "class"}
USAGE_KEYS = {"queue_us", "spawn_us", "run_us", "wall_us", "cpu_us", "memory_peak_bytes", "operations", "output_bytes"}
TERMINATION_KEYS = {"reason", "limit", "observed", "detail"}
ERROR_KEYS = {"name", "message", "stack", "file", "line", "column", "frame", "code", "thrown", "cause"}
EXITS = {"completed": 0, "failed": 1, "denied": 3, "terminated": 4}


def binary():
    """The first argument, else $CORDON, else the usual build directory."""
    path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("CORDON", ROOT / "build" / "cordon")
    path = pathlib.Path(path).resolve()
    if not path.is_file():
        sys.exit(f"{path} is not there: build it, or name the binary as the first argument")
    return path


class Result:
    """How one command ended. `data` is the object of --json, or None if there was not exactly one."""

    def __init__(self, args, status, out, err):
        self.args, self.status, self.out, self.err = args, status, out, err
        self.data = None
        self.problem = None
        try:
            self.data = json.loads(out, object_pairs_hook=_unique)
            if not isinstance(self.data, dict):
                self.data, self.problem = None, "standard output is JSON, but no object"
        except ValueError as error:
            self.problem = f"standard output is not one JSON value: {error}"

    def __getattr__(self, name):
        """run.outcome, run.value, run.logs …: members of the JSON object."""
        if name.startswith("_") or self.data is None:
            return None
        return self.data.get(name)

    @property
    def code(self):
        return (self.error or {}).get("code")

    @property
    def message(self):
        return (self.error or {}).get("message") or ""

    @property
    def reason(self):
        return (self.termination or {}).get("reason")

    @property
    def texts(self):
        return [line["text"] for line in self.logs or []]

    def flaw(self):
        """What is wrong with the form of the answer; None: nothing."""
        if self.data is None:
            return f"{self.problem}; exit status {self.status}; standard error: {self.err[-600:]}"
        if set(self.data) != KEYS:
            return f"keys missing {KEYS - set(self.data)}, unknown {set(self.data) - KEYS}"
        if set(self.usage) != USAGE_KEYS or not all(isinstance(v, int) and v >= 0 for v in self.usage.values()):
            return f"usage is {self.usage}"
        if self.status != EXITS.get(self.outcome):
            return f"outcome {self.outcome}, but exit status {self.status}"
        if (self.outcome == "terminated") != (self.termination is not None):
            return f"outcome {self.outcome}, termination {self.termination}"
        if self.termination is not None and set(self.termination) != TERMINATION_KEYS:
            return f"termination is {self.termination}"
        if (self.error is not None) != (self.outcome in ("failed", "denied")):
            return f"outcome {self.outcome}, error {self.error}"
        if self.outcome == "failed" and not ERROR_KEYS <= set(self.error):
            return f"keys missing in error: {ERROR_KEYS - set(self.error)}"
        if self.outcome != "completed" and self.value is not None:
            return f"outcome {self.outcome}, and yet a value"
        if not self.jail or self.jail.get("full") is not True:
            return f"the jail is not full: {self.jail}"
        return None

    def __str__(self):
        if self.data is None:
            return f"exit {self.status}, {self.problem}\nstdout: {self.out[-500:]}\nstderr: {self.err[-800:]}"
        return (f"{self.outcome} value={json.dumps(self.value)[:300]} termination={self.termination} "
                f"error={json.dumps(self.error)[:600]} logs={json.dumps(self.logs)[:300]}")


def _unique(pairs):
    keys = [key for key, _ in pairs]
    # JSON.parse of a result may give any keys, but the platform's own objects have each once.
    if "outcome" in keys and len(set(keys)) != len(keys):
        raise ValueError("a key stands twice")
    return dict(pairs)


def command(args, stdin=None, cwd=None, env=None, prefix=(), program=None):
    """Runs `cordon ARGS…` to its end."""
    argv = [*prefix, str(program or binary()), *map(str, args)]
    if isinstance(stdin, str):
        stdin = stdin.encode()
    with subprocess.Popen(argv, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, env=env) as process:
        try:
            out, err = process.communicate(stdin, timeout=HANG)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            err += b"\n[hung: ended by the test]"
    return Result(args, process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def run_file(path, *options, **how):
    return command(["run", "--json", *options, path], **how)


def run(code, *options, name="main.js", files=None, **how):
    """Runs `code` as the main module `name`; `files` are further modules by name."""
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        os.chmod(directory, 0o755)
        path = _write(directory, name, code, "main")
        more = []
        for i, (other, content) in enumerate((files or {}).items()):
            more += ["--module", f"{other}={_write(directory, 'module', content, str(i))}"]
        return run_file(path, *options, *more, **how)


def _write(directory, name, content, folder):
    path = pathlib.Path(directory) / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def same(a, b):
    """Equality of JSON values: True is not 1."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def together(jobs):
    """Calls each of `jobs`, a few at a time; their results in the same order."""
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def adopt():
    """From now on, processes that outlive the command which started them become children of this one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def left_behind(patience=20):
    """Reaps what adopt() brought here; the command lines of those that do not end by themselves."""
    def stop(*_):
        raise TimeoutError

    old = signal.signal(signal.SIGALRM, stop)
    signal.alarm(patience)
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return []
    except TimeoutError:
        return [_describe(pid) for pid in _children()]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def _children():
    pids = []
    for task in pathlib.Path("/proc/self/task").iterdir():
        pids += (task / "children").read_text().split()
    return pids


def _describe(pid):
    try:
        line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        return f"{pid}: {line}"
    except OSError:
        return pid
