#!/usr/bin/env python3
"""Events, their export, and traces, as the command line has them: against servers that answer what they are told to,
receivers that fail in every way, and a daemon."""

import base64
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cordon
import tap
from client_test import CONTROL, EVIL, Client, card, refused
from daemon import Daemon
from fake import Fake, http

HANG = 60


def item(entry, line=1, **members):
    subject = {} if "run" in members else {"act": f"act_{entry}"}
    event = {**subject, "event": "tenant_created", "seq": line, "tenant": "acme",
             "time": "2026-11-21T19:46:01.825Z", **members}
    return {"entry": entry, "line": line, "receipt": f"rct_{entry}", "event": event}


def cursor(x):
    return f"{x['entry']}.{x['line']}"


def place(text):
    return tuple(int(part) for part in text.split(".")) if text else (-1, 0)


class Log:
    """GET /v1/events of these items, for Fake. `cuts`: after how many items each stream ends."""

    def __init__(self, items, cuts=(), more=None):
        self.items, self.cuts, self.asked = items, iter(cuts), []

    def __call__(self, request):
        path = request.split(b" ")[1].decode()
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
        headers = dict(re.findall(r"^([\w-]+): *(.*)\r$", request.decode(), re.M))
        self.asked.append((query, headers))
        after = headers.get("Last-Event-ID", query.get("after", ""))
        rest = [x for x in self.items if (x["entry"], x["line"]) > place(after)]
        if "event-stream" in headers["Accept"]:
            return self.stream(rest)
        page = rest[:int(query["limit"])]
        return http(json.dumps({"events": page, "next": cursor(page[-1]) if page else after or "0.0",
                                "more": len(page) < len(rest)}, ensure_ascii=False))

    def stream(self, items):
        yield b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n"
        for x in items[:next(self.cuts, len(items))]:
            yield f"id: {cursor(x)}\nevent: event\ndata: {json.dumps(x)}\n\n".encode()
        yield b"id: 999.9\nevent: event\ndata: {\"half"


def lists(t):
    items = [item(n // 3, n % 3 + 1) for n in range(1203)]
    log = Log(items)
    with Fake(log) as fake:
        client = Client(url=fake.url)
        r = client("events", "--json")
        t.equal([json.loads(line) for line in r.out.splitlines()], items[:100], "events --json: one object a line, the oldest first")
        t.ok(r.err == f"There are more: the same with --after {cursor(items[99])}\n", "and how to get the next", r.err)
        log.asked.clear()
        r = client("events", "--json", "--limit", "1200", "--after", cursor(items[2]))
        t.equal([json.loads(line) for line in r.out.splitlines()], items[3:], "more than one page")
        t.equal([q["limit"] for q, _ in log.asked], ["500", "500", "200"], "of at most 500 each")
        t.equal(r.err, "", "and there are no more")
        log.asked.clear()
        r = client("events", "list", "--run", "run_1", "--event", "a b", "--reason", "r&x", "--destination", "https://h:1",
                   "--decision", "d1", "--lease", "l", "--session", "s", "--trace", "t", "--artifact", "sha256:a",
                   "--profile", "p", "--since", "2026-01-31T12:00:00Z", "--until", "1700000000000", "--tenant", "acme",
                   "--limit", "1")
        t.equal(log.asked[0][0], {"subject": "run_1", "event": "a b", "reason": "r&x", "destination": "https://h:1",
                                  "decision": "d1", "lease": "l", "session": "s", "trace": "t", "artifact": "sha256:a",
                                  "profile": "p", "since": "1769860800000", "until": "1700000000000", "tenant": "acme",
                                  "limit": "1"}, "every condition goes along")
        lines = r.out.splitlines()
        t.ok(lines[0].split() == ["TIME", "EVENT", "RUN-OR-ACT", "TENANT", "WHAT"] and
             lines[1].split()[:4] == ["2026-11-21T19:46:01.825Z", "tenant_created", "act_0", "acme"], "a table for people", r)
    pages = iter([{"events": [], "next": "5.1", "more": True}, {"events": [item(7)], "next": "7.1", "more": False}])
    with Fake(lambda _: http(json.dumps(next(pages)))) as fake:
        r = Client(url=fake.url)("events", "--json")
        t.ok(r.status == 0 and json.loads(r.out)["entry"] == 7, "a page without events is not the end", r)
    for name, answer in (("no page", {}), ("events that are none", {"events": 5, "next": "1.1", "more": False}),
                         ("more, but not where", {"events": [], "next": "", "more": True}),
                         ("a page that leads to itself", {"events": [], "next": "3.1", "more": True})):
        with Fake(http(json.dumps(answer))) as fake:
            refused(t, Client(url=fake.url)("events", "--after", "3.1"), 5, "(client.answer)", f"events: {name}") \
                if name != "events that are none" else \
                t.equal(Client(url=fake.url)("events").status, 5, f"events: {name}")


def hostile(t, directory):
    """What a server or code in a sandbox says cannot steer the terminal."""
    evil = [item(1, tenant=EVIL, event=EVIL, reason=EVIL, time=EVIL, **{EVIL: EVIL}), item(2, tool={"a": [EVIL]}),
            {"entry": 3, "line": 1, "event": {}}, {"entry": 4, "line": 1, "receipt": 5, "event": {"run": 7, "time": 9}}]
    with Fake(Log(evil)) as fake:
        client = Client(url=fake.url)
        r = client("events")
        t.ok(r.status == 0 and not CONTROL.search(r.out + r.err) and len(r.out.splitlines()) == 5 and "\\x1b" in r.out,
             "members of events are made harmless", repr(r.out))
        r = client("events", "--json")
        t.ok(not CONTROL.search(r.out) and [json.loads(line) for line in r.out.splitlines()] == evil,
             "in JSON too, which stays the same JSON", repr(r.out))
        path = pathlib.Path(directory) / "evil"
        for form in ("jsonl", "ocsf"):
            r = client("events", "export", "--to", f"file:{path}", "--format", form)
            t.ok(r.status == 0 and all(json.loads(line) for line in path.read_text().splitlines()), f"exported as {form}", r)
            path.unlink()
    journal = "".join(json.dumps(x["event"]) + "\n" for x in evil)

    def answer(request):
        path = request.split(b" ")[1]
        if path.startswith(b"/v1/receipts"):
            return http(json.dumps({"dsseEnvelope": {"payload": base64.b64encode(json.dumps(
                {"predicate": {"journal": {"sealed_by": EVIL}}}).encode()).decode()}}))
        if path.endswith(b"/events"):
            return http(journal)
        return http(json.dumps({"run": EVIL, "tenant": EVIL, "outcome": EVIL, "error": {"message": EVIL},
                                "logs": [{"level": EVIL, "text": EVIL}, 5, {}], "usage": 5, "receipt": EVIL}))

    with Fake(answer) as fake:
        for args in ([], ["--json"]):
            r = Client(url=fake.url)("trace", "run_1", *args)
            t.ok(r.status == 0 and not CONTROL.search(r.out + r.err) and "\\u202e" in r.out, f"nor in trace {args}", repr(r.out))


def follow(t):
    items = [item(n) for n in range(1, 12)]
    log = Log(items, cuts=(3, 0, 4, 1, 0))
    with Fake(log) as fake:
        p = Client(url=fake.url).start("events", "--follow", "--json", "--event", "tenant_created")
        got = [json.loads(p.stdout.readline()) for _ in items]
        p.kill()
        _, err = p.communicate(timeout=HANG)
        t.equal([x["entry"] for x in got], [x["entry"] for x in items], "events --follow: each once, over five lost connections")
        t.ok(b"lost; trying again" in err, "and it says so", err)
        t.equal([h.get("Last-Event-ID") for _, h in log.asked[:5]], [None, "3.1", "3.1", "7.1", "8.1"],
                "each goes on after the last event that was whole")
        since = int(log.asked[0][0]["since"])
        t.ok(abs(since - time.time() * 1000) < 3600e3 and all(q["since"] == str(since) and q["event"] == "tenant_created"
                                                              for q, _ in log.asked), "from now on", log.asked)
    log = Log(items, cuts=(2,))
    with Fake(log) as fake:
        p = Client(url=fake.url).start("events", "--follow", "--after", "4.1")
        first = p.stdout.readline()
        t.ok(b"act_5" in first and "since" not in log.asked[0][0] and log.asked[0][0]["after"] == "4.1", "or from --after on", first)
        p.kill()
        p.communicate(timeout=HANG)
    answers = iter([Log(items[:2])])
    with Fake(lambda q: next(answers, lambda _: http('{"code":"auth.revoked","detail":"revoked"}', 401))(q)) as fake:
        p = Client(url=fake.url).start("events", "--follow")
        _, err = p.communicate(timeout=HANG)
        t.ok(p.returncode == 3 and b"(auth.revoked)" in err, "who is refused meanwhile ends", (p.returncode, err))
    refused(t, Client(url="http://127.0.0.1:1")("events", "--follow"), 5, "(client.no_daemon)", "no daemon at all is an error")
    with Fake(http('{"events":[],"next":"0.0","more":false}')) as fake:
        refused(t, Client(url=fake.url)("events", "--follow"), 5, "(client.answer)", "a daemon without streams")
    with Fake(http("event: event\ndata: {no\n\n", kind="text/event-stream")) as fake:
        refused(t, Client(url=fake.url)("events", "--follow"), 5, "(client.answer)", "a stream of something else")


# ---- export ----

class Sink:
    """Takes POSTs of JSON lines. `script`: what is done with each request, by its number; it ends with "take"."""

    def __init__(self, script=lambda n: "take"):
        self.script, self.bodies, self.taken, self.headers, self.times = script, [], [], [], []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.bodies.append(body)
                sink.headers.append(self.headers)
                sink.times.append(time.monotonic())
                what = sink.script(len(sink.bodies) - 1)
                if what == "cut":
                    self.close_connection = True
                    return
                if what == "hang":
                    time.sleep(3)
                if what == "take late":  # it has it, and whoever sent it may be gone
                    time.sleep(random.random() / 20)
                if what in ("take", "take late", "hang"):
                    sink.taken += [json.loads(line) for line in body.splitlines()]
                status, more = what if isinstance(what, tuple) else (204, {})
                try:
                    self.send_response(status)
                    for name, value in more.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0" if status == 204 else "9")
                    self.end_headers()
                    if status != 204:
                        self.wfile.write(b"no \x1b[2J!!")
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # who is killed resets its connections
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/in"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def export_file(t, directory):
    path, place_file = pathlib.Path(directory) / "out.jsonl", pathlib.Path(directory) / "place"
    items = [item(n) for n in range(700)]
    log = Log(items[:600])
    with Fake(log) as fake:
        client = Client(url=fake.url)

        def export(*args):
            return client("events", "export", "--to", f"file:{path}", "--cursor", place_file, *args)

        r = export()
        t.ok(r.status == 0 and r.out == "" and "600 events delivered" in r.err, "export to a file", r)
        t.equal([json.loads(line) for line in path.read_text().splitlines()], items[:600], "each event, in order, as it is")
        t.equal((oct(path.stat().st_mode & 0o777), place_file.read_text()), ("0o600", "599.1\n"), "for its owner; the place is kept")
        t.ok("0 events delivered" in export().err, "again: nothing is new")
        log.items = items
        export()
        t.equal(len(path.read_text().splitlines()), 700, "later: what is new")
        with open(path, "ab") as f:
            f.write(b'{"half')
        place_file.write_text("698.1\n")
        export()
        t.equal(path.read_text().splitlines()[-2:], ['{"half', json.dumps(items[699])], "after half a line a new one is begun")
        place_file.unlink()
        path.unlink()
        t.equal(export("--json", "--after", "697.1").data, {"delivered": 2, "cursor": "699.1"}, "export --json tells what it did")
        t.equal(len(path.read_text().splitlines()), 2, "--after, where there is no place yet")
        export("--after", "3.1")
        t.equal(len(path.read_text().splitlines()), 2, "and the place counts more")
        r = client("events", "export", "--to", "-", "--after", "697.1")
        t.equal([json.loads(line) for line in r.out.splitlines()], items[698:], "export to standard output")
        place_file.write_text("no cursor\n")
        refused(t, export(), 5, "(export.cursor)", "a place that is none")
        place_file.unlink()
        p = client.start("events", "export", "--to", f"file:{path}", "--cursor", place_file, "--follow")
        while not place_file.exists():
            time.sleep(0.01)
        refused(t, export(), 5, "another export", "two exports with one place")
        log.items = items + [item(900)]
        while place_file.read_text() != "900.1\n":
            time.sleep(0.01)
        p.terminate()
        p.communicate(timeout=HANG)
        t.equal(json.loads(path.read_text().splitlines()[-1])["entry"], 900, "--follow goes on with what comes")
        refused(t, client("events", "export", "--to", "file:/no/such/dir/x"), 5, "(export.file)", "a file that cannot be made")
        p = client.start("events", "export", "--to", "-", stdout=open("/dev/full", "wb"))
        _, err = p.communicate(timeout=HANG)
        t.ok(p.returncode == 5 and b"(export.file)" in err, "a full disk", err)


def export_http(t, directory):
    items = [item(n, what="x" * (5000 if 600 <= n < 900 else 5)) for n in range(1300)]
    header_file = pathlib.Path(directory) / "headers"
    header_file.write_text("Authorization: Bearer very-secret\r\n\nX-Two: 2\n")
    with Fake(Log(items)) as fake, Sink() as sink:
        client = Client(url=fake.url)
        p = client.start("events", "export", "--to", sink.url, "--header", f"@{header_file}", "--header", "X-One: 1")
        argv = pathlib.Path(f"/proc/{p.pid}/cmdline").read_bytes()
        _, err = p.communicate(timeout=HANG)
        t.ok(p.returncode == 0 and sink.taken == items, "export by HTTP: each event once, in order", err)
        t.ok(all(len(b.splitlines()) <= 500 and len(b) <= 1 << 20 for b in sink.bodies) and len(sink.bodies) > 3,
             "in batches of at most 500 events and 1 MiB", [(len(b.splitlines()), len(b)) for b in sink.bodies])
        h = sink.headers[0]
        t.equal((h["Content-Type"], h["Authorization"], h["X-One"], h["X-Two"]),
                ("application/x-ndjson", "Bearer very-secret", "1", "2"), "with the headers that were given")
        t.ok(b"very-secret" not in argv, "of which those from a file are not in the arguments", argv)
    failures = {0: (503, {}), 1: "cut", 2: "hang", 3: (500, {}), 5: (429, {"Retry-After": "1"}), 6: (408, {})}
    with Fake(Log(items)) as fake, Sink(lambda n: failures.get(n, "take")) as sink:
        place_file = pathlib.Path(directory) / "http-place"
        r = Client(url=fake.url)("events", "export", "--to", sink.url, "--cursor", place_file, "--timeout", "1")
        got = [x["entry"] for x in sink.taken]
        t.ok(r.status == 0 and list(dict.fromkeys(got)) == list(range(1300)), "a destination that fails gets everything, in order", r)
        t.ok(sink.times[6] - sink.times[5] >= 1, "Retry-After is honoured", sink.times)
        t.ok(len(re.findall(r"trying again in", r.err)) >= 5 and not CONTROL.search(r.err) and "\\x1b" in r.err,
             "each failure is told, made harmless", repr(r.err))
        t.equal(place_file.read_text(), "1299.1\n", "and the place is kept")
    with Fake(Log(items)) as fake, Sink(lambda n: (403, {}) if n == 1 else "take") as sink:
        place_file = pathlib.Path(directory) / "refused-place"
        r = Client(url=fake.url)("events", "export", "--to", sink.url, "--cursor", place_file)
        refused(t, r, 5, "403", "what the destination refuses ends the export")
        t.equal(place_file.read_text(), "499.1\n", "at the batch that it did not take")
        r = Client(url=fake.url)("events", "export", "--to", sink.url, "--cursor", place_file)
        t.ok(r.status == 0 and sink.taken == items, "from which the next one goes on", r)
    with Fake(Log(items[:1])) as fake, Fake(http("", 302).replace(b"\r\n", b"\r\nLocation: http://127.0.0.1:1/\r\n", 1)) as other:
        r = Client(url=fake.url)("events", "export", "--to", other.url)
        refused(t, r, 5, "302", "a redirect is not followed")
    with Fake(Log(items[:3])) as fake, Sink() as sink:
        p = Client(url=fake.url).start("events", "export", "--to", sink.url, "--follow")
        while len(sink.taken) < 3:
            time.sleep(0.01)
        fake.answer = lambda q: http('{"code":"store.failed","detail":"not now"}', 503)
        line = p.stderr.readline()
        fake.answer = http("<h1>Bad gateway</h1>", 502, kind="text/html")
        p.stderr.readline()
        fake.answer = Log(items[:5])
        while len(sink.taken) < 5:
            time.sleep(0.01)
        p.terminate()
        p.communicate(timeout=HANG)
        t.ok(b"trying again" in line and sink.taken == items[:5], "--follow waits for a daemon that has a bad moment", line)


def export_killed(t, directory):
    """kill -9 at any time, and a destination that fails at random: nothing is lost."""
    items = [item(n) for n in range(8000)]
    chance = random.Random(7)
    script = ("take late",) * 4 + ("cut", (503, {}), (429, {"Retry-After": "0"}))
    place_file = pathlib.Path(directory) / "killed-place"
    kills = 0
    with Fake(Log(items)) as fake, Sink(lambda n: chance.choice(script)) as sink:
        client = Client(url=fake.url)
        for _ in range(200):
            p = client.start("events", "export", "--to", sink.url, "--cursor", place_file)
            try:
                p.communicate(timeout=chance.random() / 8)
            except subprocess.TimeoutExpired:
                p.kill()
                p.communicate()
                kills += 1
            if p.returncode == 0:
                break
        got = [x["entry"] for x in sink.taken]
        t.ok(p.returncode == 0 and kills > 4 and set(got) == set(range(8000)),
             f"killed {kills} times: every event is there", (p.returncode, kills, len(set(got))))
        firsts = list(dict.fromkeys(got))
        t.ok(firsts == sorted(firsts), "first in order, and again only after a kill", len(got))
        t.equal(place_file.read_text(), "7999.1\n", "the place is whole each time")


def counted(client, before):
    """Exports to a receiver of counted octets: (status, standard error, messages of the last connection)."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.bind(("127.0.0.1", 0))
        s.listen()
        s.settimeout(HANG)
        p = client.start("events", "export", "--to", f"syslog+tcp://localhost:{s.getsockname()[1]}")
        before(s)
        c, _ = s.accept()
        data, messages = b"", []
        with c:
            while more := c.recv(65536):
                data += more
        _, err = p.communicate(timeout=HANG)
    while data:
        n, _, data = data.partition(b" ")
        messages.append(data[:int(n)])
        data = data[int(n):]
    return p.returncode, err, messages


def syslog(t, directory):
    items = [item(n, what=EVIL) for n in range(3)] + [item(3, run="run_1", event="tool_call_blocked", reason="egress.denied"),
                                                     item(4, run="run_1", event="execution_terminated", reason="jail_violation"),
                                                     item(5, run="run_1", event="wait"), item(6, event="a b\n<1>")]
    form = re.compile(r"<(\d+)>1 2026-11-21T19:46:01\.825Z [\w.-]+ cordon \d+ ([!-~]{1,32}) - (\{.*\})", re.S)

    def check(name, messages):
        found = [form.fullmatch(m.decode()) for m in messages]
        if not t.ok(all(found), f"{name}: RFC 5424", messages):
            return
        t.equal([json.loads(m.group(3)) for m in found], items, f"{name}: the events")
        t.equal([int(m.group(1)) - 13 * 8 for m in found], [5, 5, 5, 4, 1, 6, 5], f"{name}: severities")
        t.equal(found[6].group(2), "a?b?<1>", f"{name}: a name is one word")

    with Fake(Log(items)) as fake:
        client = Client(url=fake.url)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            s.settimeout(HANG)
            r = client("events", "export", "--to", f"syslog+udp://127.0.0.1:{s.getsockname()[1]}")
            check("udp", [s.recv(65536) for _ in items] if r.status == 0 else [r])
        path = os.path.join(directory, "log.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            s.settimeout(HANG)
            r = client("events", "export", "--to", f"syslog:{path}")
            check("unix", [s.recv(65536) for _ in items] if r.status == 0 else [r])
        status, err, messages = counted(client, lambda s: None)
        check("tcp", messages)
    many = [item(n, what="x" * 2000) for n in range(400)]
    with Fake(Log(many)) as fake:
        def lose(s):  # in the middle of what it was sent
            first, _ = s.accept()
            first.recv(10)
            first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            first.close()

        status, err, messages = counted(Client(url=fake.url), lose)
        t.ok(status == 0 and b"trying again" in err, "tcp: a connection that is lost is told", err)
        t.equal([json.loads(m.partition(b" - ")[2]) for m in messages], many, "and the batch is sent again")
    big = [item(1, what="x" * 70000), item(2)]
    with Fake(Log(big)) as fake, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(HANG)
        r = Client(url=fake.url)("events", "export", "--to", f"syslog+udp://127.0.0.1:{s.getsockname()[1]}")
        got = [s.recv(65536) for _ in big]
        t.ok(r.status == 0 and b"omitted" in got[0] and b"act_2" in got[1], "an event too large for a datagram is told as omitted", got[0][:300])


def ocsf(t):
    items = [item(1, 1, run="run_1", event="tool_call_blocked", tool="fetch", destination="https://example.com:443",
                  rule="egress.default_deny", reason="egress.denied", decision="d4"),
             item(1, 2, run="run_1", event="log"), item(2, event="key_created", by="local", key="key_1")]
    with Fake(Log(items)) as fake:
        r = Client(url=fake.url)("events", "export", "--to", "-", "--format", "ocsf")
        events = [json.loads(line) for line in r.out.splitlines()]
        t.equal([(e["class_uid"], e["metadata"]["uid"], e["metadata"]["version"]) for e in events],
                [(4002, "1.1", "1.8.0"), (3001, "2.1", "1.8.0")], "export as OCSF, without what is no concern of security")


def mistakes(t):
    with Fake(Log([])) as fake:
        client = Client(url=fake.url)
        for args, part in ((["events", "--since", "soon"], "90s"), (["events", "--limit", "0"], "from 1"),
                           (["events", "--follow", "--limit", "3"], "leave out one"),
                           (["events", "--follow", "--until", "1h"], "leave out one"),
                           (["events", "--after", "9" * 99], "--after"), (["events", "x"], "unknown command"),
                           (["events", "export"], "--to DEST"), (["events", "export", "--to", "nowhere"], "syslog+udp://HOST:PORT"),
                           (["events", "export", "--to", "file:"], "file:PATH"), (["events", "export", "--to", "-x"], "file:-x"),
                           (["events", "export", "--to", "-", "--format", "xml"], "jsonl or ocsf"),
                           (["events", "export", "--to", "-", "--header", "A: b"], "--header belongs"),
                           (["events", "export", "--to", "http://h/", "--ca", "x"], "--ca belongs"),
                           (["events", "export", "--to", "http://h/", "--header", "nonsense"], "Name: value"),
                           (["events", "export", "--to", "http://h/", "--header", "A: b\r\nC: d"], "Name: value"),
                           (["events", "export", "--to", "http://h/", "--header", "@/no/such"], "cannot read"),
                           (["events", "export", "--to", "http://a:b@h/"], "--header @FILE"),
                           (["events", "export", "--to", "http://"], "HOST"), (["events", "export", "--to", "syslog+udp://h"], "HOST:PORT"),
                           (["events", "export", "--to", "syslog+tcp://h:0"], "HOST:PORT"),
                           (["events", "export", "--to", "syslog:x"], "/PATH"),
                           (["events", "export", "--to", "-", "--follow", "--until", "1h"], "leave out one"),
                           (["trace"], "RUN is needed"), (["receipt"], "RUN is needed"), (["log", "export"], "DIR is needed"),
                           (["log", "witness"], "--key FILE"), (["log", "witness", "--key", "/no/such"], "--log-key"),
                           (["log", "checkpoint", "--log-key", "x+y+z"], "--verifier-keys")):
            r = client(*args)
            t.ok(r.status == 2 and part in r.err and r.out == "", f"usage error: {' '.join(args)[:70]!r}", r)
        r = client("events", "export", "--to", "https://a:very-secret@h/")
        t.ok(r.status == 2 and "very-secret" not in r.err, "a password in a URL is not repeated", r)
        r = client("events", "export", "--to", "http://h/", "--header", "very-secret")
        t.ok(r.status == 2 and "very-secret" not in r.err, "nor what should have been a header", r)
        t.equal(fake.requests, [], "and nothing was asked")


def traces(t):
    """What is there, and what is said to be missing."""
    def at(seq, ms, **members):
        return {"seq": seq, "run": "run_1", "tenant": "acme", "time": f"2026-11-21T19:46:01.{ms:03}Z", **members}

    journal = [at(1, 0, event="run_admitted", key="key_1", profile="p", artifact="sha256:aa", cpu_us=50000, wall_us=1000000,
                  memory_bytes=64 << 20, output_bytes=65536, operations=10, log_lines=100),
               at(2, 12, event="tool_call_blocked", tool="fetch", destination="https://h:443", decision="d2",
                  rule="egress.default_deny", reason="egress.denied"),
               at(3, 950, event="execution_terminated", outcome="terminated", reason="cpu_time")]
    statement = {"predicate": {"journal": {"sealed_by": "control"}, "recorded": {"receipt": "rct_1"},
                               "usage": {"cpu_us": 50000}, "result": {"outcome": "terminated", "reason": "cpu_time"}}}
    bundle = {"dsseEnvelope": {"payload": base64.b64encode(json.dumps(statement).encode()).decode()},
              "verificationMaterial": {"tlogEntries": [{"logIndex": "7"}]}}
    none = http('{"code":"not_found","detail":"none"}', 404)

    def server(run=None, lines=None, receipt=bundle, pending=False, events=()):
        def answer(request):
            path = request.split(b" ")[1].decode()
            if path.startswith("/v1/receipts/"):
                return http('{"code":"receipt.pending"}', 409) if pending else http(json.dumps(receipt)) if receipt else none
            if path.startswith("/v1/events"):
                return Log([{"entry": 7, "line": e["seq"], "receipt": "rct_1", "event": e} for e in events])(request)
            if path.endswith("/events"):
                return none if lines is None else http("".join(json.dumps(e) + "\n" for e in lines))
            return http(json.dumps(run)) if run else none
        return answer

    with Fake(server(events=journal)) as fake:
        r = Client(url=fake.url)("trace", "run_1")
        t.ok(r.status == 0 and card(r.out)["KEY"] == "key_1" and card(r.out)["LOG-INDEX"] == "7"
             and "LIMITS    cpu 50 ms, wall 1000 ms, memory 64 MiB, output 64 KiB, 10 operations" in r.out
             and "OUTCOME   terminated (cpu_time)" in r.out and "USAGE     waited 0.0 ms, ran 0.0 ms, cpu 50.0 ms" in r.out,
             "trace of a run that only the log has", r.out)
        t.ok("--keep-days" in r.out and "not sealed by the node" in r.out, "says what is missing", r.out)
        t.ok(re.search(r"\+12 ms  #2 +tool_call_blocked .*reason=egress.denied\n +remedy: an egress rule", r.out) and
             re.search(r"\+950 ms  #3 +execution_terminated", r.out), "each event when it was, denials with a remedy", r.out)
        r = Client(url=fake.url)("trace", "run_1", "--json")
        t.ok(r.data["run"] is None and [e["at_ms"] for e in r.data["events"]] == [0, 12, 950]
             and r.data["events"][1]["remedy"] and len(r.data["missing"]) == 2 and r.data["receipt"]["id"] == "rct_1", "as JSON", r)
    with Fake(server(run={"run": "run_1", "state": "running"}, lines=journal[:1], receipt=None)) as fake:
        r = Client(url=fake.url)("trace", "run_1")
        t.ok(r.status == 0 and "under way" in r.out and "LOG-INDEX" not in r.out, "of a run that is under way", r.out)
    with Fake(server(run={"run": "run_1", "state": "done", "erased_at": "2026-11-21T19:47:00.000Z"}, lines=journal[:1] + journal[2:],
                     pending=True)) as fake:
        r = Client(url=fake.url)("trace", "run_1")
        t.ok(r.status == 0 and "were erased" in r.out and "pending" in r.out and "gaps" in r.out, "of one that has lost something", r.out)
    with Fake(server(receipt=None)) as fake:
        refused(t, Client(url=fake.url)("trace", "run_1"), 2, "(not_found)", "of none")
    with Fake(server(run={"run": "run_1"}, lines=[5])) as fake:
        refused(t, Client(url=fake.url)("trace", "run_1"), 5, "(client.answer)", "events that are none")
    with Fake(http('{"code":"store.failed","detail":"not now"}', 503)) as fake:
        refused(t, Client(url=fake.url)("trace", "run_1"), 5, "(store.failed)", "a daemon that has a bad moment")


# ---- the daemon ----

def restarted(t, d, client, out, place_file):
    """Followers outlive the daemon, and miss nothing."""
    last = cursor([json.loads(line) for line in client("events", "--json", "--limit", "1000").out.splitlines()][-1])
    p = client.start("events", "--follow", "--json", "--event", "tenant_created", "--after", last)
    q = client.start("events", "export", "--follow", "--to", f"file:{out}", "--cursor", place_file)
    client("tenant", "create", "before")
    first = json.loads(p.stdout.readline())["event"]["tenant"]
    d.stop()
    p.stderr.readline()
    d.start()
    client("tenant", "create", "after")
    second = json.loads(p.stdout.readline())["event"]["tenant"]
    t.equal((first, second), ("before", "after"), "events --follow over a restart of the daemon")
    end = time.monotonic() + HANG
    while '"after"' not in pathlib.Path(out).read_text() and time.monotonic() < end:
        time.sleep(0.02)
    for x in (p, q):
        x.kill()
        x.communicate(timeout=HANG)
    got = [(x["entry"], x["line"]) for x in map(json.loads, pathlib.Path(out).read_text().splitlines())]
    listed = [json.loads(line) for line in client("events", "--json", "--limit", "1000").out.splitlines()]
    t.equal(got, [(x["entry"], x["line"]) for x in listed], "an export too: each event once")


def daemon(t, directory):
    key, state = os.path.join(directory, "daemon-witness.key"), os.path.join(directory, "daemon-witness.state")
    vkey = Client()("log", "witness", "--new-key", "w.example.com/2", "--key", key).out.strip()
    with Daemon(options=("--log-witness", vkey)) as d:
        client = Client("--data", d.data)
        p = client.start("events", "--follow", "--json", "--since", "1h")
        code = "async () => { console.log('seen'); try { await fetch('https://example.com/x') } catch { } return 1 }"
        r = client("run", "-", stdin=code)
        run = re.search(r"run_\w+", r.err).group()
        t.ok(f"| receipt rct_{run[4:]}" in r.err, "a run's last line names its receipt", r.err)
        followed = []
        while not followed or followed[-1]["event"]["event"] != "execution_completed":
            followed.append(json.loads(p.stdout.readline()))
        p.kill()
        p.communicate(timeout=HANG)
        listed = [json.loads(line) for line in client("events", "--run", run, "--json").out.splitlines()]
        t.ok(listed == [x for x in followed if x["event"].get("run") == run] and len(listed) >= 5, "followed is what is listed", listed)
        r = client("events", "--reason", "egress.denied", "--run", run)
        t.ok(len(r.out.splitlines()) == 2 and "example.com:443" in r.out, "events by reason", r)
        r = client("trace", run)
        shown = card(r.out)
        t.ok(r.status == 0 and shown["RUN"] == run and shown["SEALED-BY"] == "node" and "reason=egress.denied" in r.out
             and "remedy: " in r.out and "[log] seen" in r.out and "MISSING" not in r.out, "trace", r)
        r = client("trace", run, "--json")
        t.ok(r.data["receipt"]["id"] == f"rct_{run[4:]}" and r.data["missing"] == []
             and [x["event"]["event"] for x in r.data["events"]] == [x["event"]["event"] for x in listed], "trace --json", r)
        refused(t, client("trace", "run_none"), 2, "(not_found)", "trace of none")
        t.equal(client("runs", "erase", run).status, 0, "runs erase")
        r = client("trace", run)
        t.ok("payloads were erased" in r.out and "[log]" not in r.out and "reason=egress.denied" in r.out,
             "trace of a run whose payloads were erased", r)
        r = client("run", "-", "--profile", "none", stdin="() => 1")
        denied = re.search(r"run_\w+", r.err).group()
        r = client("trace", denied)
        t.ok("OUTCOME   denied (profile.unknown)" in r.out and "not sealed by the node" in r.out, "trace of a denied run", r)
        bundle = client("receipt", run, "--wait").data
        t.equal(bundle["verificationMaterial"]["tlogEntries"][0]["logIndex"], str(listed[0]["entry"]), "receipt --wait")
        keys = client("log", "trusted-root", "--verifier-keys").out.split()
        to = os.path.join(directory, "daemon-mirror")
        r = client("log", "export", to, "--log-key", keys[0])
        t.ok(len(keys) == 1 and r.status == 0 and r.out.startswith("mirrored "), "log export from a daemon", r)
        client("tenant", "create", "acme")
        client("receipt", denied, "--wait")
        t.equal(client("log", "export", to, "--log-key", keys[0]).status, 0, "again, when it has grown")
        t.ok("trustedRoot" in client("log", "trusted-root").data, "log trusted-root")
        place_file = os.path.join(directory, "daemon-place")
        out = os.path.join(directory, "daemon-events")
        client("events", "export", "--to", f"file:{out}", "--cursor", place_file)
        client("tenant", "suspend", "acme")
        client("events", "export", "--to", f"file:{out}", "--cursor", place_file)
        everything = [json.loads(line) for line in client("events", "--json", "--limit", "1000").out.splitlines()]
        exported = [json.loads(line) for line in pathlib.Path(out).read_text().splitlines()]
        t.ok(exported == everything[:len(exported)] and len(exported) >= len(everything) - 1, "exported is what is listed")
        classes = {json.loads(line)["class_uid"] for line in
                   client("events", "export", "--to", "-", "--format", "ocsf").out.splitlines()}
        t.ok({1007, 3004, 4002, 6003} <= classes, "exported as OCSF", classes)
        auditor = Client(url=d.url, key=client("key", "create", "--role", "auditor", "--quiet").out.strip())
        t.ok(auditor("events", "--run", run).status == 0 and run in auditor("trace", run).out, "an auditor reads them")
        t.equal(auditor("log", "rotate").status, 3, "and rotates no keys")
        r = client("log", "witness", "--key", key, "--state", state, "--log-key", keys[0])
        t.ok(r.status == 0 and r.out.startswith("cosigned "), "log witness, of which the daemon was told", r)
        t.ok("— w.example.com/2 " in client("log", "checkpoint").out, "its signature stands under the checkpoint")
        client("tenant", "resume", "acme")
        t.equal(client("log", "witness", "--key", key, "--state", state, "--log-key", keys[0]).status, 0, "again, when it has grown")
        stranger = key + "2"
        client("log", "witness", "--new-key", "x.example.com", "--key", stranger)
        r = client("log", "witness", "--key", stranger, "--state", state + "2", "--log-key", keys[0])
        t.ok("(witness.unknown)" in r.err, "a witness of which it was not", r)
        restarted(t, d, client, out, place_file)
    t.equal(cordon.left_behind(), [], "no process stays")


def test(t):
    cordon.adopt()
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        os.chmod(directory, 0o755)
        lists(t)
        hostile(t, directory)
        follow(t)
        export_file(t, directory)
        export_http(t, directory)
        export_killed(t, directory)
        syslog(t, directory)
        ocsf(t)
        mistakes(t)
        traces(t)
        daemon(t, directory)


if __name__ == "__main__":
    tap.main(test)
