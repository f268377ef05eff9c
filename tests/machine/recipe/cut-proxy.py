#!/usr/bin/env python3
"""A registry proxy that breaks off: docker.io/cut/NAME is docker.io/mcp/NAME through it.

/etc/cut-proxy, read anew for every request, says what happens to a layer (a manifest or a configuration, being small, passes):

    bytes = 65536    after so many bytes of a layer's answer ...
    then = drop      ... the connection is dropped; `stall` keeps it open in silence; `pass` lets all through
    rate = 0         bytes a second, 0 for as fast as it goes

Podman asks for the rest of a layer that broke off, if a MiB or so of it came: 10000000 bytes make a pull slow and whole, 65536
make it fail. Layers that are already there, of any image, are not pulled: remove the images first.
"""
import http.client
import http.server
import os
import socket
import time

REGISTRY = ("127.0.0.1", 5000)
LISTEN = ("127.0.0.1", 5001)
CONFIGURATION = "/etc/cut-proxy"
CHUNK = 16 * 1024


def read_configuration():
    with open(CONFIGURATION, encoding="utf-8") as lines:
        pairs = dict(map(str.strip, line.split("=", 1)) for line in lines if "=" in line)
    return int(pairs.get("bytes", 65536)), pairs.get("then", "drop"), int(pairs.get("rate", 0))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        limit, then, rate = read_configuration()
        registry = http.client.HTTPConnection(*REGISTRY)
        registry.request(self.command, self.path, headers=dict(self.headers))
        answer = registry.getresponse()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        if then == "pass" or "/blobs/" not in self.path:
            limit = float("inf")
        sent = 0
        while chunk := answer.read(int(min(CHUNK, limit - sent))) if sent < limit else b"":
            self.wfile.write(chunk)
            sent += len(chunk)
            if rate:
                time.sleep(len(chunk) / rate)
        if sent >= limit and answer.read(1):
            self.close_connection = True
            if then == "stall":
                # Until the client has had enough of it.
                self.connection.recv(1)
        registry.close()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # A client that went away is what this is for.
        pass


with Server(LISTEN, Handler) as server:
    # Tells systemd that it listens: whoever started the unit can use it now.
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.sendto(b"READY=1", address.replace("@", "\0", 1))
    server.serve_forever()
