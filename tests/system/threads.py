#!/usr/bin/env python3
"""One and several relay threads, and many clients at once."""
import json
import os
import struct
import subprocess

from harness import stun, tap
from harness.client import Peer, meet
from harness.server import Server

THREADS = (1, 2, 4)


def load_generator():
    """tests/bench/turn_load of this build, or the one that TURN_LOAD names."""
    build = os.environ.get("BUILD", ".")
    path = os.environ.get("TURN_LOAD") or os.path.join(build, "tests/bench/turn_load")
    if not os.access(path, os.X_OK):
        raise tap.Skip("needs %s: make check-system builds it" % path)
    return path


def run_load(server, *options, seconds=100):
    result = subprocess.run([load_generator(), "--server", "127.0.0.1:%d" % server.port,
                             "--server-pid", str(server.pid), *options], timeout=seconds,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    tap.expect_equal(result.returncode, 0, "turn_load: %s" % result.stderr.decode().strip())
    return json.loads(result.stdout.decode())


def relay_pairs(server, count):
    """count clients, two and two, reach each other."""
    clients = [server.client() for _ in range(count)]
    try:
        for client in clients:
            client.allocate()
        for one, other in zip(clients[::2], clients[1::2]):
            tap.expect(meet(one, other), "data both ways")
        for client in clients:
            client.refresh(0)
    finally:
        for client in clients:
            client.close()


def thread_count(pid):
    return len(os.listdir("/proc/%d/task" % pid))


def test_one_thread_for_each_cpu():
    """Without relay-threads there is one for each CPU that the server may run on"""
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        raise tap.Skip("needs two CPUs")
    try:
        for cpus in (allowed, {min(allowed)}):
            os.sched_setaffinity(0, cpus)
            with Server() as server:
                tap.wait_until(lambda: " ready: " in server.log(), "a line in the log")
                tap.expect("threads=%d " % len(cpus) in server.log(), "%d threads" % len(cpus))
    finally:
        os.sched_setaffinity(0, allowed)


@tap.limit_s(120)
def test_two_hundred_clients():
    """200 clients reach each other across 1, 2 and 4 relay threads"""
    seen = []
    for count in THREADS:
        with Server("--relay-threads=%d" % count) as server:
            relay_pairs(server, 200)
            seen.append(thread_count(server.pid))
    tap.expect(seen == sorted(set(seen)), "more threads with larger relay-threads: %s" % seen)


def test_streams_and_datagrams():
    """Clients over UDP, TCP and TLS reach each other whichever threads they are on"""
    for count in THREADS:
        with Server("--relay-threads=%d" % count, tls=True) as server:
            for one, other in (("udp", "tcp"), ("tcp", "tls"), ("tls", "udp")) * 4:
                with server.client(one) as a, server.client(other) as b:
                    a.allocate()
                    b.allocate()
                    tap.expect(meet(a, b), "data between %s and %s" % (one, other))


def reserve(client):
    """Allocates an even port and has the next one reserved: the token."""
    response = client.allocate((stun.EVEN_PORT, b"\x80"))
    tap.expect_equal(client.relayed[1] % 2, 0, "the relayed port's lowest bit")
    token = response.get(stun.RESERVATION_TOKEN)
    tap.expect_equal(len(token or b""), 8, "length of RESERVATION-TOKEN")
    return token


def test_reservations():
    """A reservation token works from another 5-tuple, whichever thread that lands on, and once"""
    for count in THREADS:
        with Server("--relay-threads=%d" % count, "--allow-loopback-peers") as server:
            for _ in range(24):
                with server.client() as one, server.client() as other, server.client() as late:
                    token = reserve(one)
                    other.allocate((stun.RESERVATION_TOKEN, token))
                    tap.expect_equal(other.relayed, (one.relayed[0], one.relayed[1] + 1),
                                     "relayed address of the reservation")
                    tap.expect_equal(late.try_allocate((stun.RESERVATION_TOKEN, token)), 508,
                                     "the token a second time")


def test_reserved_port_relays():
    """A reserved port relays like any other"""
    with Server("--relay-threads=2", "--allow-loopback-peers") as server:
        with server.client() as one, server.client() as other, Peer() as peer:
            other.allocate((stun.RESERVATION_TOKEN, reserve(one)))
            other.permit(peer.address[0])
            peer.send(b"to the reserved port", other.relayed)
            tap.expect_equal(other.receive(), ("data", peer.address, b"to the reserved port"),
                             "what arrived")


def test_wrong_tokens():
    """A token that was never given is refused with 508, on any thread"""
    with Server("--relay-threads=4") as server:
        for value in range(16):
            with server.client() as client:
                token = struct.pack("!Q", value << 56 | value)
                tap.expect_equal(client.try_allocate((stun.RESERVATION_TOKEN, token)), 508, "error")


@tap.limit_s(150)
def test_ten_thousand_allocations():
    """10,000 allocations at one time; when they are released, all sockets are closed again"""
    for count in (1, 2):
        with Server("--relay-threads=%d" % count, "--allow-loopback-peers") as server:
            server.serves()
            before = server.open_files()
            run_load(server, "--mode", "idle", "--clients", "10000", "--seconds", "0",
                     "--setup-window", "200")
            tap.wait_until(lambda s=server, n=before: s.open_files() <= n + 4,
                           "all relayed sockets are closed", 20)
            server.serves()


if __name__ == "__main__":
    tap.main()
