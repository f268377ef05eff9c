"""Answers on a socket as the service of some version of Podman would, as far as the version goes.

    old_podman.py SOCKET VERSION
"""
import http.server
import json
import os
import socketserver
import sys

path, version = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = [{"Name": "Podman Engine", "Version": version, "Details": {"APIVersion": version, "MinAPIVersion": "4.0.0"}}]
        body = b"OK"
        if not self.path.endswith("/_ping"):
            body = json.dumps({"Version": version, "ApiVersion": "1.41", "Components": parts, "version": {"Version": version}}).encode()
        self.send_response(200)
        self.send_header("Libpod-API-Version", version)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


os.makedirs(os.path.dirname(path), exist_ok=True)
if os.path.exists(path):
    os.unlink(path)
with socketserver.ThreadingUnixStreamServer(path, Handler) as server:
    print("listening", flush=True)
    server.serve_forever()
