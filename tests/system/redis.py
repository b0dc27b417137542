#!/usr/bin/env python3
"""Redis as the store: users and secrets in coturn's keys, and a server that goes away, hangs, fills up."""
import base64
import hashlib
import hmac
import time

from harness import stun, tap
from harness.client import Client, Peer, exchange_both_ways
from harness.redis import Redis, Sentinel
from harness.server import Server, free_ports, make_certificate

REALM = "example.org"
OPTIONS = ("--lt-cred-mech", "--realm=" + REALM, "--allow-loopback-peers")


def serve(redis, *options, **how):
    return Server(redis.option, *OPTIONS, *options, credentials=False, **how)


def user(name, password="p", **how):
    return {"user": name, "password": password, **how}


def allocate(server, name, password="p", **how):
    with Client(server.address, user=name, password=password, **how) as client:
        return client.try_allocate()


def timed_name(secret, name="anna"):
    """A name and its password, good for an hour."""
    username = "%d:%s" % (time.time() + 3600, name)
    mac = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(mac).decode()


def wait_for(what, ready, seconds=15):
    tap.wait_until(ready, what, seconds)


def test_users():
    """turnadmin writes users, and the server lets them in: MD5, SHA-256, USERHASH"""
    with Redis() as redis:
        redis.admin("user", "add", "anna", "--realm", REALM, text="sky\n")
        tap.expect_equal(redis.call("GET", "turn/realm/%s/user/anna/key" % REALM),
                         hashlib.md5(b"anna:example.org:sky").hexdigest(), "coturn's key")
        with serve(redis) as server, Peer() as peer:
            for how in ({}, {"sha256": True}, {"sha256": True, "anonymous": True}):
                with Client(server.address, **user("anna", "sky", **how)) as client:
                    client.allocate()
                    tap.expect(exchange_both_ways(client, peer), "data passes")
                    client.refresh(600)
            tap.expect_equal(allocate(server, "anna", "rain"), 401, "a wrong password")
            tap.expect_equal(allocate(server, "nobody"), 401, "nobody")
            tap.expect("sky" not in server.log(), "no password in the log")


def test_names_are_no_formats():
    """A name is an argument of a command, whatever is in it (GHSA-4g7c-p5wg-j4hp)"""
    names = ["%n%n%s%s%s%s", "a b", "x\r\nSET y z\r\n", "*", "per%cent", "/user/", "%1000000$s", "[a-z]?\\"]
    with Redis() as redis:
        with serve(redis) as server:
            for name in names:
                tap.expect_equal(allocate(server, name), 401, repr(name))
        for name in (name for name in names if "\n" not in name):
            redis.admin("user", "add", name, "--realm", REALM, text="p\n")
        with serve(redis) as server:
            for name in (name for name in names if "\n" not in name):
                tap.expect_equal(allocate(server, name), 0, repr(name))
        listed = redis.admin("user", "list", "--realm", REALM)
        for name in (name for name in names if "\n" not in name):
            tap.expect(name in listed, "listed: " + repr(name))
        tap.expect_equal(redis.call("EXISTS", "y"), 0, "keys that a name would have made")


def test_coturn_shares_it():
    """coturn's turnadmin writes, we read; we write, it reads"""
    with Redis() as redis:
        redis.coturn_admin("-a", "-u", "bert", "-r", REALM, "-p", "oak")
        redis.coturn_admin("-s", "shared1", "-r", REALM)
        redis.coturn_admin("-O", "-o", "https://blue.example:443", "-r", "blue")
        redis.admin("user", "add", "anna", "--realm", REALM, text="sky\n")
        redis.admin("secret", "add", "--realm", REALM, text="shared2\n")
        listed = redis.admin("user", "list")
        tap.expect("anna" in listed and "bert" in listed, "our list: " + listed)
        told = redis.coturn_admin("-l", "-r", REALM)
        tap.expect("anna[" in told and "bert[" in told, "coturn lists both: " + told)
        told = redis.coturn_admin("-S", "-r", REALM)
        tap.expect("shared1" in told and "shared2" in told, "coturn lists both secrets: " + told)
        tap.expect("https://blue.example:443" in redis.admin("origin", "list"), "an origin")
        with serve(redis, "--use-auth-secret") as server:
            tap.expect_equal(allocate(server, "bert", "oak"), 0, "coturn's user")
            tap.expect_equal(allocate(server, "anna", "sky"), 0, "our user")
            for secret in ("shared1", "shared2"):
                tap.expect_equal(allocate(server, *timed_name(secret)), 0, secret)
        redis.coturn_admin("-a", "-u", "anna", "-r", REALM, "-p", "new")
        with serve(redis) as server:
            tap.expect_equal(allocate(server, "anna", "new"), 0, "a password that coturn changed")
            tap.expect_equal(allocate(server, "anna", "sky"), 401, "the one before")
        redis.coturn_admin("-d", "-u", "anna", "-r", REALM)
        with serve(redis) as server:
            tap.expect_equal(allocate(server, "anna", "new"), 401, "a user that coturn deleted")


def test_coturns_user_by_hash():
    """A user whom coturn made is found by the USERHASH of RFC 8489"""
    with Redis() as redis:
        redis.coturn_admin("-a", "-u", "bert", "-r", REALM, "-p", "oak")
        with serve(redis) as server:
            with Client(server.address, **user("bert", "oak", anonymous=True)) as client:
                client.allocate()
            with Client(server.address, **user("carl", "oak", anonymous=True)) as client:
                tap.expect_equal(client.try_allocate(), 401, "nobody's hash")


def test_secret_rotation():
    """A new secret counts within seconds, and the old one no longer"""
    with Redis() as redis:
        redis.admin("secret", "add", "--realm", REALM, text="one\n")
        with serve(redis, "--use-auth-secret") as server:
            tap.expect_equal(allocate(server, *timed_name("one")), 0, "the first")
            redis.admin("secret", "add", "--realm", REALM, text="two\n")
            wait_for("the second", lambda: allocate(server, *timed_name("two")) == 0)
            tap.expect_equal(allocate(server, *timed_name("one")), 0, "the first still")
            redis.admin("secret", "delete", "--realm", REALM, text="one\n")
            wait_for("the end of the first", lambda: allocate(server, *timed_name("one")) == 401)


def origin_realm(server, origin):
    with Client(server.address) as client:
        message = client.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT),
                                                 (stun.ORIGIN, origin.encode())])
        return client.exchange(message).get(stun.REALM).decode()


def test_origin_lives():
    """Redis tells of a changed origin, whoever wrote it: it counts without a restart"""
    with Redis() as redis:
        with serve(redis) as server:
            tap.expect_equal(origin_realm(server, "https://blue.example"), REALM, "before")
            redis.call("SET", "turn/origin/https://blue.example:443", "blue")
            wait_for("the origin", lambda: origin_realm(server, "https://blue.example") == "blue", 5)
            redis.call("DEL", "turn/origin/https://blue.example:443")
            wait_for("its end", lambda: origin_realm(server, "https://blue.example") == REALM, 5)


def outage_lines(server):
    return [line for line in server.log().splitlines() if " store is " in line]


def expect_outage(server, redis, away, back):
    """Known users go on, new ones are told at once or soon, nothing is dropped, one line each way."""
    with Peer() as peer, Client(server.address, **user("anna", "sky")) as call:
        call.allocate()
        away()
        begun = time.monotonic()
        tap.expect_equal(allocate(server, "new", "p"), 508, "a new user while it is away")
        tap.expect(time.monotonic() - begun < 4, "... within %.1f s" % (time.monotonic() - begun))
        for _ in range(20):
            begun = time.monotonic()
            tap.expect_equal(allocate(server, "new2", "p"), 508, "another")
            tap.expect(time.monotonic() - begun < 1, "... at once")
        tap.expect(exchange_both_ways(call, peer), "data passes")
        call.refresh(600)
        tap.expect_equal(allocate(server, "anna", "sky"), 0, "a known user")
        back()
        wait_for("new users", lambda: allocate(server, "new", "p") == 0)
        tap.expect(exchange_both_ways(call, peer), "data passes still")
        call.refresh(600)
    lines = outage_lines(server)
    tap.expect_equal(len([line for line in lines if "store is away" in line]), 1, "lines: %s" % lines)
    tap.expect_equal(len([line for line in lines if "store is back" in line]), 1, "lines: %s" % lines)


def two_users(redis):
    redis.admin("user", "add", "anna", "--realm", REALM, text="sky\n")
    redis.admin("user", "add", "new", "--realm", REALM, text="p\n")


def test_stopped():
    """Redis ends and comes back"""
    with Redis() as redis:
        two_users(redis)

        def back():
            redis.start()
            two_users(redis)
        with serve(redis) as server:
            expect_outage(server, redis, redis.kill, back)


def test_frozen():
    """Redis hangs: its socket takes questions and nothing comes back"""
    with Redis() as redis:
        two_users(redis)
        with serve(redis) as server:
            expect_outage(server, redis, redis.freeze, redis.thaw)


def ask(client):
    client.path.send(client.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)]))


def test_frozen_storm():
    """Hundreds of questions that wait at once end with one timeout, not with one each"""
    with Redis() as redis:
        two_users(redis)
        with serve(redis) as server:
            redis.freeze()
            clients = [Client(server.address, user="u%d" % i) for i in range(300)]
            for client in clients:
                ask(client)
                client.learn(stun.decode(client.path.receive(5)))
            begun = time.monotonic()
            for client in clients:
                ask(client)
            answers = {stun.decode(client.path.receive(10)).error for client in clients}
            tap.expect_equal(answers, {508}, "what they are told")
            tap.expect(time.monotonic() - begun < 4, "%.1f s" % (time.monotonic() - begun))
            redis.thaw()
            for client in clients:
                client.close()


def test_not_there_at_the_start():
    """A server starts without Redis, says so once, and finds it when it comes"""
    with Redis() as redis:
        redis.kill()
        with serve(redis, "--user=fixed:p") as server:
            tap.expect_equal(allocate(server, "fixed"), 0, "a user of the configuration")
            tap.expect_equal(allocate(server, "new"), 508, "one of the store")
            redis.start()
            two_users(redis)
            wait_for("the store", lambda: allocate(server, "new") == 0)
            tap.expect_equal(len(outage_lines(server)), 2, "lines: %s" % outage_lines(server))


def test_full():
    """Redis is full: who is in it is let in; turnadmin says what to do"""
    with Redis("--maxmemory-policy", "noeviction") as redis:
        two_users(redis)
        with serve(redis) as server:
            redis.call("CONFIG", "SET", "maxmemory", "1")
            tap.expect_equal(allocate(server, "anna", "sky"), 0, "a user")
            told = redis.admin("user", "add", "carl", "--realm", REALM, text="p\n", may_fail=True)
            tap.expect("maxmemory" in told, "turnadmin: " + told)
            tap.expect_equal(redis.call("EXISTS", "turn/realm/%s/user/carl/key" % REALM), 0, "half a user")
            redis.call("CONFIG", "SET", "maxmemory", "0")
            redis.admin("user", "add", "carl", "--realm", REALM, text="p\n")
            tap.expect_equal(allocate(server, "carl"), 0, "one more")
            tap.expect_equal(outage_lines(server), [], "no outage")


def test_password():
    """A password goes to Redis and nowhere else; a wrong one keeps the server from starting"""
    with Redis(password="oNly-here") as redis:
        two_users(redis)
        with serve(redis) as server:
            tap.expect_equal(allocate(server, "anna", "sky"), 0, "a user")
            redis.kill()
            tap.expect_equal(allocate(server, "stranger"), 508, "without it")
            redis.start()
            two_users(redis)
            wait_for("the return", lambda: allocate(server, "new") == 0)
            tap.expect("oNly-here" not in server.log(), "no password in the log")
        redis.password = "wrong"
        told = refused(redis.connection)
        tap.expect("password is wrong" in told and "=wrong" not in told, told)
        told = redis.admin("user", "list", may_fail=True)
        tap.expect("password is wrong" in told, "turnadmin: " + told)


def test_acl_user():
    """AUTH with user and password, and a database of its own"""
    with Redis() as redis:
        redis.call("ACL", "SETUSER", "turn", "on", ">pw", "~turn*", "+@all")
        connection = "host=127.0.0.1 port=%d user=turn password=\"pw\" db=3" % redis.port
        with redis.wire() as wire:
            wire.call("SELECT", 3)
            wire.call("SET", "turn/realm/%s/user/anna/key" % REALM,
                      hashlib.md5(b"anna:example.org:sky").hexdigest())
        with Server("--redis-userdb=" + connection, *OPTIONS, credentials=False) as server:
            tap.expect_equal(allocate(server, "anna", "sky"), 0, "a user of database 3")


def refused(connection):
    """What a server says that does not start."""
    try:
        with Server("--redis-userdb=" + connection, *OPTIONS, credentials=False):
            pass
    except tap.Failure as failure:
        tap.expect("ended at its start" in str(failure), str(failure))
        return str(failure)
    raise tap.Failure("it starts with " + connection)


def test_tls():
    """Redis over TLS: a certificate that fits is taken, another refused"""
    cert, key = make_certificate()
    port = free_ports(1)[0]
    with Redis("--tls-port", str(port), "--tls-cert-file", cert, "--tls-key-file", key,
               "--tls-ca-cert-file", cert, "--tls-auth-clients", "no") as redis:
        two_users(redis)
        connection = "ip=127.0.0.1 port=%d tls=yes" % port
        with Server("--redis-userdb=%s cacert=%s" % (connection, cert), *OPTIONS,
                    credentials=False) as server:
            tap.expect_equal(allocate(server, "anna", "sky"), 0, "a user")
            redis.call("SET", "turn/origin/https://blue.example:443", "blue")
            wait_for("the origin", lambda: origin_realm(server, "https://blue.example") == "blue", 5)
        for extra in ("", " cacert=%s sni=other.example" % cert):
            told = refused(connection + extra)
            tap.expect("its certificate is refused" in told, told)
        with Server("--redis-userdb=%s verify=none" % connection, *OPTIONS, credentials=False) as server:
            tap.expect_equal(allocate(server, "anna", "sky"), 0, "a user without verification")


def test_failover():
    """Sentinels: the master is asked for, and the next one followed when it dies"""
    with Redis() as master, Redis() as replica:
        replica.call("REPLICAOF", "127.0.0.1", str(master.port))
        two_users(master)
        wait_for("replication", lambda: replica.call("EXISTS", "turn/realm/%s/user/new/key" % REALM))
        with Sentinel(master) as sentinel:
            wait_for("the sentinel", lambda: sentinel.call("SENTINEL", "replicas", "turn"))
            master.sentinel = "sentinel=\"127.0.0.1:1,127.0.0.1:%d\" master=turn" % sentinel.port
            with Server("--redis-userdb=" + master.sentinel, *OPTIONS, credentials=False) as server:
                tap.expect_equal(allocate(server, "anna", "sky"), 0, "a user")
                master.kill()
                wait_for("the failover", lambda: allocate(server, "new") == 0, 30)
                tap.expect_equal(replica.call("ROLE")[0], "master", "the replica")
                tap.expect_equal(allocate(server, "anna", "sky"), 0, "a user")


if __name__ == "__main__":
    tap.main()
