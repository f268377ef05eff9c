"""A small MCP server (of the era with `initialize`) that takes what it can get.

    echo         returns its text
    fingerprint  the SHA-256 of an environment variable, which shows that the server has a secret without showing the secret
    eat          takes memory without end
    fork         starts processes that start processes, without end
    spin         keeps two processors busy without end
"""
import hashlib
import json
import os
import sys


def text_of(*names):
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": list(names)}


def echo(text):
    return text


def fingerprint(variable):
    return hashlib.sha256(os.environ[variable].encode()).hexdigest()


def eat():
    kept = []
    while True:
        # Written, since pages that nobody has written to cost nothing.
        kept.append(b"x" * (1 << 20))


def fork():
    while True:
        try:
            os.fork()
        except OSError:
            # The limit. A process that ends makes room, and is replaced at once.
            pass


def spin():
    os.fork()
    while True:
        pass


TOOLS = {
    echo: text_of("text"),
    fingerprint: text_of("variable"),
    eat: text_of(),
    fork: text_of(),
    spin: text_of(),
}


def answer(method, params):
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "hungry", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": [{"name": tool.__name__, "inputSchema": schema} for tool, schema in TOOLS.items()]}
    if method == "tools/call":
        tool = next(tool for tool in TOOLS if tool.__name__ == params["name"])
        return {"content": [{"type": "text", "text": tool(**params.get("arguments", {}))}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message and "method" in message:
        result = answer(message["method"], message.get("params", {}))
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
