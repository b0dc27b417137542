#!/usr/bin/env python3
"""Whatever is sent to the console's port, by nobody, by a machine or by an administrator: it answers, refuses or hangs up. Never is it
a fault of the console's own, never does it end, and it keeps nothing of it in memory. Seeded, so that what is found is found again:
SEED=NUMBER, SECONDS=NUMBER."""
import json
import os
import random
import socket
import ssl
import time

from harness import tap
from harness.client import readable
from harness.console import COOKIE, OWN, quote, routes, rss_kb
from harness.console_world import World
from harness.server import make_certificate

SEED = int(os.environ.get("SEED", "7"))
SECONDS = float(os.environ.get("SECONDS", "5"))
GROWTH_KB = 12 * 1024
# These end the programs or the sign-in that the fuzzer needs, as they should.
LEFT_OUT = {"api_drain", "api_drain_signaling", "api_sign_out", "api_sign_out_everywhere"}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND",
           "X" * 40, "G\x00T", "", "é")
WORDS = ("", "a", OWN, "0.1", "..", ".", "%00", "%2e%2e%2f", "%", "%zz", "%ff%fe", "a%2Fb", "A" * 900, "é", "\u202e",
         "'\"<>", "null", "-1", "1e9", "18446744073709551616", "192.0.2.1", "::", "0.0.0.0/0", "limits", "user-quota",
         "%E2%82%AC", "default", "webrtc", "💥")
VALUES = (None, True, False, 0, -1, 1.5, 10 ** 30, 2 ** 63, "", "a", "x" * 5000, "\u0000", "\u202e", "<script>",
          "%s%n", [], {}, [[]], [1, "a", None], {"a": {"b": []}}, "192.0.2.0/24", "0.0.0.0/0", OWN, "user-quota",
          "denied", "users:read", "🎈" * 200, "\ud800")
MEMBERS = ("name", "password", "realm", "user", "value", "list", "range", "origin", "key", "algorithm", "lifetime",
           "scopes", "secret", "ttl", "username", "participant", "reason", "locked", "capacity", "code", "most",
           "limit", "id", "tenant", "deadline", "what", "relay_only")
QUERIES = ("realm", "limit", "after", "sort", "contains", "user", "client", "peer", "transport", "thread", "address",
           "service", "username", "since", "level", "event", "key", "tenant", "room", "ttl", "wait")
# The last ones say where a request ends, or seem to.
FRAMING = 9
HEADERS = (("Host", "x"), ("Cookie", COOKIE + "="), ("Cookie", COOKIE + "=" + "f" * 64), ("Cookie", "a=b; " * 500),
           ("Cookie", "=;=;,"), ("Authorization", "Bearer"), ("Authorization", "Bearer " + "x" * 3000),
           ("Authorization", "Basic eDp5"), ("Authorization", "bearer \x80"), ("Content-Type", "text/plain"),
           ("Accept-Encoding", "gzip, " * 400), ("If-None-Match", "*"), ("Range", "bytes=0-"),
           ("X-CSRF-Token", "\xff"), ("X" * 200, "y"), ("X-A", "y" * 9000), ("Sec-Fetch-Site", "none"),
           ("Forwarded", "for=x"),
           ("Transfer-Encoding", "gzip"), ("Expect", "100-continue"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
           ("Content-Length", "0"), ("Content-Length", "-1"), ("Content-Length", "99999999999999999999"),
           (" bad", "x"), ("bad name", "x"))


class Asker:
    """Requests of one who is known or not; chosen by dice that fall the same way each time."""

    def __init__(self, dice, known):
        self.dice, self.known = dice, known
        self.routes = [route for route in routes() if route.function not in LEFT_OUT]

    def word(self):
        return self.dice.choice(WORDS)

    def path(self, route):
        parts = [quote(self.word()) if "{" in part and self.dice.random() < .5 else self.word() if "{" in part else part
                 for part in route.path.split("/")]
        if self.dice.random() < .1:
            parts.insert(self.dice.randrange(len(parts)), self.word())
        path = "/".join(parts) or "/"
        if self.dice.random() < .5:
            path += "?" + "&".join("%s=%s" % (self.dice.choice(QUERIES), self.word()) for _ in range(self.dice.randrange(1, 4)))
        return path.replace(" ", "%20")

    def value(self, depth=0):
        if depth < 3 and self.dice.random() < .1:
            return {self.dice.choice(MEMBERS): self.value(depth + 1)}
        return self.dice.choice(VALUES)

    def body(self):
        kind = self.dice.random()
        if kind < .3:
            return b""
        if kind < .85:
            members = {self.dice.choice(MEMBERS): self.value() for _ in range(self.dice.randrange(6))}
            return json.dumps(members).encode()
        return self.dice.choice((b"{", b"[]", b"nul", b"\xff\xfe", b"{}" * 50, b'{"a":' * 3000, b"[" * 30000, b'{"a":1,"a":2}', b"\0" * 100,
                                 self.dice.randbytes(300), b'{"name":"' + b"x" * 60000 + b'"}'))

    def headers(self, body, is_whole):
        given = [("Host", "127.0.0.1")] if self.dice.random() < .98 else []
        if self.known and self.dice.random() < .95:
            given += self.known
        if body and self.dice.random() < .95:
            given.append(("Content-Type", "application/json"))
        while self.dice.random() < .2:
            given.append(self.dice.choice(HEADERS[:-FRAMING] if is_whole else HEADERS))
        return given

    def request(self):
        """(bytes, whether that is one whole request). Nobody waits for a log line that does not come, or for a body that was
        promised."""
        route = self.dice.choice(self.routes)
        method = route.method if self.dice.random() < .8 else self.dice.choice(METHODS)
        path, body = self.path(route).replace("wait=", "w="), self.body()
        is_whole = method in METHODS[:6] and self.dice.random() < .9
        headers = self.headers(body, is_whole)
        if body and (is_whole or self.dice.random() < .5):
            headers.append(("Content-Length", str(len(body) if is_whole else self.dice.randrange(70000))))
        elif body:
            headers.append(("Transfer-Encoding", "chunked"))
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) if self.dice.random() < .8 else self.dice.randrange(1 << 40), body)
        lines = ["%s %s HTTP/1.1" % (method, path)] + ["%s: %s" % pair for pair in headers]
        whole = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body
        return (whole, True) if is_whole else (self.spoil(whole) if self.dice.random() < .5 else whole, False)

    def spoil(self, whole):
        at = self.dice.randrange(len(whole))
        return self.dice.choice((whole[:at], whole[:at] + self.dice.randbytes(4) + whole[at:], whole.replace(b"\r\n", b"\n"),
                                 whole[:at] + b"\r\n" + whole[at:], whole * 3))


class Wire:
    """A TLS connection that is used until the console ends it."""

    def __init__(self, port):
        self.context = ssl.create_default_context(cafile=make_certificate()[0])
        self.port, self.socket = port, None

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        self.socket = self.context.wrap_socket(plain, server_hostname="127.0.0.1")

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def ask(self, data, is_whole=False):
        """The status; None where the connection ended, or nothing came: what was sent was no whole request."""
        try:
            if self.socket is None:
                self.connect()
            self.socket.sendall(data)
            status, is_kept = self.answer(data.startswith(b"HEAD"), 1 if is_whole else .05)
        except (OSError, ssl.SSLError, ValueError):
            status, is_kept = None, False
        if not (is_whole and is_kept):  # what is left of it would be taken for the next one
            self.close()
        return status

    def read_more(self, seconds):
        if not self.socket.pending() and not readable(self.socket, seconds):
            raise TimeoutError()
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionError()
        return more

    def answer(self, is_head, patience):
        """(status, whether another request can follow)"""
        head, rest, status = b"", b"", 100
        while status == 100:
            while b"\r\n\r\n" not in rest:
                rest += self.read_more(patience if rest == b"" else 5)
            head, rest = rest.split(b"\r\n\r\n", 1)
            status = int(head.split()[1])
        lines = head.lower().split(b"\r\n")
        length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
        while not is_head and len(rest) < length:
            rest += self.read_more(5)
        return status, b"connection: close" not in lines


def askers(world, web, token):
    csrf = [("Cookie", "%s=%s" % (COOKIE, web.cookie)), ("X-CSRF-Token", web.csrf)]
    return {"nobody": [], "administrator": csrf, "machine": [("Authorization", "Bearer " + token)]}


def all_scopes():
    return sorted({route.area + ":" + what for route in routes() if route.area for what in ("read", "write")})


@tap.limit_s(90)
def test_fuzz():
    """Requests that mean nothing good get an answer that is none of the console's own faults; it lives on, and is no larger"""
    with World() as world, world.console.root() as web:
        token = web.change("POST", "/api/v1/tokens", {"name": "fuzz", "realm": "", "scopes": all_scopes()})["token"]
        pid = world.console.console_pid()
        statuses, sizes = {}, []
        for part in range(2):
            for name, known in askers(world, web, token).items():
                play(world, Asker(random.Random("%d %s %d" % (SEED, name, part)), known), SECONDS / 6, statuses)
            sizes.append(rss_kb(pid))
        tap.diagnose("answers %s; %d to %d kB" % (sorted(statuses.items(), key=str), *sizes))
        tap.expect(sum(count for status, count in statuses.items() if status) > 100, "some were answered: %r" % statuses)
        tap.expect({200, 400, 401, 403, 404, 405} <= set(statuses), "kinds of answers: %r" % statuses)
        tap.expect_equal(world.console.console_pid(), pid, "the console's process")
        tap.expect("console crashed" not in world.console.log(), "no crash")
        tap.expect(world.console.sanitized or sizes[1] < sizes[0] + GROWTH_KB, "it grew from %d to %d kB" % tuple(sizes))
        tap.expect_equal(web.request("GET", "/api/v1/me").status, 200, "it serves")
        world.console.ask("status")


def play(world, asker, seconds, statuses):
    wire, end = Wire(world.console.web_port), time.monotonic() + seconds
    while time.monotonic() < end:
        request, is_whole = asker.request()
        status = wire.ask(request, is_whole)
        statuses[status] = statuses.get(status, 0) + 1
        if status is not None and status >= 500 and status not in (501, 503, 505):  # 501 and 505 are the library's, of what is no HTTP
            raise tap.Failure("%d to %r" % (status, request[:600]))


def test_slow_and_many():
    """Connections that say nothing are bounded by address, cost no other client anything, and are ended"""
    with World() as world, world.console.root() as web:
        before = rss_kb(world.console.console_pid())
        idle = []
        try:
            for _ in range(150):
                one = socket.create_connection(("127.0.0.1", world.console.web_port), 5)
                one.sendall(b"\x16\x03\x01")
                idle.append(one)
            tap.expect_equal(web.request("GET", "/api/v1/me").status, 200, "who was there is served")
            ended = sum(1 for one in idle if readable(one, 0.02))
            tap.expect(ended >= 80, "%d of 150 were ended at once" % ended)
            grown = rss_kb(world.console.console_pid()) - before
            tap.expect(world.console.sanitized or grown < 16 * 1024, "they cost %d kB" % grown)
        finally:
            for one in idle:
                one.close()
        tap.wait_until(lambda: can_connect(world), "others come in again", 10)


def can_connect(world):
    try:
        with world.console.web() as other:
            return other.request("GET", "/healthz").status == 200
    except OSError:
        return False


def test_large():
    """A body that is too long is refused before it is read, and one that was announced and never comes holds up nobody"""
    with World() as world, world.console.root() as web:
        wire = Wire(world.console.web_port)
        head = ("PUT /api/v1/users/%s/a HTTP/1.1\r\nHost: x\r\nCookie: %s=%s\r\nX-CSRF-Token: %s\r\nContent-Type: application/json\r\n" % (
            OWN, COOKIE, web.cookie, web.csrf)).encode()
        tap.expect_equal(wire.ask(head + b"Content-Length: 70000\r\n\r\n", True), 413, "a length that is too long")
        wire.close()
        tap.expect_in(wire.ask(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b"x" * 0x8000 + b"\r\n" + b"10000\r\n" + b"x" * 0x10000), (None, 413),
                      "chunks that become too long")
        waiting = Wire(world.console.web_port)
        tap.expect_equal(waiting.ask(head + b"Content-Length: 50\r\n\r\n{"), None, "a body that does not come")
        tap.expect_equal(web.request("GET", "/api/v1/me").status, 200, "it serves")
        wire.close()


if __name__ == "__main__":
    tap.main()
