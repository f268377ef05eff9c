"""A small MCP server over HTTP, and the authorization server that it can send to.

    web.py PORT [TOOLS]      serves the tools that the file TOOLS lists as JSON, or `echo`, which returns its text
    web.py PORT --login      the same `echo`, for those who logged in; GET /expire has all tokens given so far expire, GET /documents
                             has metadata documents of clients read, and GET /seen says what happened so far
"""
import hashlib
import base64
import http.server
import json
import sys
import time
import urllib.parse

PORT = int(sys.argv[1])
LOGIN = "--login" in sys.argv[2:]
TOOLS = next((word for word in sys.argv[2:] if word != "--login"), None)
HERE = f"http://127.0.0.1:{PORT}"
ECHO = [{"name": "echo", "description": "Returns its text", "inputSchema": {"type": "object"}}]
seen = {"registered": 0, "given": 0, "refreshed": 0, "refused": 0, "client": None}
state = {"documents": False, "challenge": None, "redirect": None, "access": None, "refresh": None}


def results(message):
    params = message.get("params", {})
    if message["method"] == "initialize":
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "web", "version": "1"}}
    if message["method"] == "tools/list":
        if TOOLS:
            with open(TOOLS, encoding="utf-8") as tools:
                return {"tools": json.load(tools)}
        return {"tools": ECHO}
    if message["method"] == "tools/call":
        text = params.get("arguments", {}).get("text", "")
        return {"content": [{"type": "text", "text": text}]}
    return {} if message["method"] == "ping" else None


def metadata(path):
    if path.startswith("/.well-known/oauth-protected-resource"):
        return {"resource": f"{HERE}/mcp", "authorization_servers": [HERE]}
    if path == "/.well-known/oauth-authorization-server":
        return {
            "issuer": HERE,
            "authorization_endpoint": f"{HERE}/authorize",
            "token_endpoint": f"{HERE}/token",
            "registration_endpoint": f"{HERE}/register",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "client_id_metadata_document_supported": state["documents"],
            "authorization_response_iss_parameter_supported": True,
        }
    return None


def tokens():
    seen["given"] += 1
    state["access"], state["refresh"] = f"access-{seen['given']}", f"refresh-{seen['given']}"
    return {"access_token": state["access"], "refresh_token": state["refresh"], "token_type": "Bearer", "expires_in": 3600}


def grant(form):
    if form["grant_type"] == "refresh_token" and form["refresh_token"] == state["refresh"]:
        seen["refreshed"] += 1
        return tokens()
    # Long enough for whoever waits to be told that something goes on.
    time.sleep(1)
    verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
    if form.get("code") == "good" and challenge == state["challenge"] and form["redirect_uri"] == state["redirect"]:
        return tokens()
    return None


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, body=None, **headers):
        body = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def is_refused(self):
        if not LOGIN or (state["access"] and self.headers.get("Authorization") == f"Bearer {state['access']}"):
            return False
        seen["refused"] += 1
        where = f"{HERE}/.well-known/oauth-protected-resource/mcp"
        self.say(401, WWW_Authenticate=f'Bearer resource_metadata="{where}", scope="read"')
        return True

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/expire":
            state["access"] = None
            return self.say(200)
        if url.path == "/documents":
            state["documents"] = True
            return self.say(200)
        if url.path == "/seen":
            return self.say(200, seen)
        if url.path == "/authorize":
            # The user agrees at once.
            seen["client"] = query["client_id"]
            state["challenge"], state["redirect"] = query["code_challenge"], query["redirect_uri"]
            answer = urllib.parse.urlencode({"code": "good", "state": query["state"], "iss": HERE})
            return self.say(302, Location=f"{query['redirect_uri']}?{answer}")
        if LOGIN and (known := metadata(url.path)):
            return self.say(200, known)
        if url.path.endswith("/mcp"):
            return self.is_refused() or self.say(405)
        return self.say(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if LOGIN and self.path == "/register":
            seen["registered"] += 1
            return self.say(201, {**json.loads(body), "client_id": "registered"})
        if LOGIN and self.path == "/token":
            given = grant(dict(urllib.parse.parse_qsl(body)))
            return self.say(200, given) if given else self.say(400, {"error": "invalid_grant"})
        if self.is_refused():
            return None
        message = json.loads(body)
        if "id" not in message:
            return self.say(202)
        result = results(message)
        answer = {"error": {"code": -32601, "message": "no such method"}} if result is None else {"result": result}
        return self.say(200, {"jsonrpc": "2.0", "id": message["id"], **answer})

    def do_DELETE(self):
        self.say(405)


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Web).serve_forever()
