"""Conversations (tests/conversations/README) over real sockets: the same text files, with turnsignal in the place of the core.

The player without sockets has a clock and a cluster of its own; here time is real, and the server is one process with one worker.
A file goes on until a line that takes more than that: a long wait, a drain, a node that is lost. What was told to the host is
passed over. Proofs are tokens (RFC 7519) of the user and the permissions that the file gives them."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import struct
import threading
import time
import urllib.parse

from . import tap
from .signal_server import Signal
from .websocket import CLOSE, PING, PONG, TEXT, Refused, WebSocket

SECRET = "a-secret-of-the-conversations"
HOST = "signal.example.com:8443"  # as the host of the player without sockets has it
START_MS, DAY_MS, START_DATE = 1767225600000, 86400000, "2026-01-01T00:"  # of that player's clock
WAIT_MAX_S, ANSWER_S = 4, 5
RELAY = ("--static-auth-secret=of-the-relay", "--realm=example.com", "--turn-uri=turn:turn.example.com:3478?transport=udp",
         "--turn-uri=turns:turn.example.com:5349?transport=tcp", "--stun-uri=stun:turn.example.com:3478")
REQUEST_OPTIONS = {"reason": "--reason", "expires": "--expires", "capacity": "--capacity", "pin-file": "--password-file"}
NAME = re.compile(r"<([A-Za-z0-9_:.-]+)>")
WORDS = {"change": "change-room", "close": "close-room", "participate": "participant"}
SETTINGS = {"relay-only": "relay-only", "room-capacity": "room-capacity", "legacy-room-size": "legacy-room-size", "queue-bytes": "signaling-queue-size",
            "replay-bytes": "signaling-replay-size", "sessions": "signaling-sessions", "rooms": "signaling-rooms"}
PROOF_IN_TARGET = re.compile(r"(?<=[?&])(token|jwt|access_token)=([^&]*)")
PROOF_IN_TEXT = re.compile(r'"bearer":"([^"]*)"')


MAKING = threading.Lock()  # the harness numbers its folders


class Beyond(Exception):
    """The line takes what there is none of here."""


def encoded(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def make_token(claims):
    body = encoded(b'{"alg":"HS256"}') + b"." + encoded(json.dumps(claims).encode())
    return (body + b"." + encoded(hmac.new(SECRET.encode(), body, hashlib.sha256).digest())).decode()


def id_in(text):
    """The session's id, where a dialect tells it: in Self, welcome, and the answer to join."""
    message = json.loads(text)
    body = message.get("Data") or message.get("data") or message.get("d")
    is_own = isinstance(body, dict) and (body.get("Type") == "Self" or message.get("type") == "welcome" or message.get("a") == "joinR")
    return next((body[name] for name in ("Id", "peerId", "socketId") if name in body), None) if is_own else None


def has_peer(port):
    """Whether a socket of this network is connected to that port."""
    with open("/proc/net/tcp") as sockets:
        return any(line.split()[2].endswith(":%04X" % port) and line.split()[3] == "01" for line in list(sockets)[1:])


class Client:
    """A WebSocket, what it has not been asked for yet, and how it ended."""

    def __init__(self, server, target, headers):
        self.inbox, self.socket, self.refused, self.is_watched, self.pings = [], None, None, True, 0
        self.server, self.id = server, None  # of its session, as soon as it was told
        try:
            self.socket = WebSocket(server.address, target, headers=headers, timeout=ANSWER_S)
        except Refused as refused:
            self.refused = refused

    def read(self):
        """One more frame of what the server sends. Gives the pong's payload, or None."""
        opcode, payload = self.socket.receive_frame()
        if opcode == TEXT:
            self.inbox.append(payload.decode())
            self.id = self.id or id_in(self.inbox[-1])
        elif opcode == PING:
            self.socket.send_frame(PONG, payload)
        elif opcode == CLOSE:
            self.socket.closed = (struct.unpack("!H", payload[:2])[0] if payload else 1005, payload[2:].decode())
        return payload if opcode == PONG else None

    def is_open(self):
        return self.socket is not None and self.socket.closed is None

    def settle(self):
        """What the server had for it before now has come, and what it sent was read: a ping is answered in its turn."""
        self.pings += 1
        wanted = b"%d" % self.pings
        try:
            if self.is_open():
                self.socket.send_frame(PING, wanted)
            while self.is_open() and self.read() != wanted:
                pass
        except (ConnectionError, BrokenPipeError):
            # It was closed meanwhile: the Close is before the end of what came.
            while self.is_open():
                self.read()

    def take(self):
        while not self.inbox and self.is_open():
            self.read()
        tap.expect(self.inbox, "there is no message, it was closed: %r" % (self.socket and self.socket.closed,))
        return self.inbox.pop(0)

    def send(self, text):
        tap.expect(self.is_open(), "it is not open")
        self.socket.send_frame(TEXT, text.encode())
        self.settle()

    def end(self, is_clean):
        self.is_watched = False
        self.settle()  # what came is acknowledged with the ping, or it would be sent again to who comes back
        if self.is_open() and is_clean:
            self.socket.close()
            while self.is_open():
                self.read()
        elif self.is_open():
            self.reset()
        if self.socket is not None:
            self.socket.socket.close()

    def reset(self):
        """As a network ends that goes away; the server knows it by then."""
        port = self.socket.socket.getsockname()[1]
        self.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.socket.close()
        tap.wait_until(lambda: not has_peer(port), "the reset at the server")
        self.server.get("/healthz")  # what the worker had to read before that was read before it


class Conversation:
    """Conversation(path).play(): how many of its lines were played, and of how many."""

    def __init__(self, path):
        with open(path) as file:
            self.lines = [(number, line) for number, line in enumerate(file.read().splitlines(), 1)
                          if line.strip() and not line.lstrip().startswith("#")]
        self.options = ["--signaling-anybody=yes", "--signaling-threads=1"]
        self.username = None  # of TURN credentials; None: there are none
        self.server, self.clients, self.bound, self.proofs = None, {}, {}, {}
        self.last, self.answer, self.raw = "", None, set()

    def play(self):
        number, line, played = 0, "", 0
        try:
            for number, line in self.lines:
                self.play_line(line)
                played += 1
            number, line = 0, "the end"
            self.expect_end()
        except Beyond:
            pass
        except (AssertionError, OSError, ValueError, KeyError) as problem:
            raise tap.Failure("line %d: %s\n%s: %s" % (number, line[:300], type(problem).__name__, problem)) from None
        finally:
            for client in self.clients.values():
                if client.socket is not None:
                    client.socket.socket.close()
            if self.server is not None:
                self.server.__exit__(None, None, None)
        return played, len(self.lines)

    def play_line(self, line):
        word, _, rest = self.substitute(line).strip().partition(" ")
        rest = rest.strip()
        if "<id:" in rest and (not word.endswith("<") or rest.startswith("has ")):
            raise Beyond  # PeerJS tells nobody the id of its session
        command = getattr(self, "play_" + {"http<": "http_answer", "request<": "request_answer"}.get(word, word), None)
        if command is not None and word != "line":
            command(rest)
        elif word in ("lose", "registry", "posts", "drain"):
            raise Beyond
        else:
            self.play_client(word, rest)

    # ---- settings, before the first client ----

    def play_set(self, rest):
        name, value = rest.split()
        if (name, value) == ("relay-only", "default"):
            name, value = "relay-only", "yes"
        if name == "legacy-room-size":
            value = "yes" if value != "0" else "no"
        self.set_option(SETTINGS.get(name), value)

    def play_option(self, rest):
        name, _, value = rest.partition("=")
        if name == "user-secret":  # what proves a user there is no MAC of it
            raise Beyond
        self.set_option(name, value or "yes")

    def set_option(self, name, value):
        if name is None or self.server is not None:
            raise Beyond
        self.options.append("--%s=%s" % (name, value))

    def play_credentials(self, rest):
        words = rest.split()
        if words[0] in ("hold", "come", "fail", "renew"):
            raise Beyond
        if words[0] == "none" and self.server is not None and self.username is not None or ":" in words[0]:
            raise Beyond  # it has them; that name is not ours to choose
        if words[0] != "none":
            self.set_option("turn-credentials-lifetime", words[1] if len(words) > 1 else "600")
            self.username = words[0]

    def play_identity(self, rest):
        proof, *words = rest.split()
        said = dict(word.split("=", 1) for word in words)
        if proof == "anybody" or said.get("error") == "UNAVAILABLE" or said.get("tenant", "default") != "default":
            raise Beyond
        claims = {"sub": said.get("user", proof)}
        if "room" in said:
            claims["room"] = said["room"]
        if "may" in said:
            claims["permissions"] = [WORDS.get(word, word) for word in said["may"].split(",") if word != "none"]
        if "expires" in said or "error" in said:
            claims["exp"] = int(time.time()) + int(said.get("expires", -DAY_MS))
        self.proofs[proof] = make_token(claims)

    def start(self):
        if self.server is None:
            options = self.options + (list(RELAY) if self.username is not None else [])
            with MAKING:
                self.server = Signal("--trusted-proxy=127.0.0.1", "--jwt-secret=" + SECRET, *options, tls=False)
            self.server.arguments += ["--signaling-port=0"]
            self.server.__enter__()

    # ---- clients ----

    def request_words(self, rest):
        """(headers, body) of as=, from=, on=, Name="value" and body=, which takes the rest."""
        headers, body, address = {}, None, "192.0.2.7"
        while rest:
            header = re.match(r'([A-Za-z-]+)="([^"]*)"\s*', rest)
            word, value = rest.partition(" ")[0].partition("=")[::2]
            if word == "body":
                body, rest = rest[5:], ""
            elif header:
                headers[header.group(1)], rest = self.with_proofs(header.group(2)), rest[header.end():]
            else:
                if word == "on" and not value.startswith("1."):
                    raise Beyond  # of this node's workers the kernel chooses one
                if word == "as":
                    headers["Authorization"] = "Bearer " + self.proofs[value]
                address = value if word == "from" else address
                rest = rest.partition(" ")[2].lstrip()
        return {"X-Forwarded-For": address, "X-Forwarded-Proto": "https", **headers}, body

    def with_proofs(self, text):
        return " ".join(self.proofs.get(word.rstrip(","), word) for word in text.split(" "))

    def target(self, target):
        return PROOF_IN_TARGET.sub(lambda found: found.group(1) + "=" + self.proofs.get(found.group(2), found.group(2)), target)

    def play_open(self, rest):
        name, target, *words = rest.split(" ", 2)
        if target.startswith("/plain"):
            raise Beyond  # the core's own language
        headers, _ = self.request_words(words[0] if words else "")
        self.start()
        self.bound.pop("id:" + name, None)
        client = self.clients[name] = Client(self.server, self.target(target), list(headers.items()))
        if client.socket is not None and "sec-websocket-protocol" in client.socket.headers:
            self.bound["subprotocol"] = client.socket.headers["sec-websocket-protocol"]

    def play_client(self, word, rest):
        name, arrow, exact = re.fullmatch(r"([^<>]+)([<>]?)([=x]?)", word).groups()
        client = self.clients[name]
        if arrow == ">":
            if exact:
                raise Beyond  # bytes that are no UTF-8 end a WebSocket
            text = re.sub(r"(.)\{([1-9][0-9]*)\}", lambda found: found.group(1) * int(found.group(2)), rest)
            client.send(PROOF_IN_TEXT.sub(lambda found: '"bearer":"%s"' % self.proofs.get(found.group(1), found.group(1)), text))
        elif arrow == "<":
            self.client_expects(client, exact, rest)
        elif rest in ("closes", "is-lost"):
            client.end(rest == "closes")
        elif rest not in ("is-paused", "is-not-paused"):  # those are seen by the core alone
            raise Beyond

    def client_expects(self, client, exact, rest):
        word, _, more = rest.partition(" ")
        if rest == "nothing":
            client.settle()
            tap.expect_equal((client.inbox, client.socket.closed), ([], None), "what came")
        elif word == "close":
            self.expect_close(client, *more.split(" ", 1))
        elif word == "refused":
            self.expect_refused(client, *more.split(" ", 1))
        elif word == "has":
            tap.expect(more in self.last, "it is " + self.last)
        else:
            self.last = client.take()
            if exact and not (self.username and self.username in rest):
                tap.expect_equal(self.last, rest, "the message")
            else:
                self.expect_json(rest, self.last)

    def expect_close(self, client, code, reason=None):
        while client.is_open():
            client.read()
        tap.expect_equal(client.inbox, [], "before it comes")
        tap.expect_equal(client.socket.closed[0], int(code), "the code")
        if reason:
            tap.expect_equal(client.socket.closed[1], reason, "the reason")
        client.is_watched = False

    def expect_refused(self, client, status, wanted=None):
        tap.expect(client.refused is not None, "its upgrade was not refused")
        tap.expect_equal(client.refused.status, int(status), "the status")
        if wanted:
            self.expect_json(wanted, client.refused.body)
        client.refused = None

    def expect_end(self):
        for name, client in self.clients.items():
            tap.expect(client.refused is None, "%s was refused: %s" % (name, client.refused))
            if client.is_watched and client.socket is not None:
                client.settle()
                tap.expect_equal((client.inbox, client.socket.closed), ([], None), name)

    # ---- time, and what is told to the host ----

    def play_wait(self, rest):
        seconds = float(rest[:-2]) / 1000 if rest.endswith("ms") else float(rest)
        if seconds > WAIT_MAX_S:
            raise Beyond
        time.sleep(seconds)  # the conversation's own time

    def play_told(self, _rest):
        pass

    # ---- HTTP ----

    def play_http(self, rest):
        method, target, *words = rest.split(" ", 2)
        headers, body = self.request_words(words[0] if words else "")
        self.start()
        if body is not None:
            kind = "application/json" if body[:1] in "{[" else "application/x-www-form-urlencoded"
            headers.setdefault("Content-Type", kind)
            fields = dict(urllib.parse.parse_qsl(body)) if kind.endswith("urlencoded") else {}
            for name in ("a", "token"):
                if fields.get(name) in self.proofs:
                    body = "%s=%s" % (name, self.proofs[fields[name]])
        connection = http.client.HTTPConnection(*self.server.address, timeout=ANSWER_S)
        connection.request(method, self.target(target), body, {"Host": HOST, **headers})
        response = connection.getresponse()
        self.answer = response.status, dict(response.getheaders()), response.read().decode(errors="replace")
        connection.close()

    def play_http_answer(self, rest):
        word, _, more = rest.partition(" ")
        if word == "header":
            name, _, value = more.partition(" ")
            tap.expect_equal(self.answer[1].get(name, ""), value, name)
        elif word == "text":
            tap.expect_equal(self.answer[2], more, "the body")
        else:
            tap.expect(self.answer[0] == int(word), "it is %d %s" % (self.answer[0], self.answer[2]))
            if more:
                self.expect_json(more, self.answer[2])

    # ---- rooms from outside, as the operator asks ----

    def play_request(self, rest):
        kind, room, *words = rest.split(" ")
        said = dict(word.split("=", 1) for word in words)
        verb, takes = self.request_verb(kind, said)
        if said.keys() - takes or self.server is None and kind not in ("create", "list"):
            raise Beyond
        self.start()
        more = [word for name, option in REQUEST_OPTIONS.items() if name in said for word in (option, said[name])]
        self.answer = self.server.admin("room", verb, room, *([said["who"]] if "who" in said else []), *more,
                                        *(["--json"] if kind == "show" else []))

    def request_verb(self, kind, said):
        """(turnadmin's verb, the words that it takes here)"""
        if kind == "change" and said.keys() == {"lock"}:
            return ("lock" if said["lock"] == "yes" else "unlock"), {"lock"}
        if kind == "mute" and said.get("what") == "audio":
            return kind, {"who", "what"}
        if kind == "create" and "pin" in said:
            path = os.path.join(self.made_folder(), "pin")
            with open(path, "w") as file:
                file.write(said.pop("pin"))
            said["pin-file"] = path
        takes = {"kick": {"who", "reason"}, "create": {"pin-file", "expires", "capacity"}, "close": {"reason"}, "show": set()}
        if kind not in takes:
            raise Beyond
        return kind, takes[kind]

    def made_folder(self):
        self.start()
        return self.server.folder

    def play_request_answer(self, rest):
        error, _, wanted = rest.partition(" ")
        code, said, problem = self.answer
        tap.expect((code == 0) == (error == "OK"), "it is %d %s" % (code, problem))
        if wanted not in ("", "{}"):
            self.expect_json(wanted, said)

    # ---- names, and JSON compared by value ----

    def substitute(self, line):
        for name, client in self.clients.items():
            if client.id is not None:
                self.bound.setdefault("id:" + name, client.id)
        line = re.sub(r'"<([A-Za-z0-9_:.-]+)>"', lambda found: self.bound[found.group(1)]
                      if self.is_raw(found.group(1)) else found.group(0), line)
        return NAME.sub(lambda found: str(self.bound.get(found.group(1), found.group(0))), line)

    def is_raw(self, name):
        """Its value is no string: it stands without quotes."""
        return name in self.raw

    def expect_json(self, wanted, got):
        tap.expect(self.fits(json.loads(wanted), json.loads(got)), "it is " + got)

    def fits(self, wanted, got):
        if isinstance(wanted, str):
            return self.text_fits(wanted, got)
        if isinstance(wanted, dict):
            members = [name for name in wanted if name != "..."]
            return isinstance(got, dict) and ("..." in wanted or len(members) == len(got)) and all(
                name in got and self.fits(wanted[name], got[name]) for name in members)
        if isinstance(wanted, list):
            return isinstance(got, list) and len(wanted) == len(got) and all(map(self.fits, wanted, got))
        if isinstance(wanted, int) and START_MS <= wanted < START_MS + DAY_MS:
            return isinstance(got, int) and got > START_MS  # a time
        return wanted == got and isinstance(wanted, bool) == isinstance(got, bool)

    def text_fits(self, wanted, got):
        name = NAME.fullmatch(wanted)
        if name:
            is_text = isinstance(got, str)
            self.bound[name.group(1)] = got if is_text else json.dumps(got)
            if not is_text:
                self.raw.add(name.group(1))
            return True
        if self.username and (wanted == "secret" or re.fullmatch(re.escape(self.username) + r"-\d+", wanted)):
            return isinstance(got, str)  # what the relay takes cannot be foretold
        return wanted in ("<*>", got) or self.proofs.get(wanted, "") == got or (
            wanted.startswith(START_DATE) and re.match(r"\d{4}-\d\d-\d\dT", str(got)) is not None)
