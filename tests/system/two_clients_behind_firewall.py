#!/usr/bin/env python3
"""Two hosts that cannot reach each other, and the relay that they both can.

    a ── 10.1.0.0/24, fd01::/64 ── relay ── 10.2.0.0/24, fd02::/64 ── b

The relay's host routes between them; its firewall drops all of that, and of what is for itself all
but the relay's ports."""
import contextlib

from harness import stun, tap
from harness.client import Client, Closed, Peer, meet
from harness.network import Namespace, inside, wire
from harness.server import Server

PORT, TLS_PORT = 3478, 443
RELAY = {4: "10.1.0.1", 6: "fd01::1"}
HOST_A = {4: "10.1.0.2", 6: "fd01::2"}
HOST_B = {4: "10.2.0.2", 6: "fd02::2"}
FAMILY = {4: (), 6: ((stun.REQUESTED_ADDRESS_FAMILY, stun.IPV6_FAMILY),)}

NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
ONLY_THE_RELAY = """
table inet wall {
	chain forward { type filter hook forward priority 0; policy drop; }
	chain input {
		type filter hook input priority 0; policy drop;
		%s
		ct state established accept
		iif lo accept
		udp dport { 3478, 49152-65535 } accept
		tcp dport { 3478, 443 } accept
	}
}""" % NEIGHBOURS
# What a strict office lets out: TCP to 443 or 3478, and nothing else.
ONLY_TCP = """
table inet wall {
	chain output {
		type filter hook output priority 0; policy drop;
		%s
		tcp dport { 443, 3478 } accept
	}
}""" % NEIGHBOURS


class Topology:
    """with Topology() as net: net.a, net.b, net.relay, and a server on the relay."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.a, self.b, self.relay = (stack.enter_context(Namespace(name))
                                          for name in ("a", "b", "relay"))
            self.join()
            self.relay.firewall(ONLY_THE_RELAY)
            self.server = stack.enter_context(self.start_server())
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def join(self):
        wire(self.a, "eth0", [HOST_A[4] + "/24", HOST_A[6] + "/64"],
             self.relay, "to-a", [RELAY[4] + "/24", RELAY[6] + "/64"])
        wire(self.b, "eth0", [HOST_B[4] + "/24", HOST_B[6] + "/64"],
             self.relay, "to-b", ["10.2.0.1/24", "fd02::1/64"])
        self.a.add_route("default", RELAY[4])
        self.a.add_route("default", RELAY[6])
        self.b.add_route("default", "10.2.0.1")
        self.b.add_route("default", "fd02::1")
        self.relay.sysctl("net.ipv4.ip_forward=1")
        self.relay.sysctl("net.ipv6.conf.all.forwarding=1")

    def start_server(self):
        # The hosts' addresses are private ones, which are refused as peers unless they are allowed.
        return Server("--allowed-peer-ip=10.1.0.0-10.2.255.255", "--allowed-peer-ip=fd01::-fd02:ffff::",
                      ips=(RELAY[4], RELAY[6]), tls=True, namespace=self.relay,
                      ports=(PORT, TLS_PORT))

    def client(self, host, version, transport="udp", port=PORT):
        with inside(host):
            return Client((RELAY[version], port), transport)


def reaches(one, other, ip):
    """True when a datagram from one host arrives at the other."""
    with inside(other):
        listener = Peer(ip)
    with inside(one), listener:
        with Peer("::" if ":" in ip else "0.0.0.0") as sender:
            sender.send(b"direct", listener.address)
        return listener.receive(0.5)[0] == b"direct"


def test_direct():
    """Directly nothing passes, either way; without the firewall it would"""
    with Topology() as net:
        for version in (4, 6):
            tap.expect(not reaches(net.a, net.b, HOST_B[version]), "a to b is blocked")
            tap.expect(not reaches(net.b, net.a, HOST_A[version]), "b to a is blocked")
        net.relay.firewall("")
        for version in (4, 6):
            tap.expect(reaches(net.a, net.b, HOST_B[version]), "a to b without the firewall")
            tap.expect(reaches(net.b, net.a, HOST_A[version]), "b to a without the firewall")


def test_relayed():
    """Relayed over UDP it passes both ways, over IPv4 and IPv6 and between them"""
    with Topology() as net:
        for a_version, b_version, relayed in ((4, 4, 4), (6, 6, 6), (4, 6, 4), (6, 4, 6)):
            with net.client(net.a, a_version) as a, net.client(net.b, b_version) as b:
                a.allocate(*FAMILY[relayed])
                b.allocate(*FAMILY[relayed])
                tap.expect(meet(a, b), "data both ways, a over IPv%d, b over IPv%d" % (
                    a_version, b_version))


def test_one_side_relayed():
    """One client's allocation reaches the other host, and it alone: the other sends to the relay"""
    with Topology() as net:
        with inside(net.b):
            peer = Peer(HOST_B[4])
        with peer, net.client(net.a, 4) as a:
            a.allocate()
            a.permit(HOST_B[4])
            a.send_to(peer.address, b"from behind")
            data, source = peer.receive()
            tap.expect_equal((data, source), (b"from behind", a.relayed), "what arrived")
            peer.send(b"back", source)
            tap.expect_equal(a.receive(), ("data", peer.address, b"back"), "what came back")


def test_tcp_only():
    """A host that may only open TCP connections to 443 and 3478 is relayed over TCP and TLS"""
    with Topology() as net:
        net.a.firewall(ONLY_TCP)
        with net.client(net.a, 4) as a:
            tap.expect_equal(blocked_binding(a), None, "over UDP")
        for version in (4, 6):
            for transport, port in (("tcp", PORT), ("tls", TLS_PORT)):
                with net.client(net.a, version, transport, port) as a, net.client(net.b, 4) as b:
                    a.allocate()
                    b.allocate()
                    tap.expect(meet(a, b), "data both ways, %s over IPv%d" % (transport, version))


def blocked_binding(client):
    try:
        return client.binding(0.6)
    except (OSError, Closed):  # the firewall says so to the sender
        return None


if __name__ == "__main__":
    tap.main()
