"""Redis servers and sentinels of the tests' own: started on free ports, stopped by their pid."""
import os
import signal
import socket
import subprocess
import time

from . import tap
from .server import Folder, free_ports


class Wire:
    """A connection that speaks Redis's protocol, for the tests to look, write and listen by."""

    def __init__(self, port, password=None, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")
        if password:
            self.call("AUTH", password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(
            b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))

    def read(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            return RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        return rest.decode()

    def call(self, *words):
        self.send(*words)
        reply = self.read()
        if isinstance(reply, RuntimeError):
            raise tap.Failure("Redis: %s: %s" % (words[0], reply))
        return reply


def turnadmin():
    return os.path.abspath(os.path.join(os.environ.get("BUILD", "."), "turnadmin"))


def need_redis():
    """Skips the test of a build that has no Redis in it."""
    told = subprocess.run([turnadmin(), "-N", "port=1", "user", "list"], capture_output=True, timeout=30, check=False)
    if b"built without Redis" in told.stderr:
        raise tap.Skip("needs a build with Redis: apt-get install libhiredis-dev")


class Redis:
    """with Redis("--requirepass", "x") as redis: a server without persistence."""
    count = 0
    program = "redis-server"

    def __init__(self, *options, port=None, password=None, config=None):
        Redis.count += 1
        self.folder = os.path.join(Folder.get(), "redis%d" % Redis.count)
        os.mkdir(self.folder)
        self.port = port or free_ports(1)[0]
        self.password, self.options, self.config = password, options, config
        self.process = None

    def __enter__(self):
        need_redis()
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def command(self):
        words = [tap.need_program("redis-server", "redis-server")]
        if self.config:
            path = os.path.join(self.folder, "redis.conf")
            if not os.path.exists(path):
                with open(path, "w") as file:
                    file.write(self.config)
            words += [path] + (["--sentinel"] if self.program == "sentinel" else [])
        words += ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--daemonize", "no"]
        if self.program != "sentinel":
            words += ["--save", "", "--appendonly", "no", "--enable-debug-command", "yes"]
        if self.password:
            words += ["--requirepass", self.password]
        return words + list(self.options)

    def start(self):
        with open(self.folder + "/log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise tap.Failure("Redis ended: " + self.log()[-400:])
            try:
                with Wire(self.port) as wire:
                    wire.send("PING")
                    wire.read()
                return
            except OSError:
                time.sleep(0.01)
        raise tap.Failure("Redis does not answer")

    def log(self):
        with open(self.folder + "/log", errors="replace") as file:
            return file.read()

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def wire(self):
        return Wire(self.port, self.password)

    def call(self, *words):
        with self.wire() as wire:
            return wire.call(*words)

    @property
    def connection(self):
        return "ip=127.0.0.1 dbname=0 port=%d connect_timeout=5%s" % (
            self.port, " password=" + self.password if self.password else "")

    @property
    def option(self):
        return "--redis-userdb=" + self.connection

    def admin(self, *words, text="", may_fail=False):
        """Runs our turnadmin; what it wrote."""
        result = subprocess.run([turnadmin(), "-N", self.connection, *words], input=text.encode(),
                                capture_output=True, timeout=30, check=False)
        if result.returncode != 0 and not may_fail:
            raise tap.Failure("turnadmin %s: %s" % (" ".join(words), result.stderr.decode()))
        return result.stderr.decode() if may_fail else result.stdout.decode()

    def coturn_admin(self, *words):
        """Runs coturn's turnadmin."""
        program = tap.need_program("turnadmin", "coturn")
        result = subprocess.run([program, "-N", self.connection, *words], cwd=Folder.get(), timeout=30,
                                check=True, capture_output=True)
        return (result.stdout + result.stderr).decode(errors="replace")


class Sentinel(Redis):
    """One that watches a master by the name "turn"."""
    program = "sentinel"

    def __init__(self, master):
        super().__init__(config="sentinel monitor turn 127.0.0.1 %d 1\n"
                                "sentinel down-after-milliseconds turn 500\n"
                                "sentinel failover-timeout turn 3000\n" % master.port)
