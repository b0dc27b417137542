#!/usr/bin/env python3
"""The call page in a real browser: two windows call each other, and everything must go through the relay.

    SERVER=program, or BUILD=folder with turnserver in it; SERVER_OPTIONS are added to its own.
Needs chromium and chromedriver; certutil for TLS. Without them tests are skipped.
"""

import base64
import collections
import http.client
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(HERE, "..", "..", "examples", "call")
LIMIT_S = 30
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver's key of an element reference
CHROMIUM_ARGUMENTS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --use-fake-device-for-media-stream "
    "--use-fake-ui-for-media-stream --window-size=1200,1100").split()


class Skip(Exception):
    pass


# ---- processes -------------------------------------------------------------------------------------


class Processes:
    """What was started, stopped in reverse order."""

    def __init__(self):
        self.started = []

    def start(self, command, **options):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        self.started.append(process)
        return process

    def stop(self):
        for process in reversed(self.started):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port():
    """A port that is free for UDP and TCP on loopback."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            try:
                datagram.bind(stream.getsockname())
            except OSError:
                continue
            return stream.getsockname()[1]


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def server_program():
    program = os.environ.get("SERVER") or os.path.join(os.environ.get("BUILD", "."), "turnserver")
    if not os.access(program, os.X_OK):
        raise SystemExit(f"{program}: no such program: name one with SERVER= or BUILD=")
    return os.path.abspath(program)


class Turn:
    def __init__(self, processes, folder):
        self.port, self.tls_port = free_port(), free_port()
        self.certificate = os.path.join(folder, "cert.pem")
        self.log = os.path.join(folder, "turnserver.log")
        key = os.path.join(folder, "key.pem")
        make_certificate(self.certificate, key)
        configuration = write(folder, "turnserver.conf", "\n".join((
            "listening-ip=127.0.0.1", f"listening-port={self.port}", f"tls-listening-port={self.tls_port}",
            "realm=call.test", "use-auth-secret", "static-auth-secret=the-secret", f"cert={self.certificate}",
            f"pkey={key}", "")))
        options = shlex.split(os.environ.get("SERVER_OPTIONS", ""))
        with open(self.log, "wb") as log:
            processes.start([server_program(), "-c", configuration, *options], stdout=log,
                            stderr=subprocess.STDOUT, cwd=folder)
        subprocess.run([sys.executable, os.path.join(EXAMPLE, "check_relay.py"), "--binding-only", "--server",
                        f"127.0.0.1:{self.port}", "--timeout", str(LIMIT_S)], check=True)


def make_certificate(certificate, key):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
                    "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, stderr=subprocess.DEVNULL)


def start_page(processes, secret_file, turn_port, tls_port):
    """Gives the address of the page."""
    process = processes.start([sys.executable, os.path.join(EXAMPLE, "serve.py"), "--port", "0", "--secret-file",
                               secret_file, "--turn-port", str(turn_port), "--tls-port", str(tls_port)],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return process.stdout.readline().decode().strip()


# ---- the browser -----------------------------------------------------------------------------------


class Browser:
    """One session of chromedriver, over WebDriver's HTTP."""

    def __init__(self, processes, home):
        environment = dict(os.environ, HOME=home)
        driver = processes.start(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, env=environment)
        self.port = driver_port(driver)
        options = {"args": [*CHROMIUM_ARGUMENTS, f"--user-data-dir={home}/profile"]}
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
        self.path = f"/session/{session['sessionId']}"
        self.ask("POST", "/timeouts", {"script": LIMIT_S * 1000})
        self.first = self.ask("GET", "/window")

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=2 * LIMIT_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def ask(self, method, path, body=None):
        return self._ask(method, self.path + path, body)

    def close(self):
        self._ask("DELETE", self.path)

    def open_windows(self, count):
        """Gives that many windows and closes all others."""
        old = self.ask("GET", "/window/handles")
        new = [self.ask("POST", "/window/new", {"type": "window"})["handle"] for _ in range(count)]
        for handle in old:
            self.ask("POST", "/window", {"handle": handle})
            self.ask("DELETE", "/window")
        return [Window(self, handle) for handle in new]


def driver_port(driver):
    for line in driver.stdout:
        if b"started successfully on port" in line:
            return int(line.split()[-1].rstrip(b"."))
    raise RuntimeError("chromedriver ended")


class Window:
    def __init__(self, browser, handle):
        self.browser = browser
        self.handle = handle

    def ask(self, method, path, body=None):
        self.browser.ask("POST", "/window", {"handle": self.handle})
        return self.browser.ask(method, path, body)

    def join(self, url, room, transport, source):
        self.ask("POST", "/url", {"url": "about:blank"})
        self.ask("POST", "/url", {"url": f"{url}#{room}"})
        self.click(f"input[value={transport}]")
        self.click(f"input[value={source}]")
        self.click("#join")

    def click(self, selector):
        element = self.ask("POST", "/element", {"using": "css selector", "value": selector})
        self.ask("POST", f"/element/{element[ELEMENT]}/click", {})

    def type(self, selector, text):
        element = self.ask("POST", "/element", {"using": "css selector", "value": selector})
        self.ask("POST", f"/element/{element[ELEMENT]}/value", {"text": text})

    def run(self, script):
        return self.ask("POST", "/execute/sync", {"script": script, "args": []})

    def wait_until(self, condition):
        """Waits for the change of the page after which the expression is true; gives its value."""
        return self.ask("POST", "/execute/async", {"args": [], "script": f"""
            const done = arguments[arguments.length - 1];
            const look = () => {{ const value = {condition}; if (value) {{ observer.disconnect(); done(value); }} }};
            const observer = new MutationObserver(look);
            observer.observe(document, {{ subtree: true, childList: true, characterData: true, attributes: true }});
            look();"""})

    def wait_for_state(self, *states):
        listed = json.dumps(states)
        return self.wait_until(f"{listed}.includes(document.body.dataset.state) && document.body.dataset.state")

    def data(self):
        return self.run("return { ...document.body.dataset }")

    def text(self, selector):
        return self.run(f"return document.querySelector({json.dumps(selector)}).textContent")


# ---- the tests ---------------------------------------------------------------------------------------

World = collections.namedtuple("World", "browser turn page wrong_page dead_page can_trust")


def expect(is_so, what):
    if not is_so:
        raise AssertionError(what)


def call(world, transport, source):
    """Two windows call each other; what arrived is looked at, not only the state."""
    one, two = world.browser.open_windows(2)
    room = f"{transport}-{source}"
    one.join(world.page, room, transport, source)
    two.join(world.page, room, transport, source)
    for window in (one, two):
        state = window.wait_for_state("connected", "failed")
        expect(state == "connected", f"the call is {state}: {window.text('#problems')}")
    return one, two


def expect_relayed(window, transport):
    window.wait_until("document.body.dataset.local && document.getElementById('rate-in').textContent != '–'")
    data = window.data()
    expect(data["local"] == "relay" and data["remote"] == "relay", f"the pair is not relayed: {data}")
    expect(data["relayProtocol"] == transport, f"the relay is reached by {data['relayProtocol']}")
    expect(window.text("#path-local").startswith("relay 127.0.0.1:"), window.text("#path-local"))
    window.wait_until("document.getElementById('remote').videoWidth > 0 && "
                      "document.getElementById('picture').textContent.includes('×')")


def expect_chat(one, two):
    one.type("#chat-text", "hello through the relay")
    one.click("#chat-send")
    two.wait_until("document.getElementById('messages').textContent.includes('hello through the relay')")


def test_headers(world):
    host, port = world.page.removeprefix("http://").rstrip("/").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=LIMIT_S)
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    expect("script-src 'self'" in answer.headers["Content-Security-Policy"], "there is no policy for scripts")
    expect(answer.headers["Permissions-Policy"] == "camera=(self), microphone=(self)", "camera is for others")
    for path in ("/serve.py", "/../serve.py", "/%2e%2e/serve.py"):
        connection.request("GET", path)
        answer = connection.getresponse()
        expect(answer.status == 404, f"{path} is served")
        answer.read()
    connection.close()


def test_strangers(world):
    """Another site's page has another Origin; a name of its own that leads here, another Host."""
    own = world.page.removeprefix("http://").rstrip("/")
    for host, origin, status in ((own, f"http://{own}", 200), (own, "http://attacker.example", 403), (own, None, 403),
                                 ("attacker.example", "http://attacker.example", 421)):
        connection = http.client.HTTPConnection(own, timeout=LIMIT_S)
        headers = {"Host": host, "Content-Type": "application/json", **({"Origin": origin} if origin else {})}
        connection.request("POST", "/credentials", b"{}", headers)
        answer = connection.getresponse()
        expect(answer.status == status, f"Host {host}, Origin {origin}: {answer.status}")
        body = answer.read()
        expect((b"credential" in body) == (status == 200), "credentials for a stranger")
        connection.close()


def test_udp(world):
    one, two = call(world, "udp", "camera")
    expect_relayed(one, "udp")
    expect_relayed(two, "udp")
    expect_chat(one, two)


def test_tcp_drawn(world):
    one, two = call(world, "tcp", "drawn")
    expect_relayed(one, "tcp")
    expect_relayed(two, "tcp")
    expect_chat(two, one)


def test_tls(world):
    if not world.can_trust:
        raise Skip("certutil is not installed, so that the browser cannot be made to trust the certificate")
    one, two = call(world, "tls", "drawn")
    expect_relayed(one, "tls")
    expect_relayed(two, "tls")


def test_change_of_transport(world):
    one, two = call(world, "udp", "drawn")
    expect_relayed(one, "udp")
    one.click("input[value=tcp]")
    one.wait_until("document.body.dataset.state == 'connected' && document.body.dataset.relayProtocol == 'tcp'")
    two.wait_for_state("connected")


def test_leaving(world):
    one, two = call(world, "udp", "drawn")
    two.click("#join")
    one.wait_for_state("waiting")
    two.wait_for_state("idle")
    two.click("#join")
    one.wait_for_state("connected")


def test_full_room(world):
    windows = world.browser.open_windows(3)
    for window in windows:
        window.join(world.page, "full", "udp", "drawn")
    windows[2].wait_until("document.getElementById('problems').textContent.includes('two windows')")
    windows[0].wait_for_state("connected")


def test_wrong_secret(world):
    one, two = world.browser.open_windows(2)
    for window in (one, two):
        window.join(world.wrong_page, "wrong", "udp", "drawn")
    one.wait_until("document.getElementById('problems').textContent.includes('(401)')")
    one.wait_for_state("failed")


def test_no_server(world):
    one, two = world.browser.open_windows(2)
    for window in (one, two):
        window.join(world.dead_page, "dead", "tcp", "drawn")
    one.wait_until("document.getElementById('problems').textContent.includes('No answer from the TURN server')")
    one.wait_for_state("failed")


TESTS = (
    (test_headers, "the page comes with its security headers, and nothing else is served"),
    (test_strangers, "credentials are for the page itself alone"),
    (test_udp, "a call with camera over UDP goes through the relay"),
    (test_tcp_drawn, "a call with a drawn picture over TCP goes through the relay"),
    (test_tls, "a call over TLS goes through the relay"),
    (test_change_of_transport, "another transport is another call"),
    (test_leaving, "who stays waits, and is called again"),
    (test_full_room, "a third window is refused"),
    (test_wrong_secret, "wrong credentials are named"),
    (test_no_server, "a server that is not there is named"),
)


def trust(home, certificate):
    """Makes the certificate an authority of this browser's own store."""
    if shutil.which("certutil") is None:
        return False
    store = os.path.join(home, ".pki", "nssdb")
    os.makedirs(store)
    for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "test", "-i", certificate]):
        subprocess.run(["certutil", "-d", f"sql:{store}", *arguments], check=True)
    return True


def make_world(processes, folder):
    turn = Turn(processes, folder)
    right = write(folder, "secret", "the-secret\n")
    wrong = write(folder, "wrong", "another-secret\n")
    page = start_page(processes, right, turn.port, turn.tls_port)
    wrong_page = start_page(processes, wrong, turn.port, turn.tls_port)
    dead_page = start_page(processes, right, free_port(), free_port())
    can_trust = trust(folder, turn.certificate)
    return World(Browser(processes, folder), turn, page, wrong_page, dead_page, can_trust)


def run_test(number, test, name, world):
    try:
        test(world)
        print(f"ok {number} - {name}", flush=True)
        return True
    except Skip as reason:
        print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        return True
    except Exception:  # whatever it is, it is this test that failed
        print(f"not ok {number} - {name}", flush=True)
        print("# " + traceback.format_exc().strip().replace("\n", "\n# "), flush=True)
        return False


def keep_picture(world, number):
    """A picture of what the last window showed, for whoever looks into a failure."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        with open(os.path.join(folder, f"call_page-{number}.png"), "wb") as file:
            file.write(base64.b64decode(world.browser.ask("GET", "/screenshot")))


def main():
    print(f"1..{len(TESTS)}", flush=True)
    missing = [program for program in ("chromium", "chromedriver", "openssl") if shutil.which(program) is None]
    if missing:
        for number, (_, name) in enumerate(TESTS, 1):
            print(f"ok {number} - {name} # SKIP {' and '.join(missing)} not installed")
        return 0
    processes = Processes()
    failed = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            world = make_world(processes, folder)
            for number, (test, name) in enumerate(TESTS, 1):
                if not run_test(number, test, name, world):
                    failed += 1
                    keep_picture(world, number)
            if failed:
                with open(world.turn.log, encoding="utf-8", errors="replace") as log:
                    print("# turnserver: " + "# turnserver: ".join(log.readlines()[-20:]))
            world.browser.close()
        finally:
            processes.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
