"""A browser, spoken to by the WebDriver protocol (https://www.w3.org/TR/webdriver2/): Debian's chromedriver, without a client library."""
import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

# How long anything may take that is bound to come; only a failing test waits so long.
SOON = 60
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"tab": "\ue004", "enter": "\ue007", "space": "\ue00d"}


class Failed(Exception):
    """What the walk expected was not there."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Browser:
    def __init__(self, screenshots):
        self.screenshots = pathlib.Path(screenshots)
        self.profile = tempfile.mkdtemp(prefix="mcpod-page-")
        self.port = free_port()
        self.driver = subprocess.Popen(
            ["chromedriver", f"--port={self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={self.profile}",
        ]
        options = {"args": arguments, "binary": shutil.which("chromium")}
        wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        end = time.monotonic() + SOON
        while True:
            try:
                session = self.send("POST", "/session", {"capabilities": wanted})
                break
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.base = f"/session/{session['sessionId']}"

    def send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=2 * SOON) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Failed(json.load(error)["value"]["message"]) from None

    def do(self, method, path, body=None):
        return self.send(method, self.base + path, body)

    def close(self):
        try:
            self.do("DELETE", "")
        finally:
            os.killpg(self.driver.pid, signal.SIGTERM)
            self.driver.wait()
            shutil.rmtree(self.profile, ignore_errors=True)

    def go(self, address):
        self.do("POST", "/url", {"url": address})

    def address(self):
        return self.do("GET", "/url")

    def run(self, script, *arguments):
        return self.do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script, *arguments):
        return self.do("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def find(self, selector):
        found = self.do("POST", "/elements", {"using": "css selector", "value": selector})
        return [element[ELEMENT] for element in found]

    def text(self, selector="main"):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def wait(self, what, look):
        """Waits until `look` brings something that counts as true, and returns it."""
        end = time.monotonic() + SOON
        while True:
            seen = look()
            if seen:
                return seen
            if time.monotonic() > end:
                self.shot("failed")
                raise Failed(f"not there: {what}; {self.address()} shows: {self.text()[:2000]}")
            time.sleep(0.05)

    def shows(self, text, selector="main"):
        self.wait(text, lambda: text in self.text(selector))

    def element(self, selector):
        return self.wait(selector, lambda: self.find(selector))[0]

    def click(self, selector):
        element = self.element(selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", {ELEMENT: element})
        self.do("POST", f"/element/{element}/click", {})

    def link(self, text):
        self.wait(text, lambda: self.run(
            "const a = [...document.querySelectorAll('a, button, summary')].find(a => a.innerText.trim() === arguments[0]); a?.click(); return !!a", text))

    def fill(self, selector, text):
        element = self.element(selector)
        self.do("POST", f"/element/{element}/clear", {})
        self.do("POST", f"/element/{element}/value", {"text": text})

    def press(self, *keys):
        actions = []
        for key in keys:
            key = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.do("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def cdp(self, command, **parameters):
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width, height, scheme="light"):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def shot(self, name):
        """The whole page, as far as anybody would look at a picture of it."""
        wide, high = self.run("return [window.innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": wide, "height": min(high, 3000), "scale": 1}
        picture = self.cdp("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        (self.screenshots / f"{name}.png").write_bytes(base64.b64decode(picture))

    def complaints(self):
        """What the browser complained of since this was last asked for."""
        entries = self.do("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]
