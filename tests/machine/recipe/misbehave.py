"""A small MCP server (of the era with `initialize`) that behaves badly on request: by its first argument, or by MODE.

    echo            behaves (the default): tools `echo`, which returns its text, and `sleep`
    exit            one line on stderr, then exit 3 before reading anything
    garbage         lines that are no JSON on stdout, then behaves
    garbage-only    such lines, and nothing else until EOF
    silent          reads, and never answers
    ignore-eof      behaves, and stays after EOF and SIGTERM
    big N           answers tools/call with a text of N bytes (or SIZE)
    slow            behaves; `sleep` takes `seconds`, sends progress if asked, and its cancellation is noted on stderr
    crash-on-call   exit 7 in the middle of a call, with text on stderr
    spam-stderr     behaves, while it writes to stderr without end
"""
import json
import os
import signal
import sys
import threading
import time

mode = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MODE", "echo")
size = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("SIZE", "1048576"))
output = threading.Lock()
# The requests that run and may be cancelled, by id.
cancelled = {}

TOOLS = [
    {
        "name": "echo",
        "description": "Returns its text",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
    {
        "name": "sleep",
        "description": "Waits, reporting progress ten times a second",
        "inputSchema": {"type": "object", "properties": {"seconds": {"type": "number"}}, "required": ["seconds"]},
    },
]


def note(text):
    print(text, file=sys.stderr, flush=True)


def send(message):
    with output:
        print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def text_result(text):
    return {"content": [{"type": "text", "text": text}]}


def sleep(request_id, params):
    seconds = float(params["arguments"]["seconds"])
    token = params.get("_meta", {}).get("progressToken")
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if cancelled[request_id].wait(min(left, 0.1)):
            return
        if token is not None:
            done = seconds - max(0.0, end - time.monotonic())
            send({"method": "notifications/progress", "params": {"progressToken": token, "progress": done, "total": seconds}})
    send({"id": request_id, "result": text_result(f"slept {seconds:g} s")})


def call(request_id, params):
    """Answers tools/call; None where the answer comes later."""
    if mode == "crash-on-call":
        note("about to crash, as told")
        os._exit(7)
    if mode == "big":
        return {"result": text_result("x" * size)}
    if params["name"] == "echo":
        return {"result": text_result(params["arguments"]["text"])}
    if params["name"] == "sleep":
        cancelled[request_id] = threading.Event()
        threading.Thread(target=sleep, args=(request_id, params), daemon=True).start()
        return None
    return {"error": {"code": -32602, "message": f"no tool {params['name']}"}}


def answer(message):
    method, params, request_id = message.get("method"), message.get("params", {}), message.get("id")
    if method == "notifications/cancelled":
        if event := cancelled.get(params.get("requestId")):
            # Noted here and not by the thread that is cancelled: the end of the input may follow at once.
            note(f"cancelled {json.dumps(params['requestId'])}")
            event.set()
    if method is None or request_id is None:
        return
    if method == "initialize":
        reply = {
            "result": {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "misbehave", "version": "1"},
            }
        }
    elif method == "ping":
        reply = {"result": {}}
    elif method == "tools/list":
        reply = {"result": {"tools": TOOLS}}
    elif method == "tools/call":
        reply = call(request_id, params)
    else:
        reply = {"error": {"code": -32601, "message": f"no method {method}"}}
    if reply is not None:
        send({"id": request_id, **reply})


def spam():
    count = 0
    while True:
        count += 1
        note(f"spam {count} " + "x" * 100)


if mode == "exit":
    note("cannot start: told to exit")
    sys.exit(3)
if mode.startswith("garbage"):
    print("Welcome to misbehave!\n[info] {not json", flush=True)
if mode == "ignore-eof":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "spam-stderr":
    threading.Thread(target=spam, daemon=True).start()
for line in sys.stdin:
    if mode not in ("silent", "garbage-only"):
        answer(json.loads(line))
if mode == "ignore-eof":
    note("EOF, and staying")
    while True:
        signal.pause()
# Daemon threads that still write would make an ordinary exit wait or fail.
os._exit(0)
