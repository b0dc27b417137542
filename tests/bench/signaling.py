#!/usr/bin/env python3
"""Measures turnsignal beside others: a minimal broadcast server on the npm package ws, and PeerJS's own server, the package
peer. Each round goes to one after the other; medians are compared, and at the end stand beside what was asked for.

    make bench-signaling    or: BUILD=folder signaling.py
    NODE_PATH=folder        where ws and peer are; without it npm fetches them into a folder that goes afterwards
    ROUNDS=3 DURATION=3     how often, and how many seconds a load lasts
    CLIENTS=20000           idle connections; how many may be open in one process bounds what one is asked to hold
    ONLY=broadcast,idle     of broadcast, slow, broker, join, idle; all by default
    JSON=file               all figures of all rounds; bench-signaling.json in BUILD by default

CPU time is the kernel's count of the server's threads, so that a busy machine changes those figures less than it does latencies.
Memory is the growth of the server's own (PSS, RSS) from its start without connections. Slow readers have small buffers; who
sends, how much, and whose latency is measured is the same with and without them, and rounds alternate which comes first; their
p99 is taken of each quarter of a second, and its median compared."""
import contextlib
import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile

from signaling_servers import BUILD, Broadcast, Peer, Turnsignal, files_of_one_process

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = os.environ.get("DURATION", "3")
CLIENTS = int(os.environ.get("CLIENTS", "20000"))
PRESENT = min(10000, CLIENTS)
ONE_PROCESS = min(CLIENTS, files_of_one_process() - 100)
ONLY = os.environ.get("ONLY", "broadcast,slow,broker,join,idle").split(",")
JSON_FILE = os.environ.get("JSON", os.path.join(BUILD, "bench-signaling.json"))
PAIRS = 3 * ROUNDS  # of the slow readers' row: a p99 wavers more than a sum

TRAFFIC = ["--mode", "broadcast", "--clients", "500", "--room", "10", "--seconds", SECONDS]
BROADCAST = TRAFFIC + ["--rate", "8000", "--size", "200"]
READERS = TRAFFIC + ["--rate", "2000", "--size", "1000", "--quiet", "50"]
BROKER = ["--mode", "broker", "--clients", "500", "--rate", "8000", "--size", "400", "--seconds", SECONDS]
JOIN = ["--mode", "join", "--clients", str(PRESENT), "--rate", "500", "--seconds", SECONDS]

DELIVERIES = ("deliveries_per_cpu_s", "deliveries a CPU-second", 1)
MEDIAN, P99 = ("p50_us", "us, median", 1), ("p99_us", "us, p99", 1)
USUAL_P99 = ("usual_p99_us", "us, p99 of 250 ms", 1)  # the median of slices: rare absences of the machine are in few of them
CPU_EACH = ("cpu_us_each", "us of CPU each", 1)
PSS, RSS = ("pss_each", "KB each, PSS", 1024), ("rss_each", "KB each, RSS", 1024)


class Figures:
    """What each side gave in each round, of one row of the table."""

    def __init__(self, kind, title, shown):
        self.kind, self.title, self.shown, self.rounds = kind, title, shown, {}

    def add(self, side, result):
        self.rounds.setdefault(side, []).append(result)

    def median(self, side, figure):
        values = [result[figure] for result in self.rounds.get(side, []) if figure in result]
        return statistics.median(values) if values else None

    def show(self):
        print(self.title)
        for figure, unit, divisor in self.shown:
            cells = ["%s %10s %s" % (side, number(self.median(side, figure), divisor), self.spread(side, figure, divisor))
                     for side in self.rounds]
            print("    %-24s %s" % (unit, "  ".join(cells)), flush=True)
        return self

    def spread(self, side, figure, divisor):
        values = [result[figure] for result in self.rounds[side] if figure in result]
        return "(%s to %s)" % (number(min(values), divisor), number(max(values), divisor)) if len(values) > 1 else ""

    def plain(self):
        return {"kind": self.kind, "title": self.title, "rounds": self.rounds,
                "medians": {side: {figure: self.median(side, figure) for figure, _, _ in self.shown} for side in self.rounds}}


def number(value, divisor=1):
    if value is None:
        return "-"
    return format(value / divisor, ",.1f" if divisor > 1 else ",.0f")


# ---- rows ----

def traffic(folder, kind, title, tls, sides, options, shown):
    """Sides in turn; each has one server for all rounds."""
    figures = Figures(kind, title, shown)
    with contextlib.ExitStack() as stack:
        servers = [(stack.enter_context(make(folder, tls)), dialect) for make, dialect in sides]
        for _ in range(ROUNDS):
            for server, dialect in servers:
                figures.add(server.name, server.measure(dialect, options))
    return figures.show()


def fresh(folder, kind, title, tls, sides, options, shown):
    """Sides in turn; each round has a server of its own."""
    figures = Figures(kind, title, shown)
    for _ in range(ROUNDS):
        for make, dialect in sides:
            with make(folder, tls) as server:
                figures.add(server.name, server.measure(dialect, options))
    return figures.show()


def slow_readers(folder, title):
    figures = Figures("slow", title, (MEDIAN, P99, USUAL_P99))
    with Turnsignal(folder, False) as server:
        for pair in range(PAIRS):
            for is_slow in (False, True) if pair % 2 == 0 else (True, False):
                figures.add("slow" if is_slow else "reading",
                            server.measure("channelling", READERS + (["--slow"] if is_slow else [])))
    return figures.show()


def idle(folder, title, tls, sides, clients, options=()):
    figures = Figures("idle", title, (PSS, RSS))
    for _ in range(min(ROUNDS, 2)):
        for make, dialect in sides:
            with make(folder, tls) as server:
                figures.add(server.name, server.hold(dialect, clients, options))
    return figures.show()


def idle_in_two(folder, title, tls):
    """All of them there at one time, half of them at each of two processes."""
    figures = Figures("idle", title, (PSS, RSS))
    with Turnsignal(folder, tls) as first, Turnsignal(folder, tls) as second:
        with first.held("channelling", CLIENTS // 2) as one, second.held("channelling", CLIENTS // 2) as other:
            figures.add("first", one())
            figures.add("second", other())
    return figures.show()


OURS, BESIDE_WS = ((Turnsignal, "channelling"),), ((Turnsignal, "channelling"), (Broadcast, "ws"))
BESIDE_PEER = ((Turnsignal, "peerjs"), (Peer, "peerjs"))
JOINING = ((Turnsignal, "v1"),)
ONE = format(ONE_PROCESS, ",") + " idle connections of one process"
TWO = "%s idle connections, half of them at each of two processes" % format(CLIENTS // 2 * 2, ",")
JOINS = "500 joins a second, %s there" % format(PRESENT, ",")

TABLE = {
    "broadcast": lambda at: traffic(at, "broadcast", "rooms of 10, 500 clients, 8,000 messages of 200 bytes a second", False,
                                    BESIDE_WS, BROADCAST, (DELIVERIES, MEDIAN, P99)),
    "broadcast-tls": lambda at: traffic(at, "broadcast", "the same over TLS", True, BESIDE_WS, BROADCAST, (DELIVERIES, P99)),
    "slow": lambda at: slow_readers(at, "2,000 messages of 1,000 bytes a second; slow: in each room one reads nothing"),
    "broker": lambda at: fresh(at, "broker", "offers between pairs, 8,000 a second", False, BESIDE_PEER, BROKER, (DELIVERIES, P99)),
    "join": lambda at: fresh(at, "join", JOINS, False, JOINING, JOIN, (MEDIAN, P99, CPU_EACH)),
    "join-tls": lambda at: fresh(at, "join", "the same over TLS", True, JOINING, JOIN, (MEDIAN, P99, CPU_EACH)),
    "idle": lambda at: idle(at, ONE, False, BESIDE_WS, ONE_PROCESS),
    "idle-tls": lambda at: idle(at, "the same over TLS", True, BESIDE_WS, ONE_PROCESS),
    "idle-two": lambda at: idle_in_two(at, TWO, False),
    "idle-two-tls": lambda at: idle_in_two(at, "the same over TLS", True),
    "idle-joined": lambda at: idle(at, ONE + ", each in a room of 10", False, OURS, ONE_PROCESS, ("--joined",)),
    "idle-peer": lambda at: idle(at, ONE + ", as PeerJS's clients", False, BESIDE_PEER, ONE_PROCESS),
}


# ---- what was asked for ----

def ratio(figures, figure, side, other):
    one, two = figures.median(side, figure), figures.median(other, figure)
    return one / two if one is not None and two else None


def change_percent(figures):
    return 100 * (ratio(figures, "usual_p99_us", "slow", "reading") - 1)


def worst_pss(figures):
    values = [figures.median(side, "pss_each") for side in figures.rounds if side not in ("ws", "peer")]
    return None if None in values else max(values) / 1024


# (row, what, what was asked, how it is measured, form, whether that is it; None: nothing was asked, it stands for comparison)
ASKED = (
    ("broadcast", "deliveries a CPU-second", "at least 250,000", lambda f: f.median("turnsignal", "deliveries_per_cpu_s"),
     "{:,.0f}", lambda value: value >= 250000),
    ("broadcast", "of ws's", "at least 1.5", lambda f: ratio(f, "deliveries_per_cpu_s", "turnsignal", "ws"),
     "{:.2f}", lambda value: value >= 1.5),
    ("broadcast-tls", "of ws's, over TLS", "", lambda f: ratio(f, "deliveries_per_cpu_s", "turnsignal", "ws"), "{:.2f}", None),
    ("join", "join p99, ms", "under 5", lambda f: f.median("turnsignal", "p99_us") / 1000, "{:.2f}", lambda value: value < 5),
    ("join-tls", "join p99 over TLS, ms", "under 5", lambda f: f.median("turnsignal", "p99_us") / 1000, "{:.2f}",
     lambda value: value < 5),
    ("slow", "p99 with slow readers, change in %", "less than 10", change_percent, "{:+.1f}", lambda value: value < 10),
    ("idle", "memory of an idle connection, KB", "at most 6", worst_pss, "{:.2f}", lambda value: value <= 6),
    ("idle-tls", "the same over TLS, KB", "at most 24", worst_pss, "{:.2f}", lambda value: value <= 24),
    ("idle-two", "of %s at two processes, KB" % format(CLIENTS, ","), "at most 6", worst_pss, "{:.2f}", lambda value: value <= 6),
    ("idle-two-tls", "the same over TLS, KB", "at most 24", worst_pss, "{:.2f}", lambda value: value <= 24),
    ("broker", "offers, of PeerJS's server's", "", lambda f: ratio(f, "deliveries_per_cpu_s", "turnsignal", "peer"), "{:.2f}", None),
    ("idle-peer", "memory, of PeerJS's server's", "", lambda f: ratio(f, "pss_each", "turnsignal", "peer"), "{:.2f}", None),
)


def summary(measured):
    found = []
    for row, what, asked, measure, form, is_it in ASKED:
        if row not in measured:
            continue
        try:
            value = measure(measured[row])
        except TypeError:  # a side gave nothing: it was told
            value = None
        told = "-" if value is None else form.format(value)
        verdict = "" if is_it is None else "no figure" if value is None else "yes" if is_it(value) else "NO"
        found.append({"what": what, "asked": asked, "measured": value, "shown": told, "verdict": verdict})
    return found


def print_summary(found):
    print("\n%-40s %-18s %12s" % ("", "asked", "measured"))
    for line in found:
        print(("%-40s %-18s %12s  %s" % (line["what"], line["asked"], line["shown"], line["verdict"])).rstrip())


# ---- where, and with what ----

def processor():
    with open("/proc/cpuinfo") as file:
        name = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    return name.group(1) if name else platform.machine()


def said_by(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.decode(errors="replace").strip().split("\n")[0]


def package_version(name):
    try:
        with open(os.path.join(os.environ["NODE_PATH"], name, "package.json")) as file:
            return json.load(file)["version"]
    except OSError:
        return "?"


def conditions():
    return "turnsignal %s; %d CPUs of %s; Linux %s; node %s, ws %s, peer %s; %s; medians of %d rounds of %s s; load average before: %.1f" % (
        said_by(os.path.join(BUILD, "turnsignal"), "--version"), os.cpu_count() or 1, processor(), platform.release(),
        said_by("node", "--version").lstrip("v"), package_version("ws"), package_version("peer"),
        datetime.date.today().isoformat(), ROUNDS, SECONDS, os.getloadavg()[0])


def find_packages(folder):
    if "NODE_PATH" in os.environ:
        return
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder, "ws", "peer"], check=True)
    os.environ["NODE_PATH"] = os.path.join(folder, "node_modules")


def main():
    folder = tempfile.mkdtemp(prefix="bench-signaling.")
    try:
        find_packages(folder)
        where = conditions()
        print(where, flush=True)
        measured = {row: take(folder) for row, take in TABLE.items() if row.split("-")[0] in ONLY}
        found = summary(measured)
        print_summary(found)
        print(where)
        with open(JSON_FILE, "w") as file:
            json.dump({"conditions": where, "summary": found,
                       "rows": {row: figures.plain() for row, figures in measured.items()}}, file, indent=1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
