#!/usr/bin/env python3
"""What makes a program a service: the background, its pidfile and log, another user, and the addresses
of the machine."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import tap
from harness.client import Client
from harness.network import Namespace, run, wire
from harness.server import free_ports, program

NOBODY = "nobody"


@contextlib.contextmanager
def folder(mode=0o755):
    path = tempfile.mkdtemp(prefix="turnstone-process-")
    os.chmod(path, mode)
    try:
        yield path
    finally:
        shutil.rmtree(path, True)


def read(*path):
    try:
        with open(os.path.join(*path)) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def start(cwd, port, *options):
    """Runs the program until it has gone into the background, or failed; its result."""
    command = [program(), "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--no-tls",
               "--no-dtls", "--listening-port=%d" % port, "--lt-cred-mech", "--realm=example.org",
               "--user=u:p", "--log-file=turn.log", *options]
    return subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=20, check=False)


def is_running(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


@contextlib.contextmanager
def background(cwd, port, pidfile, *options):
    """A server in the background; its pid."""
    start(cwd, port, "--daemon", "--pidfile=" + pidfile, *options)
    try:
        tap.wait_until(lambda: "ready" in read(cwd, "turn.log"), "a line in the log")
    except tap.Failure:
        tap.diagnose(read(cwd, "turn.log"))
        raise
    pid = int(read(cwd, pidfile))
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGTERM)
        tap.wait_until(lambda: not is_running(pid), "the end")


def relays(port):
    with Client(("127.0.0.1", port)) as client:
        client.allocate()
        client.refresh(0)


def make_store(cwd, name="users.db"):
    admin = os.path.join(os.path.dirname(program()), "turnadmin")
    subprocess.run([admin, "user", "add", "--userdb", name, "--realm", "example.org", "s"],
                   cwd=cwd, input=b"p\n", check=True, stdout=subprocess.DEVNULL)


def test_relative_names():
    """In the background files are where they were named, from the folder of the start"""
    port = free_ports(1)[0]
    with folder() as cwd:
        make_store(cwd)
        with background(cwd, port, "turn.pid", "--userdb=users.db") as pid:
            tap.expect_equal(os.readlink("/proc/%d/cwd" % pid), os.path.realpath(cwd), "folder")
            relays(port)
            with Client(("127.0.0.1", port), user="s") as client:
                client.allocate()
            os.rename(cwd + "/turn.log", cwd + "/turn.log.1")
            os.kill(pid, signal.SIGHUP)
            tap.wait_until(lambda: os.path.exists(cwd + "/turn.log"), "a new log")
        tap.expect("stopped" in read(cwd, "turn.log"), "the last line in the new log")
        tap.expect(not os.path.exists(cwd + "/turn.pid"), "no pidfile left")


def test_background_failure():
    """A server that cannot start in the background says why in its log"""
    with folder() as cwd, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        start(cwd, taken.getsockname()[1], "--daemon")
        tap.wait_until(lambda: "in use" in read(cwd, "turn.log"), "the reason in the log")


def test_another_user():
    """As another user the server has its pidfile in root's folder, its store, and its ports"""
    tap.need_root()
    port = free_ports(1)[0]
    with folder() as cwd, folder(0o700) as roots:
        make_store(cwd)
        for name in ("users.db", "users.db-wal", "users.db-shm", "."):
            if os.path.exists(os.path.join(cwd, name)):
                shutil.chown(os.path.join(cwd, name), NOBODY)
        with background(cwd, port, roots + "/turn.pid", "--userdb=users.db",
                        "--proc-user=" + NOBODY) as pid:
            tap.expect("\nUid:\t65534\t65534\t65534" in read("/proc/%d/status" % pid), "user")
            relays(port)
            with Client(("127.0.0.1", port), user="s") as client:
                client.allocate()


def test_store_of_another():
    """A store that the other user may not open is refused at the start"""
    tap.need_root()
    with folder() as cwd:
        make_store(cwd)
        result = start(cwd, free_ports(1)[0], "--daemon", "--userdb=users.db",
                       "--proc-user=" + NOBODY)
        tap.expect_equal(result.returncode, 0, "exit code of what went into the background")
        tap.wait_until(lambda: "not started" in read(cwd, "turn.log"), "a line in the log")
        tap.expect("users.db" in read(cwd, "turn.log").split("not started")[1], "naming the store")


def test_duplicate_address():
    """An IPv6 address that another host has is left out, and the server starts with the others"""
    with Namespace("one") as one, Namespace("two") as two, folder() as cwd:
        wire(two, "eth0", ["fd03::1/64"], one, "eth0", ["10.3.0.1/24", "fd03::2/64"])
        run("ip", "-n", one.name, "address", "add", "fd03::1/64", "dev", "eth0")
        with open(cwd + "/turn.log", "w") as log, subprocess.Popen(
                ["ip", "netns", "exec", one.name, program(), "-n", "--no-tls", "--no-dtls",
                 "--no-auth"], cwd=cwd, stdout=log, stderr=log) as process:
            try:
                tap.wait_until(lambda: "ready" in read(cwd, "turn.log"), "a line in the log")
            finally:
                process.terminate()
        text = read(cwd, "turn.log")
        tap.expect("left out: ip=fd03::1 " in text, "what is left out")
        for ip in ("10.3.0.1", "fd03::2"):
            tap.expect("listening: ip=%s " % ip in text, "listening on %s" % ip)
            tap.expect("relaying from: ip=%s " % ip in text, "relaying from %s" % ip)


if __name__ == "__main__":
    tap.main()
