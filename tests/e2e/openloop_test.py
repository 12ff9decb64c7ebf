"""The open-loop load generator, against servers that behave badly: what it tells must not flatter them."""

import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import threading
import time

import cordon
import tap

GENERATOR = cordon.binary().parent / "bench-openloop"


def reply(status, body, fields=b""):
    return b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n%s" % (status, fields, len(body), body)


OK = reply(200, b'{"outcome":"completed"}')


class Server:
    """Answers with what `answer(n, i)` returns for the n-th request of all, the i-th of its connection; None: it closes."""

    def __init__(self, answer):
        self.answer, self.count, self.lock = answer, 0, threading.Lock()
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                c, address = self.listener.accept()
                threading.Thread(target=self._serve, args=(c, address), daemon=True).start()

    def _serve(self, c, address):
        got = b""
        with c, contextlib.suppress(OSError):
            c.settimeout(60)
            for i in range(1000000):
                while b"\r\n\r\n" not in got:
                    more = c.recv(65536)
                    if not more:
                        return
                    got += more
                head, _, got = got.partition(b"\r\n\r\n")
                length = int((re.search(rb"content-length: (\d+)", head, re.I) or [0, 0])[1])
                while len(got) < length:
                    got += c.recv(65536)
                body, got = got[:length], got[length:]
                with self.lock:
                    n = self.count
                    self.count += 1
                    self.seen.append((address[0], head, body))
                answer = self.answer(n, i)
                if answer is None:
                    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                c.sendall(answer)


def generate(url, *streams, seconds, more=()):
    """Exit status, the result, and its streams by name."""
    argv = [str(GENERATOR), "--url", url, "--seconds", str(seconds), *more]
    for s in streams:
        argv += ["--stream", s]
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=cordon.HANG)
    data = json.loads(p.stdout) if p.stdout else None
    return p.returncode, data, {s["name"]: s for s in data["streams"]} if data else p.stderr.decode()


def omits_nothing(t):
    """The server stops for 0.6 s. Requests that were due then had to wait, though they were sent late."""
    def answer(n, i):
        if n == 0:
            end = time.monotonic() + 0.6
            while time.monotonic() < end:
                time.sleep(0.01)
        return OK

    with Server(answer) as server:
        status, data, streams = generate(server.url, "name=a,rate=100,connections=1", seconds=0.5, more=("--slice", "0.1"))
    a = streams["a"]
    t.equal((status, a["due"], a["sent"], a["right"]), (0, 50, 50, 50), "every request that was due was sent and answered")
    # The k-th was due at k/100 s, and not answered before 0.6 s.
    t.ok(a["latency_us"]["p50"] >= 350000, "half of them are told as ones that took 0.35 s or more", a)
    t.ok(a["pool_us"]["p50"] >= 300000, "and that it was for want of a connection", a)
    t.equal(a["goodput_per_s"], 0, "none was answered while they arrived")
    t.equal([s["due"] for s in a["slices"]], [10] * 5, "slices tell when they were due")
    t.ok(a["slices"][0]["latency_us"]["p50"] >= 500000, "and how long those took", a["slices"][0])


def grows_to_its_bound(t):
    gate, most, now = threading.Event(), [0], [0]
    lock = threading.Lock()

    def answer(n, i):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            if now[0] == 7:
                gate.set()
        gate.wait(60)
        with lock:
            now[0] -= 1
        return OK

    with Server(answer) as server:
        status, _, streams = generate(server.url, "name=a,burst=20@0,connections=7", seconds=0.1)
    t.equal((status, streams["a"]["right"], most[0]), (0, 20, 7), "a burst has as many connections as it may, and no more")


def bears_closing(t):
    with Server(lambda n, i: OK if i == 0 else None) as server:
        status, _, streams = generate(server.url, "name=a,rate=50,connections=1", seconds=0.4)
    a = streams["a"]
    t.equal((status, a["right"], a["broken"]), (0, 20, 0), "a connection that the server closed as idle is not the server's failure")
    t.equal(a["reconnected"], 19, "but is told")
    with Server(lambda n, i: None) as server:
        status, _, streams = generate(server.url, "name=a,rate=50", seconds=0.2)
    a = streams["a"]
    t.equal((status, a["broken"], a["right"], a["latency_us"]["count"]), (1, 10, 0, 10),
            "one that closes new connections fails, and is not asked for ever")


def tells_silence(t):
    with Server(lambda n, i: threading.Event().wait(20) and None) as server:
        status, _, streams = generate(server.url, "name=a,rate=100,connections=3", seconds=0.3, more=("--drain", "0"))
    a = streams["a"]
    t.equal((status, a["due"], a["sent"], a["unanswered"], a["latency_us"]["count"]), (1, 30, 3, 30, 30),
            "what got no answer is counted, sent or not, with the time that it waited")
    t.ok(a["latency_us"]["max"] >= 250000, "which is that from when it was due", a)


def tells_apart(t):
    replies = {
        "/full": reply(429, b'{"type":"about:blank","title":"X","status":429,"code":"queue.full"}', b"Retry-After: 3\r\n"),
        "/denied": reply(200, b'{"outcome":"denied","error":{"code":"queue.deadline"}}'),
        "/run": reply(200, b'{"outcome":"completed","usage":{"cpu_us":70},"queue":{"waited_us": 12345 }}'),
        "/wrong": OK,
        "/later": reply(202, b"{}"),
    }
    server = Server(None)

    def answer(n, i):
        with server.lock:
            return replies[server.seen[n][1].split()[1].decode()]

    server.answer = answer
    with server, tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        def file(name, text):
            with open(os.path.join(directory, name), "w") as f:
                f.write(text)
            return f.name

        body, key, expect = file("body", '{"code":"() => 1"}'), file("key", "crd_secret\n"), file("expect", "another")
        status, _, s = generate(
            server.url, f"name=full,rate=10,path=/full,body={body},key={key}", "name=denied,rate=10,path=/denied",
            "name=run,rate=10,path=/run", f"name=wrong,rate=10,path=/wrong,contains={expect}", "name=later,rate=10,path=/later,async",
            seconds=0.5)
    t.equal(status, 1, "a wrong answer is a failure")
    t.equal((s["full"]["status"], s["full"]["code"], s["full"]["right"], s["full"]["retry_after_s"], s["full"]["refused_us"]["count"]),
            ({"429": 5}, {"queue.full": 5}, 0, {"count": 5, "min": 3, "max": 3}, 5), "a refusal, its code, when to try again")
    t.equal((s["denied"]["outcome"], s["denied"]["code"], s["denied"]["right"], s["denied"]["goodput_per_s"]),
            ({"denied": 5}, {"queue.deadline": 5}, 0, 0), "a denied run is an answer, and no good")
    t.equal((s["run"]["right"], s["run"]["cpu_us"], s["run"]["queue_us"]["max"]), (5, 350, 12345), "a run, its CPU time, its queue")
    t.equal((s["wrong"]["wrong"], s["wrong"]["right"], s["wrong"]["goodput_per_s"]), (5, 0, 0), "a wrong body")
    t.equal((s["later"]["status"], s["later"]["right"]), ({"202": 5}, 5), "202 is right for what asked for it")
    sent = {head.split()[1]: (address, head, body) for address, head, body in server.seen}
    t.ok(b"Authorization: Bearer crd_secret\r\n" in sent[b"/full"][1] and sent[b"/full"][2] == b'{"code":"() => 1"}' and
         sent[b"/full"][1].startswith(b"POST "), "key and body are sent", sent[b"/full"])
    t.ok(b"Prefer: respond-async" in sent[b"/later"][1] and sent[b"/later"][1].startswith(b"GET "), "and what is preferred",
         sent[b"/later"])
    t.equal(len({address for address, _, _ in sent.values()}), 5, "each stream has an address of its own")


def refuses_nonsense(t):
    for argv, part in ((("--url", "http://192.0.2.1:80", "--stream", "name=a,rate=1"), "not a loopback address"),
                       (("--url", "http://127.0.0.1:1", "--stream", "name=a,rat=1"), "no key rat"),
                       (("--url", "http://127.0.0.1:1", "--stream", "rate=1"), "needs a name"),
                       (("--url", "http://127.0.0.1:1", "--stream", "name=a,burst=5@99"), "after the end"),
                       (("--url", "http://127.0.0.1:1", "--stream", "name=a", "--stream", "name=a"), "two with the name")):
        p = subprocess.run([str(GENERATOR), *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=cordon.HANG)
        t.ok(p.returncode == 2 and part in p.stderr.decode(), f"refused: {part}", (p.returncode, p.stderr))


def test(t):
    omits_nothing(t)
    grows_to_its_bound(t)
    bears_closing(t)
    tells_silence(t)
    tells_apart(t)
    refuses_nonsense(t)


if __name__ == "__main__":
    tap.main(test)
