#!/usr/bin/env python3
"""What changes while turnsignal runs costs what it concerns: tenants and secrets in the store, where events go, where TURN credentials
come from; and a store, a disk and a service that are slow, full or hang hold up nobody."""
import base64
import contextlib
import hashlib
import hmac
import os
import signal
import socket
import subprocess
import threading
import time

from harness import tap
from harness.redis import Redis
from harness.server import Folder, Server
from harness.signal_server import Configured, Signal, join
from harness.store import Store
from events import Receiver, webhook
from turn_credentials import Service, remote

REALM = "example.org"
URI = "--turn-uri=turn:127.0.0.1:3478?transport=udp"
CLONE_NEWNS = 0x20000


class Client:
    """Of the channelling dialect: it has the credentials that it was told last."""

    def __init__(self, server, query=""):
        self.wire = server.connect("/ws" + query)
        self.turn = self.wire.receive()["Data"].get("Turn", {})

    def wait_update(self):
        self.turn = self.wire.receive_until(lambda message: message["Data"]["Type"] == "TurnUpdate", "an update")["Data"]["Turn"]
        return self.turn

    def is_signed_with(self, secret):
        mac = hmac.new(secret.encode(), self.turn["username"].encode(), hashlib.sha1).digest()
        return self.turn["password"] == base64.b64encode(mac).decode()


def given(server):
    """How many credentials sessions were given."""
    return server.ask("counters")["counters"]["credentials"]


def test_whom_it_concerns():
    """users concern nobody; a secret and a lifetime concern the sessions of their tenant, and one that is removed nobody who has the next"""
    store = Store()
    store.admin("secret", "add", "--realm", REALM, text="of the server\n")
    store.admin("secret", "add", "--realm", "acme.example", text="of acme\n")
    store.admin("tenant", "add", "acme", "--realm", "acme.example")
    key = store.admin("token", "add", "backend", "--tenant", "acme").strip()
    with Signal("--realm=" + REALM, URI, store.option, "--signaling-anybody=yes") as server:
        marks = iter(range(100))

        def settle():
            """All that was written before counts: something that was written after it does."""
            name = "mark%d" % next(marks)
            store.admin("tenant", "add", name)
            mark = store.admin("token", "add", name, "--tenant", name).strip()
            tap.wait_until(lambda: server.request("GET", "/turn?key=" + mark)[0] == 200, "another tenant")

        acme = [Client(server, "?key=" + key) for _ in range(2)]
        others = [Client(server) for _ in range(5)]
        tap.expect(all(client.is_signed_with("of acme") for client in acme), "acme's are of acme")
        tap.expect_equal(given(server), 7, "each was given some")
        before = server.log().count("tenants changed")
        for number in range(20):
            store.admin("user", "add", "user%d" % number, "--realm", REALM, text="p\n")
        tap.expect_equal(server.log().count("tenants changed"), before, "users are nothing to it")
        settle()
        tap.expect_equal(given(server), 7, "nor is another tenant to them")
        store.admin("secret", "add", "--realm", "acme.example", text="a newer one\n")
        for client in acme:
            client.wait_update()
            tap.expect(client.is_signed_with("a newer one"), "the newest signs")
        settle()
        tap.expect_equal(given(server), 9, "two were given some")
        store.admin("secret", "delete", "--realm", "acme.example", text="of acme\n")
        settle()
        tap.expect_equal(given(server), 9, "who has the new ones keeps them")
        store.admin("tenant", "set", "acme", "credentials-lifetime", "77")
        for client in acme:
            tap.expect_equal(client.wait_update()["ttl"], 77, "the lifetime")
        store.admin("secret", "add", "--realm", REALM, text="0 of the server\n")
        for client in others:
            client.wait_update()
            tap.expect(client.is_signed_with("0 of the server"), "and the others' own")
        settle()
        tap.expect_equal(given(server), 16, "and nobody else")
        server.admin("reload")
        settle()
        tap.expect_equal(given(server), 16, "a reload that changes nothing gives nobody any")


def rotate(store, option, text_of_redis=None):
    """A secret is replaced while a call goes on: at each moment who has credentials may relay."""
    store.admin("secret", "add", "--realm", REALM, text="zzz the old one\n")
    with Server("--use-auth-secret", "--realm=" + REALM, option, credentials=False) as relay, \
            Signal("--realm=" + REALM, URI, option, "--signaling-anybody=yes") as server:
        client = Client(server)
        tap.expect(client.is_signed_with("zzz the old one"), "the only one signs")
        old = client.turn

        def may_relay(turn):
            with relay.client(user=turn["username"], password=turn["password"]) as one:
                return one.try_allocate()

        tap.expect_equal(may_relay(old), 0, "it relays")
        store.admin("secret", "add", "--realm", REALM, text="aaa the new one\n")
        new = client.wait_update()
        tap.expect(client.is_signed_with("aaa the new one"), "the newest signs, wherever it stands in order")
        tap.expect_equal((may_relay(old), may_relay(new)), (0, 0), "both relay")
        if text_of_redis:
            tap.expect("the new one" not in text_of_redis(), "there is no other copy of it")
        store.admin("secret", "delete", "--realm", REALM, text="zzz the old one\n")
        tap.wait_until(lambda: may_relay(old) == 401, "the old ones count no more")
        tap.expect_equal(may_relay(new), 0, "the new ones do")
        store.admin("secret", "add", "--realm", REALM, text="mmm a third\n")
        client.wait_update()
        store.admin("secret", "delete", "--realm", REALM, text="mmm a third\n")
        client.wait_update()
        tap.expect(client.is_signed_with("aaa the new one"), "the one before, when the newest is taken back")


def test_rotation_sqlite():
    """a secret is replaced by the next, in SQLite"""
    store = Store()
    rotate(store, store.option)


def test_rotation_redis():
    """the same in Redis; what coturn's turnadmin added is older than what ours did"""
    with Redis() as redis:
        rotate(redis, redis.option, lambda: str(redis.call("HGETALL", "turnstone/realm/%s/secret-times" % REALM)))
        redis.call("SADD", "turn/realm/%s/secret" % REALM, "zz by another program")
        with Signal("--realm=" + REALM, URI, redis.option, "--signaling-anybody=yes") as server:
            tap.expect(Client(server).is_signed_with("aaa the new one"), "the newest of those whose time is known")
            redis.admin("secret", "delete", "--realm", REALM, text="aaa the new one\n")
            tap.wait_until(lambda: Client(server).is_signed_with("zz by another program"), "then the other")
        tap.expect_equal(redis.call("HGETALL", "turnstone/realm/%s/secret-times" % REALM), [], "nothing is left of it")


def test_store_hangs():
    """while Redis hangs joins, control requests and reloads are answered; what it says later counts"""
    with Redis() as redis:
        redis.admin("secret", "add", "--realm", REALM, text="one\n")
        with Signal("--realm=" + REALM, URI, redis.option, "--signaling-anybody=yes") as server:
            client = Client(server)
            redis.admin("secret", "add", "--realm", REALM, text="two\n")
            redis.process.send_signal(signal.SIGSTOP)
            try:
                for ask in (("status",), ("counters",), ("reload",)):
                    began = time.monotonic()
                    server.ask(*ask)
                    tap.expect(time.monotonic() - began < 0.9, "%s took %.1f s" % (ask[0], time.monotonic() - began))
                tap.expect(Client(server).turn.get("username"), "who comes is given credentials")
            finally:
                redis.process.send_signal(signal.SIGCONT)
            if not client.is_signed_with("two"):
                client.wait_update()
            tap.expect(client.is_signed_with("two"), "then the new secret counts")


def events_of(server, name):
    return server.ask("counters")["counters"]["events_" + name]


def test_events_live():
    """webhooks come, change and go by reload: what waits goes to the URL that is instead, marked where it was tried"""
    path = os.path.join(Folder.get(), "live.spool")
    with Receiver(lambda number, room: 503) as away, Receiver() as there, Configured("event-spool=" + path) as server:
        clients = [join(server, "before")]
        changed, _ = server.reload("event-spool=" + path, *webhook(away))
        tap.expect_equal(changed, ["webhook-secret", "webhook-url"], "a first one is taken")
        clients += [join(server, "tea") for _ in range(3)]
        tap.wait_until(lambda: events_of(server, "webhook-1_waiting_now") == 3 and away.rows, "they wait")
        changed, left = server.reload("event-spool=%s.other" % path, *webhook(there))
        tap.expect_equal((changed, left), (["webhook-url"], ["event-spool"]), "another URL; the spool stays")
        clients += [join(server, "tea")]
        there.wait_taken(4)
        tap.expect_equal([row[1] for row in there.taken], [1, 2, 3, 4], "all of them, in order")
        tap.expect_equal([row[2] for row in there.taken], [True, False, False, False], "the one that was tried is marked")
        tap.expect_equal((events_of(server, "webhook-1_sent"), events_of(server, "webhook-1_lost")), (4, 0), "counted")
        tap.expect(events_of(server, "webhook-1_failed") >= 1, "so is what was not taken")
        tap.expect_in('turnstone_signaling_events_sent_total{sink="webhook-1"} 4',
                      server.admin("signal", "metrics", "--format", "openmetrics")[1], "metrics")
        tap.expect_in("events_webhook-1_sent", server.admin("signal", "counters")[1], "turnadmin signal counters")
        changed, _ = server.reload("event-spool=" + path, *webhook(there, "--webhook-secret=next", "--webhook-give-up=60"))
        tap.expect_equal(changed, ["webhook-give-up", "webhook-secret"], "a secret more")
        clients += [join(server, "tea")]
        there.wait_taken(5)
        server.reload("event-spool=" + path)
        clients += [join(server, "tea")]
        tap.wait_until(lambda: events_of(server, "taken") == 6 and events_of(server, "bytes_now") == 0, "nobody is told")
        server.write("event-spool=" + path, "webhook-url=" + there.url)
        code, said, told = server.admin("reload")
        tap.expect(code != 0 and "webhook-secret is missing" in said + told, "what lacks a secret is refused: " + said + told)
        server.reload("event-spool=" + path, *webhook(there))
        clients += [join(server, "tea")]
        there.wait_taken(6)
        tap.expect_equal(there.taken[5][1], 7, "the one in between was nobody's")
        for client in clients:
            client.socket.close()


def test_service_live():
    """another TURN service by reload: what was given is given on until it answers; then its own; and back to our secrets"""
    first, second = Service(), Service()
    second.mode = "broken"

    def of(service):
        return ("turn-service-url=http://127.0.0.1:%d" % service.port, "turn-service-token=t")

    own = ("realm=" + REALM, "static-auth-secret=own", URI)
    with Configured(*own) as server:
        client = Client(server)
        tap.expect(client.is_signed_with("own"), "our own")
        tap.expect_equal(server.reload(*own, *of(first)), (["turn-service-token", "turn-service-url"], []), "a service")
        tap.expect_equal(client.wait_update()["username"], "remote1", "has given some")
        tap.expect_equal(server.reload(*own, *of(second)), (["turn-service-url"], []), "another")
        tap.wait_until(lambda: second.requests and "TURN credentials not fetched" in server.log(), "which does not work")
        tap.expect_equal(Client(server).turn["username"], "remote1", "what was fetched is given on")
        asked = len(first.requests)
        second.mode = "right"
        client.wait_update()
        tap.expect_equal((client.turn["username"], len(first.requests)),
                         ("remote%d" % len(second.requests), asked), "of the second, and the first is left alone")
        server.reload(*own)
        client.wait_update()
        tap.expect(client.is_signed_with("own"), "our own again")
    first.close()
    second.close()


class Slow:
    """A service on a bare socket: talk(connection) says what it answers, if anything."""

    def __init__(self, talk):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.talk, self.asked = self.socket.getsockname()[1], talk, 0
        self.ended = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while not self.ended.is_set():
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection:
                self.talk(self, connection)
        except OSError:
            pass

    def hold(self, connection):
        """Says nothing, until the other goes."""
        while connection.recv(4096):
            pass

    def flood(self, connection, head, piece):
        connection.recv(4096)
        connection.sendall(head)
        for _ in range(64):
            connection.sendall(piece)

    def close(self):
        self.ended.set()
        self.socket.close()


def resident_kb(server):
    with open("/proc/%d/status" % server.process.pid, encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmRSS")).split()[1])


def test_slow_services():
    """a service that never answers, or answers without end: joins wait for nothing, memory is bounded, one line says so"""
    mega = b"x" * (1 << 20)
    talks = {
        "never": Slow.hold,
        "a head without end": lambda slow, to: slow.flood(to, b"HTTP/1.1 200 OK\r\nX: ", mega),
        "headers without end": lambda slow, to: slow.flood(to, b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100000),
        "a body without end": lambda slow, to: slow.flood(to, b"HTTP/1.1 200 OK\r\n\r\n", mega),
        "a long one": lambda slow, to: slow.flood(to, b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n", mega),
        "no HTTP": lambda slow, to: slow.flood(to, b"\0\xff\r\n", b"\0" * 1000),
    }
    with contextlib.ExitStack() as stack:
        services = {name: Slow(talk) for name, talk in talks.items()}
        servers = {name: stack.enter_context(remote(service, "--turn-service-timeout=1")) for name, service in services.items()}
        before = {name: resident_kb(server) for name, server in servers.items()}
        for name, server in servers.items():
            began = time.monotonic()
            tap.expect(not Client(server).turn.get("username"), "there are none: " + name)
            tap.expect(time.monotonic() - began < 0.9, "%s: a join took %.1f s" % (name, time.monotonic() - began))
        for name, server in servers.items():
            tap.wait_until(lambda service=services[name]: service.asked >= 2, "it is asked again: " + name)
            tap.expect_equal(server.log().count("TURN credentials not fetched"), 1, "lines of " + name)
            more = resident_kb(server) - before[name]
            tap.expect(more < 8192 or server.sanitized, "%s: %d KB more" % (name, more))
        for service in services.values():
            service.close()


def test_service_late():
    """a service that takes its time: nobody waits for it, and who is there is told when it has answered"""
    service = Service()
    may_answer = threading.Event()
    answer = service.answer

    def late(nonce):
        may_answer.wait(10)
        return answer(nonce)

    service.answer = late
    with remote(service) as server:
        client = Client(server)
        tap.wait_until(lambda: service.requests, "it is asked")
        tap.expect(not client.turn.get("username") and not Client(server).turn.get("username"), "there are none yet")
        tap.expect_equal(server.get("/readyz")[0], 200, "which stops nobody")
        may_answer.set()
        tap.expect_equal(client.wait_update()["username"], "remote1", "who waited is told")
        tap.expect_equal(server.log().count("TURN credentials not fetched"), 0, "its time was not up")
    service.close()


class OnSmallDisk(Configured):
    """One whose spool is on a disk of a megabyte, in a mount namespace of its own."""

    def __init__(self, path):
        self.path = path
        super().__init__("event-spool=%s/events" % path)

    def set_limits(self):
        super().set_limits()
        if tap.LIBC.unshare(CLONE_NEWNS) != 0:
            raise OSError("no mount namespace")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs", self.path], check=True)

    def file(self, name):
        return "/proc/%d/root%s/%s" % (self.process.pid, self.path, name)


def test_full_disk():
    """while the disk of the spool is full nothing is lost; a line says so, another when it is over"""
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    path = os.path.join(Folder.get(), "small")
    os.makedirs(path, exist_ok=True)
    with Receiver(lambda number, room: 503) as receiver, OnSmallDisk(path) as server:
        server.reload("event-spool=%s/events" % path, *webhook(receiver))
        clients = [join(server, "tea")]
        tap.wait_until(lambda: events_of(server, "kept") == 1, "one is on disk")
        with open(server.file("filler"), "wb", buffering=0) as file:
            try:
                while file.write(bytes(512)):
                    pass
            except OSError:
                pass
        clients += [join(server, "tea") for _ in range(5)]
        tap.wait_until(lambda: "event spool failed" in server.log(), "it is told")
        tap.wait_until(lambda: events_of(server, "taken") == 6, "all are taken")
        kept = events_of(server, "kept")
        tap.expect(kept < 6, "some wait in memory: %d are kept" % kept)
        time_of = time.monotonic()
        while time.monotonic() - time_of < 2.5:  # it is tried again meanwhile
            server.ask("status")
        receiver.answer = lambda number, room: 200
        os.unlink(server.file("filler"))
        receiver.wait_taken(6)
        tap.expect_equal(sorted({row[1] for row in receiver.taken}), [1, 2, 3, 4, 5, 6], "all came")
        log = server.log()
        tap.expect_equal((log.count("event spool failed"), log.count("event spool works again")), (1, 1), "lines")
        line = next(line for line in log.splitlines() if "event spool works again" in line)
        tap.expect(int(line.split("attempts=")[1].split()[0]) >= 2, "with the number of attempts: " + line)
        for client in clients:
            client.socket.close()


if __name__ == "__main__":
    tap.main()
