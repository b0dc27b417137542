#!/usr/bin/env python3
"""Measures turnsignal beside others: a minimal broadcast server on the npm package ws, and PeerJS's own server, the package
peer. Each round goes to one after the other; medians are compared.

    make bench-signaling    or: BUILD=folder signaling.py
    NODE_PATH=folder        where ws and peer are; without it npm fetches them into a folder that goes afterwards
    ROUNDS=3 DURATION=3     how often, and how many seconds a load lasts
    CLIENTS=20000           idle connections; as many as there may be open files, by default
    ONLY=broadcast,idle     of broadcast, slow, broker, join, idle; all by default

Servers have CPU 0 and one thread, the load CPU 1. CPU time is the kernel's count of the server's threads, so that a busy machine
changes those figures less than it does latencies."""
import json
import os
import platform
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", "."))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = os.environ.get("DURATION", "3")
CLIENTS = os.environ.get("CLIENTS") or str(min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500))
ONLY = os.environ.get("ONLY", "broadcast,slow,broker,join,idle").split(",")
LOAD = os.path.join(BUILD, "tests/bench/signaling_load")
START_S, END_S, LOAD_S = 15, 10, 240

BROADCAST = ["--mode", "broadcast", "--clients", "500", "--room", "10", "--rate", "8000", "--size", "200",
             "--seconds", SECONDS]
SLOW = ["--mode", "broadcast", "--clients", "500", "--room", "10", "--rate", "2000", "--size", "200", "--seconds", SECONDS]
BROKER = ["--mode", "broker", "--clients", "500", "--rate", "8000", "--size", "400", "--seconds", SECONDS]
JOIN = ["--mode", "join", "--clients", "10000", "--rate", "500", "--seconds", SECONDS]
IDLE = ["--mode", "idle", "--clients", CLIENTS, "--seconds", "1"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def pinned(cpu):
    """What a process does before it begins: one CPU, and as many files as there may be."""
    def prepare():
        os.sched_setaffinity(0, {cpu if (os.cpu_count() or 1) > cpu else 0})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        for limit in (262144, hard):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
                return
            except (ValueError, OSError):
                continue
    return prepare


class Server:
    """One of the three. with Server(...) as server: server.measure(...)"""

    def __init__(self, folder, tls):
        self.folder, self.tls, self.port, self.process = folder, tls, free_port(), None

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        with open(os.path.join(self.folder, self.name + ".log"), "a") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, preexec_fn=pinned(0))
        deadline = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.__exit__()
                    sys.exit("%s does not start: see its log\n%s" % (self.name, open(log.name).read()[-500:]))
                time.sleep(0.05)

    def __exit__(self, *_):
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(number)
                try:
                    self.process.wait(END_S if number == signal.SIGKILL else 1)
                except subprocess.TimeoutExpired:
                    pass

    def measure(self, dialect, options):
        command = [LOAD, "--port", str(self.port), "--pid", str(self.process.pid), "--dialect", dialect, *options]
        done = subprocess.run(command + (["--tls"] if self.tls else []), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=LOAD_S, check=False, preexec_fn=pinned(1))
        if done.returncode != 0:
            print("# %s: %s" % (self.name, done.stderr.decode(errors="replace").strip()))
            return {}
        return json.loads(done.stdout)


class Turnsignal(Server):
    name = "turnsignal"

    def command(self):
        path = os.path.join(self.folder, "turnsignal.conf")
        with open(path, "w") as file:
            file.write("signaling-ip=127.0.0.1\nsignaling-threads=1\nstatic-auth-secret=a-secret-of-the-benchmark\n"
                       "realm=bench.example\nturn-uri=turn:127.0.0.1:3478\nsignaling-address-connections=0\n"
                       "signaling-address-requests=0\nsignaling-control-socket=off\nsignaling-drain-timeout=0\n"
                       "cert=%s\npkey=%s\n" % certificate(self.folder))
            file.write("signaling-port=%d\nsignaling-plain-port=0\n" % self.port if self.tls
                       else "signaling-port=0\nsignaling-plain-port=%d\n" % self.port)
        return [os.path.join(BUILD, "turnsignal"), "-c", path]


class Broadcast(Server):
    name = "ws"

    def command(self):
        files = certificate(self.folder) if self.tls else ()
        return ["node", os.path.join(HERE, "ws_broadcast.js"), str(self.port), *files]


class Peer(Server):
    name = "peer"

    def command(self):
        return ["node", os.path.join(HERE, "peer_server.js"), str(self.port)]


def certificate(folder):
    cert, key = (os.path.join(folder, name) for name in ("cert.pem", "key.pem"))
    if not os.path.exists(cert):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


# (of ONLY, title, TLS, [(server, dialect)], options, [(figure, unit, divisor)], a fresh server for each round)
TABLE = (
    ("broadcast", "rooms of 10, 500 clients, 8,000 messages a second", False,
     ((Turnsignal, "channelling"), (Broadcast, "ws")), BROADCAST,
     (("deliveries_per_cpu_s", "deliveries a CPU-second", 1), ("p50_us", "us, median", 1), ("p99_us", "us, p99", 1)), False),
    ("broadcast", "the same over TLS", True,
     ((Turnsignal, "channelling"), (Broadcast, "ws")), BROADCAST,
     (("deliveries_per_cpu_s", "deliveries a CPU-second", 1), ("p99_us", "us, p99", 1)), False),
    ("slow", "2,000 messages a second, all read", False,
     ((Turnsignal, "channelling"),), SLOW, (("p50_us", "us, median", 1), ("p99_us", "us, p99", 1)), True),
    ("slow", "the same, and in each room one reads nothing", False,
     ((Turnsignal, "channelling"),), SLOW + ["--slow", "50"], (("p50_us", "us, median", 1), ("p99_us", "us, p99", 1)), True),
    ("broker", "offers between pairs, 8,000 a second", False,
     ((Turnsignal, "peerjs"), (Peer, "peerjs")), BROKER,
     (("deliveries_per_cpu_s", "deliveries a CPU-second", 1), ("p99_us", "us, p99", 1)), True),
    ("join", "500 joins a second, 10,000 there", False,
     ((Turnsignal, "v1"),), JOIN, (("p50_us", "us, median", 1), ("p99_us", "us, p99", 1), ("cpu_us_each", "us of CPU each", 1)), True),
    ("join", "the same over TLS", True,
     ((Turnsignal, "v1"),), JOIN, (("p50_us", "us, median", 1), ("p99_us", "us, p99", 1), ("cpu_us_each", "us of CPU each", 1)), True),
    ("idle", CLIENTS + " idle connections", False,
     ((Turnsignal, "channelling"), (Broadcast, "ws"), (Peer, "peerjs")), IDLE, (("bytes_each", "KB of memory each", 1024),), True),
    ("idle", "the same over TLS", True,
     ((Turnsignal, "channelling"), (Broadcast, "ws")), IDLE, (("bytes_each", "KB of memory each", 1024),), True),
    ("idle", "the same, each in a room of 10", False,
     ((Turnsignal, "channelling"),), IDLE + ["--joined"], (("bytes_each", "KB of memory each", 1024),), True),
)


def rounds(folder, row):
    """Figures of each server, by name: a list of what each round gave."""
    _kind, _title, tls, sides, options, _figures, is_fresh = row
    found = {server.name: [] for server, _ in sides}
    count = min(ROUNDS, 2) if options[1] == "idle" else ROUNDS
    if is_fresh:
        for _ in range(count):
            for make, dialect in sides:
                with make(folder, tls) as server:
                    found[server.name].append(server.measure(dialect, options))
        return found
    servers = [(make(folder, tls).__enter__(), dialect) for make, dialect in sides]
    try:
        for _ in range(count):
            for server, dialect in servers:
                found[server.name].append(server.measure(dialect, options))
    finally:
        for server, _ in servers:
            server.__exit__()
    return found


def print_row(row, found):
    print(row[1])
    for figure, unit, divisor in row[5]:
        cells = []
        for name, results in found.items():
            values = [result[figure] / divisor for result in results if figure in result]
            cells.append("%s %s" % (name, "%12s" % "-" if not values else "%12s" % format(statistics.median(values), ",.1f" if divisor > 1 else ",.0f")))
        print("    %-26s %s" % (unit, "    ".join(cells)), flush=True)


def find_packages(folder):
    if "NODE_PATH" in os.environ:
        return
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder, "ws", "peer"], check=True)
    os.environ["NODE_PATH"] = os.path.join(folder, "node_modules")


def main():
    folder = tempfile.mkdtemp(prefix="bench-signaling.")
    print("%s, %d CPUs, load average %.1f, %s, medians of %d rounds" % (
        platform.processor() or platform.machine(), os.cpu_count() or 1, os.getloadavg()[0], platform.release(), ROUNDS))
    try:
        find_packages(folder)
        for row in TABLE:
            if row[0] in ONLY:
                print_row(row, rounds(folder, row))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
