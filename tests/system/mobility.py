#!/usr/bin/env python3
"""Mobility (RFC 8016): clients go on from another address, over another transport, on another thread."""
import contextlib
import re
import socket
import struct
import time

from harness import stun, tap
from harness.client import Client, Peer
from harness.network import Namespace, inside, run, wire
from harness.server import Server

ALONE = "what is lost while a client moves depends on the CPU time that is left"

CHANNEL = 0x4000
TRANSPORTS = ("udp", "dtls", "tcp", "tls")


def start(*options, **how):
    return Server("--mobility", "--allow-loopback-peers", *options, **how)


def allocate(client):
    """Makes a mobile allocation; the client keeps its ticket."""
    client.ticket = client.allocate((stun.MOBILITY_TICKET, b"")).get(stun.MOBILITY_TICKET)
    tap.expect(client.ticket, "a ticket with the allocation")


def show_ticket(client, ticket):
    return client.request(stun.REFRESH, [(stun.MOBILITY_TICKET, ticket)])


def move(old, new):
    """The client old is on the 5-tuple of new from now on; nothing was sent there but the Refresh."""
    response = show_ticket(new, old.ticket)
    tap.expect_equal(response.error, 0, "error of the Refresh with a ticket")
    new.ticket, new.relayed = response.get(stun.MOBILITY_TICKET), old.relayed
    tap.expect(new.ticket and new.ticket != old.ticket, "another ticket")


def relays(client, peer, words):
    """Data go both ways between the client, where it is now, and the peer."""
    client.send_channel(CHANNEL, b"up " + words)
    data, source = peer.receive()
    tap.expect_equal(data, b"up " + words, "what the peer received")
    tap.expect_equal(source, client.relayed, "where it came from")
    peer.send(b"down " + words, source)
    tap.expect_equal(client.receive(), ("channel", CHANNEL, b"down " + words), "what came back")


def threads_of_moves(server):
    return [int(thread) for thread in re.findall(r"allocation moved.* thread=(\d+)", server.log())]


def count_in_log(server, event):
    return len(re.findall(" %s: " % event, server.log()))


def test_forbidden():
    """Without mobility a client that asks for a ticket is told 405, and can do without"""
    with Server() as server, server.client() as client:
        tap.expect_equal(client.try_allocate((stun.MOBILITY_TICKET, b"")), 405, "error")
        tap.expect_equal(client.try_allocate(), 0, "error without MOBILITY-TICKET")


def test_every_thread():
    """A client moves about until each of four threads had its allocation; data go on, both ways"""
    with start("--relay-threads=4") as server, Peer() as peer:
        client = server.client()
        allocate(client)
        client.bind_channel(CHANNEL, peer.address)
        relays(client, peer, b"before")
        while set(threads_of_moves(server)) != {0, 1, 2, 3}:
            before = len(threads_of_moves(server))
            new = server.client()
            move(client, new)
            relays(client, peer, b"on the old 5-tuple")
            relays(new, peer, b"on the new one")
            tap.wait_until(lambda n=before: len(threads_of_moves(server)) == n + 1, "a line in the log")
            client.vanish()
            client = new
        client.refresh(0)
        tap.wait_until(lambda: count_in_log(server, "allocation deleted") == 1, "its end in the log")
        client.vanish()
        server.serves()


def test_every_transport():
    """From each transport to each, to 4 threads; the old 5-tuple serves until the new one is used"""
    with start("--relay-threads=4", tls=True) as server, Peer() as peer:
        files = server.open_files()
        client = server.client("udp")
        allocate(client)
        client.bind_channel(CHANNEL, peer.address)
        for first in TRANSPORTS:
            for transport in (first,) + TRANSPORTS:
                new = server.client(transport)
                move(client, new)
                relays(client, peer, b"still over the old one")
                relays(new, peer, transport.encode())
                client.vanish()
                client = new
        client.refresh(0)
        client.vanish()
        tap.wait_until(lambda: server.open_files() <= files, "all sockets are closed", 20)


def test_every_engine():
    """With each network engine a client moves over each transport, to another thread if it meets one"""
    for engine in ("dedicated", "paired"):
        with start("--relay-threads=3", "--network-engine=" + engine, tls=True) as server, \
                Peer() as peer:
            client = server.client("udp")
            allocate(client)
            client.bind_channel(CHANNEL, peer.address)
            for transport in ("udp",) * 8 + TRANSPORTS * 2:
                new = server.client(transport)
                move(client, new)
                relays(client, peer, b"still over the old one")
                relays(new, peer, transport.encode())
                client.vanish()
                client = new
            client.refresh(0)
            client.vanish()
            tap.wait_until(lambda s=server: len(threads_of_moves(s)) == 16, "16 moves in the log")
            if engine == "dedicated":
                tap.expect(len(set(threads_of_moves(server))) > 1, "moves between threads")


def test_quota():
    """GHSA-f6hc-79w3-p8pq: neither a move nor a connection that breaks frees a place in the quota, and
    neither takes one"""
    with start("--relay-threads=4", "--user-quota=2") as server, Peer() as peer:
        clients = [server.client("tcp") for _ in range(2)]
        for client in clients:
            allocate(client)
        clients[0].bind_channel(CHANNEL, peer.address)
        with server.client() as third:
            tap.expect_equal(third.try_allocate(), 486, "error for a third")
        clients[1].vanish()
        for transport in ("udp", "tcp") * 4:
            new = server.client(transport)
            move(clients[0], new)
            clients[0].vanish()
            with server.client() as third:
                tap.expect_equal(third.try_allocate(), 486, "error while it moves")
            relays(new, peer, b"moved")
            with server.client() as third:
                tap.expect_equal(third.try_allocate(), 486, "error when it has moved")
            clients[0] = new
        clients[0].refresh(0)
        clients[0].vanish()
        with server.client() as third:
            tap.expect_equal(third.try_allocate(), 0, "error when one is gone")


def test_connection_breaks():
    """A client whose connection broke comes back with its ticket, over each transport"""
    with start("--relay-threads=3", tls=True) as server, Peer() as peer:
        client = server.client("tls")
        allocate(client)
        client.bind_channel(CHANNEL, peer.address)
        for transport in ("tls", "dtls", "tcp", "tls", "udp"):
            client.vanish()
            new = server.client(transport)
            move(client, new)
            relays(new, peer, b"back over " + transport.encode())
            client = new
        client.refresh(0)
        client.vanish()
        tap.expect_equal(count_in_log(server, "allocation created"), 1, "allocations")


def reset(client):
    """Ends its TCP connection with a RST."""
    client.path.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.vanish()


def test_old_connection_closes():
    """RFC 8016 section 3.2.2: the end of the old connection completes a move, before the new one is used"""
    ends = [("tcp", reset), ("tcp", Client.vanish), ("tls", Client.vanish)]
    with start("--relay-threads=4", tls=True) as server, Peer() as peer:
        for transport, end in ends * 3:
            client = server.client(transport)
            allocate(client)
            client.bind_channel(CHANNEL, peer.address)
            new = server.client()
            move(client, new)
            relays(client, peer, b"still over the old one")
            moves = len(threads_of_moves(server))
            end(client)
            tap.wait_until(lambda n=moves: len(threads_of_moves(server)) == n + 1, "a line in the log")
            peer.send(b"are you there?", new.relayed)
            tap.expect_equal(new.receive(), ("channel", CHANNEL, b"are you there?"), "what came")
            relays(new, peer, b"moved")
            new.refresh(0)
            new.vanish()


def test_connection_bind():
    """A connection that an allocation is to move to is none for a peer's bytes, on whichever thread"""
    with start("--relay-threads=4") as server, Peer() as peer:
        client = server.client()
        allocate(client)
        client.bind_channel(CHANNEL, peer.address)
        for number in range(8):
            new = server.client("tcp")
            move(client, new)
            answer = new.request(stun.CONNECTION_BIND, [(stun.CONNECTION_ID, struct.pack("!I", number))])
            tap.expect_equal(answer.error, 400, "error of the ConnectionBind")
            relays(client, peer, b"still on the old one")
            relays(new, peer, b"on the new one")
            client.vanish()
            client = new
        client.refresh(0)
        client.vanish()


def test_refusals():
    """Another user, a spent ticket and a changed one are refused, whichever thread is asked"""
    with start("--relay-threads=4", "--user=other:secret") as server, Peer() as peer:
        client = server.client()
        allocate(client)
        client.bind_channel(CHANNEL, peer.address)
        changed = client.ticket[:20] + bytes([client.ticket[20] ^ 1]) + client.ticket[21:]
        for _ in range(12):
            with server.client(user="other", password="secret") as thief:
                tap.expect_equal(show_ticket(thief, client.ticket).error, 441, "error for another user")
            with server.client(password="guessed") as thief:
                tap.expect_equal(show_ticket(thief, client.ticket).error, 441, "error for another password")
            with server.client() as other:
                tap.expect_equal(show_ticket(other, changed).error, 400, "error for a changed ticket")
            with server.client() as other:
                tap.expect_equal(show_ticket(other, client.ticket[:-4]).error, 400, "error for half of one")
        relays(client, peer, b"as ever")
        new = server.client()
        move(client, new)
        relays(new, peer, b"moved")
        for _ in range(12):
            with server.client() as other:
                tap.expect_equal(show_ticket(other, client.ticket).error, 437, "error for a spent ticket")
        relays(new, peer, b"as ever")
        new.refresh(0)
        for one in (client, new):
            one.vanish()


def test_flood():
    """coturn a97f1924: 300 moves that nobody uses leave one allocation, one socket, and a client served"""
    with start("--relay-threads=4") as server, Peer() as peer:
        client = server.client()
        allocate(client)
        client.bind_channel(CHANNEL, peer.address)
        files, newest = server.open_files(), client.ticket
        others = [server.client() for _ in range(300)]
        for other in others:
            newest = show_ticket(other, newest).get(stun.MOBILITY_TICKET)
        tap.expect_equal(server.open_files(), files, "open files of the server")
        relays(client, peer, b"where it always was")
        others[0].send_channel(CHANNEL, b"from where the client is no longer expected")
        tap.expect_equal(peer.receive(0.2), (None, None), "what the peer received")
        others[-1].relayed = client.relayed
        relays(others[-1], peer, b"from where it is expected")
        others[-1].refresh(0)
        tap.expect_equal(count_in_log(server, "allocation created"), 1, "allocations")
        tap.expect_equal(count_in_log(server, "allocation moved"), 1, "moves")
        for one in [client] + others:
            one.vanish()


# A stream of packets

class Stream:
    """1,000 packets a second each way between the client, wherever it is, and the peer."""
    GAP_S = 0.001

    def __init__(self, client, peer):
        self.client, self.peer = client, peer
        self.paths = [client]
        self.sent = 0
        self.up, self.down = set(), set()
        self.first = time.monotonic()

    def send_one(self):
        number = struct.pack("!I", self.sent)
        self.client.send_channel(CHANNEL, number)
        self.peer.send(number, self.client.relayed)
        self.sent += 1

    def take_all(self):
        while (data := self.peer.receive(0)[0]) is not None:
            self.up.add(struct.unpack("!I", data)[0])
        for path in self.paths:
            while (got := path.receive(0)) is not None:
                self.down.add(struct.unpack("!I", got[2])[0])

    def run(self, seconds):
        """Each packet has its time; what was missed while something else was done is sent at once."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            while self.sent * self.GAP_S <= now - self.first:
                self.send_one()
            self.take_all()

    def go_on_from(self, new):
        self.paths.append(new)
        self.client = new

    def finish(self):
        """What was lost: what has not come a while after the last was sent."""
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline and self.lost() != (0, 0):
            self.take_all()
        return self.lost()

    def lost(self):
        return self.sent - len(self.up), self.sent - len(self.down)


class Roaming:
    """A client with two addresses, a server and a peer, each in a namespace of its own."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.client, self.relay, self.peer = (stack.enter_context(Namespace(name))
                                                  for name in ("client", "relay", "peer"))
            wire(self.client, "eth0", ["10.1.0.2/24"], self.relay, "to-c", ["10.1.0.1/24"])
            wire(self.peer, "eth0", ["10.2.0.2/24"], self.relay, "to-p", ["10.2.0.1/24"])
            wire(self.client, "wlan0", ["10.3.0.2/24"], self.relay, "to-w", ["10.3.0.1/24"])
            self.peer.add_route("default", "10.2.0.1")
            self.server = stack.enter_context(Server(
                "--mobility", "--relay-threads=4", "--allowed-peer-ip=10.2.0.2", tls=True,
                ips=("10.1.0.1", "10.3.0.1"), relay_ips=("10.1.0.1",), namespace=self.relay,
                ports=(3478, 5349)))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def at(self, device, transport):
        """The client on one of its two networks."""
        with inside(self.client):
            return Client(("10.1.0.1" if device == "eth0" else "10.3.0.1", 3478), transport)

    def unplug(self, device):
        run("ip", "-n", self.client.name, "link", "set", "dev", device, "down")

    def streaming(self, transport):
        client = self.at("eth0", transport)
        allocate(client)
        with inside(self.peer):
            peer = Peer("10.2.0.2")
        client.bind_channel(CHANNEL, peer.address)
        return Stream(client, peer)


def test_stream_over_udp():
    """Make before break: at 1,000 packets a second each way at most those in flight are lost, 8 times"""
    with Roaming() as net:
        stream = net.streaming("udp")
        stream.run(0.3)
        for turn in range(8):
            new = net.at("wlan0" if turn % 2 == 0 else "eth0", "udp")
            move(stream.client, new)
            stream.run(0.1)
            stream.go_on_from(new)
            stream.run(0.1)
        up, down = stream.finish()
        moves = threads_of_moves(net.server)
        tap.diagnose("%d packets each way, lost %d up and %d down; threads %s" % (
            stream.sent, up, down, moves))
        tap.expect_equal(len(moves), 8, "moves")
        tap.expect(len(set(moves)) > 1, "moves between threads")
        tap.expect(up <= 8 * 8 and down <= 8 * 8, "%d and %d packets lost" % (up, down))


def test_network_goes_away():
    """Break before make: the client's network goes, it comes back from another over each transport"""
    for transport in ("udp", "tls", "dtls"):
        with Roaming() as net:
            stream = net.streaming(transport)
            stream.run(0.2)
            before = stream.finish()
            net.unplug("eth0")
            new = net.at("wlan0", transport)
            move(stream.client, new)
            relays(new, stream.peer, b"back")
            stream = Stream(new, stream.peer)
            stream.run(0.3)
            after = stream.finish()
            if transport == "dtls":  # openssl's client makes one datagram of what is written at once
                before, after = (0, before[1]), (0, after[1])
            tap.expect_equal(before, (0, 0), "packets lost over %s before the move" % transport)
            tap.expect_equal(after, (0, 0), "packets lost over %s after it" % transport)


# Many at once

def move_all(server, clients):
    """All clients show their tickets from new 5-tuples before any answer is read, and then use them."""
    moved = [server.client() for _ in clients]
    for old, new in zip(clients, moved):
        new.realm, new.nonce, new.key = old.realm, old.nonce, old.key
        new.path.send(new.message(stun.REFRESH, [(stun.MOBILITY_TICKET, old.ticket)]))
    for new in moved:
        new.learn(stun.decode(new.path.receive(20)))
    for old, new in zip(clients, moved):
        new.asked = new.message(stun.REFRESH, [(stun.MOBILITY_TICKET, old.ticket)])
        new.path.send(new.asked)
        new.path.send(new.asked)
    for old, new in zip(clients, moved):
        response = new.exchange(new.asked, 20)
        tap.expect(response and not response.error, "success for each Refresh with a ticket")
        new.ticket, new.relayed = response.get(stun.MOBILITY_TICKET), old.relayed
    for new in moved:
        new.send_channel(CHANNEL, b"here")
    for old in clients:
        old.vanish()
    return moved


def expect_all(peer, clients):
    """The peer hears each client from its own relayed address."""
    heard, wanted = set(), {client.relayed for client in clients}
    while heard != wanted:
        data, source = peer.receive(20)
        tap.expect(data is not None, "%d of %d clients heard" % (len(heard), len(wanted)))
        heard.add(source)


@tap.limit_s(150)
def test_a_thousand_at_once():
    """1,000 clients on 4 threads move at once, three times, with every Refresh sent twice"""
    with start("--relay-threads=4") as server, Peer() as peer:
        files = server.open_files()
        peer.socket.setsockopt(1, 33, 4 << 20)  # SO_RCVBUFFORCE
        clients = [server.client() for _ in range(1000)]
        for client in clients:
            allocate(client)
            client.bind_channel(CHANNEL, peer.address)
        for _ in range(3):
            clients = move_all(server, clients)
            expect_all(peer, clients)
        tap.wait_until(lambda: len(threads_of_moves(server)) == 3000, "all moves in the log")
        for client in clients:
            client.refresh(0)
            client.vanish()
        tap.wait_until(lambda: server.open_files() <= files, "all sockets are closed", 20)


def test_end_while_moving():
    """The server ends while 200 clients move, and leaves nothing open"""
    with start("--relay-threads=4") as server, Peer() as peer:
        clients = [server.client() for _ in range(200)]
        for client in clients:
            allocate(client)
            client.bind_channel(CHANNEL, peer.address)
        moved = move_all(server, clients)
        for old, new in zip(clients, moved):
            new.path.send(new.message(stun.REFRESH, [(stun.MOBILITY_TICKET, old.ticket)]))
            new.send_channel(CHANNEL, b"and more")
        server.stop()
        server.process = None
        for client in moved:
            client.vanish()


if __name__ == "__main__":
    tap.main()
