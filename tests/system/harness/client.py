"""A TURN client over UDP, TCP, TLS or DTLS with long-term credentials: MD5 and SHA-1 as RFC 5389 has
them, or RFC 8489's SHA-256, password algorithms and USERHASH."""
import collections
import ipaddress
import os
import select
import socket
import ssl
import struct
import subprocess
import time

from . import stun
from .tap import Failure


class Closed(Exception):
    """The server closed the connection."""


def family_of(ip):
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def readable(file, timeout):
    """True when there is something to read in time. Unlike select it has no greatest descriptor."""
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(max(timeout, 0) * 1000))


class Datagrams:
    """UDP to the server: a message is a datagram."""
    is_stream = False

    def __init__(self, server, source=None):
        self.socket = socket.socket(family_of(server[0]), socket.SOCK_DGRAM)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(server)

    def send(self, data):
        self.socket.send(data)

    def receive(self, timeout):
        """A message, or None when there was none in time."""
        if not readable(self.socket, timeout):
            return None
        try:
            return self.socket.recv(65536)
        except ConnectionRefusedError:
            return None

    def close(self):
        self.socket.close()


class Stream:
    """TCP or TLS to the server: messages say their own length."""
    is_stream = True
    is_padded = True  # ChannelData, to four bytes

    def __init__(self, server, source=None, tls=None, timeout=5):
        self.socket = socket.create_connection(server, timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="turn.example")
        self.bytes = b""

    def send(self, data):
        self.socket.settimeout(10)
        self.socket.sendall(data)

    def next_message(self):
        if len(self.bytes) < 4:
            return None
        length = struct.unpack("!H", self.bytes[2:4])[0]
        is_channel = self.bytes[0] & 0xC0 == 0x40
        whole = 4 + length if is_channel else stun.HEADER + length
        used = whole + (-whole % 4 if is_channel and self.is_padded else 0)
        if len(self.bytes) < used:
            return None
        message, self.bytes = self.bytes[:whole], self.bytes[used:]
        return message

    def receive(self, timeout):
        deadline = time.monotonic() + timeout
        while True:
            message = self.next_message()
            if message is not None:
                return message
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                more = self.socket.recv(65536)
            except (socket.timeout, ssl.SSLWantReadError):
                return None
            except (ConnectionError, ssl.SSLError) as error:
                raise Closed() from error
            if not more:
                raise Closed()
            self.bytes += more

    def close(self):
        self.socket.close()


class Dtls(Stream):
    """DTLS by openssl's client, for Python has none. What it writes has lost the datagrams' bounds,
    which the messages' lengths give back."""
    is_stream = False
    is_padded = False

    def __init__(self, server, source=None, timeout=5):
        form = "[%s]:%d" if ":" in server[0] else "%s:%d"
        command = ["openssl", "s_client", "-dtls1_2", "-quiet", "-connect", form % server]
        if source:
            command += ["-bind", source]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.bytes = b""

    def send(self, data):
        try:
            os.write(self.process.stdin.fileno(), data)
        except BrokenPipeError as error:
            raise Closed() from error

    def receive(self, timeout):
        deadline = time.monotonic() + timeout
        while True:
            message = self.next_message()
            if message is not None:
                return message
            left = max(deadline - time.monotonic(), 0)
            if not readable(self.process.stdout, left):
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise Closed()
            self.bytes += more

    def close(self):
        self.process.kill()
        self.process.communicate()


def tls_context(version=None, alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def connect(transport, server, source=None):
    if transport == "udp":
        return Datagrams(server, source)
    if transport == "dtls":
        return Dtls(server, source)
    return Stream(server, source, tls_context() if transport == "tls" else None)


class Client:
    """One 5-tuple. What arrives beside responses waits in inbox as (kind, peer or channel, data)."""

    def __init__(self, server, transport="udp", user="u", password="p", source=None,
                 sha256=False, anonymous=False):
        self.path = connect(transport, server, source)
        self.user, self.password = user, password
        self.sha256, self.anonymous = sha256, anonymous
        self.realm = self.nonce = self.key = self.algorithms = None
        self.inbox = collections.deque()
        self.relayed = self.mapped = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Leaves without an allocation behind, which the next client of this port would meet (437)."""
        if self.relayed and not self.path.is_stream:
            try:
                self.path.send(self.message(stun.REFRESH, [(stun.LIFETIME, bytes(4))]))
            except (OSError, Closed):
                pass
        self.vanish()

    def vanish(self):
        self.path.close()

    # Requests

    def credentials(self):
        name = ((stun.USERHASH, stun.userhash(self.user, self.realm)) if self.anonymous
                else (stun.USERNAME, self.user.encode()))
        attributes = [name, (stun.REALM, self.realm.encode()), (stun.NONCE, self.nonce)]
        if self.sha256:
            attributes += [(stun.PASSWORD_ALGORITHMS, self.algorithms),
                           (stun.PASSWORD_ALGORITHM, b"\0\2\0\0")]
        return attributes

    def integrity(self):
        return stun.MESSAGE_INTEGRITY_SHA256 if self.sha256 else stun.MESSAGE_INTEGRITY

    def learn(self, response):
        self.realm = response.get(stun.REALM).decode()
        self.nonce = response.get(stun.NONCE)
        self.algorithms = response.get(stun.PASSWORD_ALGORITHMS)
        if self.sha256 and self.algorithms is None:
            raise Failure("the server offers no PASSWORD-ALGORITHMS")
        self.key = stun.long_term_key(self.user, self.realm, self.password,
                                      "sha256" if self.sha256 else "md5")

    def message(self, method, attributes=(), cls=stun.REQUEST, after=b""):
        """A whole request, signed once the realm and nonce are known."""
        if self.key is None or cls != stun.REQUEST:
            return stun.Message(method, cls, attributes).encode(after=after)
        attributes = list(attributes) + self.credentials()
        return stun.Message(method, cls, attributes).encode(self.key, self.integrity(), after)

    def exchange(self, data, timeout=5.0):
        """Sends a request, again over UDP when it stays unanswered; its response or None."""
        deadline = time.monotonic() + timeout
        wait = 0.5 if not self.path.is_stream else timeout
        while time.monotonic() < deadline:
            self.path.send(data)
            response = self.response_to(data[8:20], min(time.monotonic() + wait, deadline))
            if response or self.path.is_stream:
                return response
            wait *= 2
        return None

    def response_to(self, tid, deadline):
        while True:
            data = self.path.receive(deadline - time.monotonic())
            if data is None:
                return None
            if data[8:20] == tid and not data[0] & 0xC0:
                self.raw_response = data
                return stun.decode(data)
            self.sort(data)

    def request(self, method, attributes=(), timeout=5.0):
        """A request with credentials; learns realm and nonce from 401 and 438, and tries again."""
        for _ in range(3):
            response = self.exchange(self.message(method, attributes), timeout)
            if response is None:
                raise Failure("no answer to method %d" % method)
            if response.error == 401 and self.key is None or response.error == 438:
                self.learn(response)
                continue
            return response
        raise Failure("the server keeps asking for credentials")

    def succeed(self, method, attributes=()):
        response = self.request(method, attributes)
        if response.error:
            raise Failure("method %d refused: %d" % (method, response.error))
        return response

    def binding(self, timeout=5.0):
        response = self.exchange(stun.Message(stun.BINDING).encode(), timeout)
        return response and response.address(stun.XOR_MAPPED_ADDRESS)

    def allocate(self, *attributes):
        response = self.succeed(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT),
                                                *attributes])
        self.relayed = response.address(stun.XOR_RELAYED_ADDRESS)
        self.mapped = response.address(stun.XOR_MAPPED_ADDRESS)
        return response

    def try_allocate(self, *attributes):
        """The error code; 0 when there is an allocation."""
        response = self.request(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT),
                                                *attributes])
        self.relayed = response.address(stun.XOR_RELAYED_ADDRESS)
        return response.error

    def refresh(self, lifetime_s):
        return self.succeed(stun.REFRESH, [(stun.LIFETIME, struct.pack("!I", lifetime_s))])

    def permit(self, *ips):
        return self.succeed(stun.CREATE_PERMISSION, [(stun.XOR_PEER_ADDRESS, (ip, 0)) for ip in ips])

    def bind_channel(self, number, peer):
        return self.succeed(stun.CHANNEL_BIND, [
            (stun.CHANNEL_NUMBER, struct.pack("!HH", number, 0)), (stun.XOR_PEER_ADDRESS, peer)])

    # RFC 6062

    def allocate_tcp(self, *attributes):
        response = self.succeed(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.TCP_TRANSPORT),
                                                *attributes])
        self.relayed = response.address(stun.XOR_RELAYED_ADDRESS)
        return response

    def connect_peer(self, peer):
        """A CONNECTION-ID."""
        return self.succeed(stun.CONNECT, [(stun.XOR_PEER_ADDRESS, peer)]).get(stun.CONNECTION_ID)

    def bind_connection(self, connection_id):
        """Makes of this client's connection a client data connection: its socket, and what came
        behind the answer."""
        self.succeed(stun.CONNECTION_BIND, [(stun.CONNECTION_ID, connection_id)])
        early, self.path.bytes = self.path.bytes, b""
        return self.path.socket, early

    # Data

    def send_to(self, peer, data):
        self.path.send(stun.Message(stun.SEND, stun.INDICATION, [
            (stun.XOR_PEER_ADDRESS, peer), (stun.DATA_ATTRIBUTE, data)]).encode())

    def send_channel(self, number, data):
        self.path.send(stun.channel_data(number, data, self.path.is_stream))

    def sort(self, data):
        if data[0] & 0xC0 == 0x40:
            number, length = struct.unpack("!HH", data[:4])
            self.inbox.append(("channel", number, data[4:4 + length]))
            return
        message = stun.decode(data)
        if (message.method, message.cls) == (stun.DATA, stun.INDICATION):
            self.inbox.append(("data", message.address(stun.XOR_PEER_ADDRESS),
                               message.get(stun.DATA_ATTRIBUTE)))
        if (message.method, message.cls) == (stun.CONNECTION_ATTEMPT, stun.INDICATION):
            self.inbox.append(("attempt", message.address(stun.XOR_PEER_ADDRESS),
                               message.get(stun.CONNECTION_ID)))

    def receive(self, timeout=3.0):
        """The next relayed data, or None."""
        deadline = time.monotonic() + timeout
        while not self.inbox:
            data = self.path.receive(deadline - time.monotonic())
            if data is None:
                return None
            self.sort(data)
        return self.inbox.popleft()


class Peer:
    """A UDP socket that is no TURN client."""

    def __init__(self, ip="127.0.0.1", port=0):
        self.socket = socket.socket(family_of(ip), socket.SOCK_DGRAM)
        self.socket.bind((ip, port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @property
    def address(self):
        return self.socket.getsockname()[:2]

    def send(self, data, address):
        self.socket.sendto(data, address)

    def receive(self, timeout=3.0):
        """(data, address) or (None, None)."""
        if not readable(self.socket, timeout):
            return None, None
        data, address = self.socket.recvfrom(65536)
        return data, (str(ipaddress.ip_address(address[0])), address[1])


def exchange_both_ways(client, peer, number=0x4000):
    """Sends a payload each way between an allocation and a peer; True when both arrived. The answer to a client that
    left before it came may reach the peer, whom the kernel has given the client's port."""
    client.bind_channel(number, peer.address)
    client.send_channel(number, b"to the peer")
    data, source = peer.receive()
    while data is not None and data != b"to the peer":
        data, source = peer.receive()
    if data is None:
        return False
    peer.send(b"to the client", source)
    return client.receive() == ("channel", number, b"to the client")


def meet(one, other, one_number=0x4000, other_number=0x4001):
    """Two allocations reach each other's relayed addresses; True when data passed both ways."""
    one.bind_channel(one_number, other.relayed)
    other.bind_channel(other_number, one.relayed)
    one.send_channel(one_number, b"ping")
    if other.receive() != ("channel", other_number, b"ping"):
        return False
    other.send_channel(other_number, b"pong")
    return one.receive() == ("channel", one_number, b"pong")
