#!/usr/bin/env python3
"""Limits that hold, on however many threads: quotas, bandwidth, packets, peers, permissions,
channels, unauthenticated requests. Each has a counter, a line in the log, and a phrase that say which
it is."""
import base64
import contextlib
import hashlib
import hmac
import re
import subprocess
import time

from harness import stun, tap
from harness.client import Client, Peer
from harness.server import REALM, Server

ALONE = "it measures packets a second"

THREADS = "--relay-threads=4"
LOOPBACK = "--allow-loopback-peers"
PHRASES = "--include-reason-string"
ALLOCATE_UDP = [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)]
QUOTA_REACHED, NO_CAPACITY = 486, 508


@contextlib.contextmanager
def many_clients(server, count, **how):
    """They know realm and nonce already, so that what they send next counts."""
    clients = [server.client(**how) for _ in range(count)]
    try:
        for client in clients:
            client.learn(client.exchange(stun.Message(stun.ALLOCATE, stun.REQUEST,
                                                      ALLOCATE_UDP).encode()))
        yield clients
    finally:
        for client in clients:
            client.close()


def race(clients):
    """All ask for an allocation at once, before any answer is read: their errors, 0 for success."""
    requests = [client.message(stun.ALLOCATE, ALLOCATE_UDP) for client in clients]
    for client, request in zip(clients, requests):
        client.path.send(request)
    errors = []
    for client, request in zip(clients, requests):
        response = (client.response_to(request[8:20], time.monotonic() + 2)
                    or client.exchange(request))
        tap.expect(response, "an answer to each")
        client.relayed = response.address(stun.XOR_RELAYED_ADDRESS)
        errors.append(response.error)
    return errors


def winners(clients):
    return [client for client in clients if client.relayed]


def expect_race(clients, places):
    errors = race(clients)
    tap.expect_in(set(errors), ({0, QUOTA_REACHED}, {0}), "errors of the race")
    tap.expect_equal(errors.count(0), places, "allocations that %d clients got" % len(clients))


def delete(client):
    client.refresh(0)
    client.relayed = None


def phrase(response):
    return (response.get(stun.ERROR_CODE) or b"")[4:].decode()


def expect_refusal(response, error, reason):
    tap.expect_equal((response.error, phrase(response)), (error, reason), "error and phrase")


def expect_line(server, option, value, result):
    """The line in the log says which limit, its value, and what became of it."""
    line = "limit reached: option=%s value=%s " % (option, value)
    tap.wait_until(lambda: line in server.log(), "a line with '%s'" % line)
    found = next(text for text in server.log().splitlines() if line in text)
    tap.expect('result="%s"' % result in found and "user=" in found and "client=" in found,
               "who and what: " + found)


def total(server, counter):
    """What the server said of a counter when it ended; it needs --verbose for that."""
    found = re.search(r"total: %s=(\d+)" % counter, server.log())
    return int(found.group(1)) if found else 0


# Quotas

def test_user_quota_over_threads():
    """200 clients of one user race on 4 threads: user-quota of them have an allocation"""
    with Server(THREADS, "--user-quota=50", "--verbose") as server:
        with many_clients(server, 200) as clients:
            expect_race(clients, 50)
            expect_line(server, "user-quota", 50, "answered 486")
            for client in winners(clients)[:20]:
                delete(client)
            late = [client for client in clients if not client.relayed]
            expect_race(late, 20)
    refused = total(server, "refused_user_quota")
    tap.expect(refused >= 150 + 150, "%d refusals are counted" % refused)
    tap.expect_equal(total(server, "refused_total_quota"), 0, "refusals for another reason")


def test_quotas_with_every_engine():
    """A quota is the server's, however clients come to its threads"""
    for engine in ("dedicated", "paired", "sharded"):
        with Server(THREADS, "--network-engine=" + engine, "--user-quota=20") as server:
            with many_clients(server, 50) as some, many_clients(server, 10, transport="tcp") as more:
                expect_race(some + more, 20)


def test_user_quota_is_not_total_quota():
    """user-quota is each user's own (coturn issue 243)"""
    with Server(THREADS, "--user-quota=5", "--user=v:p", "-q", "5") as server:
        with many_clients(server, 12) as mine, many_clients(server, 12, user="v") as others:
            expect_race(mine, 5)
            expect_race(others, 5)


def test_total_quota_over_threads():
    """200 clients of two users race on 4 threads: total-quota of them have an allocation"""
    with Server(THREADS, "-Q", "60", "--user=v:p", PHRASES, "--verbose") as server:
        with many_clients(server, 100) as some, many_clients(server, 100, user="v") as others:
            expect_race([client for pair in zip(some, others) for client in pair], 60)
            expect_line(server, "total-quota", 60, "answered 486")
            loser = next(client for client in some + others if not client.relayed)
            expect_refusal(loser.request(stun.ALLOCATE, ALLOCATE_UDP), QUOTA_REACHED,
                           "Total Quota Reached")
    tap.expect(total(server, "refused_total_quota") >= 141, "refusals are counted")
    tap.expect_equal(total(server, "refused_user_quota"), 0, "refusals for another reason")


def time_limited(name, secret="north"):
    password = hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()
    return {"user": name, "password": base64.b64encode(password).decode()}


def test_time_limited_names():
    """A time-limited name counts for the user in it: new credentials are no new user"""
    now = int(time.time())
    with Server("--use-auth-secret", "--static-auth-secret=north", "--realm=" + REALM,
                "--user-quota=2", THREADS, PHRASES, credentials=False) as server:
        names = ["%d:anna" % (now + 600), "%d:anna" % (now + 601), "anna:%d" % (now + 602)]
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.client(**time_limited(name))) for name in names]
            clients[0].allocate()
            clients[1].allocate()
            expect_refusal(clients[2].request(stun.ALLOCATE, ALLOCATE_UDP), QUOTA_REACHED,
                           "User Quota Reached")
            other = stack.enter_context(server.client(**time_limited("%d:otto" % (now + 600))))
            other.allocate()
            delete(clients[0])
            clients[2].allocate()


def fill(server, transport, count):
    """count clients that wait for their places."""
    clients = [server.client(transport) for _ in range(count)]
    for client in clients:
        tap.wait_until(lambda one=client: one.try_allocate() == 0, "a place")
    return clients


def test_places_come_back():
    """Places come back however an allocation ends: deleted, its connection closed, expired"""
    with Server(THREADS, "--user-quota=4") as server:
        for _ in range(8):
            for client in fill(server, "udp", 4):
                delete(client)
                client.vanish()
            for client in fill(server, "tcp", 4):
                client.vanish()
    with Server(THREADS, "--user-quota=4", "--max-allocate-lifetime=1") as server:
        for client in fill(server, "udp", 4) + fill(server, "tcp", 4):
            client.vanish()


def test_reservations_count():
    """A reserved address is a place of its user, on whichever thread it is fetched"""
    with Server(THREADS, "--user-quota=2", LOOPBACK) as server:
        for _ in range(16):
            with server.client() as one, server.client() as other, server.client() as third:
                token = one.allocate((stun.EVEN_PORT, b"\x80")).get(stun.RESERVATION_TOKEN)
                tap.expect_equal(third.try_allocate(), QUOTA_REACHED, "a third")
                other.allocate((stun.RESERVATION_TOKEN, token))
                tap.expect_equal(third.try_allocate(), QUOTA_REACHED, "a third, later")
                delete(one)
                delete(other)


def test_bps_capacity():
    """bps-capacity is handed out over all threads, max-bps to each allocation"""
    with Server(THREADS, "--max-bps=1M", "--bps-capacity=20M", PHRASES, "--verbose") as server:
        with many_clients(server, 60) as clients:
            expect_race(clients, 20)
            expect_line(server, "bps-capacity", 20 << 20, "answered 486")
            loser = next(client for client in clients if not client.relayed)
            expect_refusal(loser.request(stun.ALLOCATE, ALLOCATE_UDP), QUOTA_REACHED,
                           "Bandwidth Capacity Reached")
            delete(winners(clients)[0])
            tap.expect_equal(loser.try_allocate(), 0, "error when some came back")
    tap.expect(total(server, "refused_capacity") >= 41, "refusals are counted")


# Rates

def drain(receive):
    count = 0
    while receive(0)[0] is not None:
        count += 1
    return count


def rate(send, receive, per_second, seconds=2):
    """How many arrive in a second when half as many again are sent, once the burst is used up."""
    for _ in range(int(per_second * 3)):
        send()
        if receive(0.1)[0] is None:
            break
    begin, sent, arrived = time.monotonic(), 0, 0
    while time.monotonic() - begin < seconds:
        while sent < (time.monotonic() - begin) * per_second * 1.5:
            send()
            sent += 1
        arrived += drain(receive)
    elapsed = time.monotonic() - begin
    while receive(0.05)[0] is not None:
        arrived += 1
    return arrived / elapsed


def expect_rate(got, wanted, what):
    tap.expect(0.9 * wanted <= got <= 1.1 * wanted, "%s: %.0f a second, not %.0f" % (
        what, got, wanted))


def measure(server, transport, size, per_second):
    """Both directions of an allocation: messages of size bytes on the client's side."""
    data = bytes(size - 4)
    with server.client(transport) as client, Peer() as peer:
        client.allocate()
        client.bind_channel(0x4000, peer.address)
        got = rate(lambda: client.send_channel(0x4000, data), peer.receive, per_second)
        expect_rate(got, per_second, "to the peer over " + transport)
        got = rate(lambda: peer.send(data, client.relayed),
                   lambda timeout: (client.receive(timeout),), per_second)
        expect_rate(got, per_second, "to the client over " + transport)


@tap.limit_s(90)
def test_max_bps():
    """An allocation passes max-bps bytes a second in each direction, within 10 percent"""
    with Server("--max-bps=400k", LOOPBACK, "--verbose") as server:
        for transport in ("udp", "tcp"):
            measure(server, transport, 1000, 400 * 1024 / 1000)
        expect_line(server, "max-bps", 400 * 1024, "packets dropped")
        tap.wait_until(lambda: re.search(r"limited_packets=[1-9]", server.log()),
                       "dropped packets in the line of an allocation's end")
    tap.expect(total(server, "drop_bandwidth") > 100, "drops are counted")
    tap.expect_equal(total(server, "drop_packet_rate"), 0, "drops for another reason")


def test_max_pps():
    """An allocation passes max-pps packets a second in each direction, within 10 percent"""
    with Server("--max-pps=500", LOOPBACK, "--verbose") as server:
        measure(server, "udp", 100, 500)
        expect_line(server, "max-pps", 500, "packets dropped")
    tap.expect(total(server, "drop_packet_rate") > 100, "drops are counted")
    tap.expect_equal(total(server, "drop_bandwidth"), 0, "drops for another reason")


# Of an allocation

def permit(client, ip):
    return client.request(stun.CREATE_PERMISSION, [(stun.XOR_PEER_ADDRESS, (ip, 0))])


def bind(client, number, peer):
    return client.request(stun.CHANNEL_BIND, [
        (stun.CHANNEL_NUMBER, number.to_bytes(2, "big") + b"\0\0"), (stun.XOR_PEER_ADDRESS, peer)])


def test_permissions_and_channels():
    """508 at max-permissions and max-channels, each by its own name"""
    with Server("--max-permissions=3", "--max-channels=2", "--allowed-peer-ip=10.0.0.0/8", PHRASES,
                "--verbose") as server:
        with server.client() as client:
            client.allocate()
            client.permit("10.0.0.1", "10.0.0.2", "10.0.0.3")
            expect_refusal(permit(client, "10.0.0.4"), NO_CAPACITY, "Too Many Permissions")
            client.bind_channel(0x4000, ("10.0.0.1", 1))
            client.bind_channel(0x4001, ("10.0.0.1", 2))
            expect_refusal(bind(client, 0x4002, ("10.0.0.1", 3)), NO_CAPACITY,
                           "Too Many Channels")
            expect_line(server, "max-permissions", 3, "answered 508")
            expect_line(server, "max-channels", 2, "answered 508")
    tap.expect_equal((total(server, "refused_permissions"), total(server, "refused_channels")),
                     (1, 1), "what is counted")


def test_new_peers():
    """508 beyond max-new-peers; known peers are none, and some time later there is room again"""
    with Server("--max-new-peers=2", "--allowed-peer-ip=10.0.0.0/8", PHRASES,
                "--verbose") as server:
        with server.client() as client:
            client.allocate()
            errors = [permit(client, "10.0.0.%d" % number).error for number in range(30)]
            tap.expect_equal(errors[:20], [0] * 20, "ten seconds' share at once")
            tap.expect(NO_CAPACITY in errors[20:], "a refusal beyond it")
            expect_refusal(bind(client, 0x4000, ("10.1.0.1", 1)), NO_CAPACITY,
                           "Too Many New Peers")
            expect_line(server, "max-new-peers", 2, "answered 508")
            client.permit("10.0.0.1", "10.0.0.19")
            tap.wait_until(lambda: permit(client, "10.1.0.1").error == 0, "room again", 2)
    tap.expect(total(server, "refused_new_peers") >= 2, "refusals are counted")


def test_without_phrases():
    """Without include-reason-string a limit is its code alone"""
    with Server("--user-quota=1") as server:
        with server.client() as one, server.client() as other:
            one.allocate()
            expect_refusal(other.request(stun.ALLOCATE, ALLOCATE_UDP), QUOTA_REACHED, "")


def test_nothing_is_limited_by_default():
    """Without options a client with many peers and packets meets no limit"""
    with Server(LOOPBACK, "--allowed-peer-ip=10.0.0.0/8", "--verbose") as server:
        with server.client() as client, Peer() as peer:
            client.allocate()
            client.permit(*["10.0.0.%d" % number for number in range(100)])
            client.bind_channel(0x4000, peer.address)
            for _ in range(200):
                for _ in range(10):
                    client.send_channel(0x4000, bytes(1000))
                for _ in range(10):
                    tap.expect(peer.receive()[0], "each of 2,000 packets")
    tap.expect("limit reached" not in server.log(), "no limit in the log")


# Strangers

def test_unauthenticated_over_threads():
    """unauthorized-ratelimit-rps is one source's, whatever ports and threads it comes to"""
    tap.need_root()
    subprocess.run(["ip", "address", "add", "10.9.0.1/32", "dev", "lo"], check=False,
                   stderr=subprocess.DEVNULL)
    with Server(THREADS, "--unauthorized-ratelimit-rps=40", ips=("127.0.0.1", "10.9.0.1"),
                credentials=True) as server:
        address = ("10.9.0.1", server.port)
        request = stun.Message(stun.ALLOCATE, stun.REQUEST, ALLOCATE_UDP).encode()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(address, source="10.9.0.1"))
                       for _ in range(200)]
            begin = time.monotonic()
            for client in clients * 2:
                client.path.send(request)
            server.serves()  # all of it has been read
            seconds = time.monotonic() - begin
            answers = sum(drain(lambda timeout, one=client: (one.path.receive(timeout),))
                          for client in clients)
        most = 40 + 40 * (seconds + 0.2)
        tap.expect(40 <= answers <= most, "%d answers, not 40 to %d" % (answers, most))


if __name__ == "__main__":
    tap.main()
