#!/usr/bin/env python3
"""TURN credentials that are taken back: allocations end, new ones are refused, others go on; with SQLite and with Redis."""
import base64
import hashlib
import hmac
import os
import subprocess
import time

from harness import tap
from harness.client import Peer, exchange_both_ways
from harness.redis import Redis, turnadmin
from harness.server import Server
from harness.store import Store

REALM, SECRET = "example.org", "of the realm"
WITHIN_S = 1.5  # a second, and what a busy machine takes


def credentials(name, lifetime_s=600):
    user = "%d:%s" % (time.time() + lifetime_s, name)
    mac = hmac.new(SECRET.encode(), user.encode(), hashlib.sha1).digest()
    return {"user": user, "password": base64.b64encode(mac).decode()}


def is_refused(server, who):
    with server.client(**who) as client:
        return client.try_allocate() == 401


def revocation(server, revoke):
    kicked, other = credentials("kicked:S1"), credentials("kicked:S2")
    clients = [server.client(transport, **kicked) for transport in ("udp", "tcp", "udp")]
    with Peer() as peer, server.client(**other) as stays:
        for client in [*clients, stays]:
            client.allocate()
            client.bind_channel(0x4000, peer.address)
            exchange_both_ways(client, peer)
        began = time.monotonic()
        revoke(kicked["user"])
        tap.wait_until(lambda: server.log().count("its credentials were revoked") == len(clients),
                       "the end of all its allocations")
        lasted = time.monotonic() - began
        tap.expect(lasted < WITHIN_S, "they ended after %.2f s" % lasted)
        tap.expect(is_refused(server, kicked), "a new one is refused")
        exchange_both_ways(stays, peer)
        tap.expect(not is_refused(server, credentials("kicked:S3")), "who comes with others is let in")
        tap.expect_equal(len(server.ask("session", "list", "--user", kicked["user"])["sessions"]), 0, "none is left")
    for client in clients:
        client.close()


def options(store):
    return "--use-auth-secret", "--realm=" + REALM, "--allow-loopback-peers", "--relay-threads=3", store


def test_sqlite():
    """turnadmin revoke ends allocations on all threads within a second, and lasts over a restart"""
    store = Store()
    store.admin("secret", "add", "--realm", REALM, text=SECRET + "\n")
    with Server(*options(store.option), credentials=False) as server:
        revocation(server, lambda user: store.admin("revoke", user))
    gone, kept = credentials("x", 1), credentials("y")
    store.admin("revoke", kept["user"])
    with Server(*options(store.option), credentials=False) as server:
        tap.wait_until(lambda: is_refused(server, kept), "it is known from the start")
        tap.expect(not is_refused(server, credentials("y2")), "no other is")
    store.admin("revoke", gone["user"])
    time.sleep(max(0, int(gone["user"].split(":")[0]) + 1 - time.time()))
    store.admin("revoke", credentials("z")["user"])
    tap.expect(not any(gone["user"] == row[0] for row in store.sql("SELECT username FROM turnstone_revoked")),
               "what has expired is forgotten")


def test_others_cost_nothing():
    """Tenants and revocations do not have turnserver ask for its users again"""
    store = Store()
    store.admin("user", "add", "anna", "--realm", REALM, text="p\n")
    store.admin("secret", "add", "--realm", REALM, text=SECRET + "\n")
    store.admin("tenant", "add", "t")
    with Server("--lt-cred-mech", *options(store.option), credentials=False) as server:
        def questions():
            return counted(server, "store_query_user_found")

        def allocate():
            with server.client(user="anna", password="p") as client:
                client.allocate()
            return True

        allocate()
        # Each thread of three asks for itself, once.
        tap.wait_until(lambda: allocate() and questions() == 3, "all threads know her")
        for number in range(3):
            marker = credentials("marker%d" % number)
            with server.client(**marker) as client:
                client.allocate()
                store.admin("tenant", "set", "t", "rooms", str(number + 1))
                store.admin("revoke", marker["user"])
                tap.wait_until(lambda: server.log().count("its credentials were revoked") == number + 1, "a look")
            for _ in range(12):
                allocate()
        tap.expect_equal(questions(), 3, "questions to the store")
        store.admin("user", "add", "bert", "--realm", REALM, text="p\n")
        tap.wait_until(lambda: allocate() and questions() > 3, "a user is told of")


def counted(server, name):
    return server.ask("counters")["counters"][name]


def test_redis():
    """The same with Redis"""
    with Redis() as redis:
        where = "ip=127.0.0.1 port=%d" % redis.port

        def admin(*words, text=""):
            subprocess.run([turnadmin(), "--redis-userdb", where, *words], input=text.encode(), check=True, timeout=30)

        admin("secret", "add", "--realm", REALM, text=SECRET + "\n")
        with Server(*options("--redis-userdb=" + where), credentials=False) as server:
            revocation(server, lambda user: admin("revoke", user))


if __name__ == "__main__":
    tap.main()
