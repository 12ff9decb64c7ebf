#!/usr/bin/env python3
"""Malformed and hostile HTTP against the daemon, by raw sockets. After each piece it serves a normal run."""

import concurrent.futures
import contextlib
import json
import pathlib
import re
import resource
import socket
import time

import cordon
import tap
from daemon import Daemon

QUIET = 0.25  # seconds without a byte: the daemon waits for more
HANG = 20
PER_ADDRESS = 256  # CONNECTIONS_PER_ADDRESS, CONNECTIONS_MAX of src/control/control.h
CONNECTIONS = 1024
REQUEST_S = 20

RUN = b'{"code":"() => 1"}'
LENGTH = b"Content-Length: %d\r\n" % len(RUN)
HOST = b"Host: x\r\n"
POST = b"POST /v1/runs HTTP/1.1\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(RUN), RUN)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


def connect(d, source="127.0.0.1"):
    s = socket.create_connection(("127.0.0.1", d.port), timeout=HANG, source_address=(source, 0))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def receive(s, quiet=QUIET):
    """(what came until it was quiet, whether the other side closed)"""
    out, s_timeout = b"", s.gettimeout()
    s.settimeout(quiet)
    try:
        while piece := s.recv(1 << 20):
            out += piece
        return out, True
    except TimeoutError:
        return out, False
    except ConnectionError:
        return out, True
    finally:
        s.settimeout(s_timeout)


def statuses(out):
    """Of the answers in a stream; what is no answer counts as None."""
    found = []
    while out:
        head, _, rest = out.partition(b"\r\n\r\n")
        m = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        length = re.search(rb"(?i)^content-length: (\d+)", head, re.M)
        if not m:
            return [*found, None]
        found.append(int(m[1]))
        out = rest[int(length[1]) if length else 0:]
    return found


def talk(d, data):
    s = connect(d)
    with contextlib.suppress(ConnectionError):
        s.sendall(data)
    out, closed = receive(s)
    s.close()
    return statuses(out), closed, out


def heads(key):
    """name: (bytes, the statuses that must come; an int: it comes first, and then the connection ends)"""
    auth = b"Authorization: Bearer " + key.encode() + b"\r\n"
    h = HOST + auth
    get = b"GET /v1/runs?limit=1 HTTP/1.1\r\n" + h + b"\r\n"

    def post(more, body=RUN):
        return POST + h + more + b"\r\n" + body + get

    def target(text, method=b"GET"):
        return method + b" " + text + b" HTTP/1.1\r\n" + h + b"\r\n"

    table = {
        "a good request, and one more": (post(LENGTH), [200, 200]),
        "chunks": (post(CHUNKED, CHUNKS), [200, 200]),
        "chunks with extensions": (post(CHUNKED, CHUNKS.replace(b"\r\n", b";a=b\r\n", 1)), [200, 200]),
        "chunks with a tab before the coding": (post(b"Transfer-Encoding:\tchunked\r\n", CHUNKS), [200, 200]),
        "lines that end with LF": (post(LENGTH).replace(b"\r\n", b"\n"), [200, 200]),
        "a folded header that is none of ours": (post(b"X: a\r\n b\r\n" + LENGTH), [200, 200]),
        "three requests at once": (get * 3, [200, 200, 200]),
        "empty lines before a request": (b"\r\n\r\n" + get, [200]),
        "the absolute form": (target(b"http://y/v1/runs?limit=1"), [200]),
        "HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        "an upgrade to WebSocket": (HEALTH + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", [200]),
        "an upgrade to HTTP/2": (HEALTH + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", [200]),
        "Expect: 100-continue": (post(b"Expect: 100-continue\r\n" + LENGTH), [100, 200, 200]),
        "Expect: 100-continue without a key": (POST + HOST + b"Expect: 100-continue\r\n" + LENGTH + b"\r\n" + RUN + get, 401),
        "an escaped letter": (target(b"/v1/profiles/%74ransform"), [200]),
        "HEAD": (target(b"/healthz", b"HEAD"), None),
        "a body that is a request, without a key": (POST + HOST + b"Content-Length: %d\r\n\r\n" % len(get) + get, 401),
    }
    for name, data in {
        "length and chunks": post(LENGTH + CHUNKED, CHUNKS),
        "chunks and length": post(CHUNKED + b"Content-Length: 4\r\n", CHUNKS),
        "two lengths": post(LENGTH + b"Content-Length: 5\r\n"),
        "two equal lengths": post(LENGTH * 2),
        "a list of lengths": post(b"Content-Length: %d, %d\r\n" % (len(RUN), len(RUN))),
        "two codings": post(CHUNKED + b"Transfer-Encoding: identity\r\n", CHUNKS),
        "an unknown coding": post(b"Transfer-Encoding: xchunked\r\n", CHUNKS),
        "compressed chunks": post(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS),
        "the coding 'identity'": post(b"Transfer-Encoding: identity\r\n", CHUNKS),
        "a vertical tab before the coding": post(b"Transfer-Encoding: \x0bchunked\r\n", CHUNKS),
        "a quoted coding": post(b'Transfer-Encoding: "chunked"\r\n', CHUNKS),
        "a space before the colon of the coding": post(b"Transfer-Encoding : chunked\r\n", CHUNKS),
        "a space before the colon of the length": post(b"Content-Length : 18\r\n"),
        "a folded coding": post(b"Transfer-Encoding:\r\n chunked\r\n", CHUNKS),
        "a folded length": post(b"Content-Length:\r\n 18\r\n"),
        "a fold before the first header": POST + b" X: a\r\n" + h + LENGTH + b"\r\n" + RUN,
        "chunks in HTTP/1.0": post(CHUNKED, CHUNKS).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
        "a space after a chunk's size": post(CHUNKED, CHUNKS.replace(b"\r\n", b" \r\n", 1)),
        "a negative chunk": post(CHUNKED, b"-" + CHUNKS),
        "a chunk's size in 0x": post(CHUNKED, b"0x" + CHUNKS),
        "a chunk that ends elsewhere": post(CHUNKED, b"%x\r\n%sXX0\r\n\r\n" % (len(RUN), RUN)),
        "a CR alone": post(b"X: a\rContent-Length: 0\r\n" + LENGTH),
        "NUL in a header's name": post(b"X\0: a\r\n" + LENGTH),
        "a control character in a header": post(b"X: \x01\r\n" + LENGTH),
        "a negative length": post(b"Content-Length: -1\r\n"),
        "a length with plus": post(b"Content-Length: +18\r\n"),
        "a length in hex": post(b"Content-Length: 0x12\r\n"),
        "no length's digits": post(b"Content-Length: \r\n"),
        "digits and more": post(b"Content-Length: 18a\r\n"),
        "no Host": POST + auth + LENGTH + b"\r\n" + RUN,
        "two Hosts": post(HOST + LENGTH),
        "a Host with a space": post(LENGTH).replace(b"Host: x", b"Host: a b", 1),
        "a Host with a user": post(LENGTH).replace(b"Host: x", b"Host: a@b", 1),
        "two keys": post(b"Authorization: Bearer x\r\n" + LENGTH),
        "two idempotency keys": post(b"Idempotency-Key: a\r\nIdempotency-Key: b\r\n" + LENGTH),
        "HTTP/0.9": b"GET /healthz\r\n\r\n",
        "HTTP/3": b"GET /healthz HTTP/3\r\n\r\n",
        "HTTP/1.1x": b"GET /healthz HTTP/1.1x\r\nHost: x\r\n\r\n",
        "http/1.1": b"GET /healthz http/1.1\r\nHost: x\r\n\r\n",
        "a space at the end of the line": b"GET /healthz HTTP/1.1 \r\nHost: x\r\n\r\n",
        "a header without colon": HEALTH + b"junk\r\n\r\n",
        "a header's name with a space": HEALTH + b"a b: c\r\n\r\n",
        "an escaped NUL": target(b"/v1/profiles/transform%00x"),
        "an escaped slash": target(b"/v1/profiles/transform%2Fversions"),
        "an escaped slash in the beginning": target(b"/v1%2fprofiles"),
        "an escape that is none": target(b"/v1/profiles/%zz"),
        "half an escape": target(b"/v1/profiles/%7"),
        "an escaped NUL in the query": target(b"/v1/runs?tenant=default%00x"),
        "a name twice in the query": target(b"/v1/runs?tenant=default&tenant=other"),
        "a name twice in the query, once escaped": target(b"/v1/runs?tenant=default&%74enant=other"),
        "bad UTF-8 in the query": target(b"/v1/runs?profile=%ff%fe"),
        "bad UTF-8 in the query, not escaped": target(b"/v1/runs?profile=\xff\xfe"),
        "a query of a hundred members": target(b"/v1/runs?" + b"&".join(b"a%d=1" % i for i in range(100))),
    }.items():
        table[name] = (data, 400)
    for status, cases in {
        404: {"CONNECT": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS *": target(b"*", b"OPTIONS"), "no slash": target(b"healthz"),
              "dots": target(b"/v1/x/../profiles"), "escaped dots": target(b"/v1/x/%2e%2e/profiles"), "two slashes": target(b"//v1/runs"),
              "a slash at the end": target(b"/v1/runs/"), "a fragment": target(b"/v1/runs#x"), "a backslash": target(b"\\v1\\runs"),
              "a long segment": target(b"/v1/runs/" + b"a" * 5000)},
        405: {"TRACE": target(b"/healthz", b"TRACE"), "get": target(b"/healthz", b"get"), "a long method": target(b"/healthz", b"A" * 2000)},
        413: {"a huge length": post(b"Content-Length: 99999999999999999999999\r\n"), "2^64 and the length": post(b"Content-Length: %d\r\n" % (2**64 + len(RUN))),
              "2^63": post(b"Content-Length: %d\r\n" % 2**63), "a huge chunk": post(CHUNKED, b"fffffffffffffffff\r\n" + RUN),
              "a body where none belongs": HEALTH + b"Content-Length: 5\r\n\r\nhello" + get},
        414: {"a long target": target(b"/" + b"a" * 100000)},
        431: {"many headers": HEALTH + b"".join(b"X%d: y\r\n" % i for i in range(5000)) + b"\r\n", "a large header": HEALTH + b"X: " + b"a" * 100000 + b"\r\n\r\n"},
        505: {"HTTP/2.0": b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    }.items():
        table.update({name: (data, status) for name, data in cases.items()})
    # Not understood, or understood in a way that opens nothing; no more is promised.
    for name, data in {"NUL in the target": target(b"/healthz\0"), "NUL in a header": post(b"X: a\0b\r\n" + LENGTH), "tabs between": b"GET\t/healthz\tHTTP/1.1\r\n\r\n",
                       "a space in the target": target(b"/health z"), "noise": bytes(range(256)) * 8, "TLS": bytes.fromhex("160301020001") + b"\1" * 200,
                       "nothing": b"", "a query of a thousand members": target(b"/v1/runs?" + b"&".join(b"a%d=1" % i for i in range(1000))), "an endless line": b"A" * 200000, "only line ends": b"\r\n" * 50000}.items():
        table[name] = (data, ...)
    return table


def bodies():
    """name: (body, status, code)"""
    deep = "[" * 100000 + "]" * 100000
    nested = "[" * 500 + "]" * 500
    c = '{"code":"({input}) => JSON.stringify(input).length"'
    return {
        "bad UTF-8": (b'{"code":"\xff"}', 400, "request.json"),
        "overlong UTF-8": (b'{"code":"\xc0\xaf"}', 400, "request.json"),
        "a surrogate in UTF-8": (b'{"code":"\xed\xa0\x80"}', 400, "request.json"),
        "a byte order mark": (b"\xef\xbb\xbf" + RUN, 400, "request.json"),
        "UTF-16": (RUN.decode().encode("utf-16"), 400, "request.json"),
        "deep": (f'{c},"input":{deep}}}', 400, "request.json"),
        "deep, where nothing belongs": (f'{c},"labels":{deep}}}', 400, "request.json"),
        "deep, within bounds": (f'{c},"input":{nested}}}', 200, None),
        "a deep object": ('{"a":' * 100000, 400, "request.json"),
        "a key twice": ('{"code":"() => 1","code":"() => 2"}', 400, "request.json"),
        "a key twice, once escaped": ('{"code":"() => 1","\\u0063ode":"() => 2"}', 400, "request.json"),
        "input twice": (f'{c},"input":1,"input":2}}', 400, "request.json"),
        "input twice, once escaped": (f'{c},"input":1,"\\u0069nput":2}}', 400, "request.json"),
        "input escaped": (f'{c},"\\u0069nput":2}}', 400, "request.member"),
        "a label twice": (f'{c},"labels":{{"a":"1","\\u0061":"2"}}}}', 400, "request.json"),
        "a limit twice": (f'{c},"limits":{{"cpu_ms":1,"cpu_m\\u0073":2}}}}', 400, "request.json"),
        "NUL in a key": ('{"code\\u0000":"1"}', 400, "request.json"),
        "NUL in the code": ('{"code":"1\\u0000"}', 400, "request.member"),
        "a huge number": (f'{c},"limits":{{"cpu_ms":1e999}}}}', 400, "request.json"),
        "a long number": (f'{c},"limits":{{"cpu_ms":{"9" * 100000}}}}}', 400, "request.json"),
        "2^63": (f'{c},"limits":{{"cpu_ms":9223372036854775808}}}}', 400, "request.json"),
        "2^63 - 1": (f'{c},"limits":{{"cpu_ms":9223372036854775807}}}}', 400, "request.member"),
        "huge numbers as input": (f'{c},"input":[1e999,{"9" * 1000},-0,1E-400]}}', 200, None),
        "NaN": (f'{c},"input":NaN}}', 400, "request.json"),
        "a lone surrogate in the code": ('{"code":"\\ud800"}', 400, "request.json"),
        "a lone surrogate in a label": (f'{c},"labels":{{"a":"\\udc00"}}}}', 400, "request.json"),
        "a lone surrogate as input": (f'{c},"input":"\\ud800"}}', 200, None),
        "two values": (RUN + RUN, 400, "request.json"),
        "nothing": (b"", 400, "request.json"),
        "white space": (b" " * 100000, 400, "request.json"),
        "an array": (b"[]", 400, "request.json"),
        "a comment": (b"/**/" + RUN, 400, "request.json"),
        "__proto__": (f'{c},"__proto__":1}}', 400, "request.member"),
        "a thousand unknown members": ("{" + ",".join(f'"k{i}":0' for i in range(1000)) + "}", 400, "request.member"),
        "5000 modules": (json.dumps({"main": "a0", "modules": {f"a{i}": "" for i in range(5000)}}), 400, "module.too_many"),
        "modules that name their parents": (json.dumps({"main": "../../etc/passwd", "modules": {"../../etc/passwd": "export default () => 1"}}), 200, None),
    }


class Control:
    """What the process holds."""

    def __init__(self, d):
        (self.pid,) = d.children("control")
        # A sanitizer keeps what was freed.
        self.spare = 512 if "libasan" in pathlib.Path(f"/proc/{self.pid}/maps").read_text() else 0

    def rss(self):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) >> 10  # MiB

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.pid}/fd").iterdir()))

    def settled(self, wanted):
        """Descriptors, once those of closed connections are gone."""
        end = time.monotonic() + HANG
        while self.descriptors() > wanted and time.monotonic() < end:
            time.sleep(0.02)
        return self.descriptors()


def served(d, key):
    r = d.run("() => 'served'", key)
    return r.status == 200 and r["value"] == "served"


def malformed(t, d, key, control):
    for name, (data, wanted) in heads(key).items():
        got, closed, out = talk(d, data)
        if wanted is ...:
            right = len(got) <= 2 and (not got or got[0] in (200, 400, 404, 413, 414, 431))
        elif wanted is None:
            right = out.startswith(b"HTTP/1.1 200 ") and out.endswith(b"\r\n\r\n")
        elif isinstance(wanted, int):
            # The library writes the head of its own 400 twice: the second is in the body of the first.
            right = got[:1] == [wanted] and closed and len(got) <= 2 and (len(got) == 1 or got[1] is None)
        else:
            right = got == wanted and not closed
        t.ok(right and served(d, key), f"head: {name}", f"wanted {wanted}, got {got}, closed {closed}: {out[-300:]!r}")
    c = d.connection(key)
    wrong = []
    for name, (body, status, code) in bodies().items():
        r = d.ask("POST", "/v1/runs", body, key=key)
        if (r.status, r.code) != (status, code) or not served(d, key):
            wrong.append(f"{name}: {r}")
    c.close()
    t.equal(wrong, [], f"{len(bodies())} odd bodies are taken or refused as they must be")
    t.equal([control.pid], d.children("control"), "and it is still the same process")


def early_ends(t, d, key):
    auth = HOST + b"Authorization: Bearer " + key.encode() + b"\r\n"
    whole = POST + auth + LENGTH + b"\r\n" + RUN
    for at in range(0, len(whole), 7):
        s = connect(d)
        s.sendall(whole[:at])
        if at % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset instead of an end
        s.close()
    t.ok(served(d, key), "clients that leave anywhere in their request")
    s = connect(d)
    s.sendall(whole)
    s.shutdown(socket.SHUT_WR)
    out, closed = receive(s, HANG)
    t.ok(closed and statuses(out) in ([200], []), "a client that closes its sending side is answered, or left", (out, closed))
    s.close()
    s = connect(d)
    s.sendall(whole[:-3])
    s.shutdown(socket.SHUT_WR)
    out, closed = receive(s, HANG)
    t.ok(closed and not statuses(out)[1:] and statuses(out) != [200], "but not when its body is not whole", (out, closed))
    s.close()
    s = connect(d)
    for byte in whole:
        s.sendall(bytes((byte,)))
    t.equal(statuses(receive(s)[0]), [200], "a request that comes byte by byte")
    s.close()


def gone_clients(t, d, key, control):
    slow = json.dumps({"code": "async () => { await new Promise(r => setTimeout(r, 300)); return 'x'.repeat(1e5) }"}).encode()
    for _ in range(20):
        s = connect(d)
        s.sendall(POST + HOST + b"Authorization: Bearer " + key.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(slow) + slow)
        s.close()
    end = time.monotonic() + HANG
    while time.monotonic() < end:
        rows = d.ask("GET", "/v1/runs?limit=20", key=key)["runs"]
        if all(r["state"] == "done" for r in rows):
            break
        time.sleep(0.02)
    t.equal([r["outcome"] for r in rows].count("completed"), 20, "runs go on when their clients leave")
    metrics = d.ask("GET", "/metrics").body.decode()
    t.ok("cordon_runs_active 0\n" in metrics, "and are over", metrics)


def deaf_clients(t, d, key, control):
    """They ask for much, and read nothing."""
    before, large = control.rss(), json.dumps({"code": "() => 'x'.repeat(900000)"}).encode()
    held = []
    for _ in range(32):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(HANG)
        s.connect(("127.0.0.1", d.port))
        s.sendall(POST + HOST + b"Authorization: Bearer " + key.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(large) + large)
        held.append(s)
    t.ok(served(d, key), "clients that never read hold up nobody")
    grown = control.rss() - before
    t.ok(grown < 160 + control.spare, "and hold what was made for them at most", f"{grown} MiB more")
    for s in held:
        s.close()


def large_bodies(t, d, key, control):
    """All but their last byte, of many at once."""
    before, size = control.rss(), 39 << 20
    head = POST + HOST + b"Authorization: Bearer " + key.encode() + b"\r\nContent-Length: %d\r\n\r\n" % size
    held = [connect(d) for _ in range(8)]
    for s in held:
        s.sendall(head + b" " * (size - 1))
    t.ok(served(d, key), "many large bodies at once: small requests are served")
    grown = control.rss() - before
    t.ok(grown < 320 + control.spare, "and the bodies have a limit together", f"{grown} MiB more")
    got = []
    for s in held:
        s.sendall(b" ")
        got.append(int(s.recv(4096)[9:12]))
        s.close()
    t.equal({x: got.count(x) for x in set(got)}, {400: 6, 503: 2}, "who found no room is told to try again")


def crowds(t, d, key, control):
    crowd = [connect(d) for _ in range(PER_ADDRESS)]
    s = connect(d)
    with contextlib.suppress(ConnectionError):
        s.sendall(HEALTH + b"\r\n")
    out, closed = receive(s, 2)
    t.ok(closed and not out, f"more than {PER_ADDRESS} connections from one address are closed", (out, closed))
    s.close()
    t.ok(d.ask("GET", "/healthz").status == 200, "the administrator's door stays open")
    s = connect(d, "127.0.0.9")
    s.sendall(HEALTH + b"\r\n")
    t.equal(statuses(receive(s, 2)[0]), [200], "and the door for other addresses")
    s.close()
    for i in range(2, 6):
        crowd += [connect(d, f"127.0.0.{i}") for _ in range(PER_ADDRESS)]
    s = connect(d, "127.0.0.9")
    s.sendall(HEALTH + b"\r\n")
    out, closed = receive(s)
    t.ok(not out, f"{CONNECTIONS} connections: no more", out)
    t.ok(d.ask("GET", "/healthz").status == 200, "but the administrator's door stays open")
    for c in crowd:
        c.close()
    out, closed = receive(s, 2)
    t.ok(statuses(out) == [200] or closed, "who came when all was full is served afterwards, or sent away", (out, closed))
    s.close()
    t.ok(served(d, key), "and all is as before when the crowd has gone")


def trickle(d, data):
    """Seconds until the daemon ends a connection that sends a byte now and then."""
    s, begin = connect(d, "127.0.0.8"), time.monotonic()
    s.settimeout(0.5)
    s.sendall(data)
    while time.monotonic() - begin < REQUEST_S + 8:
        try:
            s.sendall(b"a")
            if not s.recv(65536):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    s.close()
    return time.monotonic() - begin


def together(t, d, key):
    """Requests that take their time, all at once, do not disturb one another."""
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        done = list(pool.map(lambda i: d.run("({input}) => input * 2", key, input=i)["value"], range(96)))
    t.equal(done, [2 * i for i in range(96)], "many at once: each has its own answer")
    # Pipelined, they come in one turn of the daemon's loop; what one writes must not be part of another's transaction.
    auth = HOST + b"Authorization: Bearer " + key.encode() + b"\r\n"
    later = POST + auth + b"Prefer: respond-async\r\n" + LENGTH + b"\r\n" + RUN
    body = b'{"profile":"transform","ttl_s":60}'
    lease = b"POST /v1/leases HTTP/1.1\r\n" + auth + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        got = [x for one in pool.map(lambda i: talk(d, (lease if i % 2 else POST + auth + LENGTH + b"\r\n" + RUN) + later + lease)[0], range(160)) for x in one]
    t.equal({x: got.count(x) for x in set(got)}, {200: 80, 202: 160, 201: 240}, "and requests that write do not disturb one another")


def test(t):
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with Daemon() as d, concurrent.futures.ThreadPoolExecutor(4) as pool:
        key = d.key("default", "admin")
        served(d, key)
        control = Control(d)
        slow = {name: pool.submit(trickle, d, data) for name, data in {
            "a first line": b"GET /", "headers": HEALTH + b"X: ", "silence": b""}.items()}
        rss, descriptors = control.rss(), control.descriptors()
        malformed(t, d, key, control)
        early_ends(t, d, key)
        gone_clients(t, d, key, control)
        deaf_clients(t, d, key, control)
        large_bodies(t, d, key, control)
        crowds(t, d, key, control)
        together(t, d, key)
        for name, seconds in slow.items():
            took = seconds.result()
            t.ok(took < REQUEST_S + 6, f"{name} that never ends does", f"{took:.0f} s")
        t.ok(control.settled(descriptors) <= descriptors, "no descriptor is left behind", control.descriptors())
        t.ok(control.rss() < rss + 96 + control.spare, "nor much memory", f"{rss} MiB before, {control.rss()} after")
        t.equal(d.children("control"), [control.pid], "control was one process all the time")
        slow = "async () => { await new Promise(r => setTimeout(r, 400)); return 'x'.repeat(200000) }"
        last = [pool.submit(d.run, slow, key) for _ in range(4)]
        time.sleep(0.2)  # they have begun by then; if not, they are refused, and that is an answer too
        begin = time.monotonic()
        t.equal(d.stop(), 0, "and it ends as it should")
        t.ok(time.monotonic() - begin < 5, "soon", time.monotonic() - begin)
        t.ok(all(f.result().status in (200, 503) for f in last), "whose runs were under way have their answers", [f.exception() for f in last])


if __name__ == "__main__":
    tap.main(test)
