#!/usr/bin/env python3
"""Streams and DTLS under load: nothing that a client sends to its peer is lost while the server has CPU time
left, and what is coalesced is in order and whole."""
import struct

from harness import tap
from harness.client import Peer
from harness.server import Server
from threads import run_load

ALONE = "what is lost depends on the CPU time that is left"

NUMBERS = 4000


def test_nothing_is_lost():
    """TCP, TLS and DTLS clients, single packets and bursts: every packet reaches its peer"""
    for transport in ("tcp", "tls", "dtls"):
        for burst, rate in ((1, 20000), (16, 40000)):
            with Server("--relay-threads=1", "--allow-loopback-peers", tls=True) as server:
                result = run_load(server, "--transport", transport, "--mode", "up", "--clients", "50",
                                  "--seconds", "1", "--burst", str(burst),
                                  "--rate", str(2000 if server.sanitized else rate))
            tap.expect(result["offered_pps"] > 0, "packets over " + transport)
            tap.expect_equal(result["loss_pct"], 0, "lost over %s in bursts of %d with %g %% of a CPU"
                             % (transport, burst, result["server_cpu_pct"]))


def test_saturation():
    """Streams have flow control: whatever they are given arrives, and a busy server stays in time"""
    for transport in ("tcp", "tls"):
        with Server("--relay-threads=1", "--allow-loopback-peers", tls=True) as server:
            result = run_load(server, "--transport", transport, "--mode", "up", "--clients", "20",
                              "--seconds", "1", "--size", "1000", "--window", "500")
            tap.expect_equal(result["loss_pct"], 0, "lost over %s at saturation" % transport)
            result = run_load(server, "--transport", transport, "--mode", "echo", "--clients", "20",
                              "--seconds", "1", "--window", "500")
            tap.expect_equal(result["loss_pct"], 0, "lost over %s and back" % transport)


def numbers(peer, count):
    """What the peer hears of a client's numbered messages."""
    heard = []
    while len(heard) < count:
        data, _source = peer.receive()
        tap.expect(data is not None, "number %d" % len(heard))
        heard.append(struct.unpack("!I", data[:4])[0])
    return heard


def test_order():
    """Messages of all sizes that follow each other on a busy stream arrive whole and in order"""
    with Server("--relay-threads=1", "--allow-loopback-peers", tls=True) as server:
        for transport in ("tcp", "tls"):
            with server.client(transport) as client, Peer() as peer:
                client.allocate()
                client.bind_channel(0x4000, peer.address)
                for number in range(NUMBERS):
                    data = struct.pack("!I", number) + bytes(number % 1200)
                    client.send_channel(0x4000, data)
                    if number % 16 == 15:
                        wanted = list(range(number - 15, number + 1))
                        tap.expect_equal(numbers(peer, 16), wanted, "numbers over " + transport)


if __name__ == "__main__":
    tap.main()
