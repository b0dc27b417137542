#!/usr/bin/env python3
"""Serves the call page, carries the signaling between the two windows of a room, and mints
time-limited TURN credentials. Python's standard library alone.

Everything is in memory and bounded: rooms, members, waiting messages, sizes, connections, times.
It is an example for one machine. It listens on loopback, and a page of another site can neither
read its answers (no CORS) nor reach it through a name of its own (Host is compared).
"""

import argparse
import base64
import collections
import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import select
import signal
import socket
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_ROOMS = 100
MAX_MEMBERS = 2
MAX_WAITING = 256  # messages for one member; a call needs some thirty
MAX_BODY = 64 * 1024  # an SDP with every codec of a browser is about 10 KB
MAX_CONNECTIONS = 64
REQUEST_TIMEOUT_S = 30
HEARTBEAT_S = 2
ABSENT_S = 3  # how long a member may be without its event stream, as in a reload
CREDENTIAL_LIFETIME_S = 3600

ROOM_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
HERE = os.path.dirname(os.path.abspath(__file__))
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    **{f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8")
       for name in ("call", "channelling", "drawing", "figures", "own", "page", "peerjs", "rpc", "signaling", "v1")},
    "/style.css": ("style.css", "text/css; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                               "img-src 'self' data:; media-src 'self' blob:; base-uri 'none'; "
                               "form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(self)",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Refusal(Exception):
    """An answer that is not 200, with a sentence for the person at the page."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Member:
    def __init__(self):
        self.id = secrets.token_urlsafe(16)  # whoever knows it is the member
        self.waiting = collections.deque()
        self.stream = None  # the one event stream that may take from waiting
        self.last_seen = time.monotonic()


class Rooms:
    """Two members to a room. Each meeting has a number, by which old messages are told from new."""

    def __init__(self):
        self.changed = threading.Condition()
        self.rooms = {}  # name -> list of Member, the caller last
        self.meetings = collections.Counter()
        self.is_closing = False

    def join(self, name):
        with self.changed:
            self._expire()
            members = self.rooms.get(name, [])
            if len(members) >= MAX_MEMBERS:
                raise Refusal(HTTPStatus.CONFLICT, "This room has two windows already: take another name.")
            if not members and len(self.rooms) >= MAX_ROOMS:
                raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "There are too many rooms: try again later.")
            member = Member()
            self.rooms[name] = members + [member]
            self._meet(name)
            return member.id

    def leave(self, name, member_id):
        with self.changed:
            self._remove(name, self._find(name, member_id))

    def again(self, name, member_id):
        """Both build their connection anew."""
        with self.changed:
            self._find(name, member_id)
            self._meet(name)

    def send(self, name, member_id, message):
        with self.changed:
            member = self._find(name, member_id)
            for other in self.rooms[name]:
                if other is not member:
                    self._post(other, {"type": "signal", "message": message})

    def attach(self, name, member_id):
        """Makes the caller's stream the member's only one, and gives its mark."""
        with self.changed:
            member = self._find(name, member_id)
            member.stream = object()
            member.last_seen = time.monotonic()
            self.changed.notify_all()
            return member, member.stream

    def detach(self, member, stream):
        with self.changed:
            if member.stream is stream:
                member.stream = None
                member.last_seen = time.monotonic()

    def take(self, name, member, stream):
        """Waits for events. Gives them, or [] when only the time for a sign of life has come; None
        when this stream is over."""
        def is_over():
            return self.is_closing or member.stream is not stream or member not in self.rooms.get(name, [])

        with self.changed:
            self.changed.wait_for(lambda: member.waiting or is_over(), HEARTBEAT_S)
            self._expire()
            if is_over():
                return None
            events = list(member.waiting)
            member.waiting.clear()
            return events

    def close(self):
        with self.changed:
            self.is_closing = True
            self.changed.notify_all()

    def _find(self, name, member_id):
        for member in self.rooms.get(name, []):
            if secrets.compare_digest(member.id, member_id):
                return member
        raise Refusal(HTTPStatus.GONE, "This window is no longer in the room: join again.")

    def _meet(self, name):
        members = self.rooms[name]
        if len(members) < MAX_MEMBERS:
            return
        self.meetings[name] += 1
        for member in members:
            self._post(member, {"type": "ready", "meeting": self.meetings[name],
                                "calls": member is members[-1]})

    def _post(self, member, event):
        if len(member.waiting) >= MAX_WAITING:
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "The other window does not take its messages.")
        member.waiting.append(event)
        self.changed.notify_all()

    def _remove(self, name, member):
        members = self.rooms[name]
        members.remove(member)
        for other in members:
            other.waiting.append({"type": "left"})
        if not members:
            del self.rooms[name]
            del self.meetings[name]
        self.changed.notify_all()

    def _expire(self):
        now = time.monotonic()
        for name, members in list(self.rooms.items()):
            for member in list(members):
                if member.stream is None and now - member.last_seen > ABSENT_S:
                    self._remove(name, member)


class Turn:
    """Where the TURN server is, and credentials for it: the username is the time of expiry and a
    name, the password its HMAC under the secret that only this process and the server know."""

    def __init__(self, arguments):
        with open(arguments.secret_file, encoding="utf-8") as file:
            self.secret = file.readline().strip().encode()
        if not self.secret:
            sys.exit(f"serve.py: {arguments.secret_file} is empty")
        host = f"[{arguments.turn_host}]" if ":" in arguments.turn_host else arguments.turn_host
        self.servers = {
            "udp": f"turn:{host}:{arguments.turn_port}?transport=udp",
            "tcp": f"turn:{host}:{arguments.turn_port}?transport=tcp",
        }
        if arguments.tls_port:
            self.servers["tls"] = f"turns:{host}:{arguments.tls_port}?transport=tcp"

    def credentials(self):
        username = f"{int(time.time()) + CREDENTIAL_LIFETIME_S}:call"
        password = base64.b64encode(hmac.new(self.secret, username.encode(), hashlib.sha1).digest())
        return {"username": username, "credential": password.decode(), "ttl": CREDENTIAL_LIFETIME_S,
                "servers": self.servers}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "turnstone-call"
    sys_version = ""
    timeout = REQUEST_TIMEOUT_S

    def do_GET(self):
        self._answer(self._get)

    do_HEAD = do_GET

    def do_POST(self):
        self._answer(self._post)

    def _answer(self, handle):
        try:
            self._require_own_host()
            handle()
        except Refusal as refusal:
            self.close_connection = True  # a body may be left unread
            self._send_json({"error": str(refusal)}, refusal.status)
        except (ConnectionError, socket.timeout):
            self.close_connection = True

    def _get(self):
        path, _, query = self.path.partition("?")
        if path == "/events":
            self._stream_events(*self._member_of(query))
        elif path in FILES:
            self._send_file(*FILES[path])
        else:
            raise Refusal(HTTPStatus.NOT_FOUND, "There is no such page.")

    def _post(self):
        handlers = {"/join": self._join, "/leave": self._leave, "/again": self._again,
                    "/send": self._send, "/credentials": self._credentials}
        handle = handlers.get(self.path)
        if handle is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "There is no such page.")
        if self.headers.get("Origin") != f"http://{self.headers['Host']}":
            raise Refusal(HTTPStatus.FORBIDDEN, "Only the page of this server may ask this.")
        self._send_json(handle(self._read_json()))

    def _join(self, body):
        return {"member": self.server.rooms.join(room_of(body))}

    def _leave(self, body):
        self.server.rooms.leave(room_of(body), text_of(body, "member"))
        return {}

    def _again(self, body):
        self.server.rooms.again(room_of(body), text_of(body, "member"))
        return {}

    def _send(self, body):
        self.server.rooms.send(room_of(body), text_of(body, "member"), body.get("message"))
        return {}

    def _credentials(self, _body):
        return self.server.turn.credentials()

    def _stream_events(self, room, member_id):
        rooms = self.server.rooms
        member, stream = rooms.attach(room, member_id)
        try:
            self._send_head(HTTPStatus.OK, "text/event-stream", None)
            self.wfile.write(b"retry: 500\n\n")
            while (events := rooms.take(room, member, stream)) is not None and not self._is_gone():
                lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
                self.wfile.write((lines or ": still here\n\n").encode())
        finally:
            rooms.detach(member, stream)
            self.close_connection = True

    def _is_gone(self):
        """A browser that ended says so by closing; writing would notice it only much later."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    @staticmethod
    def _member_of(query):
        room, _, member = query.partition("/")
        if not ROOM_NAME.match(room) or not 0 < len(member) < 100 or not member.isascii():
            raise Refusal(HTTPStatus.BAD_REQUEST, "The address has no room and member.")
        return room, member

    def _require_own_host(self):
        if self.headers.get("Host") not in self.server.hosts:
            raise Refusal(HTTPStatus.MISDIRECTED_REQUEST, "This server does not go by that name.")

    def _read_json(self):
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,7}", length) or int(length) > MAX_BODY:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body has at most {MAX_BODY} bytes.")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise Refusal(HTTPStatus.BAD_REQUEST, "The body is not a JSON object.")
        return body

    def _send_file(self, name, kind):
        with open(os.path.join(HERE, name), "rb") as file:
            self._send_body(HTTPStatus.OK, kind, file.read())

    def _send_json(self, value, status=HTTPStatus.OK):
        self._send_body(status, "application/json", json.dumps(value).encode())

    def _send_body(self, status, kind, body):
        self._send_head(status, kind, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_head(self, status, kind, length):
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        if length is None or self.close_connection:
            self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format, *arguments):  # a member's id is in the address of its stream
        print(f"{self.log_date_time_string()} {format % arguments}".split("/events?")[0],
              file=sys.stderr, flush=True)


def room_of(body):
    room = text_of(body, "room")
    if not ROOM_NAME.match(room):
        raise Refusal(HTTPStatus.BAD_REQUEST, "A room's name has a to z, 0 to 9 and -, at most 40 of them.")
    return room


def text_of(body, name):
    value = body.get(name)
    if not isinstance(value, str) or not value.isascii():
        raise Refusal(HTTPStatus.BAD_REQUEST, f"{name} is missing.")
    return value


class CallServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, address, turn):
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Handler)
        self.turn = turn
        self.rooms = Rooms()
        self.free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self.hosts = set()

    def process_request(self, request, client_address):
        if not self.free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, socket.timeout)):
            super().handle_error(request, client_address)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1", metavar="IP")
    parser.add_argument("--port", type=int, default=8080, help="0: any that is free")
    parser.add_argument("--secret-file", required=True, help="the shared secret of the TURN server")
    parser.add_argument("--turn-host", default="127.0.0.1", metavar="HOST")
    parser.add_argument("--turn-port", type=int, default=3478, metavar="PORT")
    parser.add_argument("--tls-port", type=int, default=0, metavar="PORT", help="0: no turns:")
    parser.add_argument("--ready-file", help="write the address of the page here once it is served")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    server = CallServer((arguments.listen, arguments.port), Turn(arguments))
    port = server.server_address[1]
    host = f"[{arguments.listen}]" if ":" in arguments.listen else arguments.listen
    server.hosts = {f"{name}:{port}" for name in (host, "localhost")}

    def stop(*_):
        server.rooms.close()
        threading.Thread(target=server.shutdown).start()  # shutdown waits for the loop that runs here

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"http://{host}:{port}/", flush=True)
    if arguments.ready_file:
        with open(arguments.ready_file, "w", encoding="ascii") as file:
            print(f"http://{host}:{port}/", file=file)
    with contextlib.closing(server.socket):
        server.serve_forever()


if __name__ == "__main__":
    main()
