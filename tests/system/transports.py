#!/usr/bin/env python3
"""Where and how clients reach the server: each transport on each port, TLS versions, ALPN, addresses
that clients and the world see."""
import ssl
import subprocess

from harness import stun, tap
from harness.client import Client, Peer, Stream, exchange_both_ways, meet, tls_context
from harness.network import Namespace, inside, wire
from harness.server import Server


def works_over(server, address, transport):
    with Client(address, transport) as client, Peer() as peer:
        tap.expect(client.binding(), "a Binding answer over %s at port %d" % (transport, address[1]))
        client.allocate()
        tap.expect(exchange_both_ways(client, peer),
                   "data both ways over %s at port %d" % (transport, address[1]))


def test_every_transport_on_both_ports():
    """UDP, DTLS, TCP and TLS clients are relayed on the plain and on the TLS port"""
    with Server("--allow-loopback-peers", tls=True) as server:
        for address in (server.address, server.tls_address):
            for transport in ("udp", "dtls", "tcp", "tls"):
                works_over(server, address, transport)


def test_ipv6_clients():
    """The same over IPv6, with a relayed IPv6 address on request"""
    with Server("--allow-loopback-peers", tls=True, ips=("::1",)) as server:
        for transport in ("udp", "tcp", "tls"):
            with server.client(transport) as client, Peer("::1") as peer:
                client.allocate((stun.REQUESTED_ADDRESS_FAMILY, stun.IPV6_FAMILY))
                tap.expect_equal(client.relayed[0], "::1", "relayed address")
                tap.expect(exchange_both_ways(client, peer), "data both ways over " + transport)


def test_both_families():
    """One allocation with an IPv4 and an IPv6 relayed address (ADDITIONAL-ADDRESS-FAMILY)"""
    with Server("--allow-loopback-peers", relay_ips=("127.0.0.1", "::1")) as server:
        with server.client() as client, Peer("127.0.0.1") as peer4, Peer("::1") as peer6:
            response = client.allocate((stun.ADDITIONAL_ADDRESS_FAMILY, stun.IPV6_FAMILY))
            ips = [ip for ip, _port in response.addresses(stun.XOR_RELAYED_ADDRESS)]
            tap.expect_equal(sorted(ips), ["127.0.0.1", "::1"], "relayed addresses")
            tap.expect(exchange_both_ways(client, peer4, 0x4000), "data with an IPv4 peer")
            tap.expect(exchange_both_ways(client, peer6, 0x4001), "data with an IPv6 peer")


def test_tls_versions():
    """TLS 1.1 is refused; 1.2 and 1.3 are served"""
    with Server(tls=True) as server:
        for version in ("-tls1", "-tls1_1"):
            result = subprocess.run(
                ["openssl", "s_client", "-connect", "%s:%d" % server.tls_address, version,
                 "-cipher", "DEFAULT@SECLEVEL=0"], input=b"", timeout=10, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            tap.expect(b"Cipher is (NONE)" in result.stdout, "no handshake with " + version)
            tap.expect(b"alert" in result.stdout, "the server's alert")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            stream = Stream(server.tls_address, tls=tls_context(version))
            tap.expect_equal(stream.socket.version(), version.name.replace("_", "."), "version")
            stream.close()


def test_alpn():
    """ALPN stun.turn is chosen (RFC 7443), and nothing when only others are offered"""
    with Server(tls=True) as server:
        for offered, chosen in ((["stun.turn"], "stun.turn"),
                                (["h2", "stun.turn"], "stun.turn"),
                                (["stun.nat-discovery"], "stun.nat-discovery")):
            stream = Stream(server.tls_address, tls=tls_context(alpn=offered))
            tap.expect_equal(stream.socket.selected_alpn_protocol(), chosen, "ALPN of %s" % offered)
            stream.close()


def test_plain_only():
    """With no-tls and no-dtls both ports serve plain clients and no handshake succeeds"""
    with Server() as server:
        with server.client("tcp") as client:
            tap.expect(client.binding(), "a Binding answer over TCP")
        try:
            Client(server.address, "tls")
        except (ssl.SSLError, OSError):
            return
        raise tap.Failure("a TLS handshake succeeded")


def test_no_udp_no_tcp():
    """no-udp leaves TCP, no-tcp leaves UDP"""
    with Server("--no-udp") as server:
        with server.client("udp") as client:
            tap.expect(client.binding(timeout=0.3) is None, "no answer over UDP")
    with Server("--no-tcp") as server:
        try:
            server.client("tcp")
        except ConnectionRefusedError:
            return
        raise tap.Failure("a TCP connection was accepted")


def test_external_ip():
    """external-ip shows clients the public address, and two of them meet by it (hairpin)"""
    with Namespace("nat") as host, Namespace("call") as callers:
        wire(host, "up", ["10.77.0.1/24"], callers, "up", ["10.77.0.2/24"])
        server = Server("--external-ip=203.0.113.77/10.77.0.1", "--allowed-peer-ip=203.0.113.77",
                        ips=("10.77.0.1",), namespace=host)
        with server:
            with inside(callers):
                one, other = server.client(), server.client()
            with one, other:
                for client in (one, other):
                    client.allocate()
                    tap.expect_equal(client.relayed[0], "203.0.113.77", "relayed address")
                tap.expect(meet(one, other), "data both ways by the public address")


if __name__ == "__main__":
    tap.main()
