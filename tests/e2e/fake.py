"""A server that answers what it is told to: for clients that must bear any answer."""

import contextlib
import re
import socket
import threading


class Fake:
    """Answers each connection with the bytes of `answer`, or what it returns when it is called with the request: bytes,
    or pieces of them."""

    def __init__(self, answer):
        self.answer, self.requests = answer, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)

    def _serve(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(c,), daemon=True).start()

    def _serve_one(self, c):
        with c, contextlib.suppress(OSError):
            c.settimeout(30)
            self._answer(c)

    def _answer(self, c):
        request = b""
        while b"\r\n\r\n" not in request:
            more = c.recv(65536)
            if not more:
                return
            request += more
        head, _, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        while length and len(body) < int(length.group(1)):
            more = c.recv(65536)
            if not more:
                return
            body += more
            request += more
        self.requests.append(request)
        answer = self.answer(request) if callable(self.answer) else self.answer
        for part in [answer] if isinstance(answer, bytes) else answer:
            c.sendall(part)


def http(body, status=200, kind="application/json", length=None):
    body = body.encode() if isinstance(body, str) else body
    return (f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nConnection: close\r\n"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n").encode() + body
