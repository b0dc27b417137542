"""A RabbitMQ of the tests' own: its node, ports, folder and port mapper, stopped by their pids."""
import os
import signal
import socket
import subprocess
import time

from . import tap
from .server import Folder, free_ports, make_certificate

BIN = "/usr/lib/rabbitmq/bin"


def build_path(name):
    return os.path.abspath(os.path.join(os.environ.get("BUILD", "."), name))


def need_rabbitmq():
    if not os.access(os.path.join(BIN, "rabbitmq-server"), os.X_OK):
        raise tap.Skip("needs rabbitmq-server: apt-get install rabbitmq-server")
    if not os.access(build_path("tests/system/read_queue"), os.X_OK):
        raise tap.Skip("needs a build with AMQP: apt-get install librabbitmq-dev")


class RabbitMQ:
    """with RabbitMQ() as broker: ... broker.stop() ... broker.start()"""
    count = 0

    def __init__(self):
        need_rabbitmq()
        RabbitMQ.count += 1
        self.folder = os.path.join(Folder.get(), "rabbitmq%d" % RabbitMQ.count)
        os.mkdir(self.folder)
        self.port, self.tls_port, distribution, mapper = free_ports(4)
        self.url = "amqp://guest:guest@127.0.0.1:%d/%%2f" % self.port
        self.tls_url = "amqps://guest:guest@localhost:%d/%%2f" % self.tls_port
        self.node = "turnstone%d@localhost" % os.getpid()
        self.process = None
        cert, key = make_certificate()
        with open(os.path.join(self.folder, "rabbitmq.conf"), "w") as file:
            file.write("listeners.tcp.1 = 127.0.0.1:%d\nlisteners.ssl.1 = 127.0.0.1:%d\n"
                       "ssl_options.cacertfile = %s\nssl_options.certfile = %s\nssl_options.keyfile = %s\n"
                       "log.file.level = info\n" % (self.port, self.tls_port, cert, cert, key))
        self.environment = dict(
            os.environ, HOME=self.folder, RABBITMQ_NODENAME=self.node, RABBITMQ_NODE_PORT=str(self.port),
            RABBITMQ_DIST_PORT=str(distribution), ERL_EPMD_PORT=str(mapper), ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_MNESIA_BASE=os.path.join(self.folder, "mnesia"), RABBITMQ_LOG_BASE=os.path.join(self.folder, "log"),
            RABBITMQ_CONFIG_FILE=os.path.join(self.folder, "rabbitmq"), RABBITMQ_CONF_ENV_FILE="/dev/null",
            RABBITMQ_ENABLED_PLUGINS_FILE=os.path.join(self.folder, "plugins"),
            RABBITMQ_PID_FILE=os.path.join(self.folder, "pid"), RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1")
        self.mapper = subprocess.Popen(["epmd", "-address", "127.0.0.1", "-port", str(mapper)],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        self.mapper.terminate()
        self.mapper.wait()

    def log(self):
        try:
            with open(os.path.join(self.folder, "out")) as file:
                return file.read()[-2000:]
        except OSError:
            return ""

    def answers(self):
        if self.process.poll() is not None:
            raise tap.Failure("RabbitMQ ended: " + self.log())
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as client:
                client.settimeout(5)
                client.sendall(b"AMQP\x00\x00\x09\x01")
                return client.recv(1) == b"\x01"
        except OSError:
            return False

    def start(self):
        with open(os.path.join(self.folder, "out"), "a") as out:
            self.process = subprocess.Popen([os.path.join(BIN, "rabbitmq-server")], env=self.environment, stdout=out,
                                            stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True)
        tap.wait_until(self.answers, "RabbitMQ", 60)

    def signal_all(self, number):
        """The script and the Erlang that it started are a session of their own."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def gone(self):
        self.process.poll()
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def stop(self):
        self.signal_all(signal.SIGTERM)
        tap.wait_until(self.gone, "the end of RabbitMQ", 60)

    def kill(self):
        if self.process is not None:
            self.signal_all(signal.SIGKILL)
            tap.wait_until(self.gone, "the end of RabbitMQ", 10)

    def control(self, *words):
        done = subprocess.run([os.path.join(BIN, "rabbitmqctl"), "-n", self.node, *words], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=50, check=False)
        if done.returncode != 0:
            raise tap.Failure("rabbitmqctl %s: %s" % (words, done.stderr.decode(errors="replace")))

    def queue(self, verb, name="q", exchange="live_events"):
        """bind: makes the queue; read: takes out what there is, as rows of key, message-id, mark and body."""
        done = subprocess.run([build_path("tests/system/read_queue"), self.url, exchange, name, verb],
                              capture_output=True, timeout=30, check=False)
        if done.returncode != 0:
            raise tap.Failure("queue %s: %s" % (verb, done.stderr.decode(errors="replace")))
        return [line.split("\t") for line in done.stdout.decode().splitlines()]
