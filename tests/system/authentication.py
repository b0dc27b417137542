#!/usr/bin/env python3
"""Long-term credentials (RFC 8489 section 9.2) with both key algorithms, and time-limited ones."""
import base64
import hashlib
import hmac
import time

from harness import stun, tap
from harness.client import Client
from harness.server import REALM, Server, is_coturn

SECRET = "a secret shared with the application"


def allocates(server, **how):
    with Client(server.address, **how) as client:
        return client.try_allocate()


def test_md5():
    """MD5 keys and SHA-1 integrity, as every WebRTC client does; responses carry integrity"""
    with Server() as server, server.client() as client:
        client.allocate()
        tap.expect(stun.has_integrity(client.raw_response, client.key), "integrity of the response")


def test_sha256():
    """SHA-256 keys and integrity, offered by PASSWORD-ALGORITHMS"""
    with Server() as server, server.client(sha256=True) as client:
        client.allocate()
        tap.expect(stun.has_integrity(client.raw_response, client.key,
                                      stun.MESSAGE_INTEGRITY_SHA256), "SHA-256 integrity")
        tap.expect_equal(client.refresh(0).error, 0, "Refresh")


def test_userhash():
    """USERHASH in place of USERNAME, with both algorithms"""
    with Server() as server:
        for sha256 in (False, True):
            tap.expect_equal(allocates(server, sha256=sha256, anonymous=True), 0,
                             "Allocate, SHA-256: %s" % sha256)
        with Client(server.address, user="nobody", anonymous=True) as client:
            tap.expect_equal(client.try_allocate(), 401, "an unknown USERHASH")


def test_bid_down():
    """A request without the algorithms that its nonce promises is refused (RFC 8489 section 9.2.4)"""
    with Server() as server, server.client(sha256=True) as client:
        client.learn(client.exchange(client.message(stun.ALLOCATE)))
        true_offer = client.algorithms
        client.algorithms = b"\0\1\0\0"  # someone on the way left MD5 only
        request = client.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)])
        tap.expect_equal(client.exchange(request).error, 400, "with an offer that was cut")
        client.algorithms = true_offer
        tap.expect_equal(client.try_allocate(), 0, "with the server's offer")


def test_wrong():
    """A wrong password, user or realm is a 401 and no allocation"""
    with Server() as server:
        for how in ({"password": "q"}, {"user": "v"}, {"password": ""}):
            for sha256 in (False, True):
                tap.expect_equal(allocates(server, sha256=sha256, **how), 401, str(how))
        with server.client() as client:
            client.learn(client.exchange(client.message(stun.ALLOCATE)))
            client.realm = "elsewhere"
            client.key = stun.long_term_key("u", "elsewhere", "p")
            request = client.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT,
                                                      stun.UDP_TRANSPORT)])
            tap.expect_in(client.exchange(request).error, (401, 441), "another realm")


def test_nonce():
    """A nonce that is forged, or another client's, is answered with 438 and a fresh one"""
    with Server() as server, server.client() as one, server.client() as other:
        other.learn(other.exchange(other.message(stun.ALLOCATE)))
        for nonce in (b"x", b"obMatJos2AAAA" + b"0" * 19, b"", other.nonce, b"\xff" * 700):
            one.learn(one.exchange(stun.Message(stun.ALLOCATE).encode()))
            fresh, one.nonce = one.nonce, nonce
            request = one.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)])
            answer = one.exchange(request)
            tap.expect_equal(answer.error, 438, "nonce %r" % nonce[:20])
            tap.expect(answer.get(stun.NONCE) != nonce and fresh, "a fresh nonce")


def test_stale_nonce():
    """With stale-nonce=1 a client that goes on after 3 seconds gets 438, and recovers"""
    with Server("--stale-nonce=1") as server, server.client() as client:
        client.allocate()
        old = client.nonce

        def is_stale():
            request = client.message(stun.REFRESH)
            return client.exchange(request).error == 438
        tap.wait_until(is_stale, "the nonce goes stale", 8)
        client.refresh(600)
        tap.expect(client.nonce != old, "a new nonce")


def test_user_of_allocation():
    """Another user's request on an allocation's 5-tuple is refused with 441"""
    with Server("--user=v:q") as server, server.client() as client:
        client.allocate()
        client.user, client.password = "v", "q"
        client.key = stun.long_term_key("v", REALM, "q")
        tap.expect_equal(client.exchange(client.message(stun.REFRESH)).error, 441, "Refresh")


def time_limited(name, secret=SECRET):
    password = hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()
    return {"user": name, "password": base64.b64encode(password).decode()}


def test_time_limited():
    """A shared secret makes users: until they expire, in either order, with several secrets"""
    later, earlier = str(int(time.time()) + 600), str(int(time.time()) - 600)
    with Server("--use-auth-secret", "--static-auth-secret=older one", "--realm=" + REALM,
                "--static-auth-secret=" + SECRET, credentials=False) as server:
        for name in (later + ":alice", later):
            tap.expect_equal(allocates(server, **time_limited(name)), 0, "user " + name)
        tap.expect_equal(allocates(server, **time_limited(later + ":bob", "older one")), 0,
                         "the other secret")
        tap.expect_equal(allocates(server, **time_limited(earlier + ":alice")), 401, "expired")
        tap.expect_equal(allocates(server, **time_limited(later + ":alice", "wrong")), 401,
                         "another secret")
        if not is_coturn():
            tap.expect_equal(allocates(server, sha256=True, **time_limited(later + ":alice")), 0,
                             "SHA-256")


def test_no_auth():
    """no-auth relays without credentials, and only then"""
    with Server("--no-auth", credentials=False) as server, server.client() as client:
        tap.expect_equal(client.try_allocate(), 0, "Allocate with no-auth")
    with Server() as server, server.client() as client:
        response = client.exchange(stun.Message(stun.ALLOCATE, attributes=[
            (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)]).encode())
        tap.expect_equal(response.error, 401, "Allocate without credentials")


def test_other_path():
    """A request that is signed with the right key works on its own 5-tuple only"""
    with Server() as server, server.client() as one, server.client() as other:
        one.allocate()
        response = other.exchange(one.message(stun.REFRESH))
        tap.expect_in(response.error, (437, 438), "Refresh from another port")
        one.refresh(600)


if __name__ == "__main__":
    tap.main()
