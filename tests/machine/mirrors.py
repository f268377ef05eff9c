"""Serves mirrors of the catalog's sources on 127.0.0.1: repositories over git's smart HTTP protocol, and the pages of an API.

    mirrors.py FOLDER

FOLDER/git holds bare repositories, served below /git; FOLDER/api holds files of the API's form, of which all items together
are served a hundred at a time. Prints `port PORT`, then `ready` in answer to each line of its standard input:

    log            what was asked for since the last `log`, a line each, before `ready`
    hold TEXT      the next request whose path contains TEXT is answered `held` here and by nobody there, until
    release        it is answered after all
"""
import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = pathlib.Path(sys.argv[1])
lock = threading.Lock()
asked = []
wanted = None
released = threading.Event()


def tell(line):
    print(line, flush=True)


class Mirror(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self):
        global wanted
        with lock:
            asked.append(f"{self.command} {self.path}")
            held = wanted is not None and wanted in self.path
            if held:
                wanted = None
        if held:
            tell("held")
            released.wait()

    def do_GET(self):
        self.note()
        address = urllib.parse.urlsplit(self.path)
        if address.path.startswith("/git/"):
            self.git(address, b"")
        elif address.path == "/v0.1/servers":
            self.page(dict(urllib.parse.parse_qsl(address.query)))
        else:
            self.answer(404, {}, b"")

    def do_POST(self):
        self.note()
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.git(urllib.parse.urlsplit(self.path), body)

    def page(self, query):
        items = [
            item
            for file in sorted(folder.glob("api/*.json"))
            for item in json.loads(file.read_text())["servers"]
        ]
        since = query.get("updated_since")
        status = lambda item: item["_meta"]["io.modelcontextprotocol.registry/official"]
        if since:
            items = [item for item in items if status(item)["updatedAt"] >= since]
        else:
            items = [item for item in items if status(item).get("status") != "deleted"]
        begin = int(query.get("cursor", "0").partition(":")[0])
        end = begin + int(query.get("limit", "30"))
        metadata = {"count": len(items[begin:end])}
        if end < len(items):
            metadata["nextCursor"] = f"{end}:next"
        body = json.dumps({"servers": items[begin:end], "metadata": metadata}).encode()
        self.answer(200, {"Content-Type": "application/json"}, body)

    def git(self, address, body):
        """As a web server would: gitprotocol-http(5), git-http-backend(1)."""
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(folder / "git"),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": address.path.removeprefix("/git"),
            "QUERY_STRING": address.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        backend = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE, check=False
        )
        head, _, rest = backend.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        code = int(headers.pop("Status", "200").split()[0])
        self.answer(code, headers, rest)

    def answer(self, code, headers, body):
        try:
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            # Whoever asked was killed.
            self.close_connection = True


server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
tell(f"port {server.server_port}")
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    with lock:
        if word == "log":
            for request in asked:
                tell(request)
            asked.clear()
        elif word == "hold":
            wanted = rest
            released.clear()
        elif word == "release":
            wanted = None
            released.set()
    tell("ready")
