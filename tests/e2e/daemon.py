"""Starts `cordon up` and speaks to it as any HTTP client would."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import cordon

START = 60  # seconds: hang guards
ANSWER = 120


def kept(data):
    """A run's answer as it is kept: the signed statement is given with the first answer only."""
    return {**data, "receipt": {"id": data["receipt"]["id"]}}


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        try:
            self.data = json.loads(body)
        except ValueError:
            self.data = None

    @property
    def code(self):
        return self.data.get("code") if isinstance(self.data, dict) else None

    def __getitem__(self, name):
        return self.data[name]

    def __str__(self):
        return f"{self.status} {self.body[:600]!r}"


class _Local(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """`data` keeps what is in it from one start to the next."""

    def __init__(self, data=None, prefix=(), options=(), program=None):
        self.temporary = None
        if data is None:
            self.temporary = tempfile.mkdtemp(prefix="cordon-e2e-")
            os.chmod(self.temporary, 0o777)
            data = os.path.join(self.temporary, "data")
        self.data, self.prefix, self.options = str(data), prefix, options
        self.program = program
        self.process = None
        self.url = self.errors = None

    def start(self):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*self.prefix, str(self.program or cordon.binary()), "up", "--data", self.data, "--listen", "127.0.0.1:0", *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, start_new_session=True)
        line = self.process.stdout.readline().decode()
        if not line.startswith("ready http"):  # it has said why
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"cordon up said {line!r} and {self.messages()!r}")
        self.url = line.split()[1]
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def messages(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")

    def stop(self, number=signal.SIGTERM):
        """The exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(ANSWER)
        self.process.stdout.close()
        self.process = None
        return status

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.stop()
        if self.temporary:
            shutil.rmtree(self.temporary, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    # Processes, by what they are called.

    def children(self, name=None):
        """Process IDs below the daemon, of that name: control, node, zygote, supervisor."""
        below, found = {self.process.pid}, []
        table = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    text = (entry / "stat").read_text()
                    comm = text[text.index("(") + 1:text.rindex(")")]
                    table.append((int(entry.name), int(text.rsplit(")", 1)[1].split()[1]), comm))
        grown = True
        while grown:
            grown = False
            for pid, parent, comm in table:
                if parent in below and pid not in below:
                    below.add(pid)
                    found.append((pid, comm))
                    grown = True
        return [pid for pid, comm in found if name is None or comm.startswith(f"cordon-{name}"[:15])]

    # Requests. With a key over TCP; without one as the machine's administrator over the unix socket.

    def connection(self, key=None, local=None, timeout=ANSWER):
        local = key is None if local is None else local
        if local:
            return _Local(os.path.join(self.data, "control.sock"), timeout)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, key=None, headers=None, local=None, connection=None):
        own = connection is None
        c = connection or self.connection(key, local)
        headers = dict(headers or {})
        if key is not None:
            headers.setdefault("Authorization", f"Bearer {key}")
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        try:
            c.request(method, path, body=body.encode() if isinstance(body, str) else body, headers=headers)
            r = c.getresponse()
            return Reply(r.status, r.headers, r.read())
        finally:
            if own:
                c.close()

    def run(self, code, key=None, headers=None, **members):
        return self.ask("POST", "/v1/runs", {"code": code, **members}, key=key, headers=headers)

    def tenant(self, name):
        assert self.ask("POST", "/v1/tenants", {"id": name}).status == 201
        return name

    def key(self, tenant="default", role="runner", **members):
        return self.ask("POST", f"/v1/keys?tenant={tenant}", {"role": role, **members})["key"]

    def wait(self, run, key=None, state="done"):
        """Until the run is over."""
        end = time.monotonic() + ANSWER
        while time.monotonic() < end:
            r = self.ask("GET", f"/v1/runs/{run}", key=key)
            if r.status == 200 and r["state"] == state:
                return r
            time.sleep(0.02)
        raise RuntimeError(f"{run} is not {state}: {r}")
