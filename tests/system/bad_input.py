#!/usr/bin/env python3
"""Messages that are wrong in every way we could think of, and many that nobody thought of: the server
goes on, makes nothing of what is not authenticated, and never answers with much more than it got."""
import random
import struct
import time

from harness import stun, tap
from harness.client import Client, Closed, Peer
from harness.network import Namespace, inside, wire
from harness.server import Server

SEED = 8656
RANDOM_MESSAGES = 10000
HEADERS = 28  # of IPv4 and UDP, on the wire before every datagram
REFLECTION_MAX = 2.5
RSS_GROWTH_KB = 20000


def allocate_request(client=None):
    attributes = [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)]
    if client:
        return client.message(stun.ALLOCATE, attributes)
    return stun.Message(stun.ALLOCATE, attributes=attributes).encode()


def challenged(server, transport="udp"):
    """A client that has its realm and nonce and no allocation."""
    client = server.client(transport)
    client.learn(client.exchange(allocate_request()))
    return client


def sign(client, method, attributes):
    return client.message(method, attributes)


# Mutations: bytes of one good request in, bad ones out.

def positions(message):
    """Where each attribute's header is."""
    at = stun.HEADER
    while at < len(message):
        yield at
        length = struct.unpack("!H", message[at + 2:at + 4])[0]
        at += 4 + length + (-length % 4)


def patched(message, at, new):
    return message[:at] + new + message[at + len(new):]


def truncated(message):
    for length in range(len(message)):
        yield message[:length]


def wrong_lengths_of_attributes(message):
    for at in positions(message):
        length = struct.unpack("!H", message[at + 2:at + 4])[0]
        for wrong in {0, length - 1, length + 1, length + 4, 0x7FFF, 0xFFFC, 0xFFFF} - {-1}:
            yield patched(message, at + 2, struct.pack("!H", wrong))


def wrong_lengths_of_message(message):
    length = len(message) - stun.HEADER
    for wrong in (0, 1, 2, 3, 4, length - 4, length - 1, length + 1, length + 4, 0xFFFC, 0xFFFF):
        yield patched(message, 2, struct.pack("!H", max(wrong, 0)))


def wrong_headers(message):
    for at in range(4, 8):
        yield patched(message, at, bytes([message[at] ^ 0x10]))
    for kind in (0x0000, 0x0002, 0x0005, 0x000A, 0x3FFF, 0x3EEF, 0x0101, 0x0113, 0x0011, 0x0117):
        yield patched(message, 0, struct.pack("!H", kind))
    for first in (4, 19, 20, 22, 63, 64, 127, 128, 255):
        yield patched(message, 0, bytes([first]))


def reordered_and_repeated(message):
    starts = list(positions(message)) + [len(message)]
    parts = [message[a:b] for a, b in zip(starts, starts[1:])]
    for bodies in ([list(reversed(parts))] + [[part] * 40 for part in parts]
                   + [parts[:i] + parts[i + 1:] for i in range(len(parts))]
                   + [parts + [part] for part in parts]):
        body = b"".join(bodies)[:65000]
        yield message[:2] + struct.pack("!H", len(body)) + message[4:20] + body


def oversized(message):
    for size in (1500, 9000, 65000):
        body = message[20:] + stun.encode_attribute(0x8022, bytes(size - len(message)))
        yield message[:2] + struct.pack("!H", len(body)) + message[4:20] + body
    yield message + bytes(1)
    yield message + bytes(4)
    yield message + bytes(1400)
    yield bytes(65507)
    yield b"\xff" * 65507


def misaligned(message):
    """Attributes of odd lengths shift all that follow, as broken padding does."""
    for length in (1, 2, 3):
        odd = struct.pack("!HH", 0x8022, length) + bytes(length)
        body = odd + message[20:]
        yield message[:2] + struct.pack("!H", len(body)) + message[4:20] + body
        yield message[:2] + struct.pack("!H", len(body) + (-len(body) % 4)) + message[4:20] + body


def channel_data_forms(_message):
    for number in (0x4000, 0x4FFF, 0x5000, 0x7FFF):
        for length, data in ((0, b""), (1, b""), (0xFFFF, b"x"), (4, b"x" * 400), (3, b"xyz")):
            yield struct.pack("!HH", number, length) + data
    yield b"\x40"
    yield b"\x40\0\0"


MUTATIONS = (truncated, wrong_lengths_of_attributes, wrong_lengths_of_message, wrong_headers,
             reordered_and_repeated, oversized, misaligned, channel_data_forms)


def mutations(message):
    for mutate in MUTATIONS:
        yield from mutate(message)


def random_messages(good, count):
    """Bytes of good messages changed, cut, joined and made up, the same in every run."""
    rng = random.Random(SEED)
    for _ in range(count):
        message = bytearray(rng.choice(good))
        kind = rng.randrange(5)
        if kind == 0:
            message = bytearray(rng.randrange(256) for _ in range(rng.randrange(1, 200)))
        elif kind == 1:
            message = message[:rng.randrange(len(message)) + 1] + rng.choice(good)[20:]
        for _ in range(rng.randrange(1, 8)):
            message[rng.randrange(len(message))] = rng.randrange(256)
        if kind > 2 and len(message) >= 20:  # let it through the first checks
            message[0] &= 3
            del message[len(message) - len(message) % 4:]
            message[2:8] = struct.pack("!HI", len(message) - 20, stun.MAGIC)
        yield bytes(message)


def good_messages(client):
    peer = (stun.XOR_PEER_ADDRESS, ("192.0.2.9", 4000))
    return [
        stun.Message(stun.BINDING).encode(fingerprint=True), allocate_request(),
        allocate_request(client),
        sign(client, stun.REFRESH, [(stun.LIFETIME, bytes(4))]),
        sign(client, stun.CREATE_PERMISSION, [peer, peer]),
        sign(client, stun.CHANNEL_BIND, [(stun.CHANNEL_NUMBER, b"\x40\0\0\0"), peer]),
        stun.Message(stun.SEND, stun.INDICATION, [peer, (stun.DATA_ATTRIBUTE, b"data")]).encode(),
        sign(client, stun.ALLOCATE, [
            (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT), (stun.EVEN_PORT, b"\x80"),
            (stun.DONT_FRAGMENT, b""), (stun.ADDITIONAL_ADDRESS_FAMILY, stun.IPV6_FAMILY),
            (stun.LIFETIME, b"\xff\xff\xff\xff")]),
    ]


# What is done with them.

def pour_datagrams(address, messages):
    """Sends them from one socket and takes the answers, which pace it."""
    with Peer(address[0]) as sender:
        for number, message in enumerate(messages):
            sender.send(message[:65507], address)
            if number % 16 == 15:
                while sender.receive(0)[0] is not None:
                    pass
        # An answered Binding shows that all before it were handled.
        tap.wait_until(lambda: answered(sender, address), "an answer after bad datagrams")


def answered(sender, address):
    request = stun.Message(stun.BINDING).encode()
    sender.send(request, address)
    while True:
        data, _source = sender.receive(0.5)
        if data is None or data[8:20] == request[8:20]:
            return data is not None


def pour_into_streams(server, transport, messages):
    """Each on a connection of its own until the server closes it or answers."""
    for message in messages:
        try:
            client = server.client(transport)
            with client:
                client.path.send(message + stun.Message(stun.BINDING).encode())
                client.path.receive(0)
        except (OSError, Closed):
            pass


def expect_no_allocations(server, files_before):
    """Every allocation has a socket; those of connections that were closed are going."""
    tap.wait_until(lambda: server.open_files() <= files_before + 3,
                   "no relayed socket is left (%d files before)" % files_before, 15)


def survives(pour):
    with Server(tls=True) as server:
        server.serves()
        files, rss = server.open_files(), server.rss_kb()
        with challenged(server) as client:
            pour(server, client)
        tap.expect(server.process.poll() is None, "the server lives")
        expect_no_allocations(server, files)
        if not server.sanitized:
            grown = server.rss_kb() - rss
            tap.expect(grown < RSS_GROWTH_KB, "RSS grew by %d kB" % grown)
        server.serves()


def unsigned(messages):
    """Spoils the integrity, so that nothing may come of the message."""
    for message in messages:
        at = message.find(struct.pack("!HH", stun.MESSAGE_INTEGRITY, 20))
        yield patched(message, at + 4, bytes(20)) if at >= 20 else message


@tap.limit_s(120)
def test_datagrams():
    """Every mutation of every request over UDP: the server answers, and allocated nothing"""
    def pour(server, client):
        for good in unsigned(good_messages(client)):
            pour_datagrams(server.address, mutations(good))
    survives(pour)


@tap.limit_s(120)
def test_streams():
    """The same over TCP and TLS"""
    def pour(server, client):
        goods = list(unsigned(good_messages(client)))
        pour_into_streams(server, "tcp", (bad for good in goods for bad in mutations(good)))
        pour_into_streams(server, "tls", list(mutations(goods[4]))[::4])
    survives(pour)


@tap.limit_s(120)
def test_inside_an_allocation():
    """The same on a 5-tuple with an allocation, with integrity as it was: it goes on working"""
    with Server("--allow-loopback-peers") as server, server.client() as client, Peer() as peer:
        client.allocate()
        client.bind_channel(0x4000, peer.address)
        for good in good_messages(client)[1:]:
            for bad in mutations(good):
                # What is still whole and signed may be obeyed: Refresh would end the allocation.
                if stun.has_integrity(bad, client.key) and bad[:2] == b"\0\x04":
                    continue
                client.path.send(bad[:65507])
                while client.path.receive(0) is not None:
                    pass
        client.inbox.clear()
        while peer.receive(0)[0] is not None:
            pass
        client.refresh(600)
        while peer.receive(0)[0] is not None:
            pass
        client.send_channel(0x4000, b"after all that")
        tap.expect_equal(peer.receive()[0], b"after all that", "what the peer got")


@tap.limit_s(120)
def test_random_messages():
    """10,000 random messages, the same in every run, over UDP, and some over TCP"""
    def pour(server, client):
        goods = list(unsigned(good_messages(client)))
        pour_datagrams(server.address, random_messages(goods, RANDOM_MESSAGES))
        pour_into_streams(server, "tcp", random_messages(goods, RANDOM_MESSAGES // 20))
    survives(pour)


def test_pieces():
    """A request over TCP and TLS byte by byte, and many in one piece, are read all the same"""
    with Server(tls=True) as server:
        for transport in ("tcp", "tls"):
            with server.client(transport) as client:
                requests = [stun.Message(stun.BINDING).encode() for _ in range(50)]
                for octet in requests[0]:
                    client.path.send(bytes([octet]))
                tap.expect(client.response_to(requests[0][8:20], time.monotonic() + 5),
                           "answer to a request in pieces over " + transport)
                client.path.send(b"".join(requests))
                for request in requests:
                    tap.expect(client.response_to(request[8:20], time.monotonic() + 5),
                               "answer to one of many over " + transport)


def test_after_integrity():
    """What follows the integrity is not obeyed: neither LIFETIME nor XOR-PEER-ADDRESS"""
    with Server("--allow-loopback-peers") as server, server.client() as client:
        client.allocate()
        after = stun.encode_attribute(stun.LIFETIME, bytes(4))
        response = client.exchange(client.message(stun.REFRESH, after=after))
        tap.expect_equal(response.error, 0, "Refresh")
        tap.expect_equal(response.get(stun.LIFETIME), struct.pack("!I", 600), "its LIFETIME")
        request = stun.Message(stun.CREATE_PERMISSION, attributes=[
            (stun.XOR_PEER_ADDRESS, ("127.0.0.9", 0)), *client.credentials()])
        hidden = stun.encode_attribute(stun.XOR_PEER_ADDRESS,
                                       stun.encode_address(("127.0.0.1", 0), request.tid))
        tap.expect_equal(client.exchange(request.encode(client.key, after=hidden)).error, 0,
                         "CreatePermission")
        with Peer() as peer:
            client.send_to(peer.address, b"no permission for you")
            client.refresh(600)
            tap.expect_equal(peer.receive(0.3)[0], None, "what the peer got")


def test_before_integrity_alone():
    """A peer after the integrity does not stand in for one before it: 400"""
    with Server("--allow-loopback-peers") as server, server.client() as client:
        client.allocate()
        request = stun.Message(stun.CREATE_PERMISSION, attributes=client.credentials())
        hidden = stun.encode_attribute(stun.XOR_PEER_ADDRESS,
                                       stun.encode_address(("127.0.0.1", 0), request.tid))
        tap.expect_equal(client.exchange(request.encode(client.key, after=hidden)).error, 400,
                         "CreatePermission")


def test_duplicates():
    """Of an attribute that comes twice the first counts (RFC 8489 section 14)"""
    with Server() as server, server.client() as client:
        client.allocate((stun.LIFETIME, struct.pack("!I", 700)),
                        (stun.LIFETIME, struct.pack("!I", 900)))
        response = client.succeed(stun.REFRESH, [(stun.LIFETIME, struct.pack("!I", 800)),
                                                 (stun.LIFETIME, bytes(4))])
        tap.expect_equal(response.get(stun.LIFETIME), struct.pack("!I", 800), "LIFETIME")


def test_unknown_attribute():
    """An unknown attribute that must be understood is a 420 that names it"""
    with Server() as server, server.client() as client:
        response = client.request(stun.ALLOCATE, [
            (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT), (0x7ABC, b"what is this")])
        tap.expect_equal(response.error, 420, "error")
        tap.expect_equal((response.get(stun.UNKNOWN_ATTRIBUTES) or b"")[:2], b"\x7a\xbc", "its name")


def test_repeated_request():
    """The same Allocate sent again is answered the same: one allocation"""
    with Server() as server, challenged(server) as client:
        files = server.open_files()
        request = allocate_request(client)
        answers = [client.exchange(request) for _ in range(5)]
        relayed = {answer.address(stun.XOR_RELAYED_ADDRESS) for answer in answers}
        tap.expect_equal(len(relayed), 1, "relayed addresses")
        tap.expect(None not in relayed and server.open_files() <= files + 2, "one allocation")


def reflected(address, request):
    """Bytes that came back for those that were sent, on the wire."""
    with Peer(address[0]) as spoofed:
        spoofed.send(request, address)
        size = 0
        while True:
            data, _source = spoofed.receive(0.05)
            if data is None:
                return size / (len(request) + HEADERS)
            size += len(data) + HEADERS


@tap.limit_s(120)
def test_reflection():
    """No unauthenticated datagram is answered with more than 2.5 times its bytes"""
    with Server(tls=True) as server, challenged(server) as client:
        goods = good_messages(client)
        requests = goods + [bad for good in goods[:2] for bad in mutations(good)]
        requests += [stun.Message(method, cls).encode() for method in range(16) for cls in range(4)]
        requests += [b"", b"\0", b"\x16\xfe\xff" + bytes(60)]
        worst = max((reflected(server.address, request), request[:24]) for request in requests)
        tap.diagnose("worst factor %.2f, by %s" % (worst[0], worst[1].hex()))
        tap.expect(worst[0] <= REFLECTION_MAX, "a factor of %.2f" % worst[0])


def test_rate_of_401():
    """One source that is not on loopback gets 10 errors of an asked 10 a second; others theirs"""
    with Namespace("relay") as relay, Namespace("flood") as flood:
        wire(relay, "eth0", ["10.3.0.1/24"], flood, "eth0", ["10.3.0.2/24", "10.3.0.3/24"])
        server = Server("--unauthorized-ratelimit", "--unauthorized-ratelimit-rps=10",
                        ips=("10.3.0.1",), namespace=relay)
        with server:
            with inside(flood):
                attacker, other = Peer("10.3.0.2"), Client(server.address, source="10.3.0.3")
            with attacker, other:
                begin = time.monotonic()
                for _ in range(1000):
                    attacker.send(allocate_request(), server.address)
                answers = 0
                while attacker.receive(0.2)[0] is not None:
                    answers += 1
                allowed = 10 * (time.monotonic() - begin + 2)
                tap.expect(1 <= answers <= allowed, "%d errors, of %d" % (answers, allowed))
                other.allocate()
                tap.expect(answered(attacker, server.address), "Binding is not limited by it")


if __name__ == "__main__":
    tap.main()
