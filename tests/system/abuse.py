#!/usr/bin/env python3
"""Clients that mean harm or are broken: what each of them can take of the server is bounded, and it
gets it back."""
import socket
import ssl
import struct
import subprocess
import time

from harness import stun, tap
from harness.client import Closed, Peer, tls_context
from harness.server import Server

SHORT_TIMEOUTS = ("--handshake-timeout=2", "--message-timeout=2", "--idle-timeout=4")
BINDING = stun.Message(stun.BINDING).encode()


def connect(address):
    return socket.create_connection(address, 10)


def seconds_until_closed(connection, drip=b"", limit=15):
    """How long the server leaves a connection open on which a byte of drip comes each second."""
    begin, drip = time.monotonic(), list(drip)
    while time.monotonic() - begin < limit:
        connection.settimeout(1)
        try:
            if not connection.recv(4096):
                return time.monotonic() - begin
        except socket.timeout:
            pass
        except ConnectionError:
            return time.monotonic() - begin
        try:
            if drip:
                connection.send(bytes([drip.pop(0)]))
        except ConnectionError:
            return time.monotonic() - begin
    raise tap.Failure("the connection is still open after %d s" % limit)


def expect_closed(connection, soonest, latest, what, drip=b""):
    with connection:
        seconds = seconds_until_closed(connection, drip)
    tap.expect(soonest <= seconds <= latest, "%s: closed after %.1f s, not %g to %g" % (
        what, seconds, soonest, latest))


class TlsInMemory:
    """A TLS connection whose records can be cut, for they pass through our hands."""

    def __init__(self, address):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = tls_context().wrap_bio(self.incoming, self.outgoing)
        self.socket = connect(address)
        while True:
            try:
                self.tls.do_handshake()
                self.socket.sendall(self.outgoing.read())
                return
            except ssl.SSLWantReadError:
                self.socket.sendall(self.outgoing.read())
                self.incoming.write(self.socket.recv(65536))

    def record(self, data):
        self.tls.write(data)
        return self.outgoing.read()


def test_half_record():
    """Half a TLS record, and then nothing: the connection is closed"""
    with Server(*SHORT_TIMEOUTS, tls=True) as server:
        client = TlsInMemory(server.tls_address)
        record = client.record(BINDING)
        client.socket.sendall(record[:len(record) // 2])
        expect_closed(client.socket, 1, 8, "half a record")
        server.serves()


def client_hello():
    """The first bytes that a TLS client says."""
    outgoing = ssl.MemoryBIO()
    try:
        tls_context().wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@tap.beside
def test_half_handshake():
    """A TLS handshake that stops, or drips a byte a second, ends after handshake-timeout"""
    with Server(*SHORT_TIMEOUTS, tls=True) as server:
        hello = client_hello()
        for sent, drip in ((hello[:40], b""), (hello, b""), (hello[:1], hello[1:])):
            connection = connect(server.tls_address)
            connection.sendall(sent)
            expect_closed(connection, 1, 6, "%d bytes of a handshake" % len(sent), drip)


@tap.beside
def test_drip():
    """A message that drips a byte a second is cut off after message-timeout, on TCP and TLS"""
    with Server(*SHORT_TIMEOUTS, "--allow-loopback-peers", tls=True) as server:
        connection = connect(server.address)
        connection.sendall(BINDING[:1])
        expect_closed(connection, 1, 6, "a dripping message", BINDING[1:])
        client = TlsInMemory(server.tls_address)
        client.socket.sendall(client.record(BINDING[:7]))
        expect_closed(client.socket, 1, 6, "7 bytes of a message in a TLS record")


def test_drip_with_allocation():
    """The same on a connection that has an allocation, which ends with it"""
    with Server(*SHORT_TIMEOUTS) as server:
        files = server.open_files()
        client = server.client("tcp")
        client.allocate()
        client.path.send(stun.channel_data(0x4000, bytes(1000))[:500])
        expect_closed(client.path.socket, 1, 6, "half a message")
        tap.wait_until(lambda: server.open_files() <= files + 1, "its relayed socket is closed")


def test_allocation_may_be_idle():
    """A connection with an allocation and no half message stays open beyond idle-timeout"""
    with Server("--idle-timeout=1", "--message-timeout=1") as server:
        with server.client("tcp") as client, server.client("tcp") as idle:
            client.allocate()
            expect_closed(idle.path.socket, 0.5, 5, "the one without")
            tap.wait_until(lambda: client.refresh(600), "the one with an allocation answers")


def test_not_stun():
    """A stream that speaks something else is closed, and gets nothing to read"""
    with Server(*SHORT_TIMEOUTS, tls=True) as server:
        for first in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"SSH-2.0-x\r\n", b"\xff" * 100,
                      b"\x16\x03\x01\xff\xff" + b"\xff" * 100):
            with connect(server.address) as connection:
                connection.sendall(first)
                connection.settimeout(5)
                try:
                    answer = connection.recv(4096)
                except ConnectionError:
                    answer = b""
                except socket.timeout:
                    raise tap.Failure("still open after %r" % first[:9]) from None
                tap.expect(len(answer) <= 7, "nothing, or an alert, for %r" % first[:9])
        server.serves()


@tap.limit_s(90)
def test_silent_connections():
    """2,000 TCP connections that say nothing are closed after idle-timeout, for others to come"""
    with Server("--idle-timeout=2", "--max-connections=2100", tls=True) as server:
        files = server.open_files()
        connections = [connect(server.address) for _ in range(2000)]
        server.serves()
        deadline = time.monotonic() + 15
        for connection in connections:
            connection.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                tap.expect_equal(connection.recv(1), b"", "what a silent connection reads")
            except socket.timeout:
                raise tap.Failure("a silent connection stays open") from None
            connection.close()
        tap.wait_until(lambda: server.open_files() <= files + 2, "all are closed at the server")
        with server.client("tcp") as client:
            tap.expect(client.binding(), "an answer over TCP")


# DTLS

def dtls_client_hello():
    """The first datagram of openssl's DTLS client."""
    with Peer() as listener:
        client = subprocess.Popen(
            ["openssl", "s_client", "-dtls1_2", "-connect", "127.0.0.1:%d" % listener.address[1]],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        hello = listener.receive(5)[0]
        client.kill()
        client.communicate()
    return hello


def with_cookie(hello, cookie):
    """The same ClientHello a second time (RFC 6347 section 4.2.1), as one that has its cookie."""
    body = hello[25:]
    session = 35 + body[34]
    body = body[:session] + bytes([len(cookie)]) + cookie + body[session + 1 + body[session]:]
    size = struct.pack("!I", len(body))[1:]
    handshake = b"\x01" + size + b"\0\1" + bytes(3) + size + body
    record = hello[:3] + struct.pack("!HHI", 0, 0, 1) + struct.pack("!H", len(handshake))
    return record + handshake


def cookie_of(answer):
    """What a HelloVerifyRequest carries."""
    if not answer or answer[0] != 22 or answer[13] != 3:
        return None
    return answer[28:28 + answer[27]]


def source(number):
    return "127.%d.%d.%d" % (1 + number // 62500, number // 250 % 250, 1 + number % 250)


def dtls_works(server, seconds=5):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with server.client("dtls") as client:
            try:
                if client.binding(2):
                    return True
            except Closed:
                pass
    return False


def growth_bound(server, kilobytes):
    return kilobytes * (20 if server.sanitized else 1)


@tap.limit_s(90)
def test_dtls_hellos():
    """10,000 DTLS ClientHellos from as many sources leave no memory; a client gets through"""
    hello = dtls_client_hello()
    with Server(tls=True) as server:
        tap.expect(dtls_works(server), "DTLS before")
        rss = server.rss_kb()
        for number in range(10000):
            with Peer(source(number)) as sender:
                sender.send(hello, server.address)
                if number % 50 == 49:
                    tap.expect(cookie_of(sender.receive(5)[0]), "a HelloVerifyRequest")
        tap.expect(dtls_works(server), "DTLS after")
        grown = server.rss_kb() - rss
        tap.expect(grown < growth_bound(server, 3000), "RSS grew by %d kB" % grown)
        server.serves()


@tap.limit_s(90)
def test_dtls_half_open():
    """Handshakes that stop after the cookie are bounded by dtls-max-half-open, and time out"""
    hello = dtls_client_hello()
    with Server("--handshake-timeout=2", "--dtls-max-half-open=200", tls=True) as server:
        tap.expect(dtls_works(server), "DTLS before")
        rss = server.rss_kb()
        for number in range(2000):
            with Peer(source(number)) as sender:
                sender.send(hello, server.address)
                cookie = cookie_of(sender.receive(5)[0])
                tap.expect(cookie, "a HelloVerifyRequest")
                sender.send(with_cookie(hello, cookie), server.address)
        server.serves()
        grown = server.rss_kb() - rss
        tap.expect(grown < growth_bound(server, 20000), "RSS grew by %d kB" % grown)
        tap.expect(dtls_works(server, 15), "DTLS when their time is over")


def test_dtls_reflection():
    """A DTLS ClientHello without a cookie is answered with less than it has"""
    hello = dtls_client_hello()
    with Server(tls=True) as server, Peer() as sender:
        sender.send(hello, server.address)
        answer = sender.receive()[0]
        tap.expect(cookie_of(answer), "a HelloVerifyRequest")
        tap.expect(len(answer) < len(hello), "%d bytes for %d" % (len(answer), len(hello)))
        tap.expect_equal(sender.receive(0.5)[0], None, "a second answer")


# What allocations take

@tap.limit_s(90)
def test_slow_reader():
    """What waits for a TCP client that does not read is bounded; it goes on when it reads again"""
    with Server("--allow-loopback-peers", "--stream-queue-size=256K") as server:
        with server.client("tcp") as client, Peer() as peer:
            client.path.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            client.allocate()
            client.bind_channel(0x4000, peer.address)
            rss = server.rss_kb()
            for number in range(40000):
                peer.send(struct.pack("!I", number) + bytes(1200), client.relayed)
                if number % 2000 == 1999:
                    server.serves()
            grown = server.rss_kb() - rss
            tap.expect(grown < growth_bound(server, 6000), "RSS grew by %d kB" % grown)
            # A window smaller than a segment of the loopback is filled once in each probe interval.
            client.path.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            expect_whole_messages(client)
            tap.wait_until(lambda: client.refresh(600), "its Refresh is answered")
            client.send_channel(0x4000, b"still here")
            tap.expect_equal(peer.receive()[0], b"still here", "what the peer got")


def expect_whole_messages(client):
    """What was dropped was dropped whole: all that comes is whole and in order."""
    last = -1
    while True:
        received = client.receive(0.5)
        if received is None:
            break
        kind, number, data = received
        tap.expect_equal((kind, number, len(data)), ("channel", 0x4000, 1204), "a message")
        sequence = struct.unpack("!I", data[:4])[0]
        tap.expect(sequence > last, "message %d after %d" % (sequence, last))
        last = sequence
    tap.expect(last >= 0, "something arrived")


def fill(server, transport, count):
    """As many clients as there are ports, and one too many. The ports are none that the kernel gives to clients."""
    clients = [server.client(transport) for _ in range(count + 1)]
    for client in clients[:count]:
        client.allocate()
    tap.expect_equal(clients[count].try_allocate(), 508, "one more than there are ports")
    return clients


def expect_ports_come_back(server, count, seconds):
    def all_are_there():
        clients = []
        try:
            for _ in range(count):
                clients.append(server.client("tcp"))
                if clients[-1].try_allocate():
                    return False
            return True
        finally:
            for client in clients:
                client.close()
    tap.wait_until(all_are_there, "all %d ports are there again" % count, seconds)


def test_vanished_stream_clients():
    """Relayed ports of TCP clients that are gone are free at once"""
    with Server("--min-port=20000", "--max-port=20009") as server:
        for _ in range(3):
            for client in fill(server, "tcp", 10):
                client.path.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                              struct.pack("ii", 1, 0))
                client.vanish()
            expect_ports_come_back(server, 10, 5)


def test_vanished_datagram_clients():
    """Relayed ports of UDP clients that are gone are free when their allocations expire"""
    lifetime = 2
    with Server("--min-port=20000", "--max-port=20009",
                "--max-allocate-lifetime=%d" % lifetime) as server:
        for client in fill(server, "udp", 10):
            client.vanish()
        expect_ports_come_back(server, 10, 10)


@tap.beside
def test_no_port_is_lost():
    """Even ports, reservations and refusals leave all ports of a small range usable"""
    with Server("--min-port=20000", "--max-port=20009") as server:
        for _ in range(20):
            with server.client("tcp") as client:
                client.try_allocate((stun.EVEN_PORT, b"\x80"))
            with server.client("tcp") as client:
                client.try_allocate((stun.EVEN_PORT, b"\0"))
        # A reserved port that nobody fetches is held for 30 seconds (RFC 8656 section 7.2).
        expect_ports_come_back(server, 10, 45)


def test_permissions_and_channels_are_bounded():
    """max-permissions and max-channels: 508 beyond them, and what there is goes on"""
    with Server("--max-permissions=20", "--max-channels=10", "--allowed-peer-ip=10.0.0.0/8") as server:
        with server.client() as client:
            client.allocate()
            for number in range(20):
                client.permit("10.0.0.%d" % number)
            response = client.request(stun.CREATE_PERMISSION, [
                (stun.XOR_PEER_ADDRESS, ("10.0.1.1", 0))])
            tap.expect_equal(response.error, 508, "one permission more")
            client.permit("10.0.0.1")
            for number in range(10):
                client.bind_channel(0x4000 + number, ("10.0.0.1", 1000 + number))
            response = client.request(stun.CHANNEL_BIND, [
                (stun.CHANNEL_NUMBER, b"\x41\0\0\0"), (stun.XOR_PEER_ADDRESS, ("10.0.0.1", 2000))])
            tap.expect_equal(response.error, 508, "one channel more")
            client.refresh(600)


if __name__ == "__main__":
    tap.main()
