"""A WebSocket client (RFC 6455) of our own: small, on a blocking socket, with no opinion on what the server should do."""
import base64
import hashlib
import json
import os
import socket
import ssl
import struct

from . import tap

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    """The upgrade was answered with another status than 101."""

    def __init__(self, status, body):
        super().__init__("%d %s" % (status, body))
        self.status, self.body = status, body


def connect(address, tls=False, timeout=10):
    plain = socket.create_connection(address, timeout)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return plain
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(plain, server_hostname="localhost")


class WebSocket:
    """with WebSocket(address, "/ws") as one: one.send({...}); one.receive()"""

    def __init__(self, address, path, tls=False, headers=(), timeout=10):
        self.socket = connect(address, tls, timeout)
        self.input = b""
        self.closed = None  # (code, reason) of the server's Close
        self.upgrade(address, path, headers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def upgrade(self, address, path, headers):
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET %s HTTP/1.1" % path, "Host: %s:%d" % address, "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key]
        lines += ["%s: %s" % pair for pair in headers]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        while b"\r\n\r\n" not in self.input:
            self.read_more()
        head, self.input = self.input.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        status = int(lines[0].split()[1])
        self.headers = {name.lower(): value.strip() for name, value in
                        (line.split(":", 1) for line in lines[1:])}
        if status != 101:
            raise Refused(status, self.input.decode(errors="replace"))
        wanted = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        tap.expect_equal(self.headers.get("sec-websocket-accept"), wanted, "Sec-WebSocket-Accept")

    def read_more(self):
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionError("the server closed the connection")
        self.input += more

    def take(self, count):
        while len(self.input) < count:
            self.read_more()
        taken, self.input = self.input[:count], self.input[count:]
        return taken

    def send_frame(self, opcode, payload):
        mask = os.urandom(4)
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        elif length < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(head + mask + masked)

    def send(self, message):
        self.send_frame(TEXT, json.dumps(message).encode())

    def receive_frame(self):
        first, second = self.take(2)
        tap.expect(second & 0x80 == 0, "a server masks nothing")
        length = second & 0x7f
        if length == 126:
            length, = struct.unpack("!H", self.take(2))
        elif length == 127:
            length, = struct.unpack("!Q", self.take(8))
        return first & 0x0f, self.take(length)

    def receive(self):
        """The next message; None when the server has sent Close."""
        while True:
            opcode, payload = self.receive_frame()
            if opcode == PING:
                self.send_frame(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
                self.closed = (code, payload[2:].decode())
                return None
            elif opcode == TEXT:
                return json.loads(payload)

    def receive_until(self, fits, what):
        """The first message that fits; those before it are passed over."""
        while True:
            message = self.receive()
            tap.expect(message is not None, "%s before the Close %r" % (what, self.closed))
            if fits(message):
                return message

    def close(self, code=1000):
        self.send_frame(CLOSE, struct.pack("!H", code))
