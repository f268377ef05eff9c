"""Hosts for the network tests, all on addresses that the test gave to this machine: a name server on 203.0.113.53 and HTTP servers.

    NAME KIND ADDRESS TTL   lines on standard input, of A, AAAA and CNAME records; then an empty line
"""
import http.server
import os
import socket
import socketserver
import struct
import sys
import threading

SERVERS = [
    ("203.0.113.10", 8080), ("203.0.113.10", 8081), ("203.0.113.11", 8080), ("203.0.113.12", 8080), ("192.31.196.10", 8080),
    ("10.99.0.1", 8080), ("169.254.169.254", 8080), ("2001:db8::10", 8080), ("2001:db8::12", 8080), ("192.0.2.2", 8080),
]
KINDS = {"A": 1, "CNAME": 5, "AAAA": 28}


def records():
    found = {}
    for line in sys.argv[1].split("\n"):
        if words := line.split():
            name, kind, value, ttl = words
            found.setdefault(name, []).append((kind, value, int(ttl)))
    return found


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def read_name(message, at):
    labels = []
    while length := message[at]:
        labels.append(message[at + 1:at + 1 + length].decode().lower())
        at += 1 + length
    return ".".join(labels), at + 1


def reply(message):
    name, end = read_name(message, 12)
    (kind,) = struct.unpack(">H", message[end:end + 2])
    answers = []
    known = name in ZONE
    while True:
        of_name = ZONE.get(name, [])
        aliases = [record for record in of_name if record[0] == "CNAME"]
        for record_kind, value, ttl in aliases or of_name:
            if KINDS[record_kind] not in (kind, 5):
                continue
            family = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}.get(record_kind)
            data = socket.inet_pton(family, value) if family else wire(value)
            answers.append(wire(name) + struct.pack(">HHIH", KINDS[record_kind], 1, ttl, len(data)) + data)
        if not aliases:
            break
        name = aliases[0][1]
    flags = 0x8180 if known else 0x8183
    return message[:2] + struct.pack(">HHHHH", flags, 1, len(answers), 0, 0) + message[12:end + 4] + b"".join(answers)


class Names(socketserver.BaseRequestHandler):
    def handle(self):
        message, sock = self.request
        sock.sendto(reply(message), self.client_address)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<html><body><p>buy milk</p></body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, address):
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Page)


ZONE = records()
servers = [Server(address) for address in SERVERS] + [socketserver.ThreadingUDPServer(("203.0.113.53", 53), Names)]
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
threading.Event().wait()
