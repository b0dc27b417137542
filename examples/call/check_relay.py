#!/usr/bin/env python3
"""Asks a running TURN server to relay one packet each way, between two allocations of its own.

Needs nothing but Python. Passwords and secrets are read from files, so that no list of processes
shows them:

    check_relay.py --server 127.0.0.1:3478 --secret-file var/secret
    check_relay.py --server turn.example.org:5349 --transport tls --ca-file cert.pem --user-file user

The secret file has the shared secret of time-limited credentials on its first line; the user file has
NAME:PASSWORD. With both, the first allocation is the user's and the second has time-limited credentials.
"""

import argparse
import base64
import hashlib
import hmac
import ipaddress
import os
import socket
import ssl
import struct
import sys
import time

MAGIC_COOKIE = 0x2112A442

# RFC 8489 and RFC 8656: methods, with the class bits of a request where there are several.
BINDING, ALLOCATE, REFRESH, CREATE_PERMISSION = 0x001, 0x003, 0x004, 0x008
SEND_INDICATION, DATA_INDICATION = 0x016, 0x017
SUCCESS, ERROR = 0x100, 0x110

USERNAME, MESSAGE_INTEGRITY, ERROR_CODE = 0x0006, 0x0008, 0x0009
LIFETIME, XOR_PEER_ADDRESS, DATA = 0x000D, 0x0012, 0x0013
REALM, NONCE, XOR_RELAYED_ADDRESS = 0x0014, 0x0015, 0x0016
REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT = 0x0017, 0x0019

# RFC 8489 section 6.2.1: the first retransmission after 500 ms, then twice as long each time.
FIRST_RTO_S = 0.5
MAX_RTO_S = 2.0


class RelayError(Exception):
    """One line that tells an operator what did not work."""


class Message:
    def __init__(self, kind, transaction, attributes):
        self.kind = kind
        self.transaction = transaction
        self.attributes = attributes

    def error(self):
        value = self.attributes.get(ERROR_CODE)
        if value is None or len(value) < 4:
            return 0, "no ERROR-CODE"
        return value[2] * 100 + value[3], value[4:].decode("utf-8", "replace")


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def encode(kind, transaction, attributes, key=None):
    body = b"".join(attribute(k, v) for k, v in attributes)
    if key is None:
        return struct.pack("!HHI", kind, len(body), MAGIC_COOKIE) + transaction + body
    # RFC 8489 section 14.5: the length that is hashed includes MESSAGE-INTEGRITY itself.
    head = struct.pack("!HHI", kind, len(body) + 24, MAGIC_COOKIE) + transaction
    mac = hmac.new(key, head + body, hashlib.sha1).digest()
    return head + body + attribute(MESSAGE_INTEGRITY, mac)


def decode(data):
    """Gives the message, or None when data is not a whole one."""
    if len(data) < 20:
        return None
    kind, length, cookie = struct.unpack_from("!HHI", data)
    if cookie != MAGIC_COOKIE or kind & 0xC000 or length != len(data) - 20:
        return None
    attributes, at = {}, 20
    while at + 4 <= len(data):
        name, size = struct.unpack_from("!HH", data, at)
        if at + 4 + size > len(data):
            return None
        attributes.setdefault(name, data[at + 4:at + 4 + size])
        at += 4 + size + (-size % 4)
    return Message(kind, data[8:20], attributes)


def encode_address(address, transaction):
    """XOR-ed as in RFC 8489 section 14.2."""
    host, port = address
    packed = ipaddress.ip_address(host).packed
    mask = struct.pack("!I", MAGIC_COOKIE) + transaction
    return (struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, port ^ (MAGIC_COOKIE >> 16)) +
            bytes(a ^ b for a, b in zip(packed, mask)))


def decode_address(value, transaction):
    if value is None or len(value) not in (8, 20):
        raise RelayError("the answer has no address that can be read")
    mask = struct.pack("!I", MAGIC_COOKIE) + transaction
    packed = bytes(a ^ b for a, b in zip(value[4:], mask))
    port = struct.unpack_from("!H", value, 2)[0] ^ (MAGIC_COOKIE >> 16)
    return str(ipaddress.ip_address(packed)), port


class Credentials:
    def __init__(self, name, password):
        self.name = name
        self.password = password

    def key(self, realm):
        text = b":".join((self.name.encode(), realm, self.password.encode()))
        return hashlib.md5(text).digest()  # RFC 8489 section 9.2.2 has no choice for the MD5 algorithm


def time_limited(secret, name, lifetime_s=600):
    username = f"{int(time.time()) + lifetime_s}:{name}"
    mac = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return Credentials(username, base64.b64encode(mac).decode())


class Connection:
    """Whole STUN messages over UDP, TCP or TLS."""

    def __init__(self, server, transport, ca_file, timeout_s):
        self.deadline = time.monotonic() + timeout_s
        self.is_datagram = transport == "udp"
        self.pending = b""
        kind = socket.SOCK_DGRAM if self.is_datagram else socket.SOCK_STREAM
        family, _, _, _, address = socket.getaddrinfo(*server, type=kind)[0]
        self.socket = socket.socket(family, kind)
        self.socket.settimeout(timeout_s)
        self.socket.connect(address)
        if transport == "tls":
            context = ssl.create_default_context(cafile=ca_file)
            self.socket = context.wrap_socket(self.socket, server_hostname=server[0])

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.send(data) if self.is_datagram else self.socket.sendall(data)
        except ConnectionRefusedError:
            pass  # an ICMP error of an earlier datagram; the answer that stays away will tell

    def receive(self, until):
        """Gives the next message, or None at the time `until`."""
        while True:
            left = min(until, self.deadline) - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                data = self._read()
            except (socket.timeout, ssl.SSLWantReadError):
                return None
            except ConnectionRefusedError:
                continue  # ICMP says that nothing listens yet: the next datagram may be answered
            message = decode(data)
            if message is not None:
                return message

    def _read(self):
        if self.is_datagram:
            return self.socket.recv(65536)
        while len(self.pending) < 20 or len(self.pending) < self._frame_len():
            data = self.socket.recv(65536)
            if not data:
                raise RelayError("the server closed the connection")
            self.pending += data
        size = self._frame_len()
        frame, self.pending = self.pending[:size], self.pending[size:]
        return frame

    def _frame_len(self):
        return 20 + struct.unpack_from("!H", self.pending, 2)[0]

    def request(self, kind, attributes, key=None):
        """Sends a request until it is answered."""
        transaction = os.urandom(12)
        data = encode(kind, transaction, attributes(transaction), key)
        rto = FIRST_RTO_S
        while time.monotonic() < self.deadline:
            self.send(data)
            until = time.monotonic() + rto if self.is_datagram else self.deadline
            while (message := self.receive(until)) is not None:
                if message.transaction == transaction:
                    return message
            rto = min(2 * rto, MAX_RTO_S)
        raise RelayError("the server does not answer")


class Allocation:
    def __init__(self, connection, credentials):
        self.connection = connection
        self.credentials = credentials
        self.realm = self.nonce = b""
        self.key = None
        answer = self._authenticated(ALLOCATE, lambda _: self._wanted())
        self.relayed = decode_address(answer.attributes.get(XOR_RELAYED_ADDRESS), answer.transaction)

    def _wanted(self):
        """A relayed address of the family in which the server is reached; IPv4 is what it gives unasked."""
        wanted = [(REQUESTED_TRANSPORT, bytes((socket.IPPROTO_UDP, 0, 0, 0)))]
        if self.connection.socket.family == socket.AF_INET6:
            wanted.append((REQUESTED_ADDRESS_FAMILY, bytes((2, 0, 0, 0))))
        return wanted

    def _authenticated(self, kind, attributes):
        """RFC 8489 section 9.2: the first answer, 401 or 438, brings the realm and the nonce."""
        def with_credentials(transaction):
            credentials = [(USERNAME, self.credentials.name.encode()), (REALM, self.realm),
                           (NONCE, self.nonce)] if self.key else []
            return attributes(transaction) + credentials

        for _ in range(3):
            answer = self.connection.request(kind, with_credentials, self.key)
            if answer.kind == kind | SUCCESS:
                return answer
            code, reason = answer.error()
            is_challenge = code == 438 or (code == 401 and self.key is None)
            if not is_challenge:
                raise RelayError(f"{METHOD_NAMES[kind]} was refused: {code} {reason}".rstrip())
            self.realm = answer.attributes.get(REALM, self.realm)
            self.nonce = answer.attributes.get(NONCE, b"")
            self.key = self.credentials.key(self.realm)
        raise RelayError(f"{METHOD_NAMES[kind]} was refused: the nonce is always stale")

    def permit(self, peer):
        self._authenticated(CREATE_PERMISSION,
                            lambda t: [(XOR_PEER_ADDRESS, encode_address(peer, t))])

    def send(self, peer, payload):
        transaction = os.urandom(12)
        self.connection.send(encode(SEND_INDICATION, transaction, [
            (XOR_PEER_ADDRESS, encode_address(peer, transaction)), (DATA, payload)]))

    def receive(self, payload, until):
        while (message := self.connection.receive(until)) is not None:
            if message.kind == DATA_INDICATION and message.attributes.get(DATA) == payload:
                return decode_address(message.attributes.get(XOR_PEER_ADDRESS), message.transaction)
        return None

    def delete(self):
        self._authenticated(REFRESH, lambda _: [(LIFETIME, bytes(4))])


METHOD_NAMES = {ALLOCATE: "Allocate", REFRESH: "Refresh", CREATE_PERMISSION: "CreatePermission"}


def relay_once(sender, receiver):
    """Gives the milliseconds from one client, over both allocations, to the other."""
    payload = b"turnstone " + os.urandom(16)
    start = time.monotonic()
    rto = FIRST_RTO_S
    while time.monotonic() < receiver.connection.deadline:
        sender.send(receiver.relayed, payload)
        source = receiver.receive(payload, time.monotonic() + rto)
        if source is not None:
            if source != sender.relayed:
                raise RelayError(f"the packet came from {text(source)}, not {text(sender.relayed)}")
            return (time.monotonic() - start) * 1000
        rto = min(2 * rto, MAX_RTO_S)
    raise RelayError(f"no packet came from {text(sender.relayed)} to {text(receiver.relayed)}")


def text(address):
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check(arguments, server, first, second):
    connections = []
    try:
        for _ in range(2):
            connections.append(
                Connection(server, arguments.transport, arguments.ca_file, arguments.timeout))
        one, two = Allocation(connections[0], first), Allocation(connections[1], second)
        one.permit(two.relayed)
        two.permit(one.relayed)
        for sender, receiver in ((one, two), (two, one)):
            milliseconds = relay_once(sender, receiver)
            print(f"relayed a packet from {text(sender.relayed)} to {text(receiver.relayed)}"
                  f" in {milliseconds:.1f} ms", flush=True)
        one.delete()
        two.delete()
    finally:
        for connection in connections:
            connection.close()


def wait_for_binding(arguments, server):
    """A Binding answer is what says that the server is up. A stream is tried until it is accepted."""
    deadline = time.monotonic() + arguments.timeout
    while True:
        try:
            connection = Connection(server, arguments.transport, arguments.ca_file,
                                    deadline - time.monotonic())
            break
        except ConnectionRefusedError:
            if time.monotonic() > deadline - 0.1:
                raise
            time.sleep(0.05)  # a refused connection is no event that could be waited for
    try:
        connection.request(BINDING, lambda _: [])
    finally:
        connection.close()


def read_line(path):
    with open(path, encoding="utf-8") as file:
        line = file.readline().strip()
    if not line:
        raise RelayError(f"{path} is empty")
    return line


def read_credentials(arguments):
    user = limited = None
    if arguments.user_file:
        name, _, password = read_line(arguments.user_file).partition(":")
        user = Credentials(name, password)
    if arguments.secret_file:
        limited = time_limited(read_line(arguments.secret_file), "check")
    return user or limited, limited or user


def parse_server(value):
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal():
        raise argparse.ArgumentTypeError("give HOST:PORT")
    return host.strip("[]"), int(port)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", type=parse_server, required=True, metavar="HOST:PORT")
    parser.add_argument("--transport", choices=("udp", "tcp", "tls"), default="udp")
    parser.add_argument("--ca-file", help="trust this certificate (tls)")
    parser.add_argument("--secret-file", help="shared secret of time-limited credentials")
    parser.add_argument("--user-file", help="NAME:PASSWORD")
    parser.add_argument("--timeout", type=float, default=10, metavar="SECONDS")
    parser.add_argument("--binding-only", action="store_true", help="wait until the server answers, no more")
    arguments = parser.parse_args()
    if not (arguments.binding_only or arguments.secret_file or arguments.user_file):
        parser.error("give --secret-file, --user-file or --binding-only")
    return arguments


def main():
    arguments = parse_arguments()
    try:
        wait_for_binding(arguments, arguments.server)
        if not arguments.binding_only:
            check(arguments, arguments.server, *read_credentials(arguments))
    except (RelayError, OSError) as problem:
        sys.exit(f"check_relay: {text(arguments.server)} over {arguments.transport}: {problem}")


if __name__ == "__main__":
    main()
