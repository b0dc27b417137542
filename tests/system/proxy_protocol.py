#!/usr/bin/env python3
"""Clients behind proxies that speak the PROXY protocol: the server knows the client and not the proxy, and
believes nobody whom it does not trust."""
import socket

from harness import stun, tap
from harness.client import Client, Peer, exchange_both_ways, readable
from harness.proxy import (DATAGRAM, LOCAL, SIGNATURE, DatagramProxy, Spoken, haproxy, header, line,
                           nginx)
from harness.server import Server, free_ports

LOOPBACK = "127.0.0.1", "::1"
CLIENT = "192.0.2.7", 40000
BINDING = stun.Message(stun.BINDING).encode()


class ProxiedServer(Server):
    def __init__(self, *options, trusted=LOOPBACK, **named):
        self.tcp_port, self.udp_port = free_ports(2)
        super().__init__("--allow-loopback-peers", "--tcp-proxy-port=%d" % self.tcp_port,
                         "--udp-proxy-port=%d" % self.udp_port,
                         *("--proxy-trusted=" + one for one in trusted), *options, **named)

    def tcp(self, ip="127.0.0.1"):
        return ip, self.tcp_port

    def udp(self, ip="127.0.0.1"):
        return ip, self.udp_port


def mapped_of(answer):
    return stun.decode(answer).address(stun.XOR_MAPPED_ADDRESS)


def works_through(server, proxy, transport):
    """The client sees its own address, is relayed both ways, and is logged by its own address."""
    ip = proxy.address[0]
    with Client(proxy.address, transport) as client, Peer(ip) as peer:
        mapped = client.binding()
        if transport in ("udp", "tcp", "tls"):
            tap.expect_equal(mapped, client.path.socket.getsockname()[:2],
                             "XOR-MAPPED-ADDRESS over %s through %s" % (transport, ip))
        tap.expect(mapped is not None, "a Binding answer over " + transport)
        client.allocate(*([(stun.REQUESTED_ADDRESS_FAMILY, stun.IPV6_FAMILY)] if ":" in ip else []))
        tap.expect(exchange_both_ways(client, peer), "data both ways over " + transport)
        name = ("client=[%s]:%d " if ":" in ip else "client=%s:%d ") % mapped
        tap.wait_until(lambda: name in server.log(), "the log to name " + name)


def test_haproxy():
    """haproxy in front: TCP and TLS, versions 1 and 2, IPv4 and IPv6"""
    with ProxiedServer(tls=True, ips=LOOPBACK) as server:
        for ip in LOOPBACK:
            for version in (1, 2):
                with haproxy(ip, server.tcp(ip), version) as proxy:
                    for transport in ("tcp", "tls"):
                        works_through(server, proxy, transport)


def test_nginx():
    """nginx in front: TCP"""
    with ProxiedServer() as server, nginx("127.0.0.1", server.tcp()) as proxy:
        works_through(server, proxy, "tcp")


def test_datagrams():
    """A proxy for UDP: a socket for each client, or one for all; UDP and DTLS, IPv4 and IPv6"""
    with ProxiedServer(tls=True, ips=LOOPBACK) as server:
        for ip in LOOPBACK:
            for one_socket in (False, True):
                with DatagramProxy(ip, server.udp(ip), one_socket=one_socket) as proxy:
                    for transport in ("udp", "dtls"):
                        works_through(server, proxy, transport)


def test_engines():
    """Every network engine serves proxies' ports"""
    for engine in ("dedicated", "paired", "sharded"):
        with ProxiedServer("--network-engine=" + engine, "--relay-threads=2", tls=True) as server:
            with DatagramProxy("127.0.0.1", server.udp()) as proxy:
                works_through(server, proxy, "udp")
                works_through(server, proxy, "dtls")
            for first in (line(CLIENT, server.tcp()), header(CLIENT, server.tcp())):
                with Spoken(server.tcp(), first + BINDING) as spoken:
                    tap.expect_equal(mapped_of(spoken.receive()), CLIENT, "client with " + engine)


def test_many_behind_one_socket():
    """Clients that share a proxy's socket are told apart, and each follows its proxy"""
    with ProxiedServer() as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
        for one in (first, second, first):
            one.settimeout(5)
            for last in range(1, 50):
                client = "192.0.2.%d" % last, 5000
                one.sendto(header(client, server.udp(), DATAGRAM) + BINDING, server.udp())
                tap.expect_equal(mapped_of(one.recv(1500)), client, "the client of a datagram")


@tap.limit_s(60)
def test_flood():
    """10,000 forged clients take no more places than there are, none of a client's who has an allocation, and
    leave nothing behind"""
    for engine in ("dedicated", "sharded"):
        with ProxiedServer("--network-engine=" + engine, "--relay-threads=1", "--max-endpoints=100",
                           "--idle-timeout=1") as server, DatagramProxy("127.0.0.1", server.udp()) as proxy, \
                Client(proxy.address, "udp") as client, Peer() as peer, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
            client.allocate()
            files = server.open_files()
            for number in range(10000):
                source = "198.51.%d.%d" % (number >> 8, number & 255), 5000
                forger.sendto(header(source, server.udp(), DATAGRAM) + BINDING, server.udp())
                if number % 50 == 49:  # the server keeps up
                    tap.expect(readable(forger, 5), "an answer")
                    while readable(forger, 0):
                        forger.recv(1500)
            tap.expect(known(server) <= 100, "%d clients with %s" % (known(server), engine))
            tap.expect(exchange_both_ways(client, peer), "data both ways of one who was there before")
            tap.expect_equal(server.open_files(), files, "open files")
            client.refresh(0)
            tap.wait_until(lambda: known(server) == 0, "every client to be forgotten")


def known(server):
    """How many clients through proxies the server keeps."""
    return server.ask("counters")["counters"]["proxied_clients_now"]


def is_answered(server, data, source):
    """Whether one datagram of this source is: known by the next one, which is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((source, 0))
        one.sendto(data, server.udp())
        return readable(one, 0.3) and one.recv(1500)[8:20] == data[-12:]


def test_untrusted():
    """Nobody but proxy-trusted may speak for others, over TCP and UDP"""
    with ProxiedServer(trusted=("127.0.0.16/28", "127.0.0.7-127.0.0.9")) as server:
        for source, is_trusted in (("127.0.0.1", False), ("127.0.0.8", True), ("127.0.0.31", True),
                                   ("127.0.0.32", False)):
            for first in (line(CLIENT, server.tcp()), header(CLIENT, server.tcp())):
                with Spoken(server.tcp(), first + BINDING, source) as spoken:
                    answer = spoken.receive()
                tap.expect_equal(answer and mapped_of(answer), CLIENT if is_trusted else b"",
                                 "what %s hears" % source)
            datagram = header(CLIENT, server.udp(), DATAGRAM) + BINDING
            tap.expect_equal(is_answered(server, datagram, source), is_trusted,
                             "an answer to a datagram of " + source)


def test_nobody_trusted():
    """Without proxy-trusted the start warns, and everyone is refused"""
    with ProxiedServer(trusted=()) as server:
        tap.expect("proxy-trusted names nobody" in server.log(), "a warning")
        with Spoken(server.tcp(), line(CLIENT, server.tcp()) + BINDING) as spoken:
            tap.expect(spoken.is_closed(), "refused")
        datagram = header(CLIENT, server.udp(), DATAGRAM) + BINDING
        tap.expect(not is_answered(server, datagram, "127.0.0.1"), "no answer")


def test_wrong_headers():
    """A wrong header ends the connection or is the datagram's end; no header is a wrong one"""
    v1, v2 = line(CLIENT, ("192.0.2.1", 1)), header(CLIENT, ("192.0.2.1", 1))
    wrong = (BINDING, b"GET / HTTP/1.1\r\n\r\n", b"PROXY UNKNOWN " + b"x" * 94, v1[:-2] + b"\n" + BINDING,
             b"PROXY TCP4 192.0.2.7 192.0.2.1 0 1\r\n", SIGNATURE + b"\x31" + v2[13:],
             SIGNATURE + b"\x22" + v2[13:], SIGNATURE + b"\x21\x41\0\0", SIGNATURE + b"\x21\x11\0\x0b" + bytes(11),
             SIGNATURE + b"\x21\x11\xff\xff", header(CLIENT, ("192.0.2.1", 1), DATAGRAM))
    with ProxiedServer() as server:
        for first in wrong:
            with Spoken(server.tcp(), first) as spoken:
                tap.expect(spoken.is_closed(), "closed after %r" % first[:40])
        for first in (BINDING, v1 + BINDING, v2 + BINDING, header(CLIENT, CLIENT, DATAGRAM)[:-1],
                      SIGNATURE + b"\x21\x12\xff\xff" + bytes(100)):
            tap.expect(not is_answered(server, first, "127.0.0.1"), "no answer to %r" % first[:40])
        tap.expect(is_answered(server, header(CLIENT, CLIENT, DATAGRAM) + BINDING, "127.0.0.1"),
                   "an answer to a right one")


def test_pieces():
    """A header that comes octet by octet is one; one that does not come in time is none"""
    with ProxiedServer("--handshake-timeout=1") as server:
        for first in (line(CLIENT, server.tcp()), header(CLIENT, server.tcp(), tlvs=bytes(300))):
            with Spoken(server.tcp(), first[:1]) as spoken:
                for octet in (first + BINDING)[1:]:
                    spoken.socket.sendall(bytes([octet]))
                tap.expect_equal(mapped_of(spoken.receive()), CLIENT, "the client")
        for first in (b"", b"PROXY ", SIGNATURE):
            with Spoken(server.tcp(), first) as spoken:
                tap.expect(spoken.is_closed(10), "closed after %r and a second" % first)


def test_proxy_itself():
    """LOCAL and UNKNOWN: the proxy asks for itself, and is answered"""
    with ProxiedServer() as server:
        for first in (SIGNATURE + b"\x20\0\0\0", header(CLIENT, server.tcp(), command=LOCAL),
                      b"PROXY UNKNOWN\r\n", SIGNATURE + b"\x21\0\0\0"):
            with Spoken(server.tcp(), first + BINDING) as spoken:
                tap.expect_equal(mapped_of(spoken.receive()), spoken.name, "its own address")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(5)
            one.bind(("127.0.0.1", 0))
            one.sendto(SIGNATURE + b"\x20\0\0\0" + BINDING, server.udp())
            tap.expect_equal(mapped_of(one.recv(1500)), one.getsockname(), "its own address")


if __name__ == "__main__":
    tap.main()
