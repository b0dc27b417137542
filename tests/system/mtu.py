#!/usr/bin/env python3
"""Links with a small MTU behind the relay, and errors by ICMP.

    client ── 10.1.0.0/24, fd01::/64 ── relay ── 10.2.0.0/24, fd02::/64, MTU 1280 ── peer"""
import contextlib
import socket
import struct
import time

from harness import stun, tap
from harness.client import Client, Peer
from harness.network import Namespace, inside, run, wire
from harness.server import Server

RELAY = {4: "10.1.0.1", 6: "fd01::1"}
PEER = {4: "10.2.0.2", 6: "fd02::2"}
FAMILY = {4: (), 6: ((stun.REQUESTED_ADDRESS_FAMILY, stun.IPV6_FAMILY),)}
TRAIN = 40
SO_RCVBUFFORCE = 33


class Topology:
    """with Topology() as net: net.client, net.relay, net.peer, and a server on the relay."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.client, self.relay, self.peer = (stack.enter_context(Namespace(name))
                                                  for name in ("client", "relay", "peer"))
            wire(self.client, "eth0", ["10.1.0.2/24", "fd01::2/64"],
                 self.relay, "to-c", [RELAY[4] + "/24", RELAY[6] + "/64"])
            wire(self.peer, "eth0", [PEER[4] + "/24", PEER[6] + "/64"],
                 self.relay, "to-p", ["10.2.0.1/24", "fd02::1/64"])
            self.peer.add_route("default", "10.2.0.1")
            self.peer.add_route("default", "fd02::1")
            for namespace, device in ((self.peer, "eth0"), (self.relay, "to-p")):
                run("ip", "-n", namespace.name, "link", "set", "dev", device, "mtu", "1280")
            self.server = stack.enter_context(Server(
                "--relay-threads=1", "--allowed-peer-ip=10.2.0.2", "--allowed-peer-ip=fd02::2",
                ips=(RELAY[4], RELAY[6]), namespace=self.relay,
                ports=(3478, 5349)))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def allocated(self, version):
        with inside(self.client):
            client = Client((RELAY[version], 3478))
        client.allocate(*FAMILY[version])
        return client

    def peer_at(self, version):
        with inside(self.peer):
            peer = Peer(PEER[version])
        peer.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        return peer


def payloads(peer, count):
    got = []
    while len(got) < count:
        data, _source = peer.receive(2)
        if data is None:
            break
        got.append(data)
    data, _source = peer.receive(0.2)
    return got + ([data] if data else [])


def test_trains():
    """Trains of datagrams larger than the MTU arrive whole, each once, in order"""
    with Topology() as net:
        for version in (4, 6):
            with net.allocated(version) as client, net.peer_at(version) as peer:
                client.bind_channel(0x4000, peer.address)
                # The way to the peer has to be known: what waits for its neighbour's address may be
                # dropped by the kernel, as on any network.
                client.send_channel(0x4000, b"first")
                tap.expect_equal(peer.receive()[0], b"first", "what the peer got first")
                for size in (1400, 1200, 1400, 9000):
                    sent = [struct.pack("!I", i) + bytes(size - 4 - (i == TRAIN - 1) * 100)
                            for i in range(TRAIN)]
                    for data in sent:
                        client.send_channel(0x4000, data[:1400] if size < 9000 else data)
                    tap.expect(payloads(peer, TRAIN) == sent, "%d of %d bytes over IPv%d" % (
                        TRAIN, size, version))


def test_largest():
    """Payloads up to the largest that fits pass both ways"""
    with Topology() as net:
        with net.allocated(4) as client, net.peer_at(4) as peer:
            client.bind_channel(0x4000, peer.address)
            for size in (1, 16384, 65503):  # and four of ChannelData
                client.send_channel(0x4000, bytes([size & 0xFF]) * size)
                data, source = peer.receive()
                tap.expect(data == bytes([size & 0xFF]) * size, "%d bytes to the peer" % size)
                peer.send(data, source)
                tap.expect(client.receive() == ("channel", 0x4000, data), "%d bytes back" % size)


def icmp_of(client, seconds=3):
    """(type, code, data) of the next Data indication with ICMP; None in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        data = client.path.receive(deadline - time.monotonic())
        if data and not data[0] & 0xC0:
            icmp = stun.decode(data).get(stun.ICMP)
            if icmp is not None:
                _reserved, kind, mtu = struct.unpack("!HHI", icmp)
                return kind >> 9, kind & 0x1FF, mtu
    return None


def test_dont_fragment():
    """DONT-FRAGMENT: what does not fit is not sent, and the client is told the MTU"""
    with Topology() as net, net.allocated(4) as client, net.peer_at(4) as peer:
        client.permit(PEER[4])
        for size in (1400, 1000):
            client.path.send(stun.Message(stun.SEND, stun.INDICATION, [
                (stun.XOR_PEER_ADDRESS, peer.address), (stun.DONT_FRAGMENT, b""),
                (stun.DATA_ATTRIBUTE, bytes(size))]).encode())
        tap.expect_equal(icmp_of(client), (3, 4, 1280), "ICMP type, code and MTU")
        data, _source = peer.receive()
        tap.expect_equal(data and len(data), 1000, "what fits arrives")
        client.send_to(peer.address, bytes(1400))
        data, _source = peer.receive()
        tap.expect_equal(data and len(data), 1400, "without the attribute it is fragmented")
        tap.expect_equal(icmp_of(client, 0.3), None, "more ICMP")


REFUSALS = {4: ("icmp type prot-unreachable", "icmp type admin-prohibited",
                "icmp type host-prohibited"),
            6: ("icmpv6 type admin-prohibited", "icmpv6 type no-route", "icmpv6 type addr-unreachable")}
WALL = """
table inet wall {
	chain input {
		type filter hook input priority 0;
		udp dport %d reject with %s
	}
}"""


def test_refusals():
    """A peer that answers each datagram with an ICMP error costs the other peers none of theirs"""
    with Topology() as net:
        for version in (4, 6):
            for refusal in REFUSALS[version]:
                with net.allocated(version) as client, net.peer_at(version) as closed, \
                        net.peer_at(version) as peer:
                    net.peer.sysctl("net.ipv4.icmp_ratemask=0")
                    net.peer.sysctl("net.ipv6.icmp.ratelimit=0")
                    net.peer.firewall(WALL % (closed.address[1], refusal))
                    client.bind_channel(0x4000, closed.address)
                    client.bind_channel(0x4001, peer.address)
                    client.send_channel(0x4001, b"warm")  # the neighbour is found
                    tap.expect_equal(peer.receive()[0], b"warm", "the first datagram")
                    for i in range(200):
                        client.send_channel(0x4000, bytes(100))
                        client.send_channel(0x4001, struct.pack("!I", i) + bytes(i % 50))
                    got = [struct.unpack("!I", data[:4])[0] for data in payloads(peer, 200)]
                    lost = sorted(set(range(200)) - set(got))
                    tap.expect_equal(lost, [], "datagrams lost beside %s" % refusal)
                    tap.expect_equal(got, list(range(200)), "their order beside %s" % refusal)


if __name__ == "__main__":
    tap.main()
