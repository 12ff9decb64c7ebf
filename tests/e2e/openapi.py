"""The API's document, and a client that holds every answer against it."""

import contextlib
import json
import pathlib
import re
import subprocess
import tempfile
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
METHODS = ("get", "put", "post", "delete", "patch")


class Document:
    def __init__(self, text):
        self.text, self.data = text, json.loads(text)
        self.operations = {}  # operationId: Operation
        for path, item in self.data["paths"].items():
            for method in METHODS:
                if method in item:
                    o = Operation(self, path, method, item[method])
                    assert o.id not in self.operations, o.id
                    self.operations[o.id] = o
        # What has no parameter goes before what has one, as in the daemon's table.
        self.order = sorted(self.operations.values(), key=lambda o: o.path.count("{"))

    def look_up(self, node, pointer):
        """The node and its pointer, with one $ref followed."""
        if "$ref" in node:
            pointer = node["$ref"][1:]
            node = self.data
            for step in pointer[1:].split("/"):
                node = node[step.replace("~1", "/").replace("~0", "~")]
        return node, pointer

    def find(self, method, target):
        path = target.split("?")[0]
        for o in self.order:
            if o.method == method and o.pattern.fullmatch(path):
                return o
        return None


class Operation:
    def __init__(self, document, path, method, data):
        self.document, self.path, self.method, self.data = document, path, method.upper(), data
        self.id, self.roles = data["operationId"], data["x-cordon-roles"]
        self.pointer = "/paths/" + path.replace("~", "~0").replace("/", "~1") + "/" + method
        parameters = [document.look_up(p, f"{self.pointer}/parameters/{i}")
                      for i, p in enumerate(data.get("parameters", ()))]
        self.query = {p["name"]: (f"{pointer}/schema", p["schema"]) for p, pointer in parameters if p["in"] == "query"}
        # A parameter takes one segment of the path, or all that are left.
        self.long = {p["name"] for p, _ in parameters if p.get("x-cordon-segments")}
        self.pattern = re.compile(self.fill(lambda name: ".+" if name in self.long else "[^/]+", re.escape(path)))
        self.route = self.fill(lambda name: "**" if name in self.long else "*", path)

    @staticmethod
    def fill(value, path):
        return re.sub(r"\\?\{(\w+)\\?\}", lambda m: value(m[1]), path)

    def response(self, status):
        node = self.data["responses"].get(str(status))
        return document_none if node is None else self.document.look_up(node, f"{self.pointer}/responses/{status}")

    def promises(self):
        """(status, problem code or None) of everything that is documented."""
        for status in self.data["responses"]:
            codes = self.response(status)[0].get("x-cordon-codes")
            yield from ((int(status), code) for code in codes or (None,))

    def __str__(self):
        return f"{self.method} {self.path}"


document_none = (None, None)


class Validator(contextlib.AbstractContextManager):
    """A JSON Schema validator that is not ours, in a process of its own."""

    def __init__(self, document):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        self.file.write(document.text)
        self.file.flush()
        self.process = subprocess.Popen(["node", str(HERE / "schema.mjs"), self.file.name], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def check(self, pointer, value, closed):
        """What is wrong with it; "": nothing."""
        print(json.dumps({"ref": pointer, "value": value, "closed": closed}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())["errors"]

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.file.close()


class Checked:
    """Wraps a daemon's ask(): what came is held against the document, flaws are collected."""

    def __init__(self, daemon, document, validator):
        self.daemon, self.document, self.validator = daemon, document, validator
        self.flaws, self.seen, self.answers = [], set(), 0

    def ask(self, method, target, body=None, **how):
        reply = self.daemon.ask(method, target, body, **how)
        self.judge(method, target, body, reply)
        return reply

    def judge(self, method, target, body, reply):
        o = self.document.find(method, target)
        if o is None:
            return
        self.answers += 1
        flaw = self._flaw(o, body, reply) or (reply.status < 400 and self._query(o, target))
        if flaw:
            self.flaws.append(f"{method} {target}: {reply.status} {reply.code}: {flaw}")
        self.seen.add((o.id, reply.status, reply.code if reply.status >= 400 else None))

    def _events(self, schemas, text):
        for event in filter(None, text.split("\n\n")):
            m = re.fullmatch("(?:id: [0-9.]+\n)?event: (\\w+)\ndata: (.*)", event)
            if not m or m[1] not in schemas:
                return f"no event that is documented: {event[:200]}"
            wrong = self.validator.check(schemas[m[1]]["$ref"][1:], json.loads(m[2]), True)
            if wrong:
                return f"event {m[1]}: {wrong}"
        return ""

    def _query(self, o, target):
        """A query that was taken must be one that the document allows."""
        for name, text in urllib.parse.parse_qsl(target.partition("?")[2], keep_blank_values=True):
            pointer, schema = o.query.get(name, (None, None))
            if schema is None:
                return f"the query's '{name}' is not in the document"
            value = int(text) if schema.get("type") == "integer" and re.fullmatch(r"[0-9]+", text) else text
            wrong = self.validator.check(pointer, value, False)
            if wrong:
                return f"the query's '{name}' was taken, but the document forbids it: {wrong}"
        return ""

    def _flaw(self, o, body, reply):
        response, pointer = o.response(reply.status)
        if response is None:
            return "no such status in the document"
        if isinstance(body, dict) and "requestBody" in o.data and reply.code != "auth.role":
            (kind, media), *_ = o.data["requestBody"]["content"].items()
            if kind == "application/json" and "$ref" in media["schema"]:
                wrong = self.validator.check(media["schema"]["$ref"][1:], body, False)
                if wrong and reply.status < 400:
                    return f"the request was taken, but the document forbids it: {wrong}"
                bare = o.id == "submitRun" and not body.keys() & {"code", "modules", "main", "artifact"}
                if not wrong and reply.code == "request.member" and not bare:
                    return f"the request was refused, but the document allows it: {reply['detail']}"
        if "content" not in response:
            return "a body where none is documented" if reply.body else ""
        kind = reply.headers.get("Content-Type", "").split(";")[0]
        media = response["content"].get(kind)
        if media is None:
            return f"Content-Type {kind} is not documented"
        if kind == "text/event-stream":
            return self._events(media["x-cordon-events"], reply.body.decode())
        if kind in ("text/plain", "application/octet-stream"):
            return ""
        if kind == "application/problem+json" and reply.code not in response["x-cordon-codes"]:
            return f"problem code {reply.code} is not documented"
        if kind == "application/problem+json" and reply["status"] != reply.status:
            return "another status in the body"
        if "$ref" in media["schema"]:
            pointer = media["schema"]["$ref"][1:]
        else:
            pointer += "/content/" + kind.replace("/", "~1") + "/schema"
        values = [reply.data] if kind != "application/x-ndjson" else [json.loads(x) for x in reply.body.splitlines()]
        return next(filter(None, (self.validator.check(pointer, v, True) for v in values)), "")
