#!/usr/bin/env python3
"""Without descriptors or ports a client is refused, and the next is served once there are some."""
import os
import resource
import socket

from harness import stun, tap
from harness.client import Peer, exchange_both_ways
from harness.server import Server, free_ports


def leave_descriptors(server, count):
    """The server may open so many more; None: as many as before."""
    used = len(os.listdir("/proc/%d/fd" % server.pid))
    _soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    limit = used + count if count is not None else hard
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, hard))


def allocate_all(clients):
    return [client.try_allocate() for client in clients]


def test_no_descriptors():
    """Without descriptors allocations get 508, all else goes on, and what is given back serves anew"""
    with Server("--relay-threads=2", "--allow-loopback-peers") as server, Peer() as peer:
        clients = [server.client() for _ in range(12)]
        leave_descriptors(server, 8)
        errors = allocate_all(clients)
        tap.expect_equal(sorted(errors), [0] * 8 + [508] * 4, "errors")
        tap.expect(clients[-1].binding(), "a Binding answer")
        tap.expect(exchange_both_ways(clients[0], peer), "data both ways")
        waiting = server.client("tcp")
        tap.expect_equal(waiting.path.receive(0.3), None, "a connection that waits")
        for client in clients[:4]:
            client.refresh(0)
        tap.expect(waiting.binding(), "a Binding answer over TCP when there are descriptors")
        with server.client() as late:
            late.allocate()
        leave_descriptors(server, None)
        for client in clients + [waiting]:
            client.close()
        server.serves()


def test_pair_without_descriptors():
    """EVEN-PORT with a reservation gets 508 when one descriptor is left, and loses none"""
    with Server("--relay-threads=1", "--min-port=20000", "--max-port=20003") as server:
        with server.client() as client:
            leave_descriptors(server, 1)
            for _ in range(10):
                tap.expect_equal(client.try_allocate((stun.EVEN_PORT, b"\x80")), 508, "error")
            leave_descriptors(server, None)
        clients = [server.client() for _ in range(4)]
        tap.expect_equal(allocate_all(clients), [0] * 4, "all four ports afterwards")
        for client in clients:
            client.close()


def test_one_port():
    """min-port=max-port is one allocation at a time, and no pair"""
    for port in free_ports(2):
        with Server("--min-port=%d" % port, "--max-port=%d" % port, "--relay-threads=2") as server:
            with server.client() as one, server.client() as other:
                tap.expect_equal(other.try_allocate((stun.EVEN_PORT, b"\x80")), 508, "a pair")
                for _ in range(20):
                    tap.expect_equal(one.try_allocate(), 0, "the port")
                    tap.expect_equal(one.relayed[1], port, "it")
                    tap.expect_equal(other.try_allocate(), 508, "a second allocation")
                    one.refresh(0)


def test_ports_of_others():
    """Ports that other programs have are passed over, and 508 told when they have all"""
    low = free_ports(1)[0] & ~7
    ports = range(low, low + 8)
    held = {}
    with Server("--min-port=%d" % ports[0], "--max-port=%d" % ports[-1]) as server:
        for port in ports:
            held[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            held[port].bind(("127.0.0.1", port))
        with server.client() as client:
            for _ in range(20):
                tap.expect_equal(client.try_allocate(), 508, "error without a port")
            held.pop(ports[5]).close()
            client.allocate()
            tap.expect_equal(client.relayed[1], ports[5], "the port that was freed")
        for one in held.values():
            one.close()


if __name__ == "__main__":
    tap.main()
