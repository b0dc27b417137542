#!/usr/bin/env python3
"""Who uses a running server, asked over the control socket: sessions are listed, searched, shown and
cancelled, on all threads, while their data flows."""
import json
import signal
import socket
import subprocess
import threading
import time

from harness import stun, tap
from harness.client import Peer, exchange_both_ways
from harness.server import Server
from harness.tcp_pair import TcpPeer
from threads import load_generator

ALONE = "it compares latencies"

TWO_USERS = ("--user=anna:p", "--user=bert:p", "--allow-loopback-peers", "--relay-threads=3")
TRANSPORTS = ("udp", "tcp", "tls", "dtls")


def sessions(server, *words):
    return server.ask("session", "list", *words)["sessions"]


def ids(server, *words):
    return [session["id"] for session in sessions(server, *words)]


def id_of(server, client):
    """The id in the log of the allocation that has this relayed address."""
    relayed = "relayed=%s:%d" % client.relayed
    line = tap.wait_until(lambda: next((line for line in server.log().splitlines()
                                        if "allocation created" in line and relayed in line), None),
                          "a line in the log")
    return next(word[3:] for word in line.split() if word.startswith("id="))


def end_line(server, session):
    return tap.wait_until(lambda: next((line for line in server.log().splitlines()
                                        if ("expired" in line or "deleted" in line)
                                        and "id=%s " % session in line), None), "an end in the log")


def test_search():
    """Sessions are found by user, realm, client, peer, transport, thread and id, and by all together"""
    with Server(*TWO_USERS, tls=True) as server, Peer() as peer:
        clients = {}
        for user in ("anna", "bert"):
            for transport in TRANSPORTS:
                clients[user, transport] = server.client(transport, user=user)
                clients[user, transport].allocate()
        everyone = {key: id_of(server, client) for key, client in clients.items()}
        clients["anna", "tcp"].bind_channel(0x4000, peer.address)
        clients["bert", "udp"].permit("127.0.0.9")

        def found(*words):
            return {key for key, one in everyone.items() if one in ids(server, *words)}

        tap.expect_equal(found(), set(everyone), "all")
        tap.expect_equal(found("--user", "anna"), {("anna", one) for one in TRANSPORTS}, "a user")
        tap.expect_equal(found("--user", "ann"), set(), "a part of a name is no name")
        tap.expect_equal(found("--contains", "er"), {("bert", one) for one in TRANSPORTS}, "a part")
        tap.expect_equal(found("--realm", "example.org"), set(everyone), "the realm")
        tap.expect_equal(found("--realm", "other"), set(), "another realm")
        tap.expect_equal(found("--transport", "DTLS"), {("anna", "dtls"), ("bert", "dtls")}, "DTLS")
        tap.expect_equal(found("--client", "127.0.0.0/8"), set(everyone), "a net")
        tap.expect_equal(found("--client", "192.0.2.1"), set(), "another address")
        tap.expect_equal(found("--peer", "127.0.0.1"), {("anna", "tcp")}, "a peer")
        tap.expect_equal(found("--peer", "127.0.0.1-127.0.0.9"), {("anna", "tcp"), ("bert", "udp")},
                         "peers")
        tap.expect_equal(found("--user", "bert", "--transport", "udp", "--peer", "127.0.0.9"),
                         {("bert", "udp")}, "all that is asked")
        threads = [found("--thread", str(thread)) for thread in range(3)]
        tap.expect_equal(set().union(*threads), set(everyone), "the threads'")
        tap.expect_equal(sum(map(len, threads)), len(everyone), "each is on one thread")
        for words, problem in ((("--transport", "sctp"), "udp, tcp, tls, dtls"),
                               (("--sort", "name"), "age, rate, bytes"),
                               (("--client", "turn.example.org"), "no address"),
                               (("--client", "192.0.2.1/8"), "no address")):
            code, _, said = server.admin("session", "list", *words)
            tap.expect((code, problem in said) == (1, True), "%r: %r" % (words, said))
        for client in clients.values():
            client.close()


def test_pages():
    """A list comes in pages, each session once, oldest first; a page has a bound"""
    with Server("--relay-threads=3") as server:
        clients = [server.client() for _ in range(60)]
        for client in clients:
            client.allocate()
        wanted = [id_of(server, client) for client in clients]
        seen, after, pages = [], {}, 0
        while True:
            page = ask(server, "session list", limit=7, **after)
            tap.expect_equal((page["matched"], page["total"]), (60, 60), "how many there are")
            seen += [session["id"] for session in page["sessions"]]
            pages += 1
            if page["next"] is None:
                break
            tap.expect_equal(len(page["sessions"]), 7, "sessions of a page")
            after = {"after": page["next"]}
        tap.expect_equal((sorted(seen), pages), (sorted(wanted), 9), "all, once")
        ages = [session["age"] for session in sessions(server, "--limit", "0")]
        tap.expect_equal((len(ages), sorted(ages, reverse=True)), (60, ages), "oldest first")
        tap.expect_equal(len(sessions(server)), 50, "turnadmin's own bound")
        code, out, said = server.admin("session", "list", "--limit", "5")
        tap.expect_equal((code, len(out.splitlines())), (0, 6), "lines with their head")
        tap.expect("5 of 60 sessions" in said, "it says that there are more: " + said)
        for arguments in ({"limit": 257}, {"limit": 0}, {"after": "x"}, {"after": "1-2-3"},
                          {"thread": -1}):
            tap.expect("problem" in ask(server, "session list", True, **arguments), arguments)
        for client in clients:
            client.close()


def ask(server, request, whole=False, **arguments):
    """What the socket itself answers; the whole of it, or the result."""
    with socket.socket(socket.AF_UNIX) as path:
        path.settimeout(20)
        path.connect(server.control_socket)
        path.sendall(json.dumps({"request": request, "arguments": arguments}).encode() + b"\n")
        with path.makefile() as file:
            answer = json.loads(file.readline())
    return answer if whole else answer["result"]


def test_show():
    """One session in detail: addresses, both families, times, TLS, permissions, channels, traffic"""
    with Server(*TWO_USERS, "--mobility", ips=("127.0.0.1", "::1"), tls=True) as server, \
            Peer() as peer, server.client("tls", user="anna") as client:
        client.allocate((stun.ADDITIONAL_ADDRESS_FAMILY, b"\x02\0\0\0"))
        client.permit("127.0.0.7")
        tap.expect(exchange_both_ways(client, peer, 0x4005), "data")
        session = id_of_only(server)
        shown = server.ask("session", "show", session)
        tap.expect_equal((shown["user"], shown["realm"], shown["transport"], shown["mobile"]),
                         ("anna", "example.org", "TLS", False), "who it is")
        tap.expect_equal(shown["server"], "127.0.0.1:%d" % server.port, "where it came to")
        tap.expect_equal(len(shown["relayed"]), 2, "relayed addresses")
        tap.expect("%s:%d" % client.relayed in shown["relayed"], "the first one")
        tap.expect(shown["tls"]["version"].startswith("TLSv1.") and shown["tls"]["cipher"],
                   "TLS: %r" % shown)
        tap.expect(0 < shown["expires"] <= 600 and 0 <= shown["age"] < 60, "times")
        channels = [(one["number"], one["peer"]) for one in shown["channels"]]
        tap.expect_equal(channels, [("0x4005", "127.0.0.1:%d" % peer.address[1])], "channels")
        permissions = sorted(one["peer"] for one in shown["permissions"])
        tap.expect_equal(permissions, ["127.0.0.1", "127.0.0.7"], "permissions")
        tap.expect(all(0 < one["expires"] <= 600 for one in shown["channels"]), "their time")
        tap.expect_equal((shown["to_peer"]["packets"], shown["to_client"]["packets"]), (1, 1),
                         "packets")
        code, out, _ = server.admin("session", "show", session)
        tap.expect(code == 0 and "channels\t0x4005 127.0.0.1:" in out, "as text: " + out)
        thread, number = session.split(".")
        coturns = "%03d%015d" % (int(thread), int(number))
        tap.expect_equal(server.ask("session", "show", coturns)["id"], session, "coturn's form")
        for wrong in ("0", "1.2.3", "x", "0.999999", "-1.5", "99999.1"):
            tap.expect_equal(server.admin("session", "show", "--", wrong)[0], 1, wrong)


def id_of_only(server):
    found = ids(server)
    tap.expect_equal(len(found), 1, "sessions")
    return found[0]


def test_show_tcp_relay():
    """Connections of RFC 6062 are shown with their peers, and whether they are joined"""
    with Server("--allow-loopback-peers") as server, TcpPeer() as peer, \
            server.client("tcp") as control, server.client("tcp") as data:
        control.allocate_tcp()
        connection = control.connect_peer(peer.address)
        session = id_of_only(server)
        wanted = {"peer": "127.0.0.1:%d" % peer.address[1], "joined": False}
        tap.expect_equal(server.ask("session", "show", session)["connections"], [wanted], "waits")
        data.bind_connection(connection)
        wanted["joined"] = True
        shown = server.ask("session", "show", session)
        tap.expect_equal((shown["connections"], shown["relays"]), ([wanted], "TCP"), "joined")
        tap.expect_equal(ids(server, "--peer", "127.0.0.1"), [session], "found by it")


class Flow(threading.Thread):
    """A client that sends to its peer and hears it back, at a steady rate."""

    def __init__(self, server, peer, rate, size=160, **how):
        super().__init__(daemon=True)
        self.client, self.peer = server.client(**how), peer
        self.rate, self.size = rate, size
        self.latencies, self.lost, self.stopping = [], 0, threading.Event()
        self.client.allocate()
        self.client.bind_channel(0x4000, peer.address)

    def run(self):
        begun, number = time.monotonic(), 0
        while not self.stopping.is_set():
            number += 1
            sent = time.monotonic()
            self.client.send_channel(0x4000, number.to_bytes(4, "big") + bytes(self.size - 4))
            data, source = self.peer.receive(1)
            if data is None:
                self.lost += 1
                continue
            self.peer.send(data, source)
            self.lost += self.client.receive(1) is None
            self.latencies.append(time.monotonic() - sent)
            time.sleep(max(0, begun + number / self.rate - time.monotonic()))

    def stop(self):
        self.stopping.set()
        self.join()

    def p99_ms(self):
        return sorted(self.latencies)[int(len(self.latencies) * .99)] * 1000


def test_rates():
    """Rates are those of the last seconds: the busiest comes first, and who has stopped has none"""
    with Server("--allow-loopback-peers", "--relay-threads=2") as server, Peer() as one_peer, \
            Peer() as other_peer:
        idle = [server.client() for _ in range(5)]
        for client in idle:
            client.allocate()
        slow, fast = Flow(server, one_peer, 50), Flow(server, other_peer, 200, 400)
        slow.start()
        fast.start()
        try:
            tap.wait_until(lambda: len(fast.latencies) > 100, "traffic")
            server.ask("session", "list")
            first, second = sessions(server, "--sort", "rate")[:2]
        finally:
            fast.stop()
        tap.expect_equal((first["id"], second["id"]),
                         (id_of(server, fast.client), id_of(server, slow.client)), "the order")
        rate, wanted = first["to_peer"]["bytes_s"], 200 * 400
        tap.expect(wanted / 2 < rate < wanted * 1.5, "%d bytes a second of %d" % (rate, wanted))
        rate = second["to_client"]["packets_s"]
        tap.expect(20 < rate < 80, "%d packets a second of 50" % rate)
        tap.wait_until(lambda: next(one["to_peer"]["bytes_s"] for one in sessions(server)
                                    if one["id"] == first["id"]) == 0, "a rate of nothing")
        slow.stop()
        top = sessions(server, "--sort", "bytes", "--limit", "1")[0]
        tap.expect_equal(top["id"], first["id"], "most bytes")
        tap.expect(top["to_peer"]["bytes"] >= len(fast.latencies) * 400, "all of them")
        for client in idle + [slow.client, fast.client]:
            client.close()


def test_cancel():
    """A cancelled allocation ends over each transport: 437, a reason in the log, room in the quota"""
    with Server(*TWO_USERS, "--user-quota=1", tls=True) as server:
        for transport in TRANSPORTS:
            with server.client(transport, user="anna") as client:
                client.allocate()
                session = id_of(server, client)
                tap.expect_equal(server.ask("session", "cancel", session), {"cancelled": 1}, "once")
                response = client.request(stun.REFRESH, [(stun.LIFETIME, b"\0\0\2\x58")])
                tap.expect_equal(response.error, 437, "a Refresh over " + transport)
                tap.expect('reason="cancelled by the operator"' in end_line(server, session),
                           "the reason")
                code, _, said = server.admin("session", "cancel", session)
                tap.expect((code, "no such session" in said) == (1, True), "twice: " + said)
                tap.expect_equal(client.try_allocate(), 0, "another one over " + transport)
                client.refresh(0)
                client.relayed = None
        tap.expect_equal(server.ask("status")["allocations"], 0, "allocations")
        tap.expect('allocations cancelled: by="control socket"' in server.log(), "who did it")


def test_cancel_while_data_flows():
    """Cancelling under traffic on several threads ends that session alone"""
    with Server("--allow-loopback-peers", "--relay-threads=3") as server:
        peers = [Peer() for _ in range(4)]
        flows = [Flow(server, peer, 500) for peer in peers]
        for flow in flows:
            flow.start()
        tap.wait_until(lambda: all(len(flow.latencies) > 50 for flow in flows), "traffic")
        server.ask("session", "cancel", id_of(server, flows[0].client))
        tap.wait_until(lambda: flows[0].lost > 0, "the end of the first one's data")
        before = [len(flow.latencies) for flow in flows]
        tap.wait_until(lambda: all(len(flow.latencies) > count + 50 for flow, count in
                                   list(zip(flows, before))[1:]), "the others' data")
        flows[0].stop()
        for flow in flows[1:]:
            flow.stop()
            tap.expect_equal(flow.lost, 0, "packets lost by others")
        for flow in flows:
            flow.client.close()


def test_cancel_user():
    """All sessions of a user, with a bound; others stay; a user or an id has to be said"""
    with Server(*TWO_USERS) as server:
        clients = [server.client(user=user) for user in ["anna"] * 30 + ["bert"] * 10]
        for client in clients:
            client.allocate()
        tap.expect_equal(server.ask("session", "cancel", "--user", "anna", "--most", "12"),
                         {"cancelled": 12}, "the bound")
        tap.expect_equal(len(ids(server, "--user", "anna")), 18, "those beyond it")
        code, _, said = server.admin("session", "cancel", "--user", "anna", "--realm", "other")
        tap.expect((code, "no such session" in said) == (1, True), "another realm: " + said)
        tap.expect_equal(server.ask("session", "cancel", "--user", "anna"), {"cancelled": 18},
                         "the rest")
        tap.expect_equal(len(ids(server)), 10, "the other user's")
        for words in ((), ("1.1", "--user", "anna")):
            code, _, said = server.admin("session", "cancel", *words)
            tap.expect((code, "say which" in said) == (1, True), "%r: %r" % (words, said))
        for client in clients:
            client.close()


def test_cancel_tcp_relay():
    """With a cancelled allocation of RFC 6062 its connections to peers end"""
    with Server("--allow-loopback-peers") as server, TcpPeer() as peer, \
            server.client("tcp") as control:
        control.allocate_tcp()
        control.connect_peer(peer.address)
        tap.expect_equal(server.ask("session", "cancel", id_of_only(server)), {"cancelled": 1}, "")
        tap.wait_until(lambda: server.ask("counters")["counters"]["peer_connections_now"] == 0,
                       "the end of its connection")


@tap.limit_s(120)
def test_many():
    """10,000 sessions are listed while a client's packets flow: none waits for long"""
    with Server("--allow-loopback-peers", "--relay-threads=2") as server, Peer() as peer:
        count = 2000 if server.sanitized else 10000
        idle = subprocess.Popen([load_generator(), "--server", "127.0.0.1:%d" % server.port,
                                 "--mode", "idle", "--clients", str(count), "--seconds", "100"],
                                stdout=subprocess.DEVNULL)
        tap.wait_until(lambda: server.ask("status")["allocations"] == count, "allocations", 60)
        flow = Flow(server, peer, 400)
        flow.start()
        try:
            tap.wait_until(lambda: len(flow.latencies) > 100, "traffic")
            del flow.latencies[:]
            tap.wait_until(lambda: len(flow.latencies) > 400, "a measure without a list")
            alone = flow.p99_ms()
            del flow.latencies[:]
            begun, lists = time.monotonic(), 0
            while lists < 3 or len(flow.latencies) < 400:
                page = ask(server, "session list", sort="rate", limit=256)
                lists += 1
                tap.expect_equal((page["matched"], len(page["sessions"])), (count + 1, 256), "page")
            took = (time.monotonic() - begun) / lists
            whole = sessions(server, "--limit", "0")
        finally:
            flow.stop()
            idle.kill()
            idle.wait()
        listed = flow.p99_ms()
        tap.diagnose("p99 %.2f ms alone, %.2f ms while listing; a list in %.0f ms; worst %.2f ms" % (
            alone, listed, took * 1000, max(flow.latencies) * 1000))
        tap.expect_equal(len({session["id"] for session in whole}), count + 1, "all on their pages")
        tap.expect_equal(flow.lost, 0, "packets lost")
        tap.expect(listed < alone + (100 if server.sanitized else 10), "packets waited %.1f ms" % listed)
        flow.client.close()


def test_many_askers():
    """Askers at the same time each get an answer, and those who leave before it do no harm"""
    with Server("--relay-threads=2") as server:
        clients = [server.client() for _ in range(20)]
        for client in clients:
            client.allocate()
        answers, threads = [], []
        for _ in range(12):
            threads.append(threading.Thread(target=lambda: answers.append(
                ask(server, "session list", limit=5)["matched"])))
            threads[-1].start()
        for _ in range(8):
            leave(server)
        for thread in threads:
            thread.join()
        tap.expect_equal(answers, [20] * 12, "answers")
        leave(server)
        for client in clients:
            client.close()


def leave(server):
    with socket.socket(socket.AF_UNIX) as path:
        path.connect(server.control_socket)
        path.sendall(b'{"request":"session list"}\n')


@tap.beside
def test_end_while_asked():
    """Rates that nobody asked for lately take a second; who waits for them when the server ends is told so"""
    with Server("--relay-threads=2") as server, server.client() as client:
        client.allocate()
        tap.wait_until(lambda: ask(server, "session list", rates=False)["sessions"][0]["age"] >= 11,
                       "an old session", 20)
        begun = time.monotonic()
        tap.expect_equal(len(sessions(server)), 1, "a list")
        tap.expect(0.9 < time.monotonic() - begun < 5, "it took a second")
        tap.wait_until(lambda: ask(server, "session list", rates=False)["sessions"][0]["age"] >= 23,
                       "one that nobody asked about again", 20)
        waiters, answers = [], []
        for _ in range(3):
            waiters.append(threading.Thread(target=lambda: answers.append(
                ask(server, "session list", True))))
            waiters[-1].start()
        tap.wait_until(lambda: ask(server, "session list", rates=False), "others are answered")
        tap.expect_equal(answers, [], "answers before the end")
        tap.expect_equal(server.end(signal.SIGTERM, 5), 0, "exit code")
        for waiter in waiters:
            waiter.join()
        tap.expect_equal(answers, [{"problem": "the server ends"}] * 3, "answers")
        client.relayed = None


if __name__ == "__main__":
    tap.main()
