#!/usr/bin/env python3
"""What the server measures, while sessions are open: exact numbers for known traffic over each transport,
each error, each thread; as JSON, as a table, and as OpenMetrics text read by a parser that forgives nothing."""
import collections
import json
import os
import re
import socket
import subprocess
import threading

from harness import stun, tap
from harness.client import Peer
from harness.server import Folder, Server
from harness.store import Store
from harness.tcp_pair import TcpPeer

TURNADMIN = os.path.abspath(os.path.join(os.environ.get("BUILD", "."), "turnadmin"))
TRANSPORTS = ("udp", "tcp", "tls", "dtls")
Sample = collections.namedtuple("Sample", "name labels value")


class Metrics:
    """An answer to the request "metrics": value("drops", reason="no_channel") is a sum."""

    def __init__(self, server, *words):
        code, out, problem = server.admin("metrics", "--json", *words)
        tap.expect(code == 0, problem)
        self.families = {one["name"]: one for one in json.loads(out)["metrics"]}

    def samples(self, name, **labels):
        full = name if name in self.families else "turnstone_" + name
        wanted = {key: str(value) for key, value in labels.items()}
        return [one for one in self.families[full]["samples"]
                if wanted.items() <= one["labels"].items()]

    def value(self, name, **labels):
        return sum(one["value"] if "value" in one else one["count"]
                   for one in self.samples(name, **labels))

    def by_labels(self):
        """{(name, labels): value} of all that only grows."""
        return {(name, json.dumps(one["labels"], sort_keys=True)): one
                for name, family in self.families.items()
                if family["type"] in ("counter", "histogram") for one in family["samples"]}


def expect_values(metrics, wanted, **labels):
    got = {name: metrics.value(name, **labels) for name in wanted}
    tap.expect_equal(got, wanted, "metrics of %r" % (labels,))


def relay(client, peer, count, size):
    """So many packets of this size to the peer and back, each awaited."""
    client.bind_channel(0x4000, peer.address)
    for _ in range(count):
        client.send_channel(0x4000, bytes(size))
        data, source = peer.receive()
        tap.expect(data is not None, "a packet at the peer")
        peer.send(data, source)
        tap.expect(client.receive(), "a packet at the client")


def test_live_over_each_transport():
    """Packets and bytes of each transport, exactly, while the sessions are open and when they have ended"""
    count, size = 5, 101
    options = ("--relay-threads=2", "--allow-loopback-peers", "--software-attribute=no")
    with Server(*options, tls=True) as server, Peer() as peer:
        before = Metrics(server)
        clients = {}
        for transport in TRANSPORTS:
            client = clients[transport] = server.client(transport)
            client.allocate()
            relay(client, peer, count, size)
        now = Metrics(server)
        for transport in TRANSPORTS:
            expect_values(now, {
                "peer_packets_in": count, "peer_bytes_in": count * size,
                "peer_packets_out": count, "peer_bytes_out": count * size,
                "allocations": 1, "allocations_created": 1, "allocations_ended": 0,
                # Allocate with and without credentials, ChannelBind: there and back
                "client_packets_in": count + 3 + (before.value("client_packets_in",
                                                               transport=transport)),
                "client_packets_out": count + 3 + (before.value("client_packets_out",
                                                                transport=transport)),
                "unauthorized": 1, "requests": 3, "success_responses": 2, "stale_nonces": 0,
            }, transport=transport)
            in_bytes = now.value("client_bytes_in", transport=transport)
            out_bytes = now.value("client_bytes_out", transport=transport)
            signed = [client_message_size(clients[transport], method)
                      for method in (stun.ALLOCATE, stun.CHANNEL_BIND)]
            tap.expect_equal(in_bytes - before.value("client_bytes_in", transport=transport),
                             count * (size + 4) + 28 + sum(signed), "bytes in over " + transport)
            tap.expect(out_bytes > count * (size + 4), "bytes out over " + transport)
            for method, number in (("allocate", 2), ("channel_bind", 1), ("refresh", 0)):
                expect_values(now, {"stun_requests": number}, transport=transport, method=method)
            for method, number in (("allocate", 1), ("channel_bind", 1), ("refresh", 0)):
                expect_values(now, {"stun_successes": number}, transport=transport, method=method)
        expect_values(now, {"permissions": 4, "channels": 4, "connections": 2, "dtls_sessions": 1,
                            "tls_handshakes": 1, "dtls_handshakes": 1, "drops": 0,
                            "allocation_setup_seconds": 4, "key_lookup_seconds": 4})
        for client in clients.values():
            client.refresh(0)
            client.relayed = None
        ended = Metrics(server)
        expect_values(ended, {"allocations": 0, "permissions": 0, "channels": 0})
        for transport in TRANSPORTS:
            expect_values(ended, {"allocations_ended": 1}, transport=transport, reason="by_client")
        expect_values(ended, {"allocations_ended": 4, "allocations_deleted": 4})
        for client in clients.values():
            client.close()


def client_message_size(client, method):
    attributes = {stun.ALLOCATE: [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)],
                  stun.CHANNEL_BIND: [(stun.CHANNEL_NUMBER, bytes(4)),
                                      (stun.XOR_PEER_ADDRESS, ("127.0.0.1", 1))]}[method]
    return len(client.message(method, attributes))


def test_threads_add_up():
    """With --by-thread each thread has a label, and what they have is what there is in all"""
    for engine in ("sharded", "paired", "dedicated"):
        with Server("--relay-threads=3", "--network-engine=" + engine) as server:
            clients = [server.client() for _ in range(12)] + [server.client("tcp")]
            for client in clients:
                client.allocate()
            all_of_it, each = Metrics(server), Metrics(server, "--by-thread")
            names = {one["labels"]["thread"] for one in each.samples("allocations")}
            relays = {"sharded": 3, "paired": 4, "dedicated": 3}[engine]
            wanted = {"relay-%d" % i for i in range(relays)}
            wanted |= {"listener-0"} if engine == "dedicated" else set()
            tap.expect_equal(names, wanted, "threads with " + engine)
            tap.expect_equal({one["labels"]["thread"]
                              for one in each.samples("thread_cpu_seconds")}, wanted | {"main"},
                             "threads with CPU time")
            for name in ("client_packets_in", "client_bytes_in", "requests", "allocations",
                         "allocations_created", "stun_errors", "allocation_setup_seconds"):
                tap.expect_equal(each.value(name), all_of_it.value(name), name + ", " + engine)
            tap.expect_equal(all_of_it.value("allocation_setup_seconds"), 13, "set-ups")
            tap.expect(len([name for name in names
                            if each.value("allocations", thread=name)]) > 1, "several have clients")
            for client in clients:
                client.close()


def provoke(server):
    """(code, how often, over which transport): each by requests that deserve it."""
    with server.client() as client:  # 401 and 437, then 400, 403, 420, 442, 443, 440
        client.allocate()
        transport = (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)
        tap.expect_equal(client.try_allocate(), 437, "a second Allocate")
        tap.expect_equal(client.request(stun.CREATE_PERMISSION).error, 400, "no peer")
        tap.expect_equal(client.request(stun.CREATE_PERMISSION, [
            (stun.XOR_PEER_ADDRESS, ("10.0.0.1", 0))]).error, 403, "a private peer")
        tap.expect_equal(client.request(stun.REFRESH, [(0x7FFF, b"")]).error, 420, "unknown")
        tap.expect_equal(client.request(stun.CREATE_PERMISSION, [
            (stun.XOR_PEER_ADDRESS, ("2001:db8::1", 0))]).error, 443, "another family")
        client.user, mine = "other", (client.user, client.key)
        client.key = stun.long_term_key(client.user, client.realm, client.password)
        tap.expect_equal(client.request(stun.REFRESH).error, 441, "another user")
        client.user, client.key = mine
    with server.client("tcp") as client:
        tap.expect_equal(client.request(stun.ALLOCATE, [
            (stun.REQUESTED_TRANSPORT, b"\x2a\0\0\0")]).error, 442, "an unknown protocol")
        tap.expect_equal(client.request(stun.ALLOCATE, [
            transport, (stun.REQUESTED_ADDRESS_FAMILY, b"\2\0\0\0")]).error, 440, "no IPv6 here")
        client.nonce = b"f" * len(client.nonce)
        response = client.exchange(client.message(stun.ALLOCATE, [transport]))
        tap.expect_equal(response.error, 438, "a forged nonce")
    with server.client("tls", password="wrong") as client:
        tap.expect_equal(client.try_allocate(), 401, "a wrong password")
    return {("udp", 401): 1, ("udp", 437): 1, ("udp", 400): 1, ("udp", 403): 1, ("udp", 420): 1,
            ("udp", 443): 1, ("udp", 441): 1, ("tcp", 401): 1, ("tcp", 442): 1, ("tcp", 440): 1,
            ("tcp", 438): 1, ("tls", 401): 2}


def test_errors_by_code():
    """Each error that is provoked is counted by its code and transport, and no other is"""
    with Server("--relay-threads=2", "--user=other:p", tls=True) as server:
        wanted = provoke(server)
        metrics = Metrics(server)
        got = {(one["labels"]["transport"], int(one["labels"]["code"])): one["value"]
               for one in metrics.samples("stun_errors") if one["value"]}
        tap.expect_equal(got, wanted, "errors")
        expect_values(metrics, {"error_responses": sum(wanted.values()), "unauthorized": 4,
                                "stale_nonces": 1,
                                "turn_unauthenticated_401_responses": 4})


def test_drops_by_reason():
    """Packets that go nowhere are counted by reason and transport, at once"""
    with Server("--relay-threads=1", "--allow-loopback-peers", tls=True) as server, \
            Peer() as peer, Peer() as stranger:
        for transport in TRANSPORTS:
            client = server.client(transport)
            client.allocate()
            client.bind_channel(0x4001, peer.address)
            client.send_channel(0x4002, b"unbound")
            client.refresh(600)  # DTLS's client would send two messages as one
            client.send_channel(0x4001, b"bound")
            tap.expect(peer.receive()[0] == b"bound", "what came behind it")
            client.close()
        with server.client() as lonely, server.client() as client:
            lonely.path.send(stun.channel_data(0x4000, b"without an allocation"))
            lonely.path.send(b"\xff\xff\xff\xff")
            client.allocate()
            client.permit("127.0.0.9")
            stranger.send(b"no permission", client.relayed)
            tap.wait_until(lambda: Metrics(server).value("drops") == 7, "all seven drops")
            metrics = Metrics(server)
        for transport in TRANSPORTS:
            expect_values(metrics, {"drops": 1}, reason="no_channel", transport=transport)
        for reason in ("no_session", "malformed", "no_permission"):
            expect_values(metrics, {"drops": 1}, reason=reason, transport="udp")
        expect_values(metrics, {"turn_packet_dropped": 7})


def test_ends_by_reason():
    """A connection that closes, a lifetime that runs out: allocations end by reason"""
    with Server("--max-allocate-lifetime=2") as server:
        with server.client("tcp") as client:
            client.allocate()
        with server.client() as client:
            client.allocate()
            tap.wait_until(lambda: Metrics(server).value("allocations_ended") == 2, "both ends")
            client.relayed = None
        metrics = Metrics(server)
        expect_values(metrics, {"allocations_ended": 1}, reason="with_connection", transport="tcp")
        expect_values(metrics, {"allocations_ended": 1}, reason="expired", transport="udp")
        expect_values(metrics, {"allocations_expired": 1, "allocations_deleted": 1})


def test_mobile_client():
    """An allocation that goes on from another transport is counted there, and nowhere twice"""
    with Server("--mobility", "--relay-threads=2") as server, server.client() as client:
        response = client.allocate((stun.MOBILITY_TICKET, b""))
        ticket = response.get(stun.MOBILITY_TICKET)
        expect_values(Metrics(server), {"allocations": 1}, transport="udp")
        with server.client("tcp") as later:
            later.succeed(stun.REFRESH, [(stun.MOBILITY_TICKET, ticket)])
            later.refresh(600)
            metrics = Metrics(server)
            expect_values(metrics, {"allocations": 0}, transport="udp")
            expect_values(metrics, {"allocations": 1}, transport="tcp")
            expect_values(metrics, {"allocations": 1, "allocations_created": 1,
                                    "allocations_moved": 1, "allocations_ended": 0})
            client.relayed = None
            later.refresh(0)
        expect_values(Metrics(server), {"allocations": 0, "allocations_ended": 1})


def test_tcp_relaying():
    """Bytes of RFC 6062's connections are counted while they are open"""
    with Server("--allow-loopback-peers") as server, TcpPeer() as listener, \
            server.client("tcp") as control, server.client("tcp") as data:
        control.allocate_tcp()
        before = Metrics(server)
        connection = control.connect_peer(listener.address)
        at_peer, _ = listener.accept()
        at_client, _ = data.bind_connection(connection)
        at_client.sendall(bytes(1000))
        received = 0
        while received < 1000:
            received += len(at_peer.recv(4096))
        tap.wait_until(lambda: Metrics(server).value("peer_bytes_out", transport="tcp") == 1000,
                       "the bytes, live")
        metrics = Metrics(server)
        expect_values(metrics, {"peer_connections": 1, "client_data_connections": 1,
                                "peer_connections_made": 1})
        tap.expect(metrics.value("client_bytes_in", transport="tcp") -
                   before.value("client_bytes_in", transport="tcp") > 1000, "from the client")
        at_peer.close()


def test_store():
    """What the store is asked is counted by question and result, and timed"""
    store = Store()
    store.admin("user", "add", "anna", "--realm", "example.org", text="secret\n")
    with Server(store.option, "--lt-cred-mech", "--realm=example.org", credentials=False) as server:
        with server.client(user="anna", password="secret") as client:
            client.allocate()
        with server.client(user="nobody") as client:
            tap.expect_equal(client.try_allocate(), 401, "a stranger")
        metrics = Metrics(server)
        tap.expect(metrics.value("thread_cpu_seconds", thread="store") > 0, "the store's CPU time")
        expect_values(metrics, {"store_answers": 1}, question="user", result="found")
        expect_values(metrics, {"store_answers": 1}, question="user", result="missing")
        expect_values(metrics, {"store_answers": 2, "store_answer_seconds": 2,
                                "allocation_setup_seconds": 1, "key_lookup_seconds": 2})
        times = metrics.samples("allocation_setup_seconds")[0]
        tap.expect(0 < times["sum"] < 10, "seconds: %r" % times["sum"])
        tap.expect(times["quantiles"]["0.5"] >= times["sum"] * 0.99, "the median of one is it")


def test_process():
    """Ports, descriptors, memory, CPU time, certificate and start are what the system says"""
    with Server("--min-port=20000", "--max-port=20099", "--relay-threads=1", tls=True) as server:
        idle = Metrics(server)
        clients = [server.client() for _ in range(10)]
        for client in clients:
            client.allocate()
        metrics = Metrics(server)
        expect_values(metrics, {"relay_ports": 100, "relay_ports_taken": 10}, address="127.0.0.1")
        tap.expect_equal(metrics.value("process_open_fds") - idle.value("process_open_fds"), 10,
                         "a descriptor for each allocation")
        tap.expect(abs(metrics.value("process_open_fds") - server.open_files()) <= 1,
                   "descriptors: %r" % metrics.value("process_open_fds"))
        rss = metrics.value("process_resident_memory_bytes") / 1024
        tap.expect(0.5 < rss / server.rss_kb() < 2, "memory in RAM: %d kB" % rss)
        used, reserved = (metrics.value("memory_%s_bytes" % what) for what in ("used", "reserved"))
        if not server.sanitized:  # sanitizers have allocators of their own
            tap.expect(0 < used <= reserved < 2 ** 30, "memory: %d of %d" % (used, reserved))
        cpu = metrics.value("process_cpu_seconds")
        tap.expect(0 < metrics.value("thread_cpu_seconds") <= cpu, "CPU time")
        days = (metrics.value("certificate_expiry_seconds", transport="tls") -
                metrics.value("process_start_time_seconds")) / 86400
        tap.expect(1.9 < days <= 2.01, "the certificate ends in %.2f days" % days)
        tap.expect_equal(metrics.samples("turnstone_build")[0]["labels"]["engine"], "sharded",
                         "the engine")
        expect_values(metrics, {"draining": 0, "process_start_time_seconds":
                                idle.value("process_start_time_seconds")})
        for client in clients:
            client.close()


def test_never_backwards():
    """No counter goes backwards, nor do buckets, while clients come, move between threads and go"""
    with Server("--network-engine=dedicated", "--relay-threads=2", "--mobility") as server:
        stop, faults = threading.Event(), []

        def keep_coming():
            while not stop.is_set():
                try:
                    with server.client() as client:
                        ticket = client.allocate((stun.MOBILITY_TICKET, b"")).get(
                            stun.MOBILITY_TICKET)
                        with server.client() as later:
                            later.succeed(stun.REFRESH, [(stun.MOBILITY_TICKET, ticket)])
                            client.relayed = None
                            later.refresh(0)
                except tap.Failure as failure:
                    faults.append(str(failure))

        coming = [threading.Thread(target=keep_coming) for _ in range(2)]
        for one in coming:
            one.start()
        try:
            before = Metrics(server, "--by-thread").by_labels()
            for _ in range(40):
                now = Metrics(server, "--by-thread").by_labels()
                for key, sample in before.items():
                    expect_not_less(key, sample, now[key])
                before = now
        finally:
            stop.set()
            for one in coming:
                one.join()
        tap.expect_equal(faults, [], "clients that failed")
        tap.expect(Metrics(server).value("allocations_moved") > 10, "many have moved")


def expect_not_less(key, before, now):
    if "value" in before:
        tap.expect(now["value"] >= before["value"], "%r from %r to %r" % (
            key, before["value"], now["value"]))
        return
    tap.expect(now["count"] >= before["count"] and now["sum"] >= before["sum"], "%r" % (key,))
    for (_, earlier), (_, later) in zip(before["buckets"], now["buckets"]):
        tap.expect(later >= earlier, "a bucket of %r" % (key,))


# OpenMetrics 1.0, as strictly as its grammar is.

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|Inf)\Z")
ENDS = {"counter": ("_total",), "gauge": ("",), "unknown": ("",), "info": ("_info",),
        "histogram": ("_bucket", "_count", "_sum")}


def parse_labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        tap.expect(match and match[1] not in labels, "labels %r" % text)
        labels[match[1]] = match[2]
        at = match.end()
        if at < len(text):
            tap.expect(text[at] == "," and at + 1 < len(text), "labels %r" % text)
            at += 1
    return labels


def parse_sample(line):
    match = re.match(r"([^ {]+)(?:\{([^ ]*|.*)\})? ([^ ]+)\Z", line)
    tap.expect(match and NAME.match(match[1]) and NUMBER.match(match[3]), "a sample: %r" % line)
    return Sample(match[1], parse_labels(match[2] or ""), float(match[3]))


def parse_openmetrics(text):
    """{name: (type, unit, [Sample])}; fails at whatever the standard does not allow."""
    tap.expect(text.endswith("# EOF\n") and "\r" not in text, "the end")
    families, seen, name = {}, set(), None
    for line in text[:-len("# EOF\n")].splitlines():
        if line.startswith("#"):
            match = re.match(r"# (HELP|TYPE|UNIT) ([^ ]+) (.*)\Z", line)
            tap.expect(match and NAME.match(match[2]), "a line of metadata: %r" % line)
            if match[2] != name:
                name = match[2]
                tap.expect(name not in families, "%s is there twice" % name)
                families[name] = {"samples": []}
            tap.expect(match[1] not in families[name] and not families[name]["samples"],
                       "order: %r" % line)
            families[name][match[1]] = match[3]
            continue
        sample = parse_sample(line)
        family = families[name]
        tap.expect(sample.name[:len(name)] == name and
                   sample.name[len(name):] in ENDS[family["TYPE"]], "%r of %s" % (line, name))
        key = (sample.name, tuple(sorted(sample.labels.items())))
        tap.expect(key not in seen, "the same sample twice: %r" % line)
        seen.add(key)
        family["samples"].append(sample)
    for name, family in families.items():
        check_family(name, family)
    return families


def check_family(name, family):
    tap.expect(family.get("HELP") and family.get("TYPE") in ENDS, "metadata of " + name)
    tap.expect(name.endswith("_" + family["UNIT"]) if "UNIT" in family else True, "unit of " + name)
    for sample in family["samples"]:
        tap.expect(family["TYPE"] != "counter" or sample.value >= 0, "a counter below 0: " + name)
        tap.expect("le" not in sample.labels or sample.name.endswith("_bucket"), "le of " + name)
    if family["TYPE"] == "histogram":
        check_histogram(name, family["samples"])


def check_histogram(name, samples):
    for key in {tuple(sorted((label, value) for label, value in one.labels.items()
                             if label != "le")) for one in samples}:
        own = [one for one in samples if set(key) <= set(one.labels.items()) and
               len(one.labels) - ("le" in one.labels) == len(key)]
        buckets = [one for one in own if one.name.endswith("_bucket")]
        bounds = [float(one.labels["le"]) for one in buckets]
        tap.expect(bounds == sorted(set(bounds)) and buckets[-1].labels["le"] == "+Inf",
                   "bounds of " + name)
        counts = [one.value for one in buckets]
        tap.expect(counts == sorted(counts), "buckets of %s are counted up" % name)
        count = next(one.value for one in own if one.name.endswith("_count"))
        tap.expect_equal(counts[-1], count, "the last bucket of " + name)
        tap.expect(any(one.name.endswith("_sum") for one in own), "the sum of " + name)


def test_openmetrics():
    """The OpenMetrics text passes a strict parser, and has what the JSON answer has"""
    with Server("--relay-threads=2", tls=True) as server:
        clients = [server.client(transport) for transport in TRANSPORTS]
        for client in clients:
            client.allocate()
        for words in ((), ("--by-thread",)):
            code, text, problem = server.admin("metrics", "--format", "openmetrics", *words)
            tap.expect(code == 0, problem)
            families = parse_openmetrics(text)
            metrics = Metrics(server, *words)
            tap.expect_equal(set(families), set(metrics.families), "metrics")
            made = families["turnstone_allocations_created"]
            tap.expect_equal((made["TYPE"], sum(one.value for one in made["samples"])),
                             ("counter", 4), "allocations made")
            setup = families["turnstone_allocation_setup_seconds"]
            tap.expect_equal(sum(one.value for one in setup["samples"]
                                 if one.name.endswith("_count")), 4, "set-ups")
            tap.expect_equal(setup["UNIT"], "seconds", "the unit")
        for client in clients:
            client.close()


def test_coturn_names():
    """Metrics by coturn's names are live, and say what coturn's would"""
    with Server("--relay-threads=2", "--allow-loopback-peers", tls=True) as server, Peer() as peer:
        tls, udp = server.client("tls"), server.client()
        for client in (tls, udp):
            client.allocate()
            relay(client, peer, 3, 50)
        server.client().binding()
        families = parse_openmetrics(server.admin("metrics", "--format", "openmetrics")[1])
        by_type = {one.labels["type"]: one.value
                   for one in families["turn_total_allocations"]["samples"]}
        tap.expect_equal(by_type, {"UDP": 1, "TCP": 0, "TLS/TCP": 1, "DTLS": 0}, "allocations")
        for name, wanted in (("turn_traffic_peer_rcvp", 6), ("turn_traffic_peer_sentb", 300),
                             ("turn_total_traffic_peer_rcvb", 300), ("turn_packet_dropped", 0),
                             ("turn_unauthenticated_401_requests", 2), ("stun_binding_error", 0)):
            tap.expect_equal(families[name]["samples"][0].value, wanted, name)
        tap.expect(families["stun_binding_request"]["samples"][0].value ==
                   families["stun_binding_response"]["samples"][0].value > 0, "Binding")
        tls.close()
        udp.close()


def test_server_began_anew():
    """A counter that is less than it was has no rate: the server was started again between two answers"""
    path = os.path.join(Folder.get(), "anew")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        watching = subprocess.Popen(
            [TURNADMIN, "--control-socket", path, "metrics", "--watch", "1", "--count", "2"],
            stdout=subprocess.PIPE, text=True)
        for time_s, value in ((1, 9000), (2, 7)):
            metric = {"name": "turnstone_a", "type": "counter", "unit": "", "help": "",
                      "samples": [{"labels": {}, "value": value}]}
            connection = listener.accept()[0]
            connection.recv(4096)
            answer = {"result": {"time": time_s + 0.5, "metrics": [metric]}}
            connection.sendall(json.dumps(answer).encode() + b"\n")
            connection.close()
        out = watching.communicate(timeout=10)[0]
    lines = [line.split() for line in out.splitlines() if line.startswith("turnstone_a")]
    tap.expect_equal(lines, [["turnstone_a", "9000"], ["turnstone_a", "7"]], "no rate")


def test_table():
    """turnadmin metrics is a table; with --watch it has rates; a wrong format is refused"""
    with Server() as server, server.client() as client:
        client.allocate()
        code, out, _ = server.admin("metrics")
        tap.expect(code == 0 and re.search(r"^turnstone_allocations\{transport=udp\} +1$", out, re.M),
                   out)
        tap.expect("turn_total" not in out and "transport=tls" not in out, "nothing that is 0")
        tap.expect("turn_total_allocations{type=TLS/TCP}" in server.admin("metrics", "--all")[1],
                   "with --all there is")
        code, out, _ = server.admin("metrics", "--watch", "1", "--count", "2")
        first, second = out.split("a second\n")
        tap.expect(code == 0 and "turnstone_stun_requests{method=allocate,transport=udp}" in first,
                   first)
        rates = re.findall(r"^turnstone_stun_requests\{method=allocate,transport=udp\} +2 +0\.000$",
                           second, re.M)
        tap.expect_equal(len(rates), 1, "a rate of nothing: " + second)
        code, _, problem = server.admin("metrics", "--format", "xml")
        tap.expect(code == 2 and "openmetrics" in problem, problem)
    code, _, problem = server.admin("metrics")
    tap.expect(code == 1 and "no server listens" in problem, "a server that is gone: " + problem)


if __name__ == "__main__":
    tap.main()
