"""The walk through the page. Run by tests/page/run."""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

from browser import Browser, Failed

MACHINE, AXE = sys.argv[1], pathlib.Path(sys.argv[2]).read_text()
STAYS_OPEN = "--open" in sys.argv[3:]
# Ways to run script in a page that puts text of others where markup belongs.
HOSTILE = [
    "<script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "\"><svg onload=window.pwned=1>", "'><iframe srcdoc='<script>parent.pwned=1</script>'>",
    "javascript:window.pwned=1", "<a href=javascript:window.pwned=1>x</a>", "</pre></textarea></select></title><script>window.pwned=1</script>",
    "{{constructor.constructor('window.pwned=1')()}}", "<style>*{display:none}</style>", "<base href=//evil.example.com/>", "<form action=//evil.example.com><button>x",
    "<meta http-equiv=refresh content='0;url=//evil.example.com'>", "&lt;script&gt;window.pwned=1&lt;/script&gt;", "\u202egnp.exe\u2066", "<math><mtext><script>window.pwned=1</script>",
]
ALL_HOSTILE = " ".join(HOSTILE)
SETTINGS = "/home/tester/.config/mcpod/config.toml"
SOURCE = "/home/tester/page-source.toml"


ask_resolver = socket.getaddrinfo


def resolved(host, *rest, **named):
    """As browsers do (RFC 6761, 6.3): names below localhost are this host, whatever the resolver knows of them."""
    return ask_resolver("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **named)


socket.getaddrinfo = resolved


def inside(*words, data=None, check=True):
    done = subprocess.run([MACHINE, "enter", "--", *words], input=data, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise Failed(f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def write(path, text):
    inside("sh", "-c", 'mkdir -p "$(dirname "$1")"; cat >"$1"', "sh", path, data=text)


def toml(text):
    return json.dumps(text)


def source(many):
    """A source of our own: a server whose every word is hostile, one that needs a secret, and many that are only there."""
    servers = [f"""[[server]]
name = "hostile"
title = {toml(ALL_HOSTILE)}
description = {toml(ALL_HOSTILE)}
tags = [{toml(HOSTILE[0])}]
[[server.input]]
path = "word"
title = {toml(HOSTILE[1])}
description = {toml(ALL_HOSTILE)}
example = {toml(HOSTILE[2])}
[[server.launch]]
image = "docker.io/mcpod-test/misbehave"
args = ["echo"]
network = "none"
""", """[[server]]
name = "guarded"
description = "Needs a key before it runs."
[[server.input]]
path = "key"
secret = true
required = true
description = "What opens it."
[[server.launch]]
image = "docker.io/mcpod-test/misbehave"
args = ["echo"]
network = "none"
env = { KEY = "{{key}}" }
"""]
    servers += [f'[[server]]\nname = "filler-{n}"\ndescription = "Number {n} of many: words {n * 7919 % 10007} and {n * 104729 % 9973}."\n' for n in range(many)]
    return "\n".join(servers)


class Walk:
    def __init__(self):
        self.browser = Browser(os.environ["MCPOD_SCREENSHOTS"])
        self.base = ""

    def sign_in(self):
        link = inside("mcpod", "ui").strip()
        self.base = link.split("sign-in")[0]
        b = self.browser
        b.go(self.base + "servers")
        b.shows("mcpod ui")
        if b.find("nav"):
            raise Failed("who is not signed in sees more than how to sign in")
        b.shot("sign-in")
        b.complaints()
        b.go(link)
        b.shows("What do you need?")
        # The link counts once.
        with_no_cookie = urllib.request.Request(link)
        try:
            urllib.request.urlopen(with_no_cookie, timeout=10)
            raise Failed("the link counts twice")
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise

    def check(self, name, wide=True):
        """What holds on every page: no violation of axe, no complaint of the browser, nothing ran, nothing sticks out."""
        b = self.browser
        found = b.run_async(AXE + ";const done = arguments[0]; axe.run(document).then(r => done(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | ').slice(0, 500))))")
        if found:
            b.shot(f"{name}-failed")
            raise Failed(f"{name}: axe: {found}")
        # axe asks for nothing that the policy forbids, so whatever is complained of is the page's own.
        complaints = [said for said in b.complaints() if "favicon" not in said]
        if complaints:
            raise Failed(f"{name}: the browser complains: {complaints}")
        if b.run("return window.pwned ?? document.querySelectorAll('script:not([src=\"script.js\"]), iframe, base, main svg, main img').length"):
            raise Failed(f"{name}: text of others became markup")
        for width, scheme in ((360, "light"), (640, "dark"), (1100, "light"), (1100, "dark")):
            b.size(width, 800, scheme)
            out = b.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if out > 0:
                b.shot(f"{name}-{width}-failed")
                raise Failed(f"{name}: {out} pixels stick out at a width of {width}")
            b.shot(f"{name}-{width}-{scheme}")
        b.size(1100, 800)
        print(f"{name}: ok", flush=True)

    def search(self):
        b = self.browser
        self.check("search")
        b.fill("#q", "")
        took = []
        for n in range(1, 11):
            text = "time zones"[:n]
            took.append(b.run_async("""
                const [text, done] = arguments;
                const field = document.querySelector('#q');
                const before = document.querySelector('#results');
                const start = performance.now();
                field.value = text;
                const seen = () => requestAnimationFrame(() => done(performance.now() - start));
                new MutationObserver((_, observer) => {
                  if (document.querySelector('#results') !== before) { observer.disconnect(); seen(); }
                }).observe(document.querySelector('main'), { childList: true });
                field.dispatchEvent(new Event('input', { bubbles: true }));
                setTimeout(() => done(null), 2000);""", text))
        took = sorted(one for one in took if one is not None)
        servers = re.search(r"of (\d+) servers|(\d+) servers", self.count())
        print(f"as one types, among {servers.group(0)}: median {took[len(took) // 2]:.0f} ms, at most {took[-1]:.0f} ms", flush=True)
        b.shows("Time", "#results h2")

    def count(self):
        with_all = urllib.request.Request(self.base + "catalog", headers={"cookie": self.cookie()})
        return urllib.request.urlopen(with_all, timeout=10).read().decode()

    def cookie(self):
        cookies = self.browser.do("GET", "/cookie")
        return "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in cookies)

    def keyboard(self):
        """From the top to a result and into it without a mouse."""
        b = self.browser
        b.go(self.base + "servers")
        b.press("tab")
        if b.run("return document.activeElement.className") != "skip":
            raise Failed("the first stop is not the way to the content")
        # Here one begins where one types.
        b.go(self.base + "?q=time")
        b.shows("servers", "#results")
        if b.run("return document.activeElement.id") != "q":
            raise Failed("one cannot type at once")
        for _ in range(40):
            b.press("tab")
            if b.run("return document.activeElement.closest('.hits') !== null"):
                break
        else:
            raise Failed("the results are not reached by the keyboard")
        outline = b.run("return getComputedStyle(document.activeElement).outlineStyle")
        if outline == "none":
            raise Failed("it is not seen where the keyboard is")
        b.press("enter")
        b.shows("How it runs")

    def add(self, entry, name, fields=()):
        b = self.browser
        b.go(self.base + "entry?" + urllib.parse.urlencode({"id": entry}))
        b.shows("How it runs")
        b.click("a.button")
        b.fill("#name", name)
        for selector, value in fields:
            b.fill(selector, value)
        b.click("form.fill button")
        b.shows("is active", "#progress .done")

    def main_job(self):
        b = self.browser
        self.keyboard()
        self.check("entry")
        self.add("builtin:time", "time")
        self.check("added")
        b.link("Go to time")
        b.shows("get_current_time")
        self.check("server")
        b.link("get_current_time")
        b.fill("[name='arg.timezone']", "UTC")
        self.check("tool")
        b.click("form.fill button")
        b.shows("datetime", "pre.result")
        self.check("result")

    def inputs(self):
        b = self.browser
        inside("mkdir", "-p", "/home/tester/page-notes")
        write("/home/tester/page-notes/today", "buy milk\n")
        b.go(self.base + "add?id=builtin:filesystem")
        b.click("form.fill button")
        b.shows("needs paths", ".failure")
        b.shows("fill in the fields below", ".failure")
        self.check("missing")
        b.fill("[name='in.paths']", "/home/tester/page-notes")
        b.click("form.fill button")
        b.shows("is active", ".done")
        b.go(self.base + "server?name=filesystem")
        value = "return document.querySelector(\"[name='in.paths']\")?.value"
        b.wait("the folder", lambda: b.run(value) == "/home/tester/page-notes")

    def consent(self):
        """What is built or run that nobody vouches for is asked about: a no leaves nothing behind, a yes goes on."""
        b = self.browser
        serving = subprocess.Popen([MACHINE, "enter", "--", "sh", "-ec", REPOSITORY])
        try:
            b.wait("the repository", lambda: "refs/heads/main" in inside("git", "ls-remote", "git://127.0.0.1/page.git", check=False))
            left = r"find ~/.config/containers ~/.config/systemd ~/.local/share/mcpod -type f | sort; podman images -aq --no-trunc | sort; podman secret ls -q"
            before = inside("sh", "-c", left)
            for answer in ("decline", "agree"):
                b.go(self.base + "add?" + urllib.parse.urlencode({"id": "git+git://127.0.0.1/page.git"}))
                b.fill("#name", "built")
                if answer == "decline":
                    self.check("add-repository")
                b.click("form.fill button")
                b.shows("This would build and run code from git+git://127.0.0.1/page.git", "#progress .question")
                if answer == "decline":
                    self.check("question")
                b.click(f"#progress button[value={answer}]")
                if answer == "decline":
                    b.shows("You said no", "#progress")
                    self.check("declined")
                    after = inside("sh", "-c", left)
                    if after != before:
                        raise Failed(f"a no leaves something behind: {before}\n{after}")
            b.shows("built is active, with 1 tool.", "#progress .done")
            self.check("built")
            inside("mcpod", "remove", "built")
        finally:
            serving.terminate()
            serving.wait()

    def live(self):
        """What is done at a shell appears without reloading."""
        b = self.browser
        b.go(self.base + "servers")
        b.shows("filesystem", "#servers")
        b.run("window.same = true")
        inside("mcpod", "remove", "filesystem")
        b.wait("the server is gone", lambda: "filesystem" not in b.text("#servers"))
        if not b.run("return window.same"):
            raise Failed("the page was loaded again")
        self.check("servers")

    def secrets(self):
        b = self.browser
        b.go(self.base + "secrets")
        b.fill("#name", "someone_token")
        b.fill("#value", "hunter2-page")
        b.click("button[value=store]")
        b.shows("someone_token", "#secrets")
        if "hunter2" in b.run("return document.documentElement.outerHTML"):
            raise Failed("a secret is shown")
        self.check("secrets")
        b.click("#secrets button.danger")
        b.wait("it is forgotten", lambda: "someone_token" not in b.text("#secrets"))

    def asked(self):
        """An agent needs a secret: its user is led to the form, and the call goes on."""
        b = self.browser
        token = inside("mcpod", "token").strip()
        agent = Agent(token)
        heard = agent.call("registry-add", {"id": "page:guarded", "name": "guarded"})
        questions = (message for message in heard if message.get("method") == "elicitation/create")
        # The source is the user's own, so whether it may be added at all comes first.
        question = next(questions)
        if question["params"]["mode"] != "form":
            raise Failed(f"the user is not asked whether: {question['params']}")
        agent.answer(question["id"], {"action": "accept", "content": {"allow": True}})
        question = next(questions)
        params = question["params"]
        if params["mode"] != "url" or not params["elicitationId"]:
            raise Failed(f"no URL elicitation: {params}")
        agent.answer(question["id"], {"action": "accept"})
        b.go(params["url"])
        for part in ("page-walker", "guarded", "key"):
            b.shows(part)
        self.check("asked")
        b.fill("[name='secret.key']", "hunter2-asked")
        b.click("form.fill button")
        b.shows("goes on")
        done = next(message for message in heard if "result" in message or "error" in message)
        if done.get("result", {}).get("isError", True):
            raise Failed(f"the call did not go on: {done}")
        if not any(message.get("method") == "notifications/elicitation/complete" for message in agent.aside):
            raise Failed("the agent does not hear that its user is done")
        b.go(params["url"])
        b.shows("Nobody waits")
        # It is not found, and the browser says so.
        b.complaints()
        inside("mcpod", "remove", "guarded", "--secrets")

    def hostile(self):
        b = self.browser
        b.go(self.base + "?" + urllib.parse.urlencode({"q": ALL_HOSTILE}))
        self.check("hostile-search")
        b.go(self.base + "entry?id=page:hostile")
        b.shows("window.pwned=1")
        self.check("hostile-entry")
        b.go(self.base + "add?id=page:hostile")
        self.check("hostile-add")
        self.add("page:hostile", "hostile")
        # What a server says of its tools, as it is remembered.
        path = "/home/tester/.cache/mcpod/lists/hostile.json"
        kept = json.loads(inside("cat", path))
        kept["lists"]["tools"] = [
            {"name": word, "description": ALL_HOSTILE, "inputSchema": {"type": "object", "properties": {word: {"type": "string", "description": ALL_HOSTILE, "enum": HOSTILE}}}}
            for word in HOSTILE
        ]
        known = json.dumps(kept)
        original = inside("cat", path)
        write(path, known)
        b.go(self.base + "server?name=hostile")
        b.shows("window.pwned=1")
        self.check("hostile-server")
        b.go(self.base + "tool?" + urllib.parse.urlencode({"server": "hostile", "tool": HOSTILE[0]}))
        self.check("hostile-tool")
        write(path, original)
        b.go(self.base + "tool?server=hostile&tool=echo")
        b.fill("[name='arg.text']", ALL_HOSTILE.replace("\u202e", "").replace("\u2066", ""))
        b.click("form.fill button")
        b.shows("window.pwned=1", "pre.result")
        self.check("hostile-result")
        log("hostile", HOSTILE)
        b.go(self.base + "log?server=hostile")
        b.shows("window.pwned=1", "#log")
        self.check("hostile-log")
        for address in ("entry", "server", "tool", "log", "job", "ask", "add", "sign-in"):
            b.go(self.base + address + "?" + urllib.parse.urlencode({name: HOSTILE[2] for name in ("id", "name", "server", "tool", "next", "ticket")}))
            if b.run("return window.pwned"):
                raise Failed(f"{address}: what stands in the address ran")
        b.complaints()

    def logs(self):
        """A long log scrolls back to its beginning and follows its end."""
        b = self.browser
        many = 100_000
        log("hostile", (f"line {n} of many" for n in range(many)))
        b.go(self.base + "log?server=hostile")
        b.shows(f"line {many - 1} of many", "#log")
        at_end = "const log = document.querySelector('#log'); return log.scrollHeight - log.scrollTop - log.clientHeight < 40"
        b.wait("the end of the log", lambda: b.run(at_end))
        log("hostile", ["the newest line"])
        b.shows("the newest line", "#log")
        b.wait("the new end of the log", lambda: b.run(at_end))
        started = time.monotonic()
        b.wait("the first line", lambda: b.run("""
            const view = document.querySelector('#log');
            view.scrollTop = 0;
            view.dispatchEvent(new Event('scroll'));
            return view.textContent.includes('line 0 of many') """))
        frame = b.run_async("""
            const done = arguments[0], view = document.querySelector('#log'), took = [];
            let before = performance.now(), n = 0;
            const step = () => { const now = performance.now(); took.push(now - before); before = now;
              view.scrollTop = view.scrollHeight * (n += 1) / 60; n < 60 ? requestAnimationFrame(step) : done(took.sort((a, b) => a - b)[57]) };
            requestAnimationFrame(step);""")
        print(f"a log of {many} lines: all of it shown after {time.monotonic() - started:.1f} s; 95 of 100 frames while it scrolls take {frame:.0f} ms at most", flush=True)
        self.browser.shot("log")

    def without_script(self):
        b = self.browser
        b.cdp("Emulation.setScriptExecutionDisabled", value=True)
        for address, words in (("?q=time+zones", "Time"), ("entry?id=builtin:time", "How it runs"), ("servers", "time"), ("server?name=time", "get_current_time"), ("catalog", "builtin"), ("doctor", "Podman")):
            b.go(self.base + address)
            page = b.do("GET", "/source")
            if words not in page:
                raise Failed(f"{address} does not read without script")
        b.cdp("Emulation.setScriptExecutionDisabled", value=False)
        b.complaints()

    def catalog(self):
        b = self.browser
        b.go(self.base + "catalog")
        b.click("form.fill button")
        b.wait("the end of the refresh", lambda: b.find("#progress[data-over]"))
        b.go(self.base + "catalog")
        b.shows("page", "#sources")
        self.check("catalog")

    def doctor(self):
        """What it finds is what the command line finds, but for the shells."""
        b = self.browser
        b.go(self.base + "doctor")
        shown = b.run("return document.querySelector('main').textContent")
        for finding in json.loads(inside("mcpod", "doctor", "--json")):
            if finding["check"] not in ("completions", "space") and finding["what"] not in shown:
                raise Failed(f"the page does not show what doctor finds: {finding['what']}")
        self.check("doctor")

    def removed(self):
        b = self.browser
        for name in ("time", "hostile"):
            b.go(self.base + "server?name=" + name)
            b.click("form button.danger")
            b.wait("it is removed", lambda: b.address().endswith("/servers"))
        b.shows("No server is active", "#servers")
        # The server's own page was still up to date when it was no more, and found nothing.
        b.complaints()
        self.check("empty")

    def foreign(self):
        """Forms of others, and forms without a key, change nothing."""
        for headers, fields in (({}, {"name": "x_y", "value": "z", "do": "store"}), ({"sec-fetch-site": "cross-site"}, {"key": "x", "name": "x_y"})):
            data = urllib.parse.urlencode(fields).encode()
            request = urllib.request.Request(self.base + "secrets", data, {"cookie": self.cookie(), **headers})
            try:
                urllib.request.urlopen(request, timeout=10)
                raise Failed(f"a form of others is taken: {headers}")
            except urllib.error.HTTPError as error:
                if error.code != 403:
                    raise

    def behind_a_proxy(self):
        """On a unix socket, to which a proxy leads that takes a part of the path off: what is followed, filled in and live stays below it."""
        b, socket = self.browser, "/run/user/1000/page.sock"
        settings = inside("cat", SETTINGS)
        write(SETTINGS, f'{settings}[http]\nurl = "http://{PROXY_HOST}:{PROXY_PORT}/box/"\n')
        running = [subprocess.Popen([MACHINE, "enter", "--", *words]) for words in (
            ("mcpod", "serve", "--http", f"unix:{socket}"), ("python3", "-c", PROXY, socket, str(PROXY_PORT)))]
        try:
            below = f"http://{PROXY_HOST}:{PROXY_PORT}/box/"
            b.wait("the proxy", lambda: inside("curl", "-fs", f"http://127.0.0.1:{PROXY_PORT}/box/healthz", check=False))
            link = inside("mcpod", "ui").strip()
            if not link.startswith(below + "sign-in"):
                raise Failed(f"{link} does not lead to the proxy")
            b.go(link)
            b.shows("What do you need?")
            b.fill("#q", "clock of other zones")
            b.shows("Time", "#results h2")
            b.link("Servers")
            b.shows("No server is active", "#servers")
            inside("mcpod", "add", "time")
            b.shows("time", "#servers table")
            b.link("time")
            b.link("Remove time")
            b.wait("it is removed", lambda: b.address() == below + "servers")
            b.shows("No server is active", "#servers")
            complaints = [said for said in b.complaints() if "favicon" not in said and "server?name=time" not in said]
            if complaints:
                raise Failed(f"behind a proxy the browser complains: {complaints}")
        finally:
            for process in running:
                process.terminate()
                process.wait()
            write(SETTINGS, settings)

    def stays_open(self):
        """Twenty pages for ten minutes."""
        self.browser.go(self.base)
        pages = [urllib.request.urlopen(urllib.request.Request(self.base + "events", headers={"cookie": self.cookie()}), timeout=700) for _ in range(20)]
        seen = []
        end = time.monotonic() + 600
        while time.monotonic() < end:
            for address in ("servers", "catalog", "?q=time&part="):
                for _ in range(20):
                    urllib.request.urlopen(urllib.request.Request(self.base + address, headers={"cookie": self.cookie()}), timeout=30).read()
            memory = inside("sh", "-c", "ps -o rss= -p $(systemctl --user show -p MainPID --value mcpod.service)")
            seen.append(int(memory))
            time.sleep(20)
        for page in pages:
            page.close()
        print(f"twenty pages for ten minutes: {seen[0] / 1024:.1f} MB after the first round, {seen[-1] / 1024:.1f} MB after the last of {len(seen)}", flush=True)
        if seen[-1] > seen[len(seen) // 2] * 1.05:
            raise Failed(f"memory grows: {seen}")


class Agent:
    """An agent over HTTP that can have its user open a page."""

    def __init__(self, token):
        self.headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "accept": "application/json, text/event-stream"}
        self.aside = []
        capabilities = {"elicitation": {"form": {}, "url": {}}}
        hello = {"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "page-walker", "version": "1"}}
        answer = self.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
        self.headers["mcp-session-id"] = answer.headers["mcp-session-id"]
        self.headers["mcp-protocol-version"] = "2025-11-25"
        answer.read()
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"}).read()
        stream = urllib.request.Request("http://127.0.0.1:8931/mcp", headers=self.headers)
        self.standing = urllib.request.urlopen(stream, timeout=300)
        threading.Thread(target=lambda: self.aside.extend(self.messages(self.standing)), daemon=True).start()

    def post(self, message):
        request = urllib.request.Request("http://127.0.0.1:8931/mcp", json.dumps(message).encode(), self.headers)
        return urllib.request.urlopen(request, timeout=300)

    def messages(self, answer):
        for line in answer:
            if line.startswith(b"data:") and line[5:].strip():
                message = json.loads(line[5:])
                if message.get("method", "").startswith("notifications/"):
                    self.aside.append(message)
                yield message

    def call(self, tool, arguments):
        return self.messages(self.post({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}))

    def answer(self, number, result):
        self.post({"jsonrpc": "2.0", "id": number, "result": result}).read()


# A repository with a server, which is built by its own recipe, on the loopback: Podman fetches it, not the build.
REPOSITORY = r"""
rm -rf ~/page-git && mkdir -p ~/page-git/src && cd ~/page-git/src
cat >server.py <<'END'
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    answer = {"initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}},
        "tools/list": {"tools": [{"name": "hello", "inputSchema": {"type": "object"}}]}}.get(asked["method"])
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"]} | ({"result": answer} if answer else {"error": {"code": -32601, "message": "no"}})), flush=True)
END
printf 'FROM docker.io/library/python:3.12-slim\nCOPY server.py /\nENTRYPOINT ["python3", "/server.py"]\n' >Dockerfile
git init -q -b main . && git add -A && git -c user.name=a -c user.email=a@b commit -qm one
cd .. && git clone -q --bare src page.git && git -C page.git config uploadpack.allowAnySHA1InWant true
exec "$(git --exec-path)/git-daemon" --base-path="$HOME/page-git" --listen=127.0.0.1 --port=9418 --export-all --reuseaddr "$HOME/page-git"
"""


# Puts lines into the journal as the guard does, in its native protocol.
SEND = r"""
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for line in sys.stdin.buffer:
    line = line.rstrip(b"\n")
    head = f"PRIORITY=6\nMCPOD_SERVER={sys.argv[1]}\nMESSAGE\n".encode()
    s.sendto(head + len(line).to_bytes(8, "little") + line + b"\n", "/run/systemd/journal/socket")
"""
# Hands on what is below /box/ to a unix socket, as it comes.
PROXY = r"""
import http.client, http.server, socket, sys
class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])
class Proxy(http.server.BaseHTTPRequestHandler):
    def hand_on(self):
        if not self.path.startswith("/box/"):
            return self.send_error(404)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        local = Local("localhost")
        try:
            local.request(self.command, self.path[4:], body, {name: value for name, value in self.headers.items() if name.lower() != "connection"})
            answer = local.getresponse()
        except OSError:
            return self.send_error(502)
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        try:
            while piece := answer.read1(65536):
                self.wfile.write(piece)
                self.wfile.flush()
        except (ConnectionError, http.client.IncompleteRead):
            pass
        local.close()
    do_GET = do_POST = hand_on
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Proxy).serve_forever()
"""
PROXY_HOST, PROXY_PORT = "box.localhost", 8940
UNLIMITED = "/etc/systemd/journald.conf.d/page.conf"


def log(server, lines):
    inside("python3", "-c", SEND, server, data="".join(f"{line}\n" for line in lines))


def root(*words, data=None):
    subprocess.run([MACHINE, "enter", "--root", "--", *words], input=data, text=True, check=True, capture_output=True)


def main():
    write(SOURCE, source(25_000))
    write(SETTINGS, f'[[sources.extra]]\nname = "page"\nkind = "toml"\nurl = "{SOURCE}"\n[sources.docker]\nenabled = false\n[sources.official]\nenabled = false\n[sources.awesome]\nenabled = false\n')
    # journald passes over what comes too fast from one service; a log is to be long here.
    root("sh", "-c", f"mkdir -p $(dirname {UNLIMITED}); printf '[Journal]\\nRateLimitIntervalSec=0\\n' >{UNLIMITED}; systemctl restart systemd-journald")
    walk = None
    try:
        inside("mcpod", "refresh", "--force")
        inside("mcpod", "serve", "--http", "--enable-socket")
        walk = Walk()
        steps = [walk.sign_in, walk.search, walk.main_job, walk.inputs, walk.consent, walk.live, walk.secrets, walk.asked, walk.hostile, walk.logs, walk.without_script, walk.catalog, walk.doctor, walk.foreign, walk.removed, walk.behind_a_proxy]
        if STAYS_OPEN:
            steps.append(walk.stays_open)
        for step in steps:
            step()
            print(f"{step.__name__}: done", flush=True)
    finally:
        if walk:
            walk.browser.close()
        for name in ("time", "filesystem", "built", "guarded", "hostile"):
            inside("mcpod", "remove", name, "--force", "--secrets", check=False)
        inside("mcpod", "serve", "--http", "--disable-socket", check=False)
        inside("rm", "-rf", SOURCE, SETTINGS, "/home/tester/page-notes", "/home/tester/page-git", "/home/tester/.cache/mcpod/catalog")
        root("sh", "-c", f"rm -f {UNLIMITED}; systemctl restart systemd-journald")


try:
    main()
except Failed as failure:
    print(f"FAILED: {failure}", file=sys.stderr)
    sys.exit(1)
