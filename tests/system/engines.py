#!/usr/bin/env python3
"""The network engines: every transport over each, with several relay threads and listening IPs; a
client's packets are all one thread's; what listener threads hand over is whole, bounded and earned."""
import collections
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

from harness import stun, tap
from harness.client import Client, Peer, exchange_both_ways, meet, readable
from harness.server import Server, is_sanitized, start_and_fail
from threads import load_generator, reserve

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../interop"))
import turnutils  # pylint: disable=wrong-import-position

ENGINES = ("sharded", "paired", "dedicated")
THREADS = (1, 2, 4)
IPS = ("127.0.0.1", "127.0.0.2", "::1")
TRANSPORTS = ("udp", "tcp", "tls", "dtls")
FAMILY = {False: (stun.REQUESTED_ADDRESS_FAMILY, stun.IPV4_FAMILY),
          True: (stun.REQUESTED_ADDRESS_FAMILY, stun.IPV6_FAMILY)}
FIRST_REQUESTS = 4  # that a listener thread may answer: Binding, the challenge, what is lost of them


def engine_server(engine, threads, *options, ips=IPS, **how):
    return Server("--network-engine=" + engine, "--relay-threads=%d" % threads,
                  "--allow-loopback-peers", "--log-min-level=debug", *options, ips=ips, **how)


# What the log tells at the end

def totals_of(server):
    """{thread: {counter: value}}"""
    totals = collections.defaultdict(lambda: collections.defaultdict(int))
    for thread, name, value in re.findall(r" total: thread=(\d+) (\w+)=(\d+)", server.log()):
        totals[int(thread)][name] = int(value)
    return totals


def traffic_of(server):
    """{thread: [packets of its allocations to peers, to clients]}"""
    traffic = collections.defaultdict(lambda: [0, 0])
    for thread, up, down in re.findall(r"allocation deleted: id=(\d+)\.\d+ .*to_peer_packets=(\d+) "
                                       r".*to_client_packets=(\d+) ", server.log()):
        traffic[int(thread)][0] += int(up)
        traffic[int(thread)][1] += int(down)
    return traffic


def allocations_of(server):
    """{thread: allocations}"""
    return collections.Counter(
        int(thread) for thread in re.findall(r"allocation created: id=(\d+)\.", server.log()))


def expect_each_thread_had_its_own(server, what):
    """What threads have sent to and got from peers is what the allocations on them were told of."""
    totals, traffic = totals_of(server), traffic_of(server)
    for thread, counters in totals.items():
        tap.expect_equal([counters["peer_packets_out"], counters["peer_packets_in"]],
                         traffic[thread], "packets of thread %d, %s" % (thread, what))
    return totals


def wait_until_all_are_told(server):
    """The server has told of the end of every allocation."""
    tap.wait_until(lambda: server.log().count("allocation deleted") ==
                   server.log().count("allocation created"), "the end of all allocations")


# The tests

def run_client(server, ip, transport):
    with Client((ip, server.port), transport) as client, Peer(ip) as peer:
        tap.expect(client.binding(), "a Binding answer over " + transport)
        client.allocate(FAMILY[":" in ip])
        tap.expect(exchange_both_ways(client, peer), "data over %s at %s" % (transport, ip))
        client.refresh(0)


def roles(server):
    """(relay threads, listener threads) that are on one CPU, by their names."""
    names = collections.Counter()
    for task in os.listdir("/proc/%d/task" % server.pid):
        with open("/proc/%d/task/%s/comm" % (server.pid, task)) as file:
            names[file.read().split("-")[0]] += len(os.sched_getaffinity(int(task))) == 1
    return names["relay"], names["listener"]


def expect_roles(server, engine, threads):
    wanted = {"sharded": (threads, 0), "paired": (threads + len(IPS), 0),
              "dedicated": (threads, len(IPS))}[engine]
    tap.wait_until(lambda: roles(server) == wanted, "%d relay and %d listener threads" % wanted)


@tap.limit_s(120)
def test_every_transport():
    """UDP, TCP, TLS and DTLS at three IPs in each engine, with 1, 2 and 4 relay threads"""
    for engine in ENGINES:
        for threads in THREADS:
            with engine_server(engine, threads, tls=True) as server:
                expect_roles(server, engine, threads)
                for ip in IPS:
                    for transport in TRANSPORTS:
                        run_client(server, ip, transport)
                wait_until_all_are_told(server)
            expect_each_thread_had_its_own(server, "%s with %d" % (engine, threads))


def expect_one_thread(server, count, what):
    """One thread had the client's data; others at most its first requests."""
    totals = expect_each_thread_had_its_own(server, what)
    owners = [t for t, counters in totals.items() if counters["peer_packets_out"]]
    tap.expect_equal(len(owners), 1, "threads with data, " + what)
    own = totals.pop(owners[0])
    tap.expect_equal((own["peer_packets_out"], own["peer_packets_in"]), (count, count),
                     "datagrams to and from the peer, " + what)
    tap.expect(own["client_packets_in"] >= count, "the client's messages, " + what)
    for thread, counters in totals.items():
        tap.expect(counters["client_packets_in"] <= FIRST_REQUESTS, "thread %d had %d, %s" % (
            thread, counters["client_packets_in"], what))


def test_one_client_one_thread():
    """All of a client's data is one thread's; a listener thread has its first requests alone"""
    count = 50
    for engine in ENGINES:
        for transport in TRANSPORTS:
            with engine_server(engine, 4, ips=("127.0.0.1",), tls=True) as server:
                with server.client(transport) as client, Peer() as peer:
                    client.allocate()
                    client.bind_channel(0x4000, peer.address)
                    for number in range(count):
                        client.send_channel(0x4000, b"%d" % number)
                        data, source = peer.receive()
                        tap.expect_equal(data, b"%d" % number, "what the peer got")
                        peer.send(data, source)
                        tap.expect_equal(client.receive(), ("channel", 0x4000, data), "the echo")
                    client.refresh(0)
            expect_one_thread(server, count, "%s over %s" % (engine, transport))


def thread_of(server, client):
    port = client.relayed[1]
    return int(re.findall(r"created: id=(\d+)\..* relayed=[^ ]*:%d " % port, server.log())[-1])


def allocated(server, transport):
    client = server.client(transport)
    client.allocate()
    return client


def test_clients_are_spread():
    """A listener thread gives each client to the relay thread that has the fewest"""
    with engine_server("dedicated", 4, ips=("127.0.0.1",)) as server:
        clients = [allocated(server, transport) for transport in ("tcp", "udp") * 20]
        for one, other in zip(clients[::2], clients[1::2]):
            tap.expect(meet(one, other), "data both ways")
        threads = [thread_of(server, client) for client in clients]
        tap.expect_equal(collections.Counter(threads), {0: 10, 1: 10, 2: 10, 3: 10}, "by thread")
        # TCP clients' places are free at once.
        leaving = [client for client, thread in zip(clients, threads)
                   if thread < 2 and client.path.is_stream][:6]
        places = sorted(thread_of(server, client) for client in leaving)
        for client in leaving:
            client.close()
        tap.wait_until(lambda: server.log().count("allocation deleted") == len(leaving),
                       "their end")
        late = [allocated(server, "udp") for _ in leaving]
        tap.expect_equal(sorted(thread_of(server, client) for client in late), places,
                         "the threads of those that come then")
        for client in clients + late:
            if client not in leaving:
                client.refresh(0)
                client.close()
        wait_until_all_are_told(server)
    totals = expect_each_thread_had_its_own(server, "46 clients")
    tap.expect_equal(totals[4]["handed_over"], 46, "clients handed over by the listener thread")


# TLS is with turnutils.py: messages that come together over it, as on a busy machine, uclient misses.
UCLIENT_RUNS = (["-y", "-c"], ["-y", "-c", "-t"], ["-y", "-c", "-S"])


@tap.limit_s(120)
def test_interoperability():
    """coturn's turnutils_uclient over UDP, TCP and DTLS in each engine, with 1, 2 and 4 relay threads"""
    turnutils.MESSAGES = 10
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(turnutils.server_for_uclient(
            "--network-engine=" + engine, "--relay-threads=%d" % threads))
                   for engine in ENGINES for threads in THREADS]
        # They mostly wait, and go side by side.
        for flags in UCLIENT_RUNS:
            processes = [turnutils.uclient(server, flags, ("-u", "u", "-w", "p"))
                         for server in servers]
            for process in processes:
                turnutils.expect_all_came_back(turnutils.finish(process), flags)


def test_reservations():
    """Reservation tokens and data pass between threads in each engine"""
    for engine in ENGINES:
        with engine_server(engine, 2, ips=("127.0.0.1", "127.0.0.2")) as server:
            for number in range(12):
                other_address = (server.ips[number % 2], server.port)
                with server.client("udp") as one, Client(other_address, "tcp") as other:
                    other.allocate((stun.RESERVATION_TOKEN, reserve(one)))
                    tap.expect_equal(other.relayed, (one.relayed[0], one.relayed[1] + 1),
                                     "relayed address of the reservation")
                    tap.expect(meet(one, other), "data both ways")


def send_all(path, messages):
    """Sends them and awaits nothing; their transaction ids."""
    for message in messages:
        path.send(message)
    return [message[8:20] for message in messages]


def bindings(count):
    return [stun.Message(stun.BINDING).encode() for _ in range(count)]


def allocate_request(client):
    return client.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)])


def expect_answers(client, ids, what):
    """One answer to each, and no other."""
    found = []
    while len(found) < len(ids) and readable(client.path.socket, 5):
        found.append(client.path.receive(0)[8:20])
    tap.expect(sorted(found) == sorted(ids), "%d answers to %d requests of %s" % (
        len(found), len(ids), what))


def bind_request(client, peer):
    return client.message(stun.CHANNEL_BIND, [(stun.CHANNEL_NUMBER, b"\x40\0\0\0"),
                                              (stun.XOR_PEER_ADDRESS, peer.address)])


def received_by(peer, count):
    """So many payloads, or those that come, and one that should not."""
    found = []
    while len(found) < count:
        data, _source = peer.receive(2)
        if data is None:
            break
        found.append(data)
    data, _source = peer.receive(0.2)
    return sorted(found + ([data] if data else []))


@tap.limit_s(90)
def test_nothing_is_lost():
    """What a client sends while it is handed over is seen once, by the thread that gets the client. What
    the client's own socket gets may overtake what the listener's had got before: data that so comes before
    its channel is bound is dropped, and counted; nothing else is lost."""
    with engine_server("dedicated", 2, ips=("127.0.0.1",)) as server, Peer() as peer:
        clients = [server.client() for _ in range(200)]
        for client in clients:
            client.learn(client.exchange(allocate_request(client)))
        for number, client in enumerate(clients):
            client.ids = send_all(client.path, [
                allocate_request(client), bind_request(client, peer), *bindings(10)])
            client.send_channel(0x4000, b"%03d" % number)
            if number % 20 == 19:  # no more than a socket's buffer holds
                tap.expect(readable(client.path.socket, 5), "an answer")
        received = received_by(peer, len(clients))
        for client in clients:
            expect_answers(client, client.ids, "a client")
        for client in clients:
            tap.expect(not readable(client.path.socket, 0), "no answer twice")
            client.vanish()
    totals = totals_of(server)
    missing = {b"%03d" % number for number in range(len(clients))} - set(received)
    early = sum(counters["drop_no_channel"] + counters["drop_no_session"]
                for counters in totals.values())
    tap.expect_equal(len(received), len(set(received)), "payloads that the peer got, and each once")
    tap.expect_equal(len(missing), early, "payloads missing, and those that came too early")
    tap.expect(totals[2]["passed_on"] >= len(clients), "datagrams went by mail")
    tap.expect_equal(totals[2]["handed_over"], len(clients), "clients handed over")


@tap.limit_s(90)
def test_strays_come_back():
    """Binding requests of 50 strangers are answered, each once, while 1000 clients are handed over"""
    with engine_server("dedicated", 2, ips=("127.0.0.1",)) as server:
        strangers = [server.client() for _ in range(50)]
        with subprocess.Popen(
                [load_generator(), "--server", "127.0.0.1:%d" % server.port, "--mode", "idle",
                 "--clients", "1000", "--seconds", "0", "--setup-window", "50"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as load:
            while load.poll() is None:
                ids = [send_all(stranger.path, bindings(1)) for stranger in strangers]
                for stranger, one in zip(strangers, ids):
                    expect_answers(stranger, one, "a stranger")
        for stranger in strangers:
            tap.expect(not readable(stranger.path.socket, 0), "no answer twice")
            stranger.vanish()
    totals = totals_of(server)
    tap.diagnose("%d datagrams came back from relay threads" % (
        totals[0]["passed_on"] + totals[1]["passed_on"]))
    tap.expect_equal(totals[2]["handed_over"], 1000, "clients handed over")


@tap.limit_s(90)
def test_strangers_get_nothing():
    """10,000 Allocate and Binding requests from as many sources leave no socket behind"""
    requests = (stun.Message(stun.BINDING),
                stun.Message(stun.ALLOCATE, attributes=[
                    (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)]),
                stun.Message(stun.REFRESH))
    with engine_server("dedicated", 2, ips=("127.0.0.1",)) as server:
        server.serves()
        before = server.open_files()
        for number in range(10000):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
                source.bind(("127.1.%d.%d" % (number >> 8, number & 255), 0))
                source.sendto(requests[number % 3].encode(), server.address)
                if number % 100 == 99:  # the server keeps up
                    tap.expect(readable(source, 5), "an answer")
        tap.expect_equal(server.open_files(), before, "open files")
    totals = totals_of(server)
    tap.expect(totals[2]["client_packets_in"] >= 10000, "requests at the listener thread")
    tap.expect_equal(totals[2]["handed_over"], 1, "clients handed over")


def test_endpoints_are_bounded():
    """max-endpoints: 508 beyond it; an idle client's place is free again, and it may come back"""
    with engine_server("dedicated", 2, "--max-endpoints=4", "--idle-timeout=1",
                       ips=("127.0.0.1",)) as server:
        before = server.open_files()
        clients = [server.client() for _ in range(5)]
        for client in clients[:4]:
            client.allocate()
        tap.expect_equal(clients[4].try_allocate(), 508, "a fifth client")
        tap.expect(clients[4].binding(), "a Binding answer for it")
        with server.client("tcp") as stream:
            stream.allocate()
        clients[0].refresh(0)
        tap.wait_until(lambda: clients[4].try_allocate() == 0, "a place for it")
        tap.expect_equal(clients[0].try_allocate(), 508, "the first when it comes back")
        for client in clients[1:]:
            client.refresh(0)
        tap.wait_until(lambda: server.open_files() == before, "all sockets closed")
        clients[0].allocate()
        tap.expect(meet(clients[0], relayed(clients[1])), "data of two that came back")
        for client in clients:
            client.close()
    tap.expect(totals_of(server)[2]["endpoints_refused"] >= 2, "refusals are counted")


def relayed(client):
    client.allocate()
    return client


def test_refused_at_once():
    """Of 40 clients who come in one moment to 4 places, each is told at once that it has one or has none"""
    with engine_server("dedicated", 2, "--max-endpoints=4", ips=("127.0.0.1",)) as server:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.client()) for _ in range(40)]
            for client in clients:
                client.learn(client.exchange(allocate_request(client)))
            requests = [allocate_request(client) for client in clients]
            for client, request in zip(clients, requests):
                client.path.send(request)
            errors = []
            for client, request in zip(clients, requests):
                answer = client.response_to(request[8:20], time.monotonic() + 5)
                tap.expect(answer, "an answer to each")
                errors.append(answer.error)
            tap.expect_equal(sorted(set(errors)), [0, 508], "what they are told")
            tap.expect_equal(errors.count(0), 4, "places")


def test_as_another_user():
    """A listener thread opens its clients' sockets as proc-user, below 1024 too, or does not start"""
    tap.need_root()
    options = ("--network-engine=dedicated", "--proc-user=nobody")
    with Server(*options, "--fence=off") as server:
        server.serves()
    if not is_sanitized():
        with Server(*options, ports=(1000, 1001)) as server:
            server.serves()
    code, text = start_and_fail("-n", "--listening-ip=127.0.0.1", "--listening-port=1000",
                                "--relay-ip=127.0.0.1", "--no-auth", "--fence=off", *options)
    tap.expect_equal(code, 1, "exit code with a port below 1024")
    tap.expect("network-engine=dedicated opens a socket on 127.0.0.1:1000" in text, text)


@tap.limit_s(120)
def test_end_under_load():
    """SIGTERM while 60 clients come, send and go, in each engine"""
    for engine in ENGINES[1:]:
        for mode in ("echo", "churn"):
            with engine_server(engine, 2, ips=("127.0.0.1",)) as server:
                with subprocess.Popen(
                        [load_generator(), "--server", "127.0.0.1:%d" % server.port, "--mode", mode,
                         "--clients", "60", "--seconds", "3", "--total", "100000"],
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                    try:
                        tap.wait_until(lambda: server.log().count("allocation created") >= 60,
                                       "60 allocations", 30)
                        tap.expect_equal(server.end(signal.SIGTERM, 10), 0, "exit code, " + mode)
                    finally:
                        process.kill()


if __name__ == "__main__":
    tap.main()
