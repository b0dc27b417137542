#!/usr/bin/env python3
"""The call page in Chromium, served by turnsignal: two windows find each other by each of its protocols and by any two of
them, and call each other through turnserver."""
import base64
import contextlib
import hmac
import json
import os
import signal
import subprocess
import time
import urllib.request

from harness import tap
from harness.browser import Browser, give_a_network
from harness.server import Folder, Server, free_ports, write_file

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "call")
SECRET = "a-secret-of-the-test"
LIFETIME_S = 3600
PROTOCOLS = ("v1", "channelling", "rpc", "peerjs")
MIXED = (("v1", "channelling"), ("channelling", "v1"), ("v1", "rpc"), ("rpc", "channelling"), ("peerjs", "v1"),
         ("v1", "peerjs"), ("channelling", "peerjs"), ("peerjs", "rpc"))

JOIN = """
    const [protocol, room, isRelayOnly] = given;
    const element = id => document.getElementById(id);
    const until = async is => { while (!is()) await new Promise(done => setTimeout(done, 20)); };
    await until(() => document.body.dataset.service);
    element('protocol').value = protocol;
    element('protocol').dispatchEvent(new Event('change', {bubbles: true}));
    document.querySelector('input[value=drawn]').click();
    element('relay-only').checked = isRelayOnly;
    element('room').value = room;
    element('join').click();
    await until(() => element('join').textContent === 'Leave' || element('problems').textContent);
    return element('problems').textContent;
"""
TOKEN = "document.getElementById('token').value = given[0]; return true;"
LOOK = """
    const text = id => document.getElementById(id)?.textContent;
    return {...document.body.dataset, problems: text('problems'), picture: text('picture'),
            remote_path: text('path-remote'), rate: text('rate-in'),
            width: document.getElementById('remote')?.videoWidth};
"""
# Every connection that the page makes, to see what it was told of the other, and every request.
WATCH = """
    window.connections = [];
    window.asked = [];
    const fetchPlain = window.fetch;
    window.fetch = (url, ...all) => { asked.push(String(url)); return fetchPlain(url, ...all); };
    const Plain = RTCPeerConnection;
    window.RTCPeerConnection = class extends Plain {
        constructor(...all) { super(...all); connections.push(this); }
    };
    return true;
"""
REMOTE = """
    const rows = [];
    for (const connection of connections)
        rows.push(...(connection.remoteDescription?.sdp ?? '').split('\\r\\n').filter(line => line.startsWith('a=candidate')));
    return rows;
"""
# What the chosen pair is made of, as the browser has it, and as the page shows it.
PAIR = """
    const connection = connections.at(-1), report = await connection.getStats();
    const {selectedCandidatePairId} = [...report.values()].find(row => row.type === 'transport');
    const pair = report.get(selectedCandidatePairId);
    const [local, remote] = [pair.localCandidateId, pair.remoteCandidateId].map(id => report.get(id));
    const shown = id => document.getElementById(id).textContent;
    return {url: local.url, local: `relay ${local.address}:${local.port}`, remote: `relay ${remote.address}:${remote.port}`,
            shown: [shown('path-local'), shown('path-remote')], fragment: local.usernameFragment,
            username: connection.getConfiguration().iceServers[0].username,
            frames: document.getElementById('remote').getVideoPlaybackQuality().totalVideoFrames, made: connections.length};
"""
LEAVE = "document.getElementById('join').click(); return true;"


def program():
    return os.path.abspath(os.path.join(os.environ.get("BUILD", "."), "turnsignal"))


class Signal:
    """turnsignal in front of a turnserver, both on loopback."""

    def __init__(self, turn, *options, zones=()):
        if not os.access(program(), os.X_OK):
            raise tap.Skip("turnsignal was not built")
        self.port, = free_ports(1)
        self.log = os.path.join(Folder.get(), "turnsignal.log")
        self.arguments = [
            program(), "-c", self.configure(LIFETIME_S), "--signaling-ip=127.0.0.1", "--signaling-port=0", "--signaling-plain-port=%d" % self.port,
            "--signaling-threads=2", "--signaling-drain-timeout=1", "--static-auth-secret=" + SECRET, "--realm=example.org", "--www-root=" + PAGE,
            "--signaling-control-socket=" + os.path.join(Folder.get(), "turnsignal.sock"), "--log-file=stdout",
            *(options or ("--signaling-anybody=yes",))]
        if zones:
            self.arguments += ["--turn-geo-uri=http://localhost:%d/api/v1/turn/geo" % self.port]
        uris = zones or ("--turn-uri=turn:127.0.0.1:%d?transport=udp", "--turn-uri=turn:127.0.0.1:%d?transport=tcp")
        self.arguments += [uri % turn.port if "%d" in uri else uri for uri in uris]

    def configure(self, lifetime_s):
        self.lifetime_s = lifetime_s
        return write_file("turnsignal.conf", "turn-credentials-lifetime=%d\n" % lifetime_s)

    def renew(self):
        """Another lifetime, which makes all credentials anew."""
        self.configure(self.lifetime_s + 10)
        self.process.send_signal(signal.SIGHUP)

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.arguments, stdout=log, stderr=subprocess.STDOUT, cwd=Folder.get())
        try:
            tap.wait_until(self.answers, "turnsignal answers", 20)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            status = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        tap.expect_equal(status, 0, "exit status of turnsignal")

    def answers(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                raise tap.Failure("turnsignal ended: " + log.read()[-1000:])
        try:
            return self.get("/").status == 200
        except OSError:
            return False

    def get(self, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open("http://127.0.0.1:%d%s" % (self.port, path), timeout=10)


class Calls:
    """Both servers, and a browser with two windows."""

    def __init__(self, *options, zones=(), relay=()):
        self.options, self.zones, self.relay = options, zones, relay

    def __enter__(self):
        give_a_network()
        self.turn = Server("--use-auth-secret", "--static-auth-secret=" + SECRET, *self.relay, credentials=False)
        self.browser = Browser()
        self.signal = Signal(self.turn, *self.options, zones=self.zones)
        with contextlib.ExitStack() as started:
            for one in (self.turn, self.signal, self.browser):
                started.enter_context(one)
            self.started = started.pop_all()
        return self

    def __exit__(self, *exception):
        return self.started.__exit__(*exception)

    def open(self, window):
        base = self.browser.base
        self.browser.ask("POST", base + "/window", {"handle": self.browser.windows[window]})
        self.browser.ask("POST", base + "/url", {"url": "about:blank"})
        self.browser.ask("POST", base + "/url", {"url": "http://localhost:%d/" % self.signal.port})
        self.browser.run(window, WATCH)

    def look(self):
        return [self.browser.run(window, LOOK) for window in (0, 1)]

    def call(self, first, second, is_relay_only=True, tokens=("", "")):
        room = "%s-%s" % (first, second)
        for window, protocol in enumerate((first, second)):
            self.open(window)
            self.browser.run(window, TOKEN, tokens[window])
            problems = self.browser.run(window, JOIN, protocol, room, is_relay_only)
            tap.expect_equal(problems, "", "problems of %s" % protocol)
        tap.wait_until(lambda: all(one["state"] == "connected" and one.get("local") and one["width"] > 0
                                   for one in self.look()), "%s and %s are connected" % (first, second), 25)

    def pair(self, window):
        return self.browser.run(window, PAIR)

    def expect_shown(self):
        """The page shows the pair that the browser has chosen."""
        def is_shown():
            pairs = [self.pair(window) for window in (0, 1)]
            return all(pair["shown"] == [pair["local"], pair["remote"]] for pair in pairs)
        tap.wait_until(is_shown, "the chosen pair is shown")

    def expect_relayed(self):
        for one in self.look():
            tap.expect_equal((one.get("local"), one.get("remote")), ("relay", "relay"), "selected candidates")
            tap.expect_equal(one["problems"], "", "problems")

    def renew(self):
        """New credentials reach both windows."""
        before = [self.pair(window) for window in (0, 1)]
        self.signal.renew()

        def is_renewed():
            return all(self.pair(window)["username"] != before[window]["username"] for window in (0, 1))
        tap.wait_until(is_renewed, "new credentials are in the call's configuration", 10)
        return before

    def expect_the_same(self, before):
        """The call that is on goes on, by the addresses that it had."""
        def goes_on():
            now = [self.pair(window) for window in (0, 1)]
            return all(one["frames"] > old["frames"] and one["made"] == old["made"] and one["local"] == old["local"]
                       for one, old in zip(now, before))
        tap.wait_until(goes_on, "the call goes on", 10)

    def try_call(self, first, second, **how):
        try:
            self.call(first, second, **how)
        except tap.Failure:
            tap.diagnose(json.dumps(self.look()))
            with open(self.signal.log, encoding="utf-8", errors="replace") as log:
                tap.diagnose(log.read()[-1500:])
            raise


@tap.limit_s(150)
def test_each_protocol():
    """Two windows of each protocol call each other through the relay"""
    with Calls() as calls:
        for protocol in PROTOCOLS:
            calls.try_call(protocol, protocol)
            calls.expect_relayed()
            calls.expect_shown()
            calls.expect_the_same(calls.renew())


@tap.limit_s(150)
def test_lost_relay():
    """A call whose relayed addresses are gone goes on by new ones, of the credentials that were pushed meanwhile"""
    with Calls() as calls:
        calls.try_call("rpc", "peerjs")
        before = calls.renew()
        for one in before:
            tap.expect_equal(calls.turn.admin("session", "cancel", "--user", one["username"])[0], 0, "the end of what was allocated")

        def is_back():
            now = [calls.pair(window) for window in (0, 1)]
            return all(one["local"] != old["local"] and one["made"] == old["made"] and one["frames"] > old["frames"]
                       for one, old in zip(now, before))
        tap.wait_until(is_back, "new relayed addresses, in the same call", 40)
        tap.wait_until(lambda: all(one["state"] == "connected" for one in calls.look()), "it is connected", 10)
        calls.expect_relayed()


@tap.limit_s(240)
def test_mixed_protocols():
    """Windows of two protocols call each other through the relay, whichever comes first"""
    with Calls() as calls:
        for first, second in MIXED:
            calls.try_call(first, second)
            calls.expect_relayed()


@tap.limit_s(150)
def test_relaying_enforced():
    """Where relaying is required no window learns a candidate that is not relayed, though both gather all"""
    with Calls("--relay-only", "--signaling-anybody=yes") as calls:
        for first, second in (("v1", "v1"), ("channelling", "rpc"), ("peerjs", "v1")):
            calls.try_call(first, second, is_relay_only=False)
            for window in (0, 1):
                told = calls.browser.run(window, REMOTE)
                tap.expect(len(told) > 0, "the window was told of no candidate")
                tap.expect(all(" typ relay " in line for line in told), "it was told of %s" % told)


@tap.limit_s(120)
def test_not_enforced():
    """Where it is not required host candidates pass: the test before this one can fail"""
    with Calls() as calls:
        calls.try_call("v1", "v1", is_relay_only=False)
        told = calls.browser.run(0, REMOTE) + calls.browser.run(1, REMOTE)
        tap.expect(any(" typ host" in line for line in told), "no window was told of a host candidate: %s" % told)


SHOWN = """
    return {zones: [...document.getElementById('zone').options].slice(1).map(option => option.textContent).sort(),
            hasZones: !document.getElementById('zone-row').hidden, hasGeo: !document.getElementById('geo-row').hidden};
"""
GEO_CALLS = "return asked.filter(url => url.endsWith('/api/v1/turn/geo')).length;"
# Settings that are changed while a call is on begin it anew.
CHOOSE = """
    const [id, value] = given, input = document.getElementById(id);
    if (input.type === 'checkbox') input.checked = value; else input.value = value;
    input.dispatchEvent(new Event('change', {bubbles: true}));
    return true;
"""


@tap.limit_s(150)
def test_zones():
    """The page uses the zone that the geo service names, the one that was chosen, or the server's best one"""
    networks = write_file("networks", "127.0.0.0/8 near\n10.0.0.0/8 near\n::1/128 near\n")
    peers = "--allow-loopback-peers"  # one relay is a peer of the other
    far = Server("--use-auth-secret", "--static-auth-secret=" + SECRET, peers, credentials=False)
    zones = ("--turn-uri=zone=far prio=1 label=Far turn:127.0.0.1:%d" % far.port, "--turn-uri=zone=near prio=2 label=Near turn:127.0.0.1:%d")
    with far, Calls("--zone-networks=" + networks, "--signaling-anybody=yes", zones=zones, relay=(peers,)) as calls:
        def relay_is(server):
            url = "turn:127.0.0.1:%d" % server.port
            tap.wait_until(lambda: (calls.pair(1)["url"] or "").startswith(url), "it relays by " + url)
            calls.expect_shown()
        def zone_is(zone):
            tap.wait_until(lambda: all(one["state"] == "connected" and one.get("local") for one in calls.look())
                           and calls.look()[1].get("zone") == zone, "the zone is " + zone, 25)
        for protocol in PROTOCOLS:
            calls.try_call("v1", protocol)
            shown = calls.browser.run(1, SHOWN)
            tap.expect_equal(shown, {"zones": ["Far", "Near"], "hasZones": True, "hasGeo": True}, "what is shown")
            zone_is("near")
            relay_is(calls.turn)
            tap.expect_equal(calls.browser.run(1, "return document.getElementById('path-client').textContent;"),
                             "to the relay in Near by UDP", "the way to the relay")
            tap.expect_equal(calls.browser.run(1, GEO_CALLS), 1, "calls of the geo service")
            calls.browser.run(1, CHOOSE, "zone", "far")
            zone_is("far")
            relay_is(far)
            calls.browser.run(1, CHOOSE, "geo", False)
            calls.browser.run(1, CHOOSE, "zone", "")
            zone_is("near")
            tap.expect_equal(calls.browser.run(1, GEO_CALLS), 1, "calls of the geo service, switched off")
            calls.expect_relayed()


JWT_SECRET = "0123456789abcdef0123456789abcdef"


def make_token(**claims):
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    signed = b".".join(encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (signed + b"." + encode(hmac.new(JWT_SECRET.encode(), signed, "sha256").digest())).decode()


@tap.limit_s(200)
def test_tokens():
    """Where nobody comes in without a proof, each protocol has its own place for a token, and none comes in without"""
    with Calls("--jwt-secret=" + JWT_SECRET, "--signaling-anybody=no") as calls:
        for protocol in PROTOCOLS:
            calls.open(0)
            calls.browser.run(0, JOIN, protocol, "closed", True)
            tap.wait_until(lambda: calls.browser.run(0, LOOK)["problems"] and calls.browser.run(0, LOOK)["state"] == "idle",
                           protocol + " lets no window in without a token")
            tokens = [make_token(sub=name, exp=int(time.time()) + 600) for name in ("anna", "bert")]
            calls.try_call(protocol, protocol, tokens=tokens)
            calls.expect_relayed()


@tap.limit_s(120)
def test_leaving():
    """Who stays waits, and is called again when the other comes back"""
    with Calls() as calls:
        calls.try_call("v1", "channelling")
        calls.browser.run(1, LEAVE)
        tap.wait_until(lambda: calls.look()[0]["state"] == "waiting", "the one who stays waits")
        calls.browser.run(1, JOIN, "rpc", "v1-channelling", True)
        tap.wait_until(lambda: all(one["state"] == "connected" for one in calls.look()), "connected again", 25)


def test_served_page():
    """The page comes with the policy by which it alone may use camera and microphone"""
    with Server("--use-auth-secret", "--static-auth-secret=" + SECRET, credentials=False) as turn, Signal(turn) as served:
        pages = ["", "index.html", "style.css"] + [name for name in os.listdir(PAGE) if name.endswith(".js")]
        for page in pages + ["?protocol=rpc"]:
            answer = served.get("/" + page)
            tap.expect_equal(answer.status, 200, "/" + page)
            tap.expect_equal(answer.headers["Permissions-Policy"], "camera=(self), microphone=(self)", "Permissions-Policy of /" + page)
            if page.endswith(".js"):
                tap.expect_equal(answer.headers["Content-Type"].split(";")[0], "text/javascript", "type of " + page)


if __name__ == "__main__":
    tap.main()
