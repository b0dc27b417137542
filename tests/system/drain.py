#!/usr/bin/env python3
"""The end of a server that ends no call: begun by SIGUSR1, by turnadmin, and by SIGTERM with
drain-timeout."""
import signal
import time

from harness import stun, tap
from harness.client import Client, exchange_both_ways, Peer
from harness.server import Server

LOOPBACK = "--allow-loopback-peers"
ALLOCATE = (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)


def is_draining(server):
    return server.ask("status")["draining"] is not None


def signal_and_wait(server, number):
    """Sends a signal and waits until the server drains."""
    server.process.send_signal(number)
    tap.wait_until(lambda: is_draining(server), "the drain")


def stranger_error(server, transport="udp"):
    with server.client(transport) as client:
        return client.exchange(client.message(stun.ALLOCATE, [ALLOCATE])).error


def ended(server, seconds=10):
    """The exit code of a server that ends by itself."""
    code = server.wait(seconds)
    server.process = None
    server.check_reports()
    return code


def expect_call(client, peer, count=20):
    """A stretch of a call: packets each way, none of them lost."""
    tap.expect(exchange_both_ways(client, peer), "data both ways")
    for number in range(count):
        client.send_channel(0x4000, b"up %d" % number)
        data, source = peer.receive()
        tap.expect_equal(data, b"up %d" % number, "at the peer")
        peer.send(b"down %d" % number, source)
        tap.expect_equal(client.receive(), ("channel", 0x4000, b"down %d" % number), "back")


def test_sigusr1():
    """SIGUSR1: calls keep every packet, may be prolonged and widened; new ones get 508; then it ends"""
    with Server(LOOPBACK, "--relay-threads=2", tls=True) as server, Peer() as peer, \
            Peer() as other, server.client() as known:
        known.allocate()
        known.refresh(0)
        known.relayed = None
        calls = [server.client(transport) for transport in ("udp", "tcp", "tls", "dtls")]
        for call in calls:
            call.allocate()
            expect_call(call, peer, 3)
        signal_and_wait(server, signal.SIGUSR1)
        status = server.ask("status")
        tap.expect_equal((status["allocations"], status["draining"]["by"],
                          status["draining"]["seconds_left"]), (4, "SIGUSR1", None), "status")
        for transport in ("udp", "tcp", "tls", "dtls"):
            tap.expect_equal(stranger_error(server, transport), 508, "a stranger over " + transport)
        tap.expect_equal(known.try_allocate(), 508, "a user")
        tap.expect(known.binding(), "a Binding answer")
        for call in calls:
            expect_call(call, peer)
            call.refresh(700)
            call.permit("127.0.0.2")
            call.bind_channel(0x4007, other.address)
            expect_call(call, peer)
        for left, call in enumerate(calls):
            tap.expect(server.process.poll() is None, "still there")
            tap.expect_equal(server.ask("status")["allocations"], len(calls) - left, "calls left")
            expect_call(call, peer)
            call.refresh(0)
            call.vanish()
        tap.expect_equal(ended(server), 0, "exit code")
        tap.expect("drained: allocations=0 reason=\"no allocation left\"" in server.log(), "log")


def test_engines():
    """Under each network engine new clients are sent away or refused, and calls go on, over UDP and TCP"""
    for engine in ("dedicated", "paired", "sharded"):
        with Server(LOOPBACK, "--relay-threads=2", "--network-engine=" + engine) as server, \
                Peer() as peer:
            tap.expect_equal(server.ask("status")["engine"], engine, "status")
            calls = [server.client(transport) for transport in ("udp", "tcp", "udp", "tcp")]
            for call in calls:
                call.allocate()
            server.ask("alternate-server", "add", "192.0.2.7")
            for transport in ("udp", "tcp"):
                for _ in range(10):
                    tap.expect_equal(stranger_error(server, transport), 300, "redirected")
            server.ask("alternate-server", "delete", "192.0.2.7")
            with server.client("udp") as known:
                known.allocate()
                known.refresh(0)
                known.relayed = None
                server.ask("drain")
                tap.expect_equal(known.try_allocate(), 508, "a user")
            for transport in ("udp", "tcp"):
                for _ in range(10):
                    tap.expect_equal(stranger_error(server, transport), 508, "refused")
            for call in calls:
                expect_call(call, peer, 5)
                call.refresh(0)
                call.vanish()
            tap.expect_equal(ended(server), 0, "exit code")


def test_clients_that_move():
    """Allocations on their way between threads are counted: a drain goes on while 60 clients move about"""
    with Server("--mobility", "--relay-threads=4") as server:
        clients = [server.client() for _ in range(60)]
        for client in clients:
            ticket = client.allocate((stun.MOBILITY_TICKET, b"")).get(stun.MOBILITY_TICKET)
            client.ticket = ticket
        server.ask("drain", "--minimum", str(len(clients) - 1))
        for _ in range(10):
            clients = [moved(server, client) for client in clients]
            tap.expect_equal(server.ask("status")["allocations"], len(clients), "while they move")
        tap.expect(server.process.poll() is None, "still there")
        clients[0].refresh(0)
        tap.expect_equal(ended(server), 0, "exit code")
        tap.expect("drained: allocations=59 reason=\"few enough" in server.log(), "log")
        for client in clients:
            client.vanish()


def moved(server, client):
    """The client on a new 5-tuple, on whichever thread; its allocation follows what it sends last."""
    new = server.client()
    answer = new.request(stun.REFRESH, [(stun.MOBILITY_TICKET, client.ticket)])
    tap.expect_equal(answer.error, 0, "error of the Refresh with a ticket")
    new.ticket, new.relayed = answer.get(stun.MOBILITY_TICKET), client.relayed
    new.send_channel(0x4000, b"here")
    client.vanish()
    return new


def test_reserved_port():
    """A port that was reserved before the drain can be had while it lasts"""
    with Server() as server, server.client() as client, server.client() as pair:
        token = client.allocate((stun.EVEN_PORT, b"\x80")).get(stun.RESERVATION_TOKEN)
        signal_and_wait(server, signal.SIGUSR1)
        pair.allocate((stun.RESERVATION_TOKEN, token))
        tap.expect_equal(pair.relayed[1], client.relayed[1] + 1, "the reserved port")
        for one in (client, pair):
            one.refresh(0)
            one.relayed = None
        tap.expect_equal(ended(server), 0, "exit code")


def test_alternates():
    """turnadmin drain with alternate servers: new clients are sent there, in the client's transport"""
    with Server("--udp-alternate-server=192.0.2.7:3478") as server:
        server.ask("alternate-server", "delete", "192.0.2.7", "--kind", "udp")
        with server.client() as call:
            call.allocate()
            server.ask("alternate-server", "add", "192.0.2.8", "--kind", "udp")
            answer = server.ask("drain", "--deadline", "60")
            tap.expect_equal((answer["allocations"], answer["draining"]["by"]),
                             (1, "control socket"), "the answer")
            tap.expect(50 <= answer["draining"]["seconds_left"] <= 60, "seconds left")
            with server.client() as client:
                response = client.exchange(client.message(stun.ALLOCATE, [ALLOCATE]))
                tap.expect_equal((response.error, response.plain_addresses(stun.ALTERNATE_SERVER)),
                                 (300, [("192.0.2.8", 3478)]), "over UDP")
            tap.expect_equal(stranger_error(server, "tcp"), 508, "over TCP")
            call.refresh(0)
            call.relayed = None
        tap.expect_equal(ended(server), 0, "exit code")


def test_undrain():
    """turnadmin undrain: the server goes back to serving new clients, as if nothing had been"""
    with Server("--relay-threads=4", "--drain-timeout=1h") as server, server.client() as call:
        call.allocate()
        for _ in range(3):
            server.ask("drain")
            tap.expect_equal({stranger_error(server) for _ in range(20)}, {508}, "while draining")
            tap.expect_equal(server.ask("undrain")["draining"], None, "the answer")
            tap.expect_equal({stranger_error(server) for _ in range(20)}, {401}, "afterwards")
        server.serves()
        code, _, problem = server.admin("undrain")
        tap.expect((code, "not draining" in problem) == (1, True), "twice: %r" % problem)
        signal_and_wait(server, signal.SIGTERM)
        code, _, problem = server.admin("undrain")
        tap.expect((code, "SIGTERM" in problem) == (1, True), "after SIGTERM: %r" % problem)
        server.ask("drain", "--deadline", "600")
        tap.expect_equal(server.admin("undrain")[0], 1, "nor by way of another drain")
        call.refresh(0)
        call.relayed = None
        tap.expect_equal(ended(server), 0, "exit code")


def test_deadline():
    """SIGTERM with drain-timeout: a call goes on until then, and not longer"""
    with Server(LOOPBACK, "--drain-timeout=2") as server, Peer() as peer, server.client() as call:
        call.allocate()
        call.bind_channel(0x4000, peer.address)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        exchanged = 0
        while server.process.poll() is None and time.monotonic() - begin < 10:
            call.send_channel(0x4000, b"%d" % exchanged)
            if peer.receive(0.2)[0] is not None:
                exchanged += 1
        took = time.monotonic() - begin
        tap.expect_equal(ended(server), 0, "exit code")
        call.relayed = None
        tap.expect(1.9 <= took < 6, "it took %.1f s" % took)
        tap.expect(exchanged > 100, "packets until the end: %d" % exchanged)
        tap.expect("drained: allocations=1 reason=\"time is up\" seconds=2" in server.log(), "log")


def test_nothing_left():
    """SIGTERM with drain-timeout ends a server without allocations promptly"""
    with Server("--drain-timeout=1h") as server:
        server.serves()
        begin = time.monotonic()
        tap.expect_equal(server.end(signal.SIGTERM, 10), 0, "exit code")
        tap.expect(time.monotonic() - begin < 2, "promptly")


def test_no_timeout():
    """Without drain-timeout SIGTERM ends the server at once, whatever there is"""
    with Server() as server, server.client() as call:
        call.allocate()
        begin = time.monotonic()
        tap.expect_equal(server.end(signal.SIGTERM, 10), 0, "exit code")
        tap.expect(time.monotonic() - begin < 2, "at once")
        tap.expect("draining" not in server.log(), "no drain")
        call.relayed = None


def test_second_signal():
    """A second SIGTERM, and SIGINT, end a drain at once; SIGUSR1 and SIGHUP do not disturb it"""
    for last in (signal.SIGTERM, signal.SIGINT):
        with Server("--drain-timeout=1h") as server, server.client() as call:
            call.allocate()
            signal_and_wait(server, signal.SIGTERM)
            for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGUSR2):
                server.process.send_signal(number)
            tap.wait_until(lambda server=server: "no certificate to read" in server.log(), "SIGUSR2")
            draining = server.ask("status")["draining"]
            tap.expect_equal(draining["by"], "SIGTERM", "whose drain it is")
            tap.expect(3500 < draining["seconds_left"] <= 3600, "its deadline")
            begin = time.monotonic()
            tap.expect_equal(server.end(last, 10), 0, "exit code")
            tap.expect(time.monotonic() - begin < 2, "at once")
            call.relayed = None


def test_sigterm_shortens():
    """SIGTERM during a drain without an end gives it one; an earlier one stays"""
    with Server("--drain-timeout=1h") as server, server.client() as call:
        call.allocate()
        server.ask("drain")
        server.process.send_signal(signal.SIGTERM)
        tap.wait_until(lambda: server.ask("status")["draining"]["seconds_left"], "a deadline")
        server.ask("drain", "--deadline", "1")
        call.relayed = None
        tap.expect_equal(ended(server), 0, "exit code")
    with Server("--drain-timeout=1h") as server, server.client() as call:
        call.allocate()
        server.ask("drain", "--deadline", "600")
        server.process.send_signal(signal.SIGTERM)
        tap.wait_until(lambda: server.ask("status")["draining"]["by"] == "SIGTERM", "SIGTERM")
        tap.expect(server.ask("status")["draining"]["seconds_left"] <= 600, "the earlier deadline")
        call.relayed = None
        tap.expect_equal(server.end(signal.SIGTERM, 5), 0, "exit code")


def test_sigterm_stays():
    """After SIGTERM another drain brings the end nearer, and does not put it off"""
    with Server("--drain-timeout=1h") as server, server.client() as call:
        call.allocate()
        signal_and_wait(server, signal.SIGTERM)
        for later in ((), ("--deadline", "7200")):
            left = server.ask("drain", *later)["draining"]["seconds_left"]
            tap.expect(left is not None and left <= 3600, "seconds left: %r" % left)
        left = server.ask("drain", "--deadline", "600")["draining"]["seconds_left"]
        tap.expect(left <= 600, "an earlier end: %r" % left)
        call.relayed = None
        tap.expect_equal(server.end(signal.SIGTERM, 5), 0, "exit code")


def test_minimum():
    """drain-min-allocations and --minimum: few enough is enough"""
    for options, begin in ((("--drain-min-allocations=2",),
                            lambda server: signal_and_wait(server, signal.SIGUSR1)),
                           ((), lambda server: server.ask("drain", "--minimum", "2"))):
        with Server(*options) as server:
            clients = [server.client() for _ in range(4)]
            for client in clients:
                client.allocate()
            begin(server)
            tap.expect_equal(server.ask("status")["draining"]["minimum"], 2, "status")
            clients[0].refresh(0)
            tap.expect_equal(server.ask("status")["allocations"], 3, "one has ended")
            clients[1].refresh(0)
            tap.expect_equal(ended(server), 0, "exit code")
            tap.expect("drained: allocations=2 reason=\"few enough" in server.log(), "log")
            for client in clients:
                client.vanish()


def test_progress():
    """The log tells each tenth of the allocations that has gone"""
    with Server("--relay-threads=2") as server:
        clients = [server.client() for _ in range(20)]
        for client in clients:
            client.allocate()
        server.ask("drain")
        for left in range(len(clients), 0, -1):
            if left % 2 == 0 and left < len(clients):
                wanted = "still draining: allocations=%d " % left
                tap.wait_until(lambda wanted=wanted: wanted in server.log(), wanted)
            clients[left - 1].refresh(0)
            clients[left - 1].vanish()
        tap.expect_equal(ended(server), 0, "exit code")
        tap.expect_equal(server.log().count("still draining"), 10 - 1, "lines")


def test_expired():
    """Allocations whose clients have gone without a word end by themselves, and then the server"""
    with Server("--max-allocate-lifetime=2") as server:
        with Client(server.address) as client:
            client.allocate()
            client.relayed = None
        server.ask("drain")
        tap.expect_equal(ended(server), 0, "exit code")
        tap.expect("allocation expired" in server.log(), "log")


if __name__ == "__main__":
    tap.main()
