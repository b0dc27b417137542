"""Clients of every kind that come, relay, move, idle, and leave or break off at random: a crowd of them
for each process, drawn from a seed."""
import collections
import multiprocessing
import random
import socket
import struct
import time

from harness import stun, tap
from harness.client import Client, Closed, Peer
from harness.tcp_pair import TcpPeer

TRANSPORTS = ("udp",) * 4 + ("tcp",) * 3 + ("tls",) * 2 + ("dtls",)
CHANNEL = 0x4000
DATA = b"one packet of a call, as long as such packets are" * 3
PATIENCE_S = 10
GONE = 437  # Allocation Mismatch: its lifetime has ended while it was idle


class Gone(Exception):
    """The allocation has ended; nothing is wrong with that."""


class Session:
    """A client with an allocation, of UDP or of TCP."""

    def __init__(self, crowd):
        self.crowd, self.random = crowd, crowd.random
        self.relays_tcp = self.random.random() < 0.15
        self.transport = self.random.choice(("tcp", "tls") if self.relays_tcp else TRANSPORTS)
        self.is_mobile = not self.relays_tcp and self.random.random() < 0.4
        self.client = Client(crowd.address_for(self.transport), self.transport)
        self.ticket, self.pairs, self.has_channel = None, [], False
        try:
            self.allocate()
        except BaseException:
            self.client.vanish()
            raise

    def allocate(self):
        """Who has the port of a client that broke off meets its allocation."""
        if self.relays_tcp:
            self.client.allocate_tcp()
            self.client.permit(self.crowd.tcp_peer.address[0])
            return
        extra = [(stun.MOBILITY_TICKET, b"")] if self.is_mobile else []
        if not self.is_mobile and self.random.random() < 0.1:
            extra = [(stun.EVEN_PORT, b"\x80")]  # and a reservation that nobody takes
        response = self.request(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT), *extra])
        self.client.relayed = response.address(stun.XOR_RELAYED_ADDRESS)
        self.ticket = response.get(stun.MOBILITY_TICKET)

    def request(self, method, attributes):
        response = self.client.request(method, attributes, PATIENCE_S)
        if response.error == GONE:
            raise Gone()
        tap.expect_equal(response.error, 0, "error of method %d over %s" % (method, self.transport))
        return response

    # What it does, each a short while

    def relay(self):
        if self.relays_tcp:
            return self.relay_bytes()
        if self.random.random() < 0.5:
            return self.relay_by_channel()
        return self.relay_by_indications()

    def relay_by_channel(self):
        peer = self.crowd.peer
        if not self.has_channel:
            self.request(stun.CHANNEL_BIND, [(stun.CHANNEL_NUMBER, struct.pack("!HH", CHANNEL, 0)),
                                             (stun.XOR_PEER_ADDRESS, peer.address)])
            self.has_channel = True
        for _ in range(self.random.randrange(1, 8)):
            self.client.send_channel(CHANNEL, DATA)
            self.echo()

    def relay_by_indications(self):
        peer = self.crowd.peer
        self.request(stun.CREATE_PERMISSION, [(stun.XOR_PEER_ADDRESS, (peer.address[0], 0))])
        for _ in range(self.random.randrange(1, 4)):
            self.client.send_to(peer.address, DATA)
            self.echo()

    def echo(self):
        """The peer sends back what it got; data of an allocation that has just ended get lost."""
        data, source = self.crowd.peer.receive(0.5)
        if data is not None:
            self.crowd.peer.send(data, source)
            self.client.receive(0.5)

    def relay_bytes(self):
        if not self.pairs or self.random.random() < 0.3:
            self.connect()
        data, peer = self.random.choice(self.pairs)
        for sender, receiver in ((data, peer), (peer, data)):
            sender.sendall(DATA * 20)
            left = len(DATA) * 20
            while left:
                more = receiver.recv(65536)
                if not more:
                    raise Gone()
                left -= len(more)
        if self.random.random() < 0.3:  # one side ends, and the other sees it
            self.pairs.remove((data, peer))
            for one in self.random.sample((data, peer), 2):
                one.close()

    def connect(self):
        response = self.client.request(stun.CONNECT, [
            (stun.XOR_PEER_ADDRESS, self.crowd.tcp_peer.address)], PATIENCE_S)
        if response.error == 446:  # Connection Already Exists: the one of before is ending
            raise Gone()
        if response.error == GONE:
            raise Gone()
        tap.expect_equal(response.error, 0, "error of Connect")
        peer, _source = self.crowd.tcp_peer.accept()
        peer.settimeout(PATIENCE_S)
        carrier = Client(self.crowd.address_for(self.transport), self.transport)
        try:
            data, _early = carrier.bind_connection(response.get(stun.CONNECTION_ID))
        except BaseException:
            carrier.vanish()
            peer.close()
            raise
        data.settimeout(PATIENCE_S)
        self.pairs.append((data, peer))

    def refresh(self):
        self.request(stun.REFRESH, [])

    def idle(self):
        time.sleep(self.random.random() * 0.02)

    def move(self):
        """To another 5-tuple, maybe of another transport: the old one breaks, before or after."""
        if not self.is_mobile:
            return self.refresh()
        transport = self.random.choice(TRANSPORTS)
        old, new = self.client, Client(self.crowd.address_for(transport), transport)
        breaks_first = self.random.random() < 0.5
        if breaks_first:
            old.vanish()
        self.client, self.transport = new, transport
        try:
            response = self.request(stun.REFRESH, [(stun.MOBILITY_TICKET, self.ticket)])
            self.ticket = response.get(stun.MOBILITY_TICKET)
            self.refresh_after_move()
        finally:
            if not breaks_first:
                old.vanish()

    def refresh_after_move(self):
        """Any message completes the move; each Refresh after it has another ticket."""
        self.request(stun.CREATE_PERMISSION, [(stun.XOR_PEER_ADDRESS, (self.crowd.peer.address[0], 0))])

    # How it ends

    def leave(self):
        try:
            self.client.request(stun.REFRESH, [(stun.LIFETIME, bytes(4))], PATIENCE_S)
        finally:
            self.break_off()

    def break_off(self):
        for data, peer in self.pairs:
            data.close()
            peer.close()
        self.client.vanish()


DEEDS = (("relay", 50), ("idle", 20), ("refresh", 8), ("move", 12), ("leave", 6), ("break_off", 4))


class Crowd:
    def __init__(self, server, seed, size):
        self.address, self.tls_address, self.size = server.address, server.tls_address, size
        self.random = random.Random(seed)
        self.sessions = []
        self.done, self.failed = collections.Counter(), collections.Counter()
        self.words = []

    def address_for(self, transport):
        return self.tls_address if transport in ("tls", "dtls") else self.address

    def run(self, end):
        with Peer() as self.peer, TcpPeer() as self.tcp_peer:
            while not end.is_set():
                self.act()
            for session in list(self.sessions):
                self.do(session, self.random.choice(("leave", "leave", "break_off")))

    def act(self):
        if len(self.sessions) < self.size and self.random.random() < 0.5:
            return self.come()
        if not self.sessions:
            return None
        deed = self.random.choices([name for name, _ in DEEDS], [weight for _, weight in DEEDS])[0]
        return self.do(self.random.choice(self.sessions), deed)

    def come(self):
        try:
            self.sessions.append(Session(self))
            self.done["come"] += 1
        except Gone:
            self.done["came in another's place"] += 1
        except (tap.Failure, Closed, OSError) as error:
            self.fail("come", error)

    def do(self, session, deed):
        ends = deed in ("leave", "break_off")
        try:
            getattr(session, deed)()
            self.done[deed] += 1
        except Gone:
            self.done["ended meanwhile"] += 1
            ends = True
        except (tap.Failure, Closed, OSError) as error:
            self.fail("%s over %s" % (deed, session.transport), error)
            ends = True
        if ends:
            session.break_off()
            self.sessions.remove(session)

    def fail(self, deed, error):
        self.failed[deed] += 1
        self.words.append("%s: %s %s" % (deed, type(error).__name__, error))


def work(server, seed, size, end, results):
    crowd = Crowd(server, seed, size)
    socket.setdefaulttimeout(PATIENCE_S)
    try:
        crowd.run(end)
    finally:
        results.put((crowd.done, crowd.failed, crowd.words[:5]))


class Crowds:
    """with Crowds(server, seeds, size) as crowds: ...; then crowds.done, crowds.failed, crowds.words"""

    def __init__(self, server, seeds, size):
        self.end, self.results = multiprocessing.Event(), multiprocessing.Queue()
        self.processes = [multiprocessing.Process(target=work, daemon=True, args=(
            server, seed, size, self.end, self.results)) for seed in seeds]
        self.done, self.failed, self.words = collections.Counter(), collections.Counter(), []

    def __enter__(self):
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        for _ in self.processes:
            done, failed, words = self.results.get(timeout=120)
            self.done += done
            self.failed += failed
            self.words += words
        for process in self.processes:
            process.join(30)


