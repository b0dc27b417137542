#!/usr/bin/env python3
"""Measures this server and an installed coturn side by side: both run all the time, the load goes to
one and the other in turn, and medians of several rounds are compared.

    make bench              or: BUILD=folder run.py
    SERVER=/path            this server, when it is not turnserver of BUILD
    COTURN=/path            the other one (/usr/bin/turnserver)
    TURNLOAD=/path          another load generator that takes turn_load's options
    TRANSPORTS=udp,tcp      of udp, tcp, tls and dtls, all by default
    ROUNDS=5 DURATION=2     how often, and how many seconds a load lasts

Each server has one relay thread on CPU 0; the load generator has CPU 1. CPU time is the kernel's count
of all threads of the server, so that a busy machine changes the figures less than it would others."""
import json
import os
import platform
import resource
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD", ".")
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("DURATION", "2"))
LOAD = os.path.abspath(os.environ.get("TURNLOAD", os.path.join(BUILD, "tests/bench/turn_load")))
IS_OWN_LOAD = os.path.basename(LOAD) == "turn_load"
TRANSPORTS = os.environ.get("TRANSPORTS", "udp,tcp,tls,dtls").split(",")

AT_ONCE = ["--setup-window", "256"] if IS_OWN_LOAD else []  # others set up one after the other
DATA = ["--clients", "100", "--seconds", str(SECONDS)]
SMALL, BURSTS = ["--size", "160"], ["--size", "1000", "--burst", "16"]

# (title, options of the load generator, the figure in its JSON, unit, divisor, less is better)
UDP = (
    ("160-byte packets to the peer, CPU each", ["--mode", "up", *SMALL, *DATA],
     "server_ns_per_packet", "us", 1000, True),
    ("    to the peer, at saturation", ["--mode", "up", *SMALL, *DATA], "relayed_pps", "kpps", 1000, False),
    ("160-byte packets to the client, CPU each", ["--mode", "down", *SMALL, *DATA],
     "server_ns_per_packet", "us", 1000, True),
    ("    to the client, at saturation", ["--mode", "down", *SMALL, *DATA], "relayed_pps", "kpps", 1000, False),
    ("bursts of 16 x 1000 bytes to the peer, CPU each", ["--mode", "up", *BURSTS, *DATA],
     "server_ns_per_packet", "us", 1000, True),
    ("bursts of 16 x 1000 bytes to the client, CPU each", ["--mode", "down", *BURSTS, *DATA],
     "server_ns_per_packet", "us", 1000, True),
    ("100,000 packets/s to the peer, loss", ["--mode", "up", "--rate", "100000", *SMALL, *DATA],
     "loss_pct", "%", 1, True),
    ("100,000 packets/s to the client, loss", ["--mode", "down", "--rate", "100000", *SMALL, *DATA],
     "loss_pct", "%", 1, True),
    ("echo at 10,000 packets/s, latency, 99th percentile",
     ["--mode", "echo", "--rate", "10000", *SMALL, *DATA], "lat_us.p99", "us", 1, True),
    ("an allocation with its channel, CPU",
     ["--mode", "idle", "--clients", "1000", "--seconds", "0"], "setup_cpu_us", "us", 1, True),
)


def saturation(transport):
    """CPU of each packet when the load generator does what it can, and what did not arrive."""
    rows = []
    for mode, where in (("up", "peer"), ("down", "client")):
        for size in ("160", "1000"):
            for burst in ("1", "16"):
                title = "%s to the %s, %4s bytes%s" % (transport.upper(), where, size,
                                                      "" if burst == "1" else " x 16")
                options = ["--transport", transport, "--mode", mode, "--size", size,
                           "--burst", burst, *DATA]
                rows.append((title, options, "server_ns_per_packet", "us", 1000, True))
                if mode == "up":
                    rows.append(("    not relayed", options, "loss_pct", "%", 1, True))
    return tuple(rows)


MEASUREMENTS = sum((saturation(name) for name in TRANSPORTS if name != "udp"),
                   UDP if "udp" in TRANSPORTS else ())
# Of servers that were just started: memory that was used before would hide what is used now.
TEN_THOUSAND = ["--mode", "idle", "--clients", "10000", "--seconds", "0", *AT_ONCE]
FRESH = (
    ("an idle allocation with its channel, memory", TEN_THOUSAND, "rss_bytes_per_client", "kB",
     1024, True),
    ("10,000 allocations at one time, set up", TEN_THOUSAND, "setup_per_s", "/s", 1, False),
)


def raise_file_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for wanted in (65536, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
            return
        except (ValueError, OSError):
            continue


def answers(port):
    """One Binding request; True when it was answered."""
    request = struct.pack("!HHI", 1, 0, 0x2112A442) + os.urandom(12)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.1)
        asker.connect(("127.0.0.1", port))
        try:
            asker.send(request)
            return asker.recv(1500)[8:20] == request[8:]
        except OSError:
            return False


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """One of the two. with Server(...) as server: server.measure(...)"""

    def __init__(self, name, path, extra):
        self.name, self.path, self.extra = name, path, extra

    def version(self):
        text = subprocess.run([self.path, "--version"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False).stdout.decode().split()
        return "%s %s" % (self.name, text[0] if text else "?")

    def certificate(self):
        """Makes one, and gives the options that show it, where a transport wants one."""
        if not {"tls", "dtls"} & set(TRANSPORTS):
            return ["--no-tls", "--no-dtls"]
        names = ["%s/%s.pem" % (self.folder.name, name) for name in ("cert", "key")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost",
                        "-days", "2", "-out", names[0], "-keyout", names[1]],
                       stderr=subprocess.DEVNULL, check=True)
        return ["--cert=" + names[0], "--pkey=" + names[1],
                "--tls-listening-port=%d" % free_port(), *self.dtls()]

    def dtls(self):
        """Newer coturns serve DTLS when they are asked to, older ones do not know the option."""
        text = subprocess.run([self.path, "--help"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False).stdout.decode()
        return ["--dtls"] if self.name == "coturn" and " --dtls\t" in text else []

    def __enter__(self):
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory()
        command = ["taskset", "-c", "0", self.path, "-n", "--listening-ip=127.0.0.1",
                   "--relay-ip=127.0.0.1", "--listening-port=%d" % self.port,
                   "--allow-loopback-peers", "--lt-cred-mech", "--user=u:p", "--realm=x",
                   "-m", "1", "--log-file=/dev/null", *self.extra, *self.certificate(),
                   "--pidfile=%s/pid" % self.folder.name]
        self.process = subprocess.Popen(command, cwd=self.folder.name, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=raise_file_limit)
        deadline = time.monotonic() + 15
        while not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                sys.exit("%s does not start: %s" % (self.path, " ".join(command)))
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def measure(self, options):
        command = ["taskset", "-c", "1", LOAD, "--server", "127.0.0.1:%d" % self.port,
                   "--server-pid", str(self.process.pid), *options]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                timeout=60 + 4 * SECONDS, check=False)
        if result.returncode:
            sys.exit("%s: %s" % (" ".join(command), result.stderr.decode().strip()))
        return json.loads(result.stdout.decode())


def figure(result, key):
    for part in key.split("."):
        result = result[part]
    return result


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write("\r%-79s" % text)
        sys.stderr.flush()


def alternate(servers, rows, results):
    """One round: each load once for each server, the first one changing."""
    done = {}
    for number, (title, options, key, *_rest) in enumerate(rows):
        if tuple(options) not in done:
            progress(title)
            for server in servers:
                done.setdefault(tuple(options), {})[server.name] = server.measure(options)
        for server in servers:
            results.setdefault((number, title), {}).setdefault(server.name, []).append(
                figure(done[tuple(options)][server.name], key))


def measure_fresh(servers, results):
    for server in servers:
        with server:
            alternate([server], FRESH, results)


def ratio(own, other, less_is_better):
    better, worse = (own, other) if less_is_better else (other, own)
    if better == 0:
        return "-"
    return "%.2f" % (worse / better)


def print_table(rows, results, names):
    print("%-52s %18s %18s  %s" % ("median of %d rounds (least to greatest)" % ROUNDS, *names,
                                   "times better"))
    for (number, title), figures in results.items():
        unit, divisor, less = rows[number][3:]
        own, other = (statistics.median(figures[name]) / divisor for name in names)
        print("%-52s %13.2f %-4s %13.2f %-4s  %s" % (title, own, unit, other, unit,
                                                  ratio(own, other, less)))
        print("%-52s %18s %18s" % ("", *(
            "(%.2f to %.2f)" % (min(figures[name]) / divisor, max(figures[name]) / divisor)
            for name in names)))


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")),
                     platform.machine())
    with open("/proc/meminfo") as file:
        memory = int(next(file).split()[1]) / 1048576
    return "%d x %s, %.0f GB, Linux %s" % (os.cpu_count(), model, memory, platform.release())


def main():
    own = Server("turnstone", os.path.abspath(os.environ.get("SERVER") or os.path.join(
        BUILD, "turnserver")), [])
    other = Server("coturn", os.environ.get("COTURN", "/usr/bin/turnserver"), ["--no-cli"])
    for path in (own.path, other.path, LOAD):
        if not os.access(path, os.X_OK):
            sys.exit("%s: no such program (coturn: apt-get install coturn)" % path)
    raise_file_limit()
    results, fresh = {}, {}
    with own, other:
        for number in range(ROUNDS):
            servers = [own, other] if number % 2 == 0 else [other, own]
            alternate(servers, MEASUREMENTS, results)
    progress("")
    print("\n%s\n%s and %s, load by %s, load average %.2f" % (
        machine(), own.version(), other.version(), os.path.basename(LOAD), os.getloadavg()[0]))
    print_table(MEASUREMENTS, results, (own.name, other.name))
    for number in range(ROUNDS):
        measure_fresh([own, other] if number % 2 == 0 else [other, own], fresh)
    progress("")
    print_table(FRESH, fresh, (own.name, other.name))


if __name__ == "__main__":
    main()
