#!/usr/bin/env python3
"""TCP relaying (RFC 6062) where it meets other parts: engines, proxies, devices, quotas, limits, a drain."""
import contextlib
import socket
import struct

from harness import stun, tap
from harness.client import Client, Stream, tls_context
from harness.network import Namespace, inside, wire
from harness.proxy import line
from harness.server import Server, free_ports
from harness.tcp_pair import Pair, TcpPeer, bind, expect_echo, expect_end, join

ENGINES = ("dedicated", "paired", "sharded")


def relay_server(*options, **how):
    return Server("--allow-loopback-peers", *options, **how)


def connect_error(control, peer):
    return control.request(stun.CONNECT, [(stun.XOR_PEER_ADDRESS, peer)]).error


def test_engines():
    """Whatever network engine brings clients in, their connections find each other"""
    for engine in ENGINES:
        with relay_server("--network-engine=" + engine, "--relay-threads=3") as server:
            with server.client("tcp") as control:
                control.allocate_tcp()
                for number in range(6):
                    with TcpPeer() as peer, join(server, control, peer) as pair:
                        expect_echo(pair.client, pair.peer)
                    with server.client("tcp") as stranger:
                        # Ids of every thread, of which none was given.
                        tap.expect_equal(stranger.request(stun.CONNECTION_BIND, [
                            (stun.CONNECTION_ID, struct.pack("!I", number))]).error, 400,
                            "an id that was never given")


class Proxied(Stream):
    """A stream that a proxy announces as another client's."""

    def __init__(self, server, client, tls):
        super().__init__(server)
        self.socket.sendall(line(client, server))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="turn.example")


def proxied_client(address, client, transport):
    """As Client(), through the test as a proxy."""
    one = Client(address, "tcp")
    one.path.close()
    one.path = Proxied(address, client, tls_context() if transport == "tls" else None)
    return one


def test_proxies():
    """Control and data connections come through a proxy, to any thread, and one of them directly"""
    port = free_ports(1)[0]
    for engine in ENGINES:
        with relay_server("--tcp-proxy-port=%d" % port, "--proxy-trusted=127.0.0.1",
                          "--network-engine=" + engine, "--relay-threads=3",
                          tls=True) as server, TcpPeer() as peer:
            address, name = ("127.0.0.1", port), 40000
            for transport in ("tcp", "tls") * 3:
                name += 2
                with proxied_client(address, ("192.0.2.7", name), transport) as control:
                    control.allocate_tcp()
                    connection_id = control.connect_peer(peer.address)
                    accepted, source = peer.accept()
                    tap.expect_equal(source, control.relayed, "who connects")
                    data = proxied_client(address, ("192.0.2.7", name + 1), transport)
                    connection, early = data.bind_connection(connection_id)
                    tap.expect_equal(early, b"", "bytes behind the answer")
                    with Pair(connection, accepted, source) as pair:
                        expect_echo(pair.client, pair.peer)
                    with TcpPeer() as another, join(server, control, another, transport) as pair:
                        expect_echo(pair.client, pair.peer)


def test_devices():
    """relay-device: peers are connected to and connect by that device alone"""
    with contextlib.ExitStack() as stack:
        host, outer = (stack.enter_context(Namespace(name)) for name in ("host", "outer"))
        for device, number in (("clients", 1), ("peers", 2)):
            wire(host, device, ["10.%d.0.1/24" % number], outer, "to-" + device,
                 ["10.%d.0.2/24" % number])
        # 10.1.0.2 is not to be had by the device of peers.
        outer.sysctl("net.ipv4.conf.all.arp_ignore=1")
        with Server("--relay-device=peers", "--allowed-peer-ip=10.0.0.0/8",
                    "--peer-connect-timeout=1", ips=("10.1.0.1",), relay_ips=("10.2.0.1",),
                    namespace=host) as server, inside(outer), server.client("tcp") as control:
            control.allocate_tcp()
            with TcpPeer("10.2.0.2") as peer, join(server, control, peer) as pair:
                tap.expect_equal(pair.source, control.relayed, "who connects")
                expect_echo(pair.client, pair.peer)
            with TcpPeer("10.1.0.2") as peer:
                tap.expect_equal(connect_error(control, peer.address), 447,
                                 "a peer by the clients' device")
            control.permit("10.2.0.2")
            with socket.create_connection(control.relayed, 5) as peer:
                kind, address, connection_id = control.receive()
                tap.expect_equal((kind, address), ("attempt", peer.getsockname()), "an attempt")
                with bind(server, "tcp", connection_id) as data:
                    expect_echo(data, peer)


def test_quota_comes_back():
    """A TCP allocation has a place of its user's, and gives it back however it ends"""
    with relay_server("--user-quota=1", "--relay-threads=3") as server, TcpPeer() as peer:
        for ends in ("refresh", "vanish"):
            control = server.client("tcp")
            control.allocate_tcp()
            with server.client("tcp") as other:
                tap.expect_equal(other.request(stun.ALLOCATE, [
                    (stun.REQUESTED_TRANSPORT, stun.TCP_TRANSPORT)]).error, 486, "one more")
            with join(server, control, peer) as pair:
                expect_echo(pair.client, pair.peer)
                if ends == "refresh":
                    control.refresh(0)
                control.vanish()
                expect_end(pair.client, "the client data connection")
                expect_end(pair.peer, "the peer data connection")


def test_new_peers():
    """max-new-peers bounds Connect, ten seconds' share at once"""
    with relay_server("--max-new-peers=1") as server, server.client("tcp") as control:
        with contextlib.ExitStack() as stack:
            control.allocate_tcp()
            errors = [connect_error(control, stack.enter_context(TcpPeer()).address)
                      for _ in range(11)]
            tap.expect_equal(errors[:10], [0] * 10, "the first ten")
            tap.expect_equal(errors[10], 508, "one more")


def test_drain():
    """While it drains a TCP allocation goes on, with new connections, and its end is the server's"""
    with relay_server("--relay-threads=3") as server, TcpPeer() as peer:
        with server.client("tcp") as control:
            control.allocate_tcp()
            with join(server, control, peer) as before:
                server.ask("drain")
                with server.client("tcp") as late:
                    tap.expect_equal(late.request(stun.ALLOCATE, [
                        (stun.REQUESTED_TRANSPORT, stun.TCP_TRANSPORT)]).error, 508, "a new one")
                expect_echo(before.client, before.peer)
                with TcpPeer() as another, join(server, control, another) as pair:
                    expect_echo(pair.client, pair.peer)
                control.refresh(0)
                expect_end(before.client, "the client data connection")
                expect_end(before.peer, "the peer data connection")
        tap.expect_equal(server.wait(10), 0, "exit code")
        server.process = None
        server.check_reports()
        tap.expect("drained: allocations=0" in server.log(), "log")


if __name__ == "__main__":
    tap.main()
