#!/usr/bin/env python3
"""Realms by the ORIGIN of clients, with a real SQLite store: their users, secrets and limits."""
import base64
import contextlib
import hashlib
import hmac
import struct
import subprocess
import time

from harness import stun, tap
from harness.client import Client, Peer, exchange_both_ways
from harness.server import Server
from harness.store import Store

BLUE, RED = "https://blue.example", "https://red.example"
SOON_S = 8
AT_ONCE_S = 2  # a change counts after half a second, on a machine that is not busy


class Visitor(Client):
    """A client whose browser sends an origin with each request."""

    def __init__(self, server, origin=None, **how):
        super().__init__(server.address, **how)
        self.origin = origin

    def peer_attribute(self, peer):
        return (stun.XOR_PEER_ADDRESS, peer.address)

    def message(self, method, attributes=(), cls=stun.REQUEST, after=b""):
        named = [(stun.ORIGIN, self.origin.encode())] if self.origin else []
        return super().message(method, list(attributes) + named, cls, after)


def realm_told(server, origin):
    """The realm of the 401."""
    with Visitor(server, origin) as client:
        message = client.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)])
        return client.exchange(message).get(stun.REALM).decode()


def two_realms():
    store = Store()
    store.admin("user", "add", "anna", "--realm", "blue", text="sky\n")
    store.admin("user", "add", "anna", "--realm", "red", text="rose\n")
    store.admin("origin", "add", BLUE, "--realm", "blue")
    store.admin("origin", "add", RED, "--realm", "red")
    return store


def test_users():
    """Each realm has users of its own; the log says which"""
    store = two_realms()
    with Server("--allow-loopback-peers", store.option, "--relay-threads=4") as server, Peer() as peer:
        for origin, realm, password in ((BLUE, "blue", "sky"), ("HTTPS://Red.Example/room", "red", "rose")):
            for sha256 in (False, True):
                with Visitor(server, origin, user="anna", password=password, sha256=sha256) as client:
                    client.allocate()
                    tap.expect_equal(client.realm, realm, "the realm of " + origin)
                    tap.expect(exchange_both_ways(client, peer), "data passes")
                    client.refresh(600)
        with Visitor(server, BLUE, user="anna", password="rose") as client:
            tap.expect_equal(client.try_allocate(), 401, "another realm's password")
        with Visitor(server, BLUE) as client:
            tap.expect_equal(client.try_allocate(), 401, "a static user in another realm")
        with Visitor(server) as client:
            client.allocate()
            tap.expect_equal(client.realm, "example.org", "the realm without ORIGIN")
        tap.expect("user=anna realm=red origin=https://red.example:443" in server.log(), "the log")
        tap.expect("rose" not in server.log(), "no password in it")


def test_users_at_once():
    """A user who is deleted, or has another password, is let in no more by any thread, within a second"""
    store = two_realms()
    with Server(store.option, "--relay-threads=4") as server, contextlib.ExitStack() as stack:
        def outcomes_of(password):
            clients = [stack.enter_context(Visitor(server, BLUE, user="anna", password=password)) for _ in range(12)]
            return {client.try_allocate() for client in clients}

        tap.expect_equal(outcomes_of("sky"), {0}, "the first password, on all threads")
        store.admin("user", "add", "anna", "--realm", "blue", text="sea\n")
        tap.wait_until(lambda: outcomes_of("sea") == {0}, "the second password", AT_ONCE_S)
        tap.expect_equal(outcomes_of("sky"), {401}, "the first one")
        store.admin("user", "delete", "anna", "--realm", "blue")
        tap.wait_until(lambda: outcomes_of("sea") == {401}, "the user is gone", AT_ONCE_S)
        store.admin("secret", "add", "--realm", "blue", text="deep\n")
        store.admin("user", "add", "anna", "--realm", "blue", text="sky\n")
        tap.wait_until(lambda: outcomes_of("sky") == {0}, "the user is back", AT_ONCE_S)


def test_first_request():
    """The first requests after the start are told the right realm"""
    for _ in range(5):
        with Server(two_realms().option, "--relay-threads=4") as server:
            tap.expect_equal({realm_told(server, BLUE) for _ in range(8)}, {"blue"}, "realms told")


def test_change():
    """A change of the origins counts within seconds, while the server runs, and a session keeps its realm"""
    store = two_realms()
    with Server(store.option) as server, Visitor(server, BLUE, user="anna", password="sky") as client:
        client.allocate()
        store.admin("origin", "delete", BLUE)
        store.admin("origin", "add", "https://green.example", "--realm", "green")
        tap.wait_until(lambda: realm_told(server, BLUE) == "example.org", "the origin is deleted", SOON_S)
        tap.wait_until(lambda: realm_told(server, "https://green.example") == "green", "the other one is added",
                       SOON_S)
        client.refresh(600)


def test_coturn_made():
    """A database of coturn's turnadmin is read as it is"""
    store = Store()
    store.coturn_admin("-a", "-u", "anna", "-r", "blue", "-p", "sky")
    store.coturn_admin("-O", "-o", "HTTPS://Blue.example/", "-r", "blue")
    with Server(store.option) as server, Visitor(server, BLUE, user="anna", password="sky") as client:
        client.allocate()
        tap.expect_equal(client.realm, "blue", "the realm")


def test_uclient():
    """turnutils_uclient -o: coturn's own client says its origin"""
    program = tap.need_program("turnutils_uclient", "coturn")
    store = two_realms()
    with Server("--allow-loopback-peers", "--rfc5766-channel-numbers", store.option) as server:
        result = subprocess.run([program, "-o", BLUE, "-u", "anna", "-w", "sky", "-y", "-c", "-n", "10", "-m", "2",
                                 "-z", "5", "-l", "100", "-p", str(server.port), server.ips[0]],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=40, check=False)
        tap.expect(b"tot_recv_msgs=20" in result.stdout, "all came back: %r" % result.stdout[-600:])
        tap.expect("user=anna realm=blue" in server.log(), "in its realm")


def test_secrets():
    """Each realm has shared secrets of its own; the static one is every realm's"""
    store = two_realms()
    store.admin("secret", "add", "--realm", "blue", text="deep\n")

    def password(secret):
        mac = hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()
        return base64.b64encode(mac).decode()

    name = "%d:anna" % (time.time() + 600)
    with Server("--use-auth-secret", "--static-auth-secret=fixed", "--realm=example.org", store.option,
                credentials=False) as server:
        for origin, secret, error in ((BLUE, "deep", 0), (RED, "deep", 401), (None, "deep", 401),
                                      (BLUE, "fixed", 0), (RED, "fixed", 0), (None, "fixed", 0)):
            with Visitor(server, origin, user=name, password=password(secret)) as client:
                tap.expect_equal(client.try_allocate(), error, "secret %s at %s" % (secret, origin))


def test_quota():
    """The quota of a user is counted in each realm by itself"""
    store = two_realms()
    with Server(store.option, "--user-quota=1") as server:
        with Visitor(server, BLUE, user="anna", password="sky") as blue, \
                Visitor(server, RED, user="anna", password="rose") as red, \
                Visitor(server, BLUE, user="anna", password="sky") as more:
            tap.expect_equal([blue.try_allocate(), red.try_allocate(), more.try_allocate()],
                             [0, 0, 486], "allocations of a namesake")


def test_check_origin_consistency():
    """check-origin-consistency: 441 when ORIGIN changes, and without the option no harm"""
    store = two_realms()
    for options, error in (((), 0), (("--check-origin-consistency",), 441)):
        with Server(store.option, *options) as server, \
                Visitor(server, BLUE, user="anna", password="sky") as client:
            client.allocate()
            client.refresh(600)
            client.origin = RED
            tap.expect_equal(client.request(stun.REFRESH).error, error, "another origin")
            client.origin = BLUE
            client.refresh(600)


def test_no_dynamic_realms():
    """no-dynamic-realms: all clients are of the realm that is configured"""
    with Server(two_realms().option, "--no-dynamic-realms") as server:
        tap.expect_equal(realm_told(server, BLUE), "example.org", "the realm")


def test_store_away():
    """A store that goes away does not take its origins back"""
    store = two_realms()
    with Server(store.option) as server:
        tap.expect_equal(realm_told(server, BLUE), "blue", "before")
        subprocess.run(["mv", store.path, store.path + ".aside"], check=True)
        tap.wait_until(lambda: "store is away" in server.log(), "it is noticed", SOON_S)
        tap.expect_equal(realm_told(server, BLUE), "blue", "while it is away")
        subprocess.run(["mv", store.path + ".aside", store.path], check=True)
        tap.wait_until(lambda: "store is back" in server.log(), "it is back", 15)
        store.admin("origin", "delete", BLUE)
        tap.wait_until(lambda: realm_told(server, BLUE) == "example.org", "and read again", SOON_S)


def outcomes(server, origin, password, count):
    """What so many allocations of one user get, all held at once."""
    with contextlib.ExitStack() as held:
        visitors = [held.enter_context(Visitor(server, origin, user="anna", password=password))
                    for _ in range(count)]
        return [visitor.try_allocate() for visitor in visitors]


def test_limits_of_realms():
    """turn_realm_option: a realm's own quotas win over those configured, and change while the server runs"""
    store = two_realms()
    store.sql("INSERT INTO turn_realm_option VALUES ('blue', 'user-quota', '2'), ('blue', 'max-pps', '1')")
    with Server(store.option, "--user-quota=1", "--total-quota=3", "--relay-threads=4") as server:
        tap.expect_equal(outcomes(server, BLUE, "sky", 3), [0, 0, 486], "more than others")
        tap.expect_equal(outcomes(server, RED, "rose", 2), [0, 486], "what is configured")
        tap.wait_until(lambda: "rows of realms not used" in server.log(), "an unknown option is told of")
        store.sql("UPDATE turn_realm_option SET value = '0' WHERE opt = 'user-quota'")
        tap.wait_until(lambda: outcomes(server, BLUE, "sky", 4) == [0, 0, 0, 486], "no bound but the total", AT_ONCE_S)
        store.sql("INSERT INTO turn_realm_option VALUES ('blue', 'total-quota', '1')")
        tap.wait_until(lambda: outcomes(server, BLUE, "sky", 2) == [0, 486], "a total of its own", AT_ONCE_S)
        store.sql("DELETE FROM turn_realm_option WHERE realm = 'blue'")
        tap.wait_until(lambda: outcomes(server, BLUE, "sky", 2) == [0, 486] and
                       "user-quota" in server.log(), "what is configured", AT_ONCE_S)
        tap.expect_equal(server.log().count("rows of realms not used"), 1, "told of once")


def test_bandwidth_of_realms():
    """max-bps of a realm, as coturn's turnadmin sets it, is what its clients are granted; that of "" the default's"""
    store = two_realms()
    store.coturn_admin("-g", "-r", "blue", "--max-bps", "64000")
    store.sql("INSERT INTO turn_realm_option VALUES ('', 'max-bps', '32000')")

    def granted(server, **how):
        with Visitor(server, **how) as client:
            value = client.allocate().get(stun.BANDWIDTH)
            return value and struct.unpack("!I", value)[0] * 128

    with Server(store.option, "--max-bps=128000") as server:
        tap.expect_equal(granted(server, origin=BLUE, user="anna", password="sky"), 64000, "its own")
        tap.expect_equal(granted(server, origin=RED, user="anna", password="rose"), 128000, "that configured")
        tap.expect_equal(granted(server), 32000, "the default realm's")


def test_peers_of_realms():
    """denied_peer_ip: every thread cuts a realm's clients off from a peer within a second, and nobody else"""
    store = two_realms()
    with Server("--allow-loopback-peers", store.option, "--relay-threads=4") as server, \
            Peer("127.0.0.1") as bad, Peer("127.0.0.2") as good, contextlib.ExitStack() as held:
        blues = [held.enter_context(Visitor(server, BLUE, user="anna", password="sky")) for _ in range(12)]
        red = held.enter_context(Visitor(server, RED, user="anna", password="rose"))
        for visitor in blues + [red]:
            visitor.allocate()
            visitor.permit(good.address[0])
            visitor.bind_channel(0x4000, bad.address)
            visitor.send_channel(0x4000, b"before")
            tap.expect_equal(bad.receive()[0], b"before", "data passes")
        began = time.monotonic()
        store.sql("INSERT INTO denied_peer_ip VALUES ('blue', '127.0.0.1')")
        tap.wait_until(lambda: server.log().count("permissions ended") > 0 and
                       sum_of_ended(server) == len(blues), "permissions end", AT_ONCE_S)
        tap.diagnose("all threads knew after %.2f s" % (time.monotonic() - began))
        for visitor in blues:
            visitor.send_channel(0x4000, b"cut off")
            tap.expect_equal(visitor.request(stun.CREATE_PERMISSION, [visitor.peer_attribute(bad)]).error, 403,
                             "a new permission")
            visitor.send_to(good.address, b"to another")
            tap.expect_equal(good.receive()[0], b"to another", "another peer")
        red.send_channel(0x4000, b"red")
        tap.expect_equal(bad.receive()[0], b"red", "nothing but the other realm's")
        store.sql("INSERT INTO allowed_peer_ip VALUES ('', '127.0.0.0-127.0.0.1')")
        tap.wait_until(lambda: blues[0].request(stun.CREATE_PERMISSION, [blues[0].peer_attribute(bad)]).error == 0,
                       "allowed wins over denied", AT_ONCE_S)


def sum_of_ended(server):
    return sum(int(line.split("permissions=")[1].split()[0]) for line in server.log().splitlines()
               if "permissions ended by peer lists" in line)


def test_realm_from_username():
    """realm-from-username: NAME@REALM has the limits, peers and secrets of a realm that the store knows, and no 401 tells"""
    store = Store()
    store.admin("user", "add", "anna@blue", "--realm", "example.org", text="sky\n")
    store.admin("user", "add", "anna@nowhere", "--realm", "example.org", text="sky\n")
    store.admin("secret", "add", "--realm", "blue", text="deep\n")
    store.admin("secret", "add", "--realm", "example.org", text="common\n")
    store.sql("INSERT INTO turn_realm_option VALUES ('blue', 'user-quota', '1')")
    store.sql("INSERT INTO denied_peer_ip VALUES ('blue', '127.0.0.1')")
    soon = int(time.time()) + 600

    def password(secret, name):
        return base64.b64encode(hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()).decode()

    def named(server, name, word):
        with Visitor(server, user=name, password=word) as client:
            error = client.try_allocate()
            tap.expect_equal(client.realm, "example.org", "the realm that %s is told" % name)
            return error

    options = ("--realm-from-username", "--allow-loopback-peers", "--lt-cred-mech", "--realm=example.org",
               "--use-auth-secret", store.option)
    with Server(*options, credentials=False) as server, Peer() as peer:
        for name, word, error in (("anna@blue", "sky", 403), ("anna@nowhere", "sky", 0)):
            with Visitor(server, user=name, password=word) as client:
                client.allocate()
                client.refresh(600)
                tap.expect_equal(client.request(stun.CREATE_PERMISSION, [client.peer_attribute(peer)]).error, error,
                                 "a peer that is denied to the realm, for " + name)
                if name == "anna@blue":
                    tap.expect_equal(named(server, name, word), 486, "the realm's quota")
        for pattern in ("%d:otto@%s", "%d:ot@to@%s"):
            for realm, secret, error in (("blue", "deep", 0), ("blue", "common", 401), ("nowhere", "common", 0),
                                         ("nowhere", "deep", 401), ("example.org", "common", 0)):
                name = pattern % (soon, realm)
                tap.expect_equal(named(server, name, password(secret, name)), error, "%s by %s" % (name, secret))
        name = "otto@blue:%d" % soon
        tap.expect_equal(named(server, name, password("deep", name)), 0, "the time behind")
        tap.expect("user=anna@blue realm=blue" in server.log(), "the log")
    with Server(*options[1:], credentials=False) as server:
        name = "%d:otto@blue" % soon
        tap.expect_equal([named(server, name, password(secret, name)) for secret in ("deep", "common")], [401, 0],
                         "without the option")


def test_peers_from_the_start():
    """What is denied when the server starts is denied to its first client; no-dynamic-ip-list obeys no list"""
    store = two_realms()
    store.sql("INSERT INTO denied_peer_ip VALUES ('', '127.0.0.1'), ('', 'nonsense')")
    for options, error in (((), 403), (("--no-dynamic-ip-list",), 0)):
        with Server("--allow-loopback-peers", store.option, *options) as server, Peer() as peer, \
                Visitor(server, BLUE, user="anna", password="sky") as client:
            client.allocate()
            tap.expect_equal(client.request(stun.CREATE_PERMISSION, [client.peer_attribute(peer)]).error, error,
                             "a permission with %r" % (options,))
            tap.expect_equal("row=\"nonsense\"" in server.log(), True, "what is no range is told of")


def test_bandwidth():
    """BANDWIDTH tells what max-bps grants, in units of 128 bytes a second; less may be asked for"""
    with Server("--max-bps=64000") as server:
        with server.client() as client:
            tap.expect_equal(client.allocate().get(stun.BANDWIDTH), struct.pack("!I", 500), "granted")
            tap.expect(client.refresh(600).get(stun.BANDWIDTH) is None, "not in Refresh, as by coturn")
        with server.client() as client:
            response = client.allocate((stun.BANDWIDTH, struct.pack("!I", 10)))
            tap.expect_equal(response.get(stun.BANDWIDTH), struct.pack("!I", 10), "what was asked for")
    with Server() as server, server.client() as client:
        tap.expect(client.allocate().get(stun.BANDWIDTH) is None, "nothing to tell without a limit")


if __name__ == "__main__":
    tap.main()
