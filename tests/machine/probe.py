"""Tries to reach hosts, and prints one JSON object: what was tried, and how it went.

    HOST PORT           connects by TCP
    dns SERVER NAME     asks a name server for an address
"""
import json
import socket
import struct
import sys


def ask(server, name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(3)
        sock.connect((server, 53))
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        sock.send(struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1))
        answer = sock.recv(4096)
        return f"rcode {answer[3] & 15}, {struct.unpack('>H', answer[6:8])[0]} records"


def attempt(words):
    try:
        if words[0] == "dns":
            return ask(*words[1:])
        with socket.create_connection((words[0], int(words[1])), timeout=5):
            return "open"
    except socket.gaierror:
        return "no such name"
    except OSError as error:
        return f"closed: {error}"


print(json.dumps({target: attempt(target.split()) for target in sys.argv[1:]}))
