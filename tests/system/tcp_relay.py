#!/usr/bin/env python3
"""TCP relaying (RFC 6062): peer and client data connections, over plain and TLS streams."""
import random
import re
import select
import socket
import ssl
import struct
import subprocess
import threading
import time
import zlib

from harness import stun, tap
from harness.client import Closed, readable
from harness.server import Server, is_sanitized
from harness.tcp_pair import Pair, TcpPeer, bind, expect_echo, expect_end, join, read_all

THREADS = (1, 4)
BLOCK = random.Random(6062).randbytes(1 << 20)
RESET = struct.pack("ii", 1, 0)
UCLIENT_S = 12


def relay_server(*options, **how):
    return Server("--allow-loopback-peers", *options, **how)


# ---- whole conversations ----

def run_uclient(server, *options):
    """The number of messages that it lost; None when it did not come to an end."""
    command = ["turnutils_uclient", "-T", "-y", "-u", "u", "-w", "p", "-n", "10", "-m", "4",
               "-c", *options, "127.0.0.1"]
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                timeout=UCLIENT_S, check=False)
    except FileNotFoundError:
        raise tap.Skip("needs turnutils_uclient") from None
    except subprocess.TimeoutExpired:
        return None
    lost = re.search(rb"Total lost packets (\d+)", result.stdout)
    tap.expect(lost, "the result of turnutils_uclient: %s" % result.stdout[-300:])
    return int(lost.group(1))


@tap.limit_s(100)
@tap.beside
def test_uclient():
    """turnutils_uclient -T relays between its clients, over TCP and over TLS"""
    with relay_server("--relay-threads=2", tls=True) as server:
        tap.expect_equal(run_uclient(server, "-p", str(server.port)), 0, "lost over TCP")
        # uclient takes one message from each TLS record: a ConnectionAttempt that comes with an
        # answer is never seen, and it waits for ever. That depends on who is quicker.
        over_tls = (run_uclient(server, "-S", "-p", str(server.tls_port)) for _ in range(5))
        tap.expect(0 in over_tls, "five times without an end over TLS, or with losses")


def test_connect():
    """Connect reaches a peer from the relayed address; data passes both ways, whichever thread"""
    for threads in THREADS:
        with relay_server("--relay-threads=%d" % threads, tls=True) as server, TcpPeer() as peer:
            for transport in ("tcp", "tls") * 3:
                with server.client(transport) as control:
                    control.allocate_tcp()
                    with join(server, control, peer, transport) as pair:
                        tap.expect_equal(pair.source, control.relayed, "who connects")
                        expect_echo(pair.client, pair.peer)


def test_connection_attempt():
    """A peer with a permission that connects is announced, and joined with the client's connection"""
    for threads in THREADS:
        with relay_server("--relay-threads=%d" % threads, tls=True) as server:
            for transport in ("tcp", "tls") * 3:
                with server.client(transport) as control:
                    control.allocate_tcp()
                    control.permit("127.0.0.1")
                    with socket.create_connection(control.relayed, 5) as peer:
                        kind, address, connection_id = control.receive()
                        tap.expect_equal((kind, address), ("attempt", peer.getsockname()),
                                         "the indication")
                        peer.sendall(b"before it is joined ")
                        data, early = server.client(transport).bind_connection(connection_id)
                        with data:
                            early += read_all(data, 20 - len(early))
                            tap.expect_equal(early, b"before it is joined ", "what came early")
                            expect_echo(data, peer)


def test_two_clients():
    """Two clients on one server reach each other by their relayed addresses"""
    with relay_server("--relay-threads=4") as server:
        for _ in range(8):
            with server.client("tcp") as one, server.client("tcp") as other:
                one.allocate_tcp()
                other.allocate_tcp()
                one.permit("127.0.0.1")
                connection_id = other.connect_peer(one.relayed)
                kind, address, attempted_id = one.receive()
                tap.expect_equal((kind, address), ("attempt", other.relayed), "the indication")
                with bind(server, "tcp", connection_id) as b, bind(server, "tcp", attempted_id) as a:
                    expect_echo(a, b)


def test_ipv6():
    """IPv6 is relayed alike"""
    with relay_server(ips=("127.0.0.1", "::1")) as server:
        with server.client("tcp") as control, socket.socket(socket.AF_INET6) as peer:
            control.allocate_tcp((stun.REQUESTED_ADDRESS_FAMILY, stun.IPV6_FAMILY))
            peer.bind(("::1", 0))
            peer.listen()
            connection_id = control.connect_peer(peer.getsockname()[:2])
            accepted, source = peer.accept()
            tap.expect_equal(source[:2], control.relayed, "who connects")
            with accepted, bind(server, "tcp", connection_id) as data:
                expect_echo(data, accepted)


# ---- bytes ----

def read_message(connection):
    header = read_all(connection, stun.HEADER)
    return header + read_all(connection, struct.unpack("!H", header[2:4])[0])


def test_bytes_behind_connection_bind():
    """What the client sends in one go with ConnectionBind is the peer's, whatever it looks like"""
    behind = (b"GET / HTTP/1.1\r\n\r\n", stun.Message(stun.BINDING).encode(), b"\x40\0\0\4abcd",
              b"\xff" * 70000, b"x")
    for threads in THREADS:
        with relay_server("--relay-threads=%d" % threads, tls=True) as server, TcpPeer() as peer:
            for transport, more in [(t, m) for t in ("tcp", "tls") for m in behind]:
                with server.client(transport) as control, server.client(transport) as data:
                    control.allocate_tcp()
                    connection_id = control.connect_peer(peer.address)
                    accepted, _ = peer.accept()
                    data.learn(stun.Message(stun.ALLOCATE, stun.ERROR, [
                        (stun.REALM, control.realm.encode()), (stun.NONCE, control.nonce)]))
                    request = data.message(stun.CONNECTION_BIND,
                                           [(stun.CONNECTION_ID, connection_id)])
                    data.path.send(request + more)
                    answer = stun.decode(read_message(data.path.socket))
                    tap.expect_equal(answer.error, 0, "ConnectionBind")
                    with accepted:
                        tap.expect_equal(read_all(accepted, len(more)), more, "at the peer")
                        expect_echo(accepted, data.path.socket)


def test_refused_bind_goes_on():
    """After a ConnectionBind that is refused the connection still carries messages"""
    with relay_server("--relay-threads=4") as server:
        for number in range(8):
            with server.client("tcp") as client:
                client.allocate()
                client.refresh(0)
                refused = client.message(stun.CONNECTION_BIND,
                                         [(stun.CONNECTION_ID, struct.pack("!I", number))])
                binding = stun.Message(stun.BINDING).encode()
                client.path.send(refused + binding)
                deadline = time.monotonic() + 5
                tap.expect_equal(client.response_to(refused[8:20], deadline).error, 400,
                                 "ConnectionBind")
                tap.expect(client.response_to(binding[8:20], deadline), "Binding behind it")


def test_ends():
    """An end is passed on each way by itself, and the other way stays open"""
    with relay_server(tls=True) as server, TcpPeer() as peer, server.client("tcp") as control:
        control.allocate_tcp()
        with join(server, control, peer) as pair:
            pair.client.sendall(b"last words")
            pair.client.shutdown(socket.SHUT_WR)
            tap.expect_equal(read_all(pair.peer, 10), b"last words", "at the peer")
            tap.expect_equal(pair.peer.recv(1), b"", "the client's end")
            pair.peer.sendall(b"an answer")
            tap.expect_equal(read_all(pair.client, 9), b"an answer", "at the client")
            pair.peer.close()
            tap.expect_equal(pair.client.recv(1), b"", "the peer's end")
        for transport in ("tcp", "tls"):
            # A peer of its own: the server may not have heard of the last pair's end yet (446).
            with TcpPeer() as other, join(server, control, other, transport) as pair:
                pair.peer.sendall(b"last words")
                pair.peer.shutdown(socket.SHUT_WR)
                tap.expect_equal(read_all(pair.client, 10), b"last words", "at the client")
                tap.expect_equal(pair.client.recv(1), b"", "the peer's end")
                if transport == "tcp":
                    pair.client.sendall(b"an answer")
                    tap.expect_equal(read_all(pair.peer, 9), b"an answer", "at the peer")
                pair.client.close()
                tap.expect_equal(pair.peer.recv(1), b"", "the client's end")
        # Who has seen both ends may connect to the peer again at once.
        with join(server, control, peer) as pair:
            expect_echo(pair.client, pair.peer)


def test_client_that_is_gone():
    """A peer that does not end when its client has is left after idle-timeout"""
    with relay_server("--idle-timeout=1") as server, TcpPeer() as peer:
        with server.client("tcp") as control:
            control.allocate_tcp()
            with join(server, control, peer) as pair:
                pair.client.close()
                tap.expect_equal(pair.peer.recv(1), b"", "the client's end")
                tap.wait_until(lambda: control.request(stun.CONNECT, [
                    (stun.XOR_PEER_ADDRESS, peer.address)]).error != 446, "the peer is free")
                try:
                    pair.peer.recv(1)
                    pair.peer.sendall(b"to nobody")
                    raise tap.Failure("the peer data connection is still open")
                except ConnectionError:
                    pass


def test_bind_behind_allocate():
    """A ConnectionBind sent in one go with Allocate is refused, and the allocation works"""
    with relay_server("--relay-threads=4") as server, TcpPeer() as peer:
        for number in range(8):
            with server.client("tcp") as client:
                tap.expect_equal(client.request(stun.REFRESH).error, 437, "nothing is there")
                allocate = client.message(stun.ALLOCATE, [
                    (stun.REQUESTED_TRANSPORT, stun.TCP_TRANSPORT)])
                bind_to = client.message(stun.CONNECTION_BIND, [
                    (stun.CONNECTION_ID, struct.pack("!I", number))])
                client.path.send(allocate + bind_to)
                deadline = time.monotonic() + 5
                answers = {}
                while len(answers) < 2:
                    message = client.path.receive(deadline - time.monotonic())
                    tap.expect(message, "two answers")
                    answers[message[8:20]] = stun.decode(message)
                tap.expect_equal(answers[bind_to[8:20]].error, 400, "ConnectionBind")
                tap.expect_equal(answers[allocate[8:20]].error, 0, "Allocate")
                with join(server, client, peer) as pair:
                    expect_echo(pair.client, pair.peer)


def test_resets():
    """A reset on one side is one on the other"""
    with relay_server() as server, TcpPeer() as peer, server.client("tcp") as control:
        control.allocate_tcp()
        for resets in ("client", "peer"):
            pair = join(server, control, peer)
            expect_echo(pair.client, pair.peer)
            one, other = ((pair.client, pair.peer) if resets == "client"
                          else (pair.peer, pair.client))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.close()
            try:
                other.recv(1)
                raise tap.Failure("an end instead of a reset of the %s" % resets)
            except ConnectionResetError:
                other.close()


class Sender(threading.Thread):
    """Sends size bytes, then says it is done."""

    def __init__(self, connection, size, ends=True):
        super().__init__(daemon=True)
        self.connection, self.size, self.ends = connection, size, ends
        self.crc = 0

    def run(self):
        left = self.size
        while left > 0:
            piece = BLOCK[:min(left, len(BLOCK))]
            self.connection.sendall(piece)
            self.crc = zlib.crc32(piece, self.crc)
            left -= len(piece)
        if self.ends:
            self.connection.shutdown(socket.SHUT_WR)


class Receiver(threading.Thread):
    """Reads so much; a slow one stops once in a while until its sender's kernel is full."""

    def __init__(self, connection, size, is_slow=False):
        super().__init__(daemon=True)
        self.connection, self.size, self.is_slow = connection, size, is_slow
        self.crc, self.got = 0, 0

    def run(self):
        buffer = memoryview(bytearray(1 << 18))
        pause_at = self.size // 8
        while self.got < self.size:
            n = self.connection.recv_into(buffer)
            if n == 0:
                return
            self.crc = zlib.crc32(buffer[:n], self.crc)
            self.got += n
            if self.is_slow and self.got >= pause_at:
                pause_at += self.size // 8
                threading.Event().wait(0.2)  # a reader that does something else


def transfer(sender, receiver):
    for thread in (receiver, sender):
        thread.start()
    return sender, receiver


def expect_whole(sender, receiver):
    for thread in (sender, receiver):
        thread.join(60)
        tap.expect(not thread.is_alive(), "the transfer ends")
    tap.expect_equal((receiver.got, receiver.crc), (sender.size, sender.crc), "bytes and checksum")


@tap.limit_s(100)
def test_gigabytes():
    """1 GB each way at one time, over readers that pause: nothing is lost, nothing piles up"""
    size = 1 << 27 if is_sanitized() else 1 << 30
    with relay_server("--relay-threads=2") as server, TcpPeer() as peer:
        with server.client("tcp") as control:
            control.allocate_tcp()
            with join(server, control, peer) as pair:
                before = server.rss_kb()
                up = transfer(Sender(pair.client, size), Receiver(pair.peer, size, True))
                down = transfer(Sender(pair.peer, size), Receiver(pair.client, size, True))
                expect_whole(*up)
                expect_whole(*down)
                tap.expect(server.rss_kb() < before + 16384, "memory stays: %d of %d kB" % (
                    server.rss_kb(), before))


@tap.limit_s(60)
def test_tls_transfers():
    """200 MB up, then 200 MB down, over TLS"""
    size = 20000000 if is_sanitized() else 200000000
    with relay_server(tls=True) as server, TcpPeer() as peer, server.client("tls") as control:
        control.allocate_tcp()
        with join(server, control, peer, "tls") as pair:
            expect_whole(*transfer(Sender(pair.client, size, False),
                                   Receiver(pair.peer, size, True)))
            expect_whole(*transfer(Sender(pair.peer, size, False),
                                   Receiver(pair.client, size, True)))


def fill(connection):
    """Sends until nothing is taken for a second: how many bytes, and their checksum."""
    connection.setblocking(False)
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    sent, crc = 0, 0
    while poll.poll(1000):
        try:
            n = connection.send(BLOCK[:65536])
        except (BlockingIOError, ssl.SSLWantWriteError):
            continue
        crc = zlib.crc32(BLOCK[:n], crc)
        sent += n
    connection.settimeout(10)
    return sent, crc


def test_back_pressure():
    """Who does not read stops who sends, in a few megabytes, and then gets every byte"""
    with relay_server(tls=True) as server, server.client("tcp") as control:
        control.allocate_tcp()
        for transport, is_up in (("tcp", True), ("tcp", False), ("tls", True), ("tls", False)):
            before = server.rss_kb()
            with TcpPeer() as peer, join(server, control, peer, transport) as pair:
                sender, reader = ((pair.client, pair.peer) if is_up else (pair.peer, pair.client))
                sent, crc = fill(sender)
                tap.expect(sent < 40 << 20, "%d bytes were taken over %s" % (sent, transport))
                tap.expect(server.rss_kb() < before + 8192, "memory of the server")
                receiver = Receiver(reader, sent)
                receiver.start()
                receiver.join(20)
                tap.expect_equal((receiver.got, receiver.crc), (sent, crc), "bytes and checksum")


@tap.limit_s(40)
def test_bandwidth():
    """max-bps slows a connection down and loses nothing"""
    for transport in ("tcp", "tls"):
        with relay_server("--max-bps=200000", tls=True) as server, TcpPeer() as peer:
            with server.client(transport) as control:
                control.allocate_tcp()
                with join(server, control, peer, transport) as pair:
                    begun = time.monotonic()
                    expect_whole(*transfer(Sender(pair.client, 500000, False),
                                           Receiver(pair.peer, 500000)))
                    expect_whole(*transfer(Sender(pair.peer, 500000, False),
                                           Receiver(pair.client, 500000)))
                    # The first second's share passes at once.
                    took = time.monotonic() - begun
                    tap.expect(2.4 < took < 10, "it took %g s" % took)


# ---- many ----

@tap.limit_s(100)
def test_thousands():
    """3,000 connections are open at once, cost little while idle, and end with the allocation"""
    count = 400 if is_sanitized() else 3000
    with relay_server("--relay-threads=2", "--max-peer-connections=%d" % count) as server:
        with TcpPeer() as peer, server.client("tcp") as control:
            control.allocate_tcp()
            control.permit("127.0.0.1")
            pairs, before = [], server.rss_kb()
            for _ in range(count):
                outgoing = socket.create_connection(control.relayed, 5)
                _kind, address, connection_id = control.receive()
                tap.expect_equal(address, outgoing.getsockname(), "the indication")
                pairs.append(Pair(bind(server, "tcp", connection_id), outgoing, address))
            cost = (server.rss_kb() - before) * 1024 / count
            tap.expect(is_sanitized() or cost < 6000, "%d bytes for each" % cost)
            tap.diagnose("%d bytes for each of %d" % (cost, count))
            for pair in pairs[::7]:
                expect_echo(pair.client, pair.peer)
            tap.expect_equal(control.request(stun.CONNECT, [
                (stun.XOR_PEER_ADDRESS, peer.address)]).error, 508, "one more")
            control.refresh(0)
            for pair in pairs:
                expect_end(pair.client, "the client data connection")
                expect_end(pair.peer, "the peer data connection")
            for pair in pairs:
                pair.client.close()
                pair.peer.close()
        tap.wait_until(lambda: server.open_files() < 100, "all descriptors are closed")


# ---- what is refused, and what ends ----

def test_unbound_connections_time_out():
    """A peer data connection that nobody binds is closed in its time; a bound one is not"""
    with relay_server("--connection-bind-timeout=1") as server, TcpPeer() as peer:
        with server.client("tcp") as control:
            control.allocate_tcp()
            control.permit("127.0.0.1")
            with join(server, control, peer) as pair:
                with socket.create_connection(control.relayed, 5) as late:
                    connection_id = control.receive()[2]
                    tap.expect(not readable(late, 0.5), "it lives on for a while")
                    expect_end(late, "the peer that nobody bound")
                with server.client("tcp") as data:
                    tap.expect_equal(data.request(stun.CONNECTION_BIND, [
                        (stun.CONNECTION_ID, connection_id)]).error, 400, "too late")
                expect_echo(pair.client, pair.peer)


def test_connect_fails():
    """Connect is refused for a closed port, a silent peer, a forbidden one, and the same once more"""
    with relay_server("--peer-connect-timeout=1") as server, TcpPeer(backlog=0) as silent:
        with server.client("tcp") as control, TcpPeer() as peer:
            def error(address):
                return control.request(stun.CONNECT, [(stun.XOR_PEER_ADDRESS, address)]).error
            control.allocate_tcp()
            closed = TcpPeer()
            closed.socket.close()
            tap.expect_equal(error(closed.address), 447, "a closed port")
            tap.expect_equal(error(("127.0.0.1", server.port)), 403, "the server itself")
            tap.expect_equal(error(peer.address), 0, "a peer")
            tap.expect_equal(error(peer.address), 446, "the peer once more")
            waiting = []
            while error(silent.address) == 0:  # its backlog fills, then SYNs stay unanswered
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(silent.address)
                waiting.append(one)
                control.close()
                control = server.client("tcp")
                control.allocate_tcp()
            tap.expect_equal(error(silent.address), 447, "a silent peer")
            for one in waiting:
                one.close()


def test_peer_without_permission():
    """A peer without permission is closed at once, and the client hears nothing"""
    with relay_server() as server, server.client("tcp") as control:
        control.allocate_tcp()
        with socket.create_connection(control.relayed, 5) as stranger:
            expect_end(stranger, "the stranger")
        control.permit("127.0.0.1")
        with socket.create_connection(control.relayed, 5) as peer:
            tap.expect_equal(control.receive()[:2], ("attempt", peer.getsockname()), "the first")


def test_wrong_user():
    """Another user's ConnectionBind is refused like one for no connection"""
    with relay_server("--user=other:secret", "--relay-threads=4") as server, TcpPeer() as peer:
        with server.client("tcp") as control:
            control.allocate_tcp()
            connection_id = control.connect_peer(peer.address)
            for asked in (connection_id, b"\0\0\0\1"):
                with server.client("tcp", user="other", password="secret") as data:
                    tap.expect_equal(data.request(stun.CONNECTION_BIND, [
                        (stun.CONNECTION_ID, asked)]).error, 400, "the answer")
            accepted, _ = peer.accept()
            with accepted, bind(server, "tcp", connection_id) as data:
                expect_echo(data, accepted)


def test_control_connection_ends():
    """When the control connection ends, so do its data connections, joined or not"""
    for transport in ("tcp", "tls"):
        with relay_server("--relay-threads=4", tls=True) as server, TcpPeer() as peer:
            control = server.client(transport)
            control.allocate_tcp()
            with join(server, control, peer, transport) as pair:
                control.permit("127.0.0.1")
                with socket.create_connection(control.relayed, 5) as unbound:
                    control.receive()
                    control.vanish()
                    expect_end(pair.client, "the client data connection")
                    expect_end(pair.peer, "the peer data connection")
                    expect_end(unbound, "the one that was not bound")


def test_relaying_options():
    """no-tcp-relay and no-udp-relay refuse what they name, and nothing else"""
    for option, wanted in (("--no-tcp-relay", (0, 442)), ("--no-udp-relay", (403, 0))):
        with relay_server(option) as server:
            for protocol, error in zip((stun.UDP_TRANSPORT, stun.TCP_TRANSPORT), wanted):
                with server.client("tcp") as client:
                    tap.expect_equal(client.request(stun.ALLOCATE, [
                        (stun.REQUESTED_TRANSPORT, protocol)]).error, error, option)


def test_datagrams_cannot():
    """Over UDP nothing relays TCP"""
    with relay_server() as server, server.client() as client:
        tap.expect_equal(client.request(stun.ALLOCATE, [
            (stun.REQUESTED_TRANSPORT, stun.TCP_TRANSPORT)]).error, 400, "Allocate")


def test_port_is_free_again():
    """The relayed port is given back, for TCP and for UDP"""
    with relay_server("--min-port=20100", "--max-port=20100") as server, TcpPeer() as peer:
        for _ in range(3):
            with server.client("tcp") as control:
                control.allocate_tcp()
                with join(server, control, peer) as pair:
                    expect_echo(pair.client, pair.peer)
                    control.refresh(0)
                    expect_end(pair.client, "the client data connection")
            with server.client() as other:
                other.allocate()
                other.refresh(0)


def test_the_end():
    """The server ends with connections in every state, and leaves nothing"""
    with relay_server("--relay-threads=4", tls=True) as server, TcpPeer() as peer:
        controls, pairs = [], []
        for transport in ("tcp", "tls") * 4:
            control = server.client(transport)
            control.allocate_tcp()
            pairs.append(join(server, control, peer, transport))
            controls.append(control)
            control.permit("127.0.0.1")
            pairs.append(socket.create_connection(control.relayed, 5))
        for pair in pairs:
            if isinstance(pair, Pair):
                fill_some(pair.client)
                fill_some(pair.peer)
    for one in controls + pairs:
        try:
            one.close() if not isinstance(one, Pair) else one.__exit__()
        except (OSError, Closed):
            pass


def fill_some(connection):
    connection.setblocking(False)
    try:
        for _ in range(100):
            connection.send(BLOCK[:65536])
    except (BlockingIOError, ssl.SSLWantWriteError):
        pass


if __name__ == "__main__":
    tap.main()
