#!/usr/bin/env python3
"""Third-party authorization (RFC 7635) with a real SQLite store, coturn's tools, and tokens that are
made here without any code of the server."""
import base64
import json
import os
import subprocess
import time

from harness import access_token, stun, tap
from harness.client import Client, Peer, exchange_both_ways
from harness.server import Server
from harness.store import Store

KEY = b"01234567890123456789012345678901"
NAME = "relay.example.org"
SOON_S = 8  # a change of the store counts after 5 s
# The keys that turnutils_uclient -J has in it.
TEST_KEYS = (("north", "A256GCM", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEK", "crinna.org"),
             ("union", "A128GCM", "MTIzNDU2Nzg5MDEyMzQ1Ngo=", "north.gov"),
             ("oldempire", "A256GCM", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIK", ""))


class Bearer(Client):
    """A client with an access token, which goes with Allocate and Refresh (section 9)."""

    def __init__(self, server, kid="kid", key=KEY, transport="udp", **token):
        super().__init__(server.tls_address if transport in ("tls", "dtls") else server.address, transport,
                         user=kid)
        self.sealing_key, self.name, self.told = key, NAME, None
        self.renew(**token)

    def renew(self, mac_key_size=20, **token):
        """Another token."""
        self.mac_key = os.urandom(mac_key_size)
        self.sha256 = mac_key_size == 32
        self.token = access_token.make(self.sealing_key, self.name, self.mac_key, **token)

    def learn(self, response):
        super().learn(response)
        self.told = response.get(stun.THIRD_PARTY_AUTHORIZATION)

    def credentials(self):
        self.key = self.mac_key
        return [(stun.USERNAME, self.user.encode()), (stun.REALM, self.realm.encode()), (stun.NONCE, self.nonce)]

    def message(self, method, attributes=(), cls=stun.REQUEST, after=b""):
        attributes = list(attributes)
        if self.key is not None and method in (stun.ALLOCATE, stun.REFRESH):
            attributes.append((stun.ACCESS_TOKEN, self.token))
        if self.key is None or cls != stun.REQUEST:
            return super().message(method, attributes, cls, after)
        attributes += self.credentials()
        return stun.Message(method, cls, attributes).encode(self.mac_key, self.integrity(), after)

    def is_answered_with_its_key(self):
        return stun.has_integrity(self.raw_response, self.mac_key, self.integrity())


def store_with_key(key=KEY, *words):
    store = Store()
    store.admin("oauth", "add", "kid", *words, text=base64.b64encode(key).decode() + "\n")
    return store


def server_with(store, *options, **how):
    return Server("--oauth", "--server-name=" + NAME, "--allow-loopback-peers", store.option, *options, **how)


def error_of(server, **how):
    with Bearer(server, **how) as client:
        return client.try_allocate()


def test_relay():
    """A token lets a client in over each transport; its key signs, and a new one takes its place"""
    with server_with(store_with_key(), tls=True) as server, Peer() as peer:
        for transport in ("udp", "tcp", "tls", "dtls"):
            with Bearer(server, transport=transport) as client:
                client.allocate()
                tap.expect_equal(client.told, NAME.encode(), "the name in the 401")
                tap.expect(client.is_answered_with_its_key(), "the answer is signed with the token's key")
                tap.expect(exchange_both_ways(client, peer), "data passes over " + transport)
                client.renew()
                client.refresh(600)
                tap.expect(client.is_answered_with_its_key(), "and then with the new one's")
                client.permit("127.0.0.2")
        log = server.log()
        tap.expect("user=kid realm=example.org" in log, "the log names the kid")
        tap.expect(KEY.decode() not in log and base64.b64encode(KEY).decode() not in log, "and no key")


def test_keys():
    """128 and 256 bits of sealing key, 160 and 256 of MAC key"""
    for words, key in ((("--algorithm", "A128GCM"), KEY[:16]), ((), KEY)):
        with server_with(store_with_key(key, *words)) as server:
            for size in (20, 32):
                with Bearer(server, key=key, mac_key_size=size) as client:
                    client.allocate()
                    tap.expect(client.is_answered_with_its_key(), "the answer is signed")


def test_refused():
    """Tokens that are over, for others, of nobody or damaged are 401s, and the server lives on"""
    with server_with(store_with_key()) as server:
        now = time.time()
        tap.expect_equal(error_of(server), 0, "a good one")
        tap.expect_equal(error_of(server, made_s=now - 100, lifetime_s=90), 401, "one that is over")
        tap.expect_equal(error_of(server, made_s=now + 100, lifetime_s=90), 401, "one of the future")
        tap.expect_equal(error_of(server, kid="nobody"), 401, "a kid that is not known")
        tap.expect_equal(error_of(server, key=KEY[::-1]), 401, "another key")
        with Bearer(server) as client:
            client.name = "other.example.org"
            client.renew()
            tap.expect_equal(client.try_allocate(), 401, "one for another server")
        with Bearer(server) as client:
            client.mac_key = bytes(20)
            tap.expect_equal(client.try_allocate(), 401, "a stolen one")
        for size in (0, 1, 2, 13, 64, 255, 256, 735, 991, 1200):  # CVE-2026-43994
            for nonce_length in (0, 12, 13, 255, 256, 735, 991, 65535):
                with Bearer(server) as client:
                    client.token = (nonce_length.to_bytes(2, "big") + bytes(size))[:size]
                    tap.expect_equal(client.try_allocate(), 401, "%d bytes of nothing" % size)
        server.serves()


def test_lifetime():
    """No allocation outlives its token, and a new token prolongs it"""
    with server_with(store_with_key()) as server:
        with Bearer(server, lifetime_s=100, made_s=time.time() - 50) as client:
            response = client.allocate()
            granted = int.from_bytes(response.get(stun.LIFETIME), "big")
            tap.expect(50 <= granted <= 56, "100 - 50 + 5 s are left: %d" % granted)
            client.renew(lifetime_s=3600)
            tap.expect_equal(int.from_bytes(client.refresh(1000).get(stun.LIFETIME), "big"), 1000, "with a new one")
        with Bearer(server, lifetime_s=1, made_s=time.time() - 4) as client:
            client.allocate()
            tap.wait_until(lambda: "allocation expired" in server.log(), "it ends with its token")


def test_users_beside():
    """Users with a password come in at the same time, and have no say in each other's sessions"""
    with server_with(store_with_key()) as server:
        with server.client() as user, Bearer(server) as bearer:
            user.allocate()
            bearer.allocate()
            bearer_key, bearer.mac_key = bearer.mac_key, bytes(20)
            tap.expect_equal(bearer.request(stun.CREATE_PERMISSION, [
                (stun.XOR_PEER_ADDRESS, ("127.0.0.1", 0))]).error, 401, "a wrong key")
            bearer.mac_key = bearer_key
            bearer.permit("127.0.0.1")
            user.refresh(600)


def test_not_asked_for():
    """Without the option a token is an unknown attribute, and no 401 tells of it"""
    with Server(store_with_key().option) as server, server.client() as client:
        response = client.request(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT),
                                                  (stun.ACCESS_TOKEN, bytes(64))])
        tap.expect_equal(response.error, 420, "the error")
    with Server(store_with_key().option) as server, Bearer(server) as client:
        tap.expect_equal(client.try_allocate(), 401, "a kid is no user")
        tap.expect(client.told is None, "no THIRD-PARTY-AUTHORIZATION")


def test_change():
    """A key that is added or deleted counts within seconds; who is in may stay"""
    store = Store()
    store.admin("oauth", "add", "other", "--generate")
    with server_with(store, "--relay-threads=1") as server:  # each thread remembers by itself
        tap.expect_equal(error_of(server), 401, "a key that is not there")
        store.admin("oauth", "add", "kid", "--realm", "crinna.org", text=base64.b64encode(KEY).decode() + "\n")
        tap.wait_until(lambda: error_of(server) == 0, "it is added", SOON_S)
        tap.expect("user=kid realm=crinna.org" in server.log(), "its clients are of its realm")
        with Bearer(server) as client:
            client.allocate()
            store.admin("oauth", "delete", "kid")
            tap.wait_until(lambda: error_of(server) == 401, "it is deleted", SOON_S)
            client.permit("127.0.0.1")


def test_key_that_ends():
    """A key with a lifetime is no key after it"""
    store = store_with_key(KEY, "--lifetime", "3600")
    with server_with(store) as server:
        tap.expect_equal(error_of(server), 0, "while it is valid")
        store.sql("UPDATE oauth_key SET timestamp = ?", int(time.time()) - 3700)
        tap.wait_until(lambda: error_of(server) == 401, "and afterwards", SOON_S)


def test_oauth_tool():
    """A token of turnutils_oauth"""
    program = tap.need_program("turnutils_oauth", "coturn")
    mac_key = b"ZksjpweoixXmvn67534m"
    said = subprocess.run([program, "-e", "--server-name", NAME, "--auth-key-id", "kid",
                           "--auth-key", base64.b64encode(KEY).decode(), "--auth-key-timestamp", "1700000000",
                           "--auth-key-lifetime", "3600000000", "--token-mac-key", base64.b64encode(mac_key).decode(),
                           "--token-timestamp", str(int(time.time()) << 16), "--token-lifetime=3600"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20, check=True).stdout
    with server_with(store_with_key()) as server, Bearer(server) as client:
        client.mac_key = mac_key
        client.token = base64.b64decode(json.loads(said)["access_token"])
        client.allocate()
        tap.expect(client.is_answered_with_its_key(), "the answer is signed with its key")


def uclient(server, *flags):
    program = tap.need_program("turnutils_uclient", "coturn")
    result = subprocess.run([program, "-J", "-y", "-c", "-n", "10", "-m", "2", "-z", "5", "-l", "100",
                             "-p", str(server.port), *flags, server.ips[0]],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=40, check=False)
    tap.expect(b"tot_recv_msgs=20" in result.stdout, "all came back with %s: %r" % (flags, result.stdout[-600:]))


def test_uclient():
    """turnutils_uclient -J, which changes key and kid with each token, with and without a server name, and
    with peer data connections, which it binds without a token"""
    store = Store()
    for kid, algorithm, key, realm in TEST_KEYS:
        store.admin("oauth", "add", kid, "--algorithm", algorithm, *(("--realm", realm) if realm else ()),
                    text=key + "\n")
    with server_with(store, "--rfc5766-channel-numbers") as server:
        uclient(server)
    with Server("--oauth", "--allow-loopback-peers", "--rfc5766-channel-numbers", store.option) as server:
        uclient(server, "-t")
        uclient(server, "-t", "-T")


def test_coturn_made():
    """A database that coturn made, with a key as its console writes it"""
    store = Store()
    store.coturn_admin("-a", "-u", "anna", "-r", "blue", "-p", "sky")
    store.sql("INSERT INTO oauth_key (kid, ikm_key, timestamp, lifetime, as_rs_alg, realm) VALUES (?,?,?,?,?,?)",
              "kid", base64.b64encode(KEY).decode(), 0, 0, "a256gcm", "")
    with server_with(store) as server:
        tap.expect_equal(error_of(server), 0, "a token of it")


if __name__ == "__main__":
    tap.main()
