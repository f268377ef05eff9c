"""A client that knows nothing of mcpod: it connects to a socket and speaks MCP there, a line a message.

    client.py SOCKET

It says `open` when the server has answered its `initialize`, and then does what each line of its input says:

    ping     lists the tools and says how many there are, or `closed` if the server closed the connection
    send X   sends X as it is, and waits for nothing
    close    closes the connection, says `closed` and lives on
    child    hands the connection to a child that goes on reading, and exits
"""
import json
import os
import socket
import sys

# Python hides a socket from programs that it starts; a fork inherits it all the same.
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
lines = connection.makefile("rw", encoding="utf-8", newline="\n")


def ask(request_id, method, params):
    print(json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}), file=lines, flush=True)
    for line in lines:
        message = json.loads(line)
        if message.get("id") == request_id and "method" not in message:
            return message["result"]
    return None


def say(word):
    print(word, flush=True)


hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "client.py", "version": "1"}}
if ask(0, "initialize", hello) is None:
    sys.exit("the server closed the connection")
print(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}), file=lines, flush=True)
say("open")
# Unbuffered, so that what a child shall read is not read already.
count = 0
while word := sys.stdin.buffer.raw.readline().decode().strip():
    if word == "ping":
        count += 1
        try:
            answer = ask(count, "tools/list", {})
        except OSError:
            answer = None
        say("closed" if answer is None else f"{len(answer['tools'])} tools")
    elif word.startswith("send "):
        print(word.removeprefix("send "), file=lines, flush=True)
    elif word == "close":
        lines.close()
        connection.close()
        say("closed")
    elif word == "child":
        if os.fork():
            os._exit(0)
        say("child")
