"""The servers that tests/bench/signaling.py measures, each with one thread on CPU 0, and the load on CPU 1."""
import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", "."))
LOAD = os.path.join(BUILD, "tests/bench/signaling_load")
START_S, END_S, LOAD_S, SETTLE_S = 15, 10, 240, 2
HOLDER_CLIENTS = 10000  # of one process


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def files_of_one_process():
    """How many files one process may have: as many as can be asked for."""
    return max(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 262144 if may_raise_limits() else 0)


def may_raise_limits():
    with open("/proc/self/status") as status:
        held = int(re.search(r"CapEff:\s*(\w+)", status.read()).group(1), 16)
    return bool(held & 1 << 24)  # CAP_SYS_RESOURCE


def pinned(cpu):
    """What a process does before it begins: one CPU, and as many files as there may be."""
    def prepare():
        os.sched_setaffinity(0, {cpu if (os.cpu_count() or 1) > cpu else 0})
        limit = files_of_one_process()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    return prepare


def certificate(folder):
    cert, key = (os.path.join(folder, name) for name in ("cert.pem", "key.pem"))
    if not os.path.exists(cert):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


class Server:
    """with Server(folder, tls) as server: server.measure(...)"""

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

    def load(self, dialect, options, **how):
        command = [LOAD, "--port", str(self.port), "--pid", str(self.process.pid), "--dialect", dialect, *options]
        return subprocess.Popen(command + (["--tls"] if self.tls else []), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=pinned(1), **how)

    def measure(self, dialect, options):
        """What the load says of a while; {} where it could not be had, which is told."""
        load = self.load(dialect, options)
        said, problem = load.communicate(timeout=LOAD_S)
        if load.returncode == 0:
            return json.loads(said)
        print("# %s: %s" % (self.name, problem.decode(errors="replace").strip()), flush=True)
        return {}

    def memory(self):
        """{"pss", "rss"} in bytes: its share of all memory, and what it has mapped."""
        with open("/proc/%d/smaps_rollup" % self.process.pid) as rollup:
            return {name.lower(): int(kb) * 1024 for name, kb in re.findall(r"^(Pss|Rss):\s+(\d+) kB", rollup.read(), re.M)}

    @contextlib.contextmanager
    def held(self, dialect, clients, options=()):
        """While so many connections are there: a function that tells how much memory each of them is, over what there was before
        any. {} where they did not all come, which is told."""
        before, holders = self.memory(), []

        def growth():
            after = self.memory()
            return {"clients": clients, **{"%s_each" % name: (after[name] - before[name]) / clients for name in after}}

        try:
            for first in range(0, clients, HOLDER_CLIENTS):
                count = min(HOLDER_CLIENTS, clients - first)
                holders.append(self.load(dialect, ["--mode", "hold", "--clients", str(count), *options],
                                         stdin=subprocess.PIPE))
                if not holders[-1].stdout.readline():
                    print("# %s: %s" % (self.name, holders[-1].stderr.read().decode(errors="replace").strip()), flush=True)
                    growth = dict
                    break
            time.sleep(SETTLE_S)
            yield growth
        finally:
            for holder in holders:
                holder.stdin.close()
            for holder in holders:
                holder.wait(END_S)

    def hold(self, dialect, clients, options=()):
        with self.held(dialect, clients, options) as growth:
            return growth()


class Turnsignal(Server):
    name = "turnsignal"

    def command(self):
        path = os.path.join(self.folder, "turnsignal-%d.conf" % self.port)
        with open(path, "w") as file:
            file.write("signaling-ip=127.0.0.1\nsignaling-threads=1\nstatic-auth-secret=a-secret-of-the-benchmark\n"
                       "realm=bench.example\nturn-uri=turn:127.0.0.1:3478\nsignaling-address-connections=0\n"
                       "signaling-address-requests=0\nroom-capacity=100000\nsignaling-anybody=yes\nsignaling-control-socket=off\nsignaling-drain-timeout=0\n"
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
