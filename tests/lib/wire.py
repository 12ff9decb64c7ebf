"""The messages between Cordon's processes, and a platform to send them to.

The codec is generated from src/wire/schema.h when this module is loaded, so the tests cannot drift
from the schema. A frame is a header (u32 length of the body, u8 type, three zero bytes) and a body;
integers are little-endian, bytes are a u32 length and that many bytes.

    with Platform() as p:
        print(p.run("export default () => 1 + 1").value)      # 2
        handles = [p.submit("async () => 42") for _ in range(100)]
        results = [p.wait(h) for h in handles]
"""

import array
import ctypes
import json
import os
import re
import select
import signal
import socket
import struct
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HANG = 60  # seconds without any news: a hang, not slowness


def _macros(path):
    text = open(os.path.join(ROOT, "src", "wire", path), encoding="utf-8").read()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S).replace("\\\n", " ")
    return dict(re.findall(r"^#define (\w+)(?:\(\w+\))?[ \t]+(.*)$", text, flags=re.M))


def _load_schema():
    macros = _macros("schema.h")

    def fields(body):
        found = []
        for name, args in re.findall(r"(\w+)\(([^()]*)\)?", body):
            if name == "F":
                kind, field = [a.strip() for a in args.split(",")[:2]]
                found.append((kind, field))
            elif name in macros:
                found += fields(macros[name])
        return found

    types, names = {}, {}
    for number, upper, _, macro in re.findall(
        r"M\((\d+), (\w+), (\w+), (\w+)\)", macros["WIRE_MESSAGES"]
    ):
        layout = fields(macros[macro])
        if len(layout) != len(set(name for _, name in layout)):
            raise ValueError(f"schema.h: {macro} was not understood")
        types[int(number)] = (upper, layout)
        names[upper] = int(number)
    return types, names


def _load_words():
    macros = _macros("words.h")
    return {
        macro: {text: int(n) for n, text in re.findall(r'X\((\d+), \w+, "(\w+)"\)', body)}
        for macro, body in macros.items()
        if "X(" in body and '"' in body
    }


TYPES, NUMBERS = _load_schema()
WORDS = _load_words()
FORMATS = {"u8": "<B", "u32": "<I", "u64": "<Q", "i64": "<q"}
HEADER = struct.Struct("<IB3x")
FLAGS = {"virtual_clock": 1, "fences": 2, "eval": 4, "wasm": 8, "journal": 16}


def word(macro, number):
    """The text of a number: word("OUTCOMES", 0) is "completed"."""
    for text, n in WORDS[macro].items():
        if n == number:
            return text
    return f"?{number}"


CANCELLED = 9  # REASON_CANCELLED of words.h


def encode(name, **values):
    """One frame. Fields that are not given are 0 or empty."""
    _, layout = TYPES[NUMBERS[name]]
    body = bytearray()
    for kind, field in layout:
        value = values.pop(field, b"" if kind == "bytes" else 0)
        if kind == "bytes":
            value = value.encode() if isinstance(value, str) else value
            body += struct.pack("<I", len(value)) + value
        else:
            body += struct.pack(FORMATS[kind], value)
    if values:
        raise TypeError(f"{name} has no field {', '.join(values)}")
    return HEADER.pack(len(body), NUMBERS[name]) + bytes(body)


def decode(data, at=0):
    """(name, fields, end) of the frame at `at`, or None while it is not whole."""
    if len(data) - at < HEADER.size:
        return None
    size, number = HEADER.unpack_from(data, at)
    at += HEADER.size
    end = at + size
    if len(data) < end:
        return None
    name, layout = TYPES[number]
    values = {}
    for kind, field in layout:
        if kind == "bytes":
            (length,) = struct.unpack_from("<I", data, at)
            at += 4
            values[field] = bytes(data[at : at + length])
            at += length
        else:
            fmt = FORMATS[kind]
            (values[field],) = struct.unpack_from(fmt, data, at)
            at += struct.calcsize(fmt)
    if at != end:
        raise ValueError(f"{name}: {end - at} bytes left over")
    return name, values, end


def module_map(modules):
    """modules: name -> source (str or bytes), or name -> (type, source). See wire/modmap.h."""
    types = {"auto": 0, "js": 1, "ts": 2, "json": 3, "text": 4, "data": 5, "wasm": 6}
    out = bytearray(struct.pack("<I", len(modules)))
    for name, source in modules.items():
        kind = "auto"
        if isinstance(source, tuple):
            kind, source = source
        source = source.encode() if isinstance(source, str) else source
        name = name.encode()
        out += struct.pack("<I", len(name)) + name + bytes([types[kind]])
        out += struct.pack("<I", len(source)) + source
    return bytes(out)


class Result:
    """How a run ended. `outcome` is "lost" when its node went away first: then nothing else is set."""

    def __init__(self, handle, outcome, fields=None, logs=(), journal=()):
        f = fields or {}
        self.handle = handle
        self.outcome = outcome
        self.reason = word("TERMINATION_REASONS", f.get("reason", 0))
        self.detail = f.get("detail", b"").decode()
        self.limit, self.observed = f.get("limit", 0), f.get("observed", 0)
        self.error = json.loads(f["error"]) if f.get("error") else None
        self.logs = list(logs)  # (level, text, data)
        self.journal = list(journal)  # dicts, when asked for
        self.fields = f
        self.value_kind = word("VALUE_KINDS", f.get("value_kind", 0))
        self.value = None
        if outcome == "completed":
            raw = f["value"]
            self.value = {
                "json": lambda: json.loads(raw) if raw else None,
                "text": raw.decode,
                "bytes": lambda: raw,
            }[self.value_kind]()

    @property
    def code(self):
        return self.error and self.error.get("code")

    def __repr__(self):
        why = f" {self.reason}: {self.detail}" if self.outcome == "terminated" else ""
        what = self.value if self.outcome == "completed" else self.error
        return f"<{self.outcome}{why} {what!r}>"


class Hang(Exception):
    """Nothing came for HANG seconds."""


DEFAULT_LIMITS = {
    "cpu_us": 2_000_000,
    "wall_us": 10_000_000,
    "memory_bytes": 64 << 20,
    "output_bytes": 256 << 10,
    "operations": 100,
    "log_lines": 1000,
    "timers": 100,
}


class Platform:
    """A cordon-supervisor and all that it starts, with this process as its front.

    Not thread-safe, and to be used from the main thread: the kernel ends the supervisor when the
    thread that started it ends.

    Runs whose node dies before they end are `lost`; the platform goes on with the next node.
    """

    def __init__(self, build=None, jail="full", node_args=(), before_exec=None):
        """`before_exec` is called in the supervisor's process before it is one."""
        build = build or os.environ.get("CORDON_BUILD") or os.path.join(ROOT, "build")
        self.path = os.path.join(build, "cordon-supervisor")
        self.args = ["cordon-supervisor", f"--jail={jail}", "--", *node_args]
        self.control = self.node = None
        self.pid = 0
        self.status = None  # of the supervisor, once it has ended
        self.incarnation = 0
        self.ready = None  # fields of NODE_READY of this incarnation
        self.next_handle = 1
        self.pending = {}  # handle -> (logs, journal)
        self.results = {}
        self.duplicates = []  # handles whose RUN_DONE came when they had an outcome
        self.buffer = bytearray()
        self._start(before_exec)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _start(self, before_exec):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = ours
        env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        self.pid = os.fork()
        if self.pid == 0:
            try:
                if theirs.fileno() == 3:
                    theirs.set_inheritable(True)
                else:
                    os.dup2(theirs.fileno(), 3)
                if before_exec:
                    before_exec()
                os.execve(self.path, self.args, env)
            finally:
                os._exit(127)
        theirs.close()
        self.until(lambda: self.ready is not None)

    @property
    def ended(self):
        """The supervisor went away by itself."""
        return self.control is None

    def _close_node(self):
        if self.node:
            self.node.close()
        self.node = None
        self.buffer.clear()
        for handle in list(self.pending):
            self._end(handle, Result(handle, "lost"))

    def _end(self, handle, result):
        if handle in self.results:
            self.duplicates.append(handle)
        self.pending.pop(handle, None)
        self.results[handle] = result

    def _on_control(self):
        data, ancillary, _, _ = self.control.recvmsg(4096, 1024)
        fds = array.array("i")
        for level, kind, raw in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(raw)
        if not data:
            self._close_node()
            self.control.close()
            self.control = None
            return
        self._close_node()
        self.incarnation = decode(data)[1]["incarnation"]
        self.ready = None
        self.node = socket.socket(fileno=fds[0])
        os.set_inheritable(fds[0], False)

    def _on_message(self, name, f):
        if name == "NODE_READY":
            self.ready = f
        elif name == "RUN_LOG" and f["handle"] in self.pending:
            entry = (word("LOG_LEVELS", f["level"]), f["text"].decode(), f["data"].decode())
            self.pending[f["handle"]][0].append(entry)
        elif name == "RUN_JOURNAL" and f["handle"] in self.pending:
            self.pending[f["handle"]][1].append(json.loads(f["line"]))
        elif name == "RUN_DONE":
            logs, journal = self.pending.get(f["handle"], ((), ()))
            outcome = word("OUTCOMES", f["outcome"])
            self._end(f["handle"], Result(f["handle"], outcome, f, logs, journal))

    def _on_node(self):
        try:
            data = self.node.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            self._close_node()
            return
        self.buffer += data
        at = 0
        while (frame := decode(self.buffer, at)) is not None:
            name, fields, at = frame
            self._on_message(name, fields)
        del self.buffer[:at]

    def turn(self, timeout=HANG):
        """Handles what has come, or waits for it. False when nothing came in that time."""
        watched = [s for s in (self.control, self.node) if s]
        if not watched:
            return False
        readable, _, _ = select.select(watched, [], [], timeout)
        # Runs first: what a dying node still said of them counts.
        if self.node in readable:
            self._on_node()
        elif self.control in readable:
            self._on_control()
        return bool(readable)

    def until(self, condition):
        """Turns until the condition holds. Raises Hang; returns False when the platform ended."""
        while not condition():
            if self.ended:
                return False
            if not self.turn():
                raise Hang(f"{len(self.pending)} runs without an outcome, node {self.incarnation}")
        return True

    def submit(
        self,
        source,
        *,
        input=None,
        engine="standard",
        task_class="interactive",
        main="main.js",
        language="",
        flags=(),
        seed=1,
        now_ms=0,
        run=None,
        **limits,
    ):
        """The handle of a new run. `source`: a string, or a dict of modules (see module_map)."""
        modules = source if isinstance(source, dict) else {main: source}
        handle = self.next_handle
        self.next_handle += 1
        unknown = set(limits) - set(DEFAULT_LIMITS)
        if unknown:
            raise TypeError(f"no such limit: {', '.join(unknown)}")
        frame = encode(
            "SUBMIT",
            handle=handle,
            run=run or f"test-{handle}",
            engine=WORDS["ENGINE_MODES"][engine],
            class_=WORDS["TASK_CLASSES"][task_class],
            flags=sum(FLAGS[f] for f in flags),
            seed=seed,
            now_ms=now_ms,
            language=language,
            main=main,
            modules=module_map(modules),
            input=b"" if input is None else json.dumps(input),
            **{**DEFAULT_LIMITS, **limits},
        )
        # Between two nodes there is a moment without one.
        self.until(lambda: self.node is not None)
        self.pending[handle] = ([], [])
        try:
            if self.node is None:
                raise BrokenPipeError
            self.node.sendall(frame)
        except (BrokenPipeError, ConnectionResetError):
            self._end(handle, Result(handle, "lost"))
        return handle

    def cancel(self, handle):
        self.node.sendall(encode("CANCEL", handle=handle, reason=CANCELLED))

    def wait(self, handle):
        self.until(lambda: handle in self.results)
        return self.results.pop(handle)

    def wait_all(self):
        """Waits for all that is under way and returns everything that has ended since."""
        self.until(lambda: not self.pending)
        ended, self.results = self.results, {}
        return ended

    def run(self, source, **options):
        return self.wait(self.submit(source, **options))

    def stop(self):
        """Ends it as a front does: by going away. The supervisor's wait status."""
        for s in (self.node, self.control):
            if s:
                s.close()
        self.node = self.control = None
        if self.pid:
            deadline = time.monotonic() + HANG
            while True:
                try:
                    pid, self.status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:  # somebody else has buried it
                    break
                if pid:
                    break
                if time.monotonic() > deadline:
                    os.kill(self.pid, signal.SIGKILL)
                    os.waitpid(self.pid, 0)
                    self.pid = 0
                    raise Hang("the supervisor does not end")
                time.sleep(0.002)
            self.pid = 0
        return self.status


# ---- looking at the processes of a platform ----


def become_subreaper():
    """Orphans below this process become its children: so none can hide from processes()."""
    PR_SET_CHILD_SUBREAPER = 36
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


class Process:
    def __init__(self, pid, name, state, parent):
        self.pid, self.name, self.state, self.parent = pid, name, state, parent

    def __repr__(self):
        return f"{self.name}[{self.pid}]{self.state}<{self.parent}"


def _stat(pid):
    try:
        text = open(f"/proc/{pid}/stat", "rb").read().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    rest = text[text.rindex(")") + 2 :].split()
    return Process(int(pid), name, rest[0], int(rest[1]))


def processes(root=None):
    """All processes below `root` (default: this one), without itself."""
    root = root or os.getpid()
    found = [p for p in map(_stat, filter(str.isdigit, os.listdir("/proc"))) if p]
    children = {}
    for p in found:
        children.setdefault(p.parent, []).append(p)
    below, todo = [], [root]
    while todo:
        for p in children.get(todo.pop(), []):
            below.append(p)
            todo.append(p.pid)
    return below


def reap_orphans():
    """Buries dead children that are not a platform's supervisor's to bury (see become_subreaper)."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def memory(pid):
    """smaps_rollup of a process in KiB, and VmPTE, VmRSS, VmData. Needs the right to look."""
    values = {}
    for file in ("smaps_rollup", "status"):
        for line in open(f"/proc/{pid}/{file}"):
            m = re.match(r"(\w+):\s+(\d+) kB", line)
            if m:
                values[m[1]] = int(m[2])
    return values


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
