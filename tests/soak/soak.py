#!/usr/bin/env python3
"""Hours of a server's life: crowds of clients of every kind, and what the server takes for them, each
second. When they have gone it has to have what it had before them, and no more.

    make soak               a minute; SECONDS=600, or HOURS=72
    SEED=1                  another crowd
    RESULTS=folder          for soak.svg, soak.csv and summary.txt [soak]

A crowd warms the server up and leaves; then memory and descriptors are noted, another crowd comes for the
time that was asked for and leaves, and they are compared. Growth, a port or an allocation that is left, or
clients that were not served are failures."""
import csv
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
from crowd import Crowds  # noqa: E402
from harness import tap  # noqa: E402
from harness.client import Client, Peer  # noqa: E402
from harness.server import Server, is_sanitized  # noqa: E402
import plot  # noqa: E402

SECONDS = float(os.environ.get("HOURS") or 0) * 3600 or float(os.environ.get("SECONDS") or 60)
SEED = int(os.environ.get("SEED") or 1)
RESULTS = os.environ.get("RESULTS") or "soak"
RESERVED_S = 30  # what an even port's neighbour waits for, longer than all else
WARM_UP_S = max(RESERVED_S + 5, min(SECONDS / 4, 300))
AGAIN_MAX_S = 3600
CROWDS, CLIENTS = 3, 30
WARM_UP_CLIENTS = 45  # more: the allocator then has what the most of the others will need
LIFETIME_S, IDLE_S = 10, 8
LOW, HIGH = 50000, 59999
LEVELS = ("allocations_now", "sessions_now", "connections_now", "dtls_sessions_now",
          "peer_connections_now", "permissions_now", "channels_now", "reservations_now")
GROWTH, GROWTH_KB, DESCRIPTORS = 0.03, 1024, 8
FAILED_SHARE = 0.01


def ports_in_use():
    """Sockets on relayed ports; connections that have ended wait in TIME_WAIT, and are nobody's. Only
    root has a network of its own for the test, where they are the server's."""
    count = 0
    if os.geteuid() != 0:
        return count
    for name in ("udp", "tcp"):
        with open("/proc/net/" + name) as file:
            for line in list(file)[1:]:
                fields = line.split()
                is_relayed = LOW <= int(fields[1].split(":")[1], 16) <= HIGH
                count += is_relayed and (name == "udp" or fields[3] != "06")
    return count


class Probe:
    """A call among the others: round trips of its packets in ms, and how many of them came back."""

    def __init__(self, server):
        self.server, self.sent, self.returned = server, 0, 0

    def __enter__(self):
        self.peer, self.client = Peer(), Client(self.server.address)
        self.client.allocate()
        self.client.bind_channel(0x4000, self.peer.address)
        self.refreshed = time.monotonic()
        return self

    def __exit__(self, *_):
        self.client.close()
        self.peer.socket.close()

    def measure(self, count=20):
        """Their median and the longest."""
        if time.monotonic() - self.refreshed > LIFETIME_S / 3:
            self.client.refresh(LIFETIME_S)
            self.refreshed = time.monotonic()
        trips = []
        for _ in range(count):
            begin = time.monotonic()
            self.client.send_channel(0x4000, b"probe")
            _data, source = self.peer.receive(1)
            if source:
                self.peer.send(b"probe", source)
                if self.client.receive(1):
                    trips.append((time.monotonic() - begin) * 1000)
        self.sent += count
        self.returned += len(trips)
        return (statistics.median(trips), max(trips)) if trips else (None, None)


class Samples:
    def __init__(self, server):
        self.server, self.rows, self.begin = server, [], time.monotonic()

    def counters(self):
        return self.server.ask("counters")["counters"]

    def take(self, trips=(None, None)):
        counters = self.counters()
        row = {"second": time.monotonic() - self.begin, "rss_kb": self.server.rss_kb(),
               "descriptors": self.server.open_files(), "ports": ports_in_use(),
               "trip_median_ms": trips[0], "trip_longest_ms": trips[1]}
        row.update((name, counters[name]) for name in LEVELS)
        self.rows.append(row)
        return row

    def column(self, name):
        return [row[name] for row in self.rows]

    def write(self):
        with open(os.path.join(RESULTS, "soak.csv"), "w", newline="") as file:
            writer = csv.DictWriter(file, self.rows[0])
            writer.writeheader()
            writer.writerows(self.rows)
        plot.draw(os.path.join(RESULTS, "soak.svg"), "a server under a crowd, seed %d" % SEED, [
            ("resident memory, MB", [("RSS", [kb / 1024 for kb in self.column("rss_kb")])]),
            ("open now", [(name, self.column(name)) for name in
                          ("descriptors", "ports", "allocations_now", "connections_now")]),
            ("round trip of a packet, ms", [("median", self.column("trip_median_ms")),
                                            ("longest of a second", self.column("trip_longest_ms"))]),
        ], self.column("second"))


def crowd_for(samples, seconds, seed, clients):
    """A crowd that comes, for so long, and has left; what it did, and the call that was among it."""
    server, end = samples.server, time.monotonic() + seconds
    with Crowds(server, range(seed, seed + CROWDS), clients) as crowds, Probe(server) as probe:
        while time.monotonic() < end:
            samples.take(probe.measure())
            time.sleep(max(0, min(1 - time.monotonic() % 1, end - time.monotonic())))
    return crowds, probe


def rest(samples):
    """What is left when all have gone, and their allocations have ended."""
    def is_quiet():
        time.sleep(0.5)  # this is about seconds
        row = samples.take()
        return row if row["ports"] == 0 and not any(row[name] for name in LEVELS) else None
    try:
        return tap.wait_until(is_quiet, "quiet", RESERVED_S + LIFETIME_S + 2 * IDLE_S)
    except tap.Failure:
        return samples.take()


def has_grown(before, after):
    return after["rss_kb"] > before["rss_kb"] * (1 + GROWTH) + GROWTH_KB


def judge(before, after, crowds, probe):
    """(name, what it is, whether it is as it should be) of each thing that must not grow."""
    done, failed = sum(crowds.done.values()), sum(crowds.failed.values())
    yield "resident memory", "%d kB, then %d kB" % (before["rss_kb"], after["rss_kb"]), \
        not has_grown(before, after) or is_sanitized()  # which keeps what was freed
    yield "descriptors", "%d, then %d" % (before["descriptors"], after["descriptors"]), \
        after["descriptors"] <= before["descriptors"] + DESCRIPTORS
    for name in ("ports",) + LEVELS:
        yield name.replace("_now", "").replace("_", " ") + " left", str(after[name]), after[name] == 0
    yield "clients that were served", "%d deeds, %d failed" % (done, failed), \
        done > 0 and failed <= done * FAILED_SHARE
    yield "packets that came back", "%d of %d" % (probe.returned, probe.sent), \
        probe.returned > 0 and probe.sent - probe.returned <= probe.sent * FAILED_SHARE


def trip_times(samples):
    longest = [one for one in samples.column("trip_longest_ms") if one is not None]
    middle = [one for one in samples.column("trip_median_ms") if one is not None]
    if not middle:
        return "round trip of a packet: none came back"
    return "round trip of a packet: median %.2f ms, longest %.1f ms" % (
        statistics.median(middle), max(longest))


def summary(samples, before, after, crowds, probe):
    yield "seed %d, %.0f s after %.0f s of warming up; %d crowds of %d clients" % (
        SEED, SECONDS, WARM_UP_S, CROWDS, CLIENTS)
    yield "deeds: " + ", ".join("%s %d" % item for item in sorted(crowds.done.items()))
    yield "failed: " + (", ".join("%s %d" % item for item in sorted(crowds.failed.items())) or "none")
    for words in crowds.words:
        yield "    " + words[:200]
    yield trip_times(samples)
    yield "most at one time: %d allocations, %d descriptors, %d kB" % tuple(
        max(samples.column(name)) for name in ("allocations_now", "descriptors", "rss_kb"))
    for name, value, is_well in judge(before, after, crowds, probe):
        yield "%-28s %-28s %s" % (name, value, "" if is_well else "FAILED")


def own_ports():
    """Clients' ports beside the relayed ones, where the network is the test's own."""
    if os.geteuid() == 0:
        with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
            file.write("20000 49999")


def soak(server):
    samples = Samples(server)
    crowd_for(samples, WARM_UP_S, SEED + 1000, WARM_UP_CLIENTS)
    before = rest(samples)
    crowds, probe = crowd_for(samples, SECONDS, SEED, CLIENTS)
    after = rest(samples)
    if has_grown(before, after):
        # The crowd may have been larger at its most than all before it. What is lost with each client is lost
        # again with the next ones; what the allocator keeps is used.
        before = after
        crowds, probe = crowd_for(samples, min(SECONDS, AGAIN_MAX_S), SEED + 2000, CLIENTS)
        after = rest(samples)
    samples.write()
    lines = list(summary(samples, before, after, crowds, probe))
    with open(os.path.join(RESULTS, "summary.txt"), "w") as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join("# " + line for line in lines))
    return list(judge(before, after, crowds, probe))


def main():
    os.makedirs(RESULTS, exist_ok=True)
    tap.private_network()
    own_ports()
    with Server("--relay-threads=2", "--allow-loopback-peers", "--mobility",
                "--min-port=%d" % LOW, "--max-port=%d" % HIGH, "--unauthorized-ratelimit-rps=0",
                "--max-allocate-lifetime=%d" % LIFETIME_S, "--idle-timeout=%d" % IDLE_S,
                "--log-min-level=warning", "--log-file=/dev/stderr", tls=True) as server:
        results = soak(server)
    for number, (name, value, is_well) in enumerate(results, 1):
        print("%s %d - %s: %s" % ("ok" if is_well else "not ok", number, name, value))
    print("1..%d" % len(results))
    print("%d passed, %d failed, 0 skipped" % (sum(one[2] for one in results),
                                              sum(not one[2] for one in results)))
    sys.exit(0 if all(one[2] for one in results) else 1)


if __name__ == "__main__":
    main()
