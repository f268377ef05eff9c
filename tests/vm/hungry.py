"""A small MCP server (of the era with `initialize`) that takes all it can get: memory, processes, time of the processor. It also tells
the secret that it was given."""
import json
import os
import sys
import time

TOOLS = ["echo", "eat", "fork", "spin", "tell"]


def eat():
    """Takes memory without end, and keeps it."""
    held = []
    while True:
        held.append(b"x" * (1 << 20))


def fork():
    """Makes processes until it gets no more, which is how many it says; all of them end then."""
    children = []
    try:
        while True:
            child = os.fork()
            if child == 0:
                time.sleep(3600)
            children.append(child)
    except OSError as error:
        refused = error.strerror
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return f"{len(children)} processes, then: {refused}"


def spin():
    """Computes on two processors for ten seconds, and says how much of one it got, in percent."""
    started, other = time.monotonic(), os.fork()
    while time.monotonic() - started < 10:
        pass
    if other == 0:
        os._exit(0)
    os.waitpid(other, 0)
    took = time.monotonic() - started
    times = os.times()
    return str(round(100 * (times.user + times.system + times.children_user + times.children_system) / took))


def answer(method, params):
    if method == "initialize":
        info = {"name": "hungry", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
    if method == "tools/call":
        tools = {"echo": lambda: "here", "eat": eat, "fork": fork, "spin": spin, "tell": lambda: os.environ["TOKEN"]}
        tool = tools[params["name"]]
        return {"content": [{"type": "text", "text": tool()}]}
    return None


for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        result = answer(request["method"], request.get("params", {}))
        outcome = {"error": {"code": -32601, "message": "no such method"}} if result is None else {"result": result}
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **outcome}), flush=True)
