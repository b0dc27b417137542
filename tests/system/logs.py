#!/usr/bin/env python3
"""The log as an operator reads it: its forms and destinations, why things ended, how much of it there may be,
that no secret is in it; and what the service manager is told."""
import base64
import contextlib
import ctypes
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

from harness import stun, tap
from harness.client import Client, Peer, exchange_both_ways
from harness.server import (PASSWORD, USER, Folder, Server, make_certificate)
from harness.store import Store
from reload import Filed
from third_party import Bearer, KEY, NAME

LOOPBACK = "--allow-loopback-peers"


def lines(server, event, file="stdout"):
    """The lines of an event, without time and level."""
    return [line.split(" ", 2)[2] for line in server.read(file).splitlines()
            if re.match(r"\S+ [A-Z]+ %s(:|$)" % re.escape(event), line)]


def wait_for(server, event, count=1, file="stdout"):
    return tap.wait_until(lambda: len(lines(server, event, file)) >= count and lines(server, event, file),
                          "%d lines of '%s'" % (count, event))


def has(line, **keys):
    for key, value in keys.items():
        tap.expect(re.search(r'(: | )%s=%s( |$)' % (key, value), line), "%s=%s in: %s" % (key, value, line))


def ready_in_json(*options, **how):
    server = Server("--log-format=json", *options, **how)
    server.says_ready = lambda: '"event":"ready"' in server.log()
    return server


@contextlib.contextmanager
def environment(**variables):
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


# ---- forms ----

def test_json():
    """log-format=json: every line is one object, numbers are numbers, and no name passes for a key"""
    name = 'eve" realm=x\n{"a":1}\x1b[31m é'
    with ready_in_json(LOOPBACK, "--verbose", "--log-coturn-sessions") as server:
        with server.client() as client, Peer() as peer:
            client.allocate()
            tap.expect(exchange_both_ways(client, peer), "data both ways")
            client.refresh(0)
        with server.client(user=name) as client:
            tap.expect_equal(client.try_allocate(), 401, "error for a user who is not there")
        tap.wait_until(lambda: '"error":401' in server.log(), "the refusal")
        tap.expect_equal(server.end(signal.SIGTERM, 10), 0, "exit code")
        events = [json.loads(line) for line in server.read("stdout").splitlines()]
    for event in events:
        tap.expect(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", event["time"]), "time: %r" % event)
        tap.expect_in(event["level"], ("debug", "info", "warning", "error"), "level")
    by_name = {event["event"]: event for event in events}
    refusals = [event for event in events if event["event"] == "request refused" and event["error"] == 401]
    tap.expect_equal([event["user"] for event in refusals], [name], "the name, and the error, a number")
    ended = by_name["allocation deleted"]
    tap.expect_equal((ended["to_peer_packets"], ended["user"], ended["transport"]), (1, USER, "UDP"), "keys")
    tap.expect(re.match(r"session \d{18}: ", by_name["coturn session"]["text"]), "coturn's lines are a text")
    tap.expect_equal(by_name["stopped"]["level"], "info", "the last line")


def test_time():
    """new-log-timestamp and its format are coturn's"""
    with Server("--new-log-timestamp-format=%FT%T.%f%z") as server:
        tap.expect(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} INFO ", server.log()), server.log()[:60])
    with Server("--new-log-timestamp=no") as server:
        tap.expect(re.match(r"\d{1,3} INFO ", server.log()), server.log()[:60])


# ---- reasons ----

def test_reasons():
    """Whatever ends or is refused says why, for whom, and what it carried"""
    with Server("--verbose", "--denied-peer-ip=8.8.8.8", tls=True) as server:
        with server.client() as client:
            client.allocate()
            client.refresh(0)
            has(wait_for(server, "allocation deleted")[-1], reason='"closed by its client"', user=USER,
                realm="example.org", client=r"127\.0\.0\.1:\d+", transport="UDP", relayed=r"127\.0\.0\.1:\d+",
                age_s=0, to_peer_packets=0, to_client_bytes=0)
        client = server.client("tcp")
        client.allocate()
        client.close()
        has(wait_for(server, "allocation deleted", 2)[-1], reason='"closed by its client"', transport="TCP")
        client = server.client("tcp")
        client.allocate()
        client.path.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        has(wait_for(server, "allocation deleted", 3)[-1],
            reason='"connection broke: reset by its client"', transport="TCP")
        has(wait_for(server, "connection closed", 2)[-1],
            reason='"connection broke: reset by its client"', transport="TCP")
        with server.client() as client:
            client.allocate()
            tap.expect_equal(client.request(stun.CREATE_PERMISSION, [
                (stun.XOR_PEER_ADDRESS, ("9.9.9.9", 0)), (stun.XOR_PEER_ADDRESS, ("8.8.8.8", 0))]).error,
                403, "error for a peer that is denied")
            has(wait_for(server, "request refused")[-1], method="CreatePermission", error=403,
                reason='"denied-peer-ip"', peer=r"8\.8\.8\.8", user=USER)
        with server.client(password="wrong") as client:
            tap.expect_equal(client.try_allocate(), 401, "error for a wrong password")
            has(wait_for(server, "request refused", 2)[-1], method="Allocate", error=401, reason='"wrong password"')
        with socket.create_connection(server.address) as stranger:
            stranger.send(b"GET / HTTP/1.0\r\n\r\n")
            stranger.recv(1)
        has(wait_for(server, "connection closed", 3)[-1], reason='"neither STUN nor TLS that is served"')


def test_options():
    """log-binding and drop-invalid-packets-log write what they say"""
    with Server("--log-binding", "--drop-invalid-packets-log") as server:
        with server.client() as client:
            client.binding()
            client.path.send(b"\x00\x01\x00\x00garbage")
            has(wait_for(server, "packet dropped")[-1], reason="drop_malformed", transport="UDP", len=11,
                bytes='"00 01 00 00 67 61 72 62 61 67 65"')
        has(wait_for(server, "Binding answered")[-1], client=r"127\.0\.0\.1:\d+", transport="UDP")
    with Server() as server:
        with server.client() as client:
            client.binding()
            client.path.send(b"\x00\x01\x00\x00garbage")
            client.binding()
        tap.expect("Binding answered" not in server.log() and "packet dropped" not in server.log(), "only then")


def visit(server):
    """On each of two threads, most likely: a Binding request, a packet that is none, and an allocation; waits until
    the log has the end of all."""
    ended = len(lines(server, "allocation deleted"))
    for _ in range(8):
        with server.client() as client:
            client.binding()
            client.path.send(b"\x00\x01\x00\x00garbage")
            client.allocate()
    wait_for(server, "allocation deleted", ended + 8)


def expect_live(option, pattern, lines_each):
    """A reload has each thread write the lines of an option, and another one has it write them no more."""
    always = "user=u:p", "relay-threads=2", "log-rate=0"

    def is_written(count):
        return tap.wait_until(lambda: len(re.findall(pattern, server.log(), re.M)) == count,
                              "%d lines of %s" % (count, option))
    with Filed(*always[1:]) as server, server.client() as call:
        call.allocate()
        for turn in range(2):
            visit(server)
            is_written(8 * lines_each * turn)
            answer = server.reload(*always, option)
            tap.expect_equal(([change["name"] for change in answer["changed"]], answer["restart"]),
                             ([option], []), "what the reload applied")
            visit(server)
            is_written(8 * lines_each * (turn + 1))
            server.reload(*always)
        call.refresh(600)


def test_live_binding():
    """log-binding goes on and off by a reload, on every thread"""
    expect_live("log-binding", r"^\S+ INFO Binding answered: ", 1)


def test_live_drops():
    """drop-invalid-packets-log goes on and off by a reload, on every thread"""
    expect_live("drop-invalid-packets-log", r"^\S+ INFO packet dropped: reason=drop_malformed ", 1)


def test_live_coturn_lines():
    """log-coturn-sessions goes on and off by a reload, on every thread"""
    expect_live("log-coturn-sessions", r"^\S+ INFO session \d{18}: (new, |delete: |realm .* processed, success)", 4)


def test_rate():
    """Of one event log-rate lines pass in a second, and the next tells how many did not"""
    with Server("--log-rate=3") as server, server.client(password="wrong") as client:
        client.try_allocate()
        data = client.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)])
        began = time.monotonic()
        for _ in range(200):
            message = bytearray(data)
            message[8:20] = os.urandom(12)
            client.exchange(client.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)]))
        seconds = time.monotonic() - began

        def told():
            client.exchange(client.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)]))
            return "held_back=" in server.log()
        tap.wait_until(told, "how many were held back")
        written = lines(server, "request refused")
        tap.expect(len(written) <= 3 * (seconds + 4), "%d lines in %g s" % (len(written), seconds))


def test_coturn_lines():
    """log-coturn-sessions: coturn's lines, word for word, and its line when it is ready"""
    with Server(LOOPBACK, "--log-coturn-sessions") as server:
        tap.expect(re.search(r" INFO Total auth threads: \d+$", server.log(), re.M), "ready")
        with server.client("tcp") as client, Peer() as peer:
            client.allocate()
            tap.expect(exchange_both_ways(client, peer), "data both ways")
            client.refresh(600)
        with server.client(password="wrong") as client:
            client.try_allocate()
        wait_for(server, "allocation deleted")
        log = tap.wait_until(lambda: "credentials are incorrect" in server.log() and server.log(), "the wrong password")
        sessions = set()
        for form in (
                r"session (\d{18}): new, realm=<example.org>, username=<u>, lifetime=600",
                r"session (\d{18}): realm <example.org> user <u>: incoming packet ALLOCATE processed, success",
                r"session (\d{18}): realm <example.org> user <u>: incoming packet CHANNEL_BIND processed, success",
                r"session (\d{18}): refreshed, realm=<example.org>, username=<u>, lifetime=600",
                r"session (\d{18}): realm <example.org> user <u>: incoming packet REFRESH processed, success",
                r"session (\d{18}): usage: realm=<example.org>, username=<u>, rp=1, rb=\d+, sp=1, sb=\d+",
                r"session (\d{18}): peer usage: realm=<example.org>, username=<u>, rp=1, rb=\d+, sp=1, sb=\d+",
                r"session (\d{18}): closed \(2nd stage\), user <u> realm <example.org> origin <>, local "
                r"127\.0\.0\.1:\d+, remote 127\.0\.0\.1:\d+, reason: TCP connection closed by client \(callback\)",
                r"session (\d{18}): delete: realm=<example.org>, username=<u>"):
            found = re.search("^\\S+ INFO " + form + "$", log, re.M)
            tap.expect(found, "a line like " + form)
            sessions.add(found.group(1))
        tap.expect_equal(len(sessions), 1, "sessions, by their numbers")
        tap.expect(re.search(r"^\S+ WARNING session 0\d{17}: check_stun_auth: user u credentials are incorrect$",
                             log, re.M), "wrong credentials")
        tap.expect(re.search(r"^\S+ INFO session 0\d{17}: realm <example.org> user <u>: incoming packet message "
                             r"processed, error 401: Unauthorized$", log, re.M), "and their 401")


# ---- destinations ----

def test_file():
    """A file, and standard output as well unless no-stdout-log; it is made anew when it was moved"""
    for options, on_stdout in ((), True), (("--no-stdout-log",), False):
        path = os.path.join(Folder.get(), "turn%d.log" % on_stdout)
        with Server("--log-file=" + path, *options) as server:
            tap.wait_until(lambda: os.path.exists(path) and " ready: " in open(path).read(), "the file")
            tap.expect_equal(" ready: " in server.read("stdout"), on_stdout, "on standard output")
            os.rename(path, path + ".1")
            server.process.send_signal(signal.SIGHUP)
            tap.wait_until(lambda: os.path.exists(path), "a new file on SIGHUP")
            os.rename(path, path + ".2")

            def is_made_anew():
                with server.client() as client:
                    client.allocate()
                    client.refresh(0)
                return os.path.exists(path) and "allocation created" in open(path).read()
            tap.wait_until(is_made_anew, "a new file without a signal")
        tap.expect(" stopped" in open(path).read(), "the last line")


def test_full_disk():
    """A disk that is full takes nothing from clients; standard error says so once"""
    with Server(LOOPBACK, "--log-file=/dev/full", "--no-stdout-log") as server, Peer() as peer:
        for _ in range(20):
            with server.client() as client:
                client.allocate()
                tap.expect(exchange_both_ways(client, peer), "data both ways")
        tap.expect_equal(len(lines(server, "log cannot be written", "stderr")), 1, "lines on standard error")


def test_stopped_reader():
    """A reader of standard output that has stopped makes no client wait"""
    reader, writer = os.pipe()
    server = Server(LOOPBACK, "--verbose", "--log-coturn-sessions")
    popen = subprocess.Popen

    def launch(*args, **how):
        return popen(*args, **dict(how, stdout=writer))
    subprocess.Popen = launch
    try:
        server.launch()
    finally:
        subprocess.Popen = popen
    os.close(writer)
    try:
        tap.wait_until(server.answers, "the server")
        with Peer() as peer:
            for _ in range(150):  # more lines than a pipe has room for
                with server.client() as client:
                    client.allocate()
                    tap.expect(exchange_both_ways(client, peer), "data both ways")
                    client.refresh(0)
        read = b""
        while b"log lines lost: lines=" not in read:
            read += os.read(reader, 65536)
            with server.client() as client:
                client.binding()
                client.allocate()
                client.refresh(0)
        tap.expect(b"ready: " in read, "what was before")
    finally:
        os.set_blocking(reader, False)
        server.process.terminate()
        tap.expect_equal(server.wait(20), 0, "exit code")
        os.close(reader)


class InJournal(Server):
    """A server whose standard error leads to what it takes for the journal, which is a socket of the
    test's: both in a mount namespace of its own."""

    def launch(self):
        script = ("mount -t tmpfs none /run && mkdir -p /run/systemd/journal && "
                  "mount --bind %s /run/systemd/journal && "
                  "JOURNAL_STREAM=$(stat -L -c %%d:%%i /proc/self/fd/2) exec \"$@\"" % self.folder)
        popen = subprocess.Popen

        def wrapped(command, **how):
            return popen(["unshare", "-m", "sh", "-c", script, "sh", *command], **how)
        subprocess.Popen = wrapped
        try:
            super().launch()
        finally:
            subprocess.Popen = popen


def test_journal():
    """Standard error that is the journal is left for its socket, with each key as a field"""
    tap.need_root()
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/run"], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        raise tap.Skip("needs to mount")
    server = InJournal("--log-file=stderr", "--log-min-level=info")
    server.arguments.remove("--log-file=stdout")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(server.folder + "/socket")
        journal.settimeout(20)
        with server:
            entries = []
            with server.client() as client:
                client.allocate()
                client.refresh(0)
            while not entries or b"TURNSTONE_EVENT=allocation deleted\n" not in entries[-1]:
                entries.append(journal.recv(65536))
        for field in (b"PRIORITY=6", b"SYSLOG_IDENTIFIER=turnserver", b"TURNSTONE_USER=u",
                      b"TURNSTONE_REASON=closed by its client", b"TURNSTONE_TO_PEER_PACKETS=0"):
            tap.expect(field + b"\n" in entries[-1], "%r in %r" % (field, entries[-1]))
        tap.expect(b"MESSAGE=allocation deleted: id=" in entries[-1], "the message: %r" % entries[-1])
        tap.expect("allocation" not in server.read("stderr"), "and nothing of it on standard error")


# ---- secrets ----

def forms_of(secret):
    """A secret as it might be written."""
    secret = secret.encode() if isinstance(secret, str) else secret
    spaced = " ".join("%02x" % byte for byte in secret)
    return {secret, secret.hex().encode(), secret.hex().upper().encode(), spaced.encode(),
            base64.b64encode(secret).rstrip(b"="), secret[-12:] if len(secret) > 16 else secret}


def send_spoiled(client, method, attributes=()):
    """A signed request that is no message: cut, and with a length that is wrong."""
    data = client.message(method, attributes)
    client.path.send(data[:-5])
    client.path.send(data[:2] + b"\xff\xfc" + data[4:])


def talk(server, peer, transport, secrets):
    """All kinds of requests over a transport, each well and badly done."""
    with server.client(transport) if transport in ("udp", "tcp") else \
            Client(server.tls_address, transport) as client:
        ticket = client.allocate((stun.MOBILITY_TICKET, b"")).get(stun.MOBILITY_TICKET)
        secrets.update(forms_of(ticket))
        secrets.update(forms_of(client.key))
        tap.expect(exchange_both_ways(client, peer), "data both ways over " + transport)
        response = client.succeed(stun.REFRESH)
        secrets.update(forms_of(response.get(stun.MOBILITY_TICKET) or ticket))
        client.request(stun.REFRESH, [(stun.MOBILITY_TICKET, b"x" * 40)])
        client.request(stun.CREATE_PERMISSION, [(stun.XOR_PEER_ADDRESS, ("10.0.0.1", 0))])
        if transport in ("udp", "dtls"):
            send_spoiled(client, stun.REFRESH, [(stun.MOBILITY_TICKET, ticket)])
            client.path.send(b"\x00\x04\x00\x00" + ticket)
        client.binding()
        client.refresh(0)


def talk_time_limited(server, secret, secrets):
    for user, password in ("%d:anna" % (time.time() + 600), None), ("%d:anna" % (time.time() - 9), None), \
            ("%d:eve" % (time.time() + 600), "guessed-by-eve-0123"):
        password = password or base64.b64encode(
            hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()).decode()
        secrets.update(forms_of(password))
        with server.client(user=user, password=password) as client:
            client.try_allocate()


def test_secrets():
    """No secret, password, key, ticket or token is in the log, whatever is logged and done"""
    rest_secret, password = "north-REST-secret-4711", "p4ssw0rd-of-u-in-file"
    cert, key_file = make_certificate()
    pem = b"".join(open(key_file, "rb").read().splitlines()[1:-1])
    for form in "text", "json":
        store = Store()
        store.admin("oauth", "add", "kid", text=base64.b64encode(KEY).decode() + "\n")
        store.admin("secret", "add", "--realm", "example.org", text="store-REST-secret-4712\n")
        secrets = {pem[:32], pem[32:64]}
        for secret in rest_secret, password, KEY, "store-REST-secret-4712":
            secrets.update(forms_of(secret))
        make = ready_in_json if form == "json" else Server
        server = make("--lt-cred-mech", "--use-auth-secret", "--realm=example.org", "--user=u:" + password,
                      "--static-auth-secret=" + rest_secret, "--oauth", "--server-name=" + NAME, "--mobility",
                      LOOPBACK, "--verbose", "--log-coturn-sessions", "--log-binding",
                      "--drop-invalid-packets-log", "--log-rate=0", store.option, tls=True, credentials=False)
        with server, Peer() as peer:
            for transport in "udp", "tcp", "tls", "dtls":
                with_password(password, lambda t=transport: talk(server, peer, t, secrets))
            talk_time_limited(server, rest_secret, secrets)
            talk_time_limited(server, "store-REST-secret-4712", secrets)
            for kid, key in ("kid", KEY), ("nobody", KEY), ("kid", b"y" * 32):
                with Bearer(server, kid=kid, key=key) as client:
                    client.try_allocate()
                    secrets.update(forms_of(client.mac_key) | forms_of(client.token))
                    send_spoiled(client, stun.ALLOCATE)
            server.process.send_signal(signal.SIGHUP)
            tap.expect_equal(server.end(signal.SIGTERM, 20), 0, "exit code")
        log = (server.read("stdout") + server.read("stderr")).encode()
        tap.expect(log.count(b"request refused") > 5 and log.count(b"packet dropped") > 3 and
                   log.count(b"allocation created") >= 4, "something was logged")
        for secret in secrets:
            tap.expect(secret not in log, "%r is in the log" % secret)


def with_password(password, function):
    """Calls function while clients have another password by default."""
    defaults = Client.__init__.__defaults__
    Client.__init__.__defaults__ = tuple(password if value == PASSWORD else value for value in defaults)
    try:
        function()
    finally:
        Client.__init__.__defaults__ = defaults


# ---- the service manager ----

class Manager:
    """What a service manager hears on its socket."""

    def __init__(self, abstract=False):
        Manager.count = getattr(Manager, "count", 0) + 1
        self.name = os.path.join(Folder.get(), "notify%d" % Manager.count)
        if abstract:
            self.name = "@turnstone-test-%d" % os.getpid()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name[1:] if abstract else self.name)
        self.heard = []

    def close(self):
        self.socket.close()

    def hear(self, wanted, seconds=20):
        """Listens until a message has this line; the message."""
        deadline = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                message = self.socket.recv(4096).decode()
            except socket.timeout:
                raise tap.Failure("%r was not told within %g s, but %r" % (wanted, seconds, self.heard)) from None
            self.heard.append(message)
            if any(line.startswith(wanted) for line in message.split("\n")):
                return message

    def has_heard_within(self, wanted, seconds):
        try:
            self.hear(wanted, seconds)
        except tap.Failure:
            return False
        return True


def test_notify():
    """The service manager is told: ready, how many allocations, reload, drain, stop; on both kinds of socket"""
    for abstract in False, True:
        with contextlib.closing(Manager(abstract)) as manager, environment(NOTIFY_SOCKET=manager.name):
            with Server(LOOPBACK, "--drain-timeout=60") as server:
                message = manager.hear("READY=1")
                tap.expect("MAINPID=%d" % server.pid in message, "whose it is: %r" % message)
                tap.expect(server.answers(), "it serves when it says so")
                manager.hear("STATUS=serving 0 allocations")
                client = server.client()
                client.allocate()
                manager.hear("STATUS=serving 1 allocations")
                server.process.send_signal(signal.SIGHUP)
                message = manager.hear("RELOADING=1")
                now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                said_us = int(re.search(r"MONOTONIC_USEC=(\d+)", message).group(1))
                tap.expect(0 <= now_us - said_us < 60e6, "when: %d, now %d" % (said_us, now_us))
                manager.hear("READY=1")
                server.process.send_signal(signal.SIGTERM)
                manager.hear("STATUS=draining by SIGTERM: 1 allocations left, ")
                client.refresh(0)
                client.close()
                manager.hear("STOPPING=1")
                tap.expect_equal(server.wait(20), 0, "exit code")
                server.process = None
    tap.expect(not any("WATCHDOG" in message for message in manager.heard), "no watchdog was asked for")


class Debugger:
    """Stops one thread of another process, as a debugger does, and lets it go on."""
    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, thread):
        self.thread = thread
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def __enter__(self):
        for what in self.SEIZE, self.INTERRUPT:
            if self.libc.ptrace(what, self.thread, None, None) != 0:
                raise tap.Skip("needs ptrace")
        os.waitpid(self.thread, 0x40000000)  # __WALL
        return self

    def __exit__(self, *_):
        self.libc.ptrace(self.DETACH, self.thread, None, None)


def thread_named(server, name):
    folder = "/proc/%d/task" % server.pid
    for thread in os.listdir(folder):
        with open("%s/%s/comm" % (folder, thread)) as file:
            if file.read().strip() == name:
                return int(thread)
    raise tap.Failure("no thread " + name)


@tap.beside
def test_watchdog():
    """The watchdog is petted until a thread hangs, and again when it goes on; the others serve meanwhile"""
    store = Store()
    store.admin("secret", "add", "--realm", "example.org", text="x\n")
    with contextlib.closing(Manager()) as manager, \
            environment(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="600000"):
        with Server("--relay-threads=2", store.option, LOOPBACK) as server:
            for _ in range(3):
                manager.hear("WATCHDOG=1", 5)
            with Debugger(thread_named(server, "relay-1")):
                tap.expect(not manager.has_heard_within("WATCHDOG=1", 0.7) or
                           not manager.has_heard_within("WATCHDOG=1", 2), "it stops with a thread that hangs")
                has(wait_for(server, "threads do not answer")[-1], waiting_for='"relay-1"')
            manager.hear("WATCHDOG=1", 5)


@tap.beside
def test_silent_thread():
    """Who asks all threads is told which one hangs; what was asked is done when it goes on, and no more is asked"""
    with Server("--relay-threads=2", LOOPBACK) as server:
        with Debugger(thread_named(server, "relay-1")):
            told = "the thread relay-1 does not answer: "
            code, out, problem = server.admin("alternate-server", "add", "192.0.2.7:3478")
            tap.expect_equal((code, out), (1, ""), "of who asked first")
            tap.expect_in(told + "what was asked for is done once it does", problem, "what is said")
            began = time.monotonic()
            for words in (["alternate-server", "add", "192.0.2.8:3478"], ["drain"], ["reload"],
                          ["set", "max-bps", "1000"], ["session", "list"]):
                code, out, problem = server.admin(*words)
                tap.expect_equal((code, out), (1, ""), "turnadmin " + " ".join(words))
                tap.expect_in(told + "nothing was done", problem, "what is said")
            tap.expect(time.monotonic() - began < 4, "they are told at once")
            has(wait_for(server, "threads do not answer")[-1], waiting_for='"relay-1"')
            tap.expect_equal(server.ask("status")["threads"], 2, "threads of the status, which asks none")
        tap.wait_until(lambda: server.admin("session", "list")[0] == 0, "it goes on")
        tap.expect_equal(server.ask("alternate-server", "list")["all"], ["192.0.2.7:3478"], "what was asked for")
        tap.expect_equal(server.ask("status")["draining"], None, "what was not done")


def test_watchdog_of_another():
    """A watchdog that is another process's is not petted"""
    with contextlib.closing(Manager()) as manager, \
            environment(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="200000", WATCHDOG_PID="1"):
        with Server():
            manager.hear("READY=1")
            tap.expect(not manager.has_heard_within("WATCHDOG=1", 0.7), "none of ours")


if __name__ == "__main__":
    tap.main()
