"""Chromium, driven through chromedriver's HTTP interface (W3C WebDriver)."""
import base64
import http.server
import json
import os
import signal
import subprocess
import threading
import urllib.error
import urllib.request

from . import tap
from .server import Folder, free_ports

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebRTC,WebRtcHideLocalIpsWithMdns",
]
KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c", "Up": "\ue013", "Down": "\ue015", "Home": "\ue011", "Space": " "}


def give_a_network():
    """Chromium gathers nothing on a machine that has loopback alone, as a namespace of ours has."""
    if os.geteuid() != 0:
        return
    for command in ("link add net0 type veth peer name net1", "link set net1 up",
                    "link set net0 up", "address add 10.9.9.1/24 dev net0",
                    "route add default via 10.9.9.2"):
        subprocess.run(["ip", *command.split()], check=False, stderr=subprocess.DEVNULL)


class Page(http.server.BaseHTTPRequestHandler):
    """An empty page on localhost: a secure context, where cameras may be asked for."""

    def do_GET(self):  # pylint: disable=invalid-name
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>test</title>")

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Browser:
    """with Browser(authority="ca.crt") as browser: two windows, each run by run(window, script)."""
    started = 0

    def __init__(self, authority=None, hosts=None, windows=2):
        self.chromedriver = tap.need_program("chromedriver", "chromium-driver")
        self.chromium = tap.need_program("chromium", "chromium")
        self.authority, self.hosts, self.count = authority, hosts or {}, windows
        Browser.started += 1
        self.home = os.path.join(Folder.get(), "browser%d" % Browser.started)
        self.process = self.session = None

    def __enter__(self):
        os.makedirs(self.home, exist_ok=True)
        if self.authority:
            self.trust(self.authority)
        self.page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=self.page.serve_forever, daemon=True).start()
        self.port = free_ports(1)[0]
        self.process = subprocess.Popen(
            [self.chromedriver, "--port=%d" % self.port], env=dict(os.environ, HOME=self.home),
            stdout=self.log(), stderr=subprocess.STDOUT, start_new_session=True)
        try:
            tap.wait_until(self.is_ready, "chromedriver answers", 20)
            self.open_windows()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            if self.session:
                self.ask("DELETE", "/session/" + self.session)
        except (OSError, tap.Failure):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.page.shutdown()
        self.page.server_close()

    def log(self):
        return open(os.path.join(self.home, "log"), "wb")

    def trust(self, authority):
        """Chromium on Linux takes further authorities from the user's NSS database."""
        certutil = tap.need_program("certutil", "libnss3-tools")
        store = os.path.join(self.home, ".pki", "nssdb")
        os.makedirs(store, exist_ok=True)
        for command in (["-N", "--empty-password"],
                        ["-A", "-n", "test", "-t", "C,,", "-i", authority]):
            subprocess.run([certutil, "-d", "sql:" + store, *command], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (self.port, path), method=method,
            data=json.dumps(body or {}).encode() if method == "POST" else None,
            headers={"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return json.loads(response.read())["value"]
        except urllib.error.HTTPError as error:
            raise tap.Failure("chromedriver: " + error.read().decode(errors="replace")[:800]) from None

    def is_ready(self):
        try:
            return self.ask("GET", "/status")["ready"]
        except OSError:
            return False

    def open_windows(self):
        # Names that are not the test's are not there: Chromium would wait for a DNS that does not answer.
        rules = ",".join(["MAP %s %s" % item for item in self.hosts.items()] +
                         ["MAP * ~NOTFOUND", "EXCLUDE localhost", "EXCLUDE 127.0.0.1"])
        options = {"binary": self.chromium, "args": FLAGS + [
            "--user-data-dir=" + os.path.join(self.home, "profile"),
            "--host-resolver-rules=" + rules]}
        self.session = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options}}})["sessionId"]
        self.base = "/session/" + self.session
        self.ask("POST", self.base + "/timeouts", {"script": 30000})
        self.windows = [self.ask("GET", self.base + "/window")]
        while len(self.windows) < self.count:
            self.windows.append(self.ask("POST", self.base + "/window/new",
                                         {"type": "window"})["handle"])
        self.reload()

    def reload(self):
        for number in range(self.count):
            self.ask("POST", self.base + "/window", {"handle": self.windows[number]})
            self.ask("POST", self.base + "/url",
                     {"url": "http://localhost:%d/" % self.page.server_port})

    def run(self, window, script, *arguments):
        """Runs the body of an async function; what it returns, which must be JSON."""
        self.ask("POST", self.base + "/window", {"handle": self.windows[window]})
        body = ("const done = arguments[arguments.length - 1];"
                "(async (...given) => {%s})(...arguments)"
                ".then(value => done({value}), error => done({error: String(error)}));" % script)
        result = self.ask("POST", self.base + "/execute/async",
                          {"script": body, "args": list(arguments)})
        if "error" in result:
            raise tap.Failure("in the page: " + result["error"])
        return result.get("value")

    # What a person does and sees

    def at(self, window, method, path, body=None):
        """Asks about one window."""
        self.ask("POST", self.base + "/window", {"handle": self.windows[window]})
        return self.ask(method, self.base + path, body)

    def go(self, window, url):
        self.at(window, "POST", "/url", {"url": url})

    def devtools(self, window, command, **parameters):
        """A command of Chromium's own (Chrome DevTools Protocol)."""
        return self.at(window, "POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def press(self, window, *keys):
        """Keys, one after the other, to whatever has the focus: texts are typed, "Enter" and the like are one key."""
        strokes = [key for word in keys for key in ([KEYS[word]] if word in KEYS else word)]
        self.at(window, "POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": [
            {"type": kind, "value": key} for key in strokes for kind in ("keyDown", "keyUp")]}]})

    def screenshot(self, window, path):
        """All of the page, below the window's edge too."""
        picture = self.devtools(window, "Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))
