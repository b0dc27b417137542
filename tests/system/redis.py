#!/usr/bin/env python3
"""Redis as the store: users and secrets in coturn's keys, and a server that goes away, hangs, fills up."""
import base64
import hashlib
import hmac
import os
import re
import subprocess
import time

from harness import stun, tap
from harness.client import Client, Peer, exchange_both_ways
from harness.network import Namespace, inside
from harness.redis import Redis, Sentinel
from harness.server import Server, free_ports, make_certificate, write_file

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


def ask_by_hash(server, origin, name):
    """What somebody is told who names a realm by an ORIGIN and himself by a USERHASH."""
    with Client(server.address, user=name, password="p", anonymous=True) as client:
        attributes = [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT), (stun.ORIGIN, origin.encode())]
        client.learn(client.exchange(client.message(stun.ALLOCATE, attributes)))
        return client.exchange(client.message(stun.ALLOCATE, attributes)).error


def test_hashes_of_strangers():
    """A stranger's USERHASHes do not have all users read for each, whatever realms he names"""
    with Redis() as redis:
        for realm in ("blue", "red"):
            redis.coturn_admin("-a", "-u", "bert", "-r", realm, "-p", "p")
            redis.call("SET", "turn/origin/https://%s.example:443" % realm, realm)
        with serve(redis) as server:
            def scans():
                return int(re.search(r"cmdstat_scan:calls=(\d+)", redis.call("INFO", "commandstats")).group(1))
            tap.expect_equal(ask_by_hash(server, "https://blue.example", "bert"), 0, "a user")
            tap.expect_equal(ask_by_hash(server, "https://red.example", "bert"), 0, "his namesake of another realm")
            before = scans()
            for i in range(20):
                origin = "https://%s.example" % ("blue", "red")[i % 2]
                tap.expect_equal(ask_by_hash(server, origin, "nobody%d" % i), 401, "a stranger")
            tap.expect(scans() - before < 5, "%d scans for 20 strangers" % (scans() - before))


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


def may_reach(server, ip):
    with Client(server.address, **user("anna", "sky")) as client:
        client.allocate()
        response = client.request(stun.CREATE_PERMISSION, [(stun.XOR_PEER_ADDRESS, (ip, 0))])
        return response.error == 0


def test_realms_live():
    """Limits and peers of a realm count within a second of turnadmin's, or redis-cli's, word"""
    with Redis() as redis:
        two_users(redis)
        with serve(redis) as server:
            tap.expect(may_reach(server, "9.9.9.9"), "a peer before")
            redis.admin("peer", "deny", "9.9.9.0/24", "--realm", REALM)
            wait_for("the denied peer", lambda: not may_reach(server, "9.9.9.9"), 3)
            redis.call("DEL", "turn/realm/%s/denied-peer-ip" % REALM)
            wait_for("its end", lambda: may_reach(server, "9.9.9.9"), 3)
            redis.admin("realm", "set", REALM, "user-quota", "1")
            with Client(server.address, **user("anna", "sky")) as first:
                first.allocate()
                wait_for("the quota", lambda: allocate(server, "anna", "sky") == 486, 3)
                redis.admin("realm", "unset", REALM, "user-quota")
                wait_for("its end", lambda: allocate(server, "anna", "sky") == 0, 3)
            tap.expect_equal(redis.call("KEYS", "turn/realm/*/user-quota"), [], "no key is left")


def test_what_else_is_in_it():
    """Administrators and keys of access tokens, as coturn has them"""
    with Redis() as redis:
        redis.admin("admin", "add", "root", text="secret1\n")
        redis.admin("admin", "add", "mary", "--realm", "blue", text="secret2\n")
        listed = redis.admin("admin", "list")
        tap.expect("root" in listed and "mary" in listed and "blue" in listed, listed)
        told = redis.coturn_admin("-L")
        tap.expect("root" in told and "mary[blue]" in told, "coturn lists them: " + told)
        tap.expect("secret1" not in str(redis.call("HGETALL", "turn/admin_user/root")), "a hash")
        redis.admin("admin", "delete", "root")
        tap.expect_equal(redis.call("EXISTS", "turn/admin_user/root"), 0, "the deleted one")
        redis.admin("oauth", "add", "north", "--generate")
        fields = redis.call("HGETALL", "turn/oauth/kid/north")
        tap.expect_equal(sorted(fields[::2]), ["as_rs_alg", "ikm_key", "lifetime", "realm", "timestamp"], "fields")
        tap.expect("north" in redis.admin("oauth", "list"), "its list")
        redis.admin("oauth", "delete", "north")
        tap.expect_equal(redis.call("KEYS", "turn/oauth/*"), [], "keys that are left")


def test_connection_in_a_file():
    """turnserver and turnadmin read the connection from a file, which the list of processes does not show"""
    with Redis(password="quiet") as redis:
        path = write_file("connection", redis.connection + "\n")
        admin = os.path.join(os.environ.get("BUILD", "."), "turnadmin")
        subprocess.run([os.path.abspath(admin), "--redis-userdb-file", path, "user", "add", "anna", "--realm",
                        REALM], input=b"sky\n", timeout=30, check=True)
        os.environ["TURNSTONE_REDIS_USERDB_FILE"] = path
        try:
            with Server(*OPTIONS, credentials=False) as server:
                tap.expect_equal(allocate(server, "anna", "sky"), 0, "a user")
        finally:
            del os.environ["TURNSTONE_REDIS_USERDB_FILE"]


def test_users_at_once():
    """A user who is deleted, or has another password, a key or a secret that is gone: it counts within a second"""
    with Redis() as redis:
        two_users(redis)
        redis.admin("secret", "add", "--realm", REALM, text="one\n")
        with serve(redis, "--use-auth-secret", "--relay-threads=1") as server:
            tap.expect_equal([allocate(server, "anna", "sky"), allocate(server, "new"),
                              allocate(server, *timed_name("one"))], [0, 0, 0], "before")
            redis.admin("user", "add", "anna", "--realm", REALM, text="sea\n")
            wait_for("the second password", lambda: allocate(server, "anna", "sea") == 0, 2)
            tap.expect_equal(allocate(server, "anna", "sky"), 401, "the first one")
            redis.call("DEL", "turn/realm/%s/user/new/key" % REALM)
            wait_for("the user's end", lambda: allocate(server, "new") == 401, 2)
            redis.admin("secret", "delete", "--realm", REALM, text="one\n")
            wait_for("the secret's end", lambda: allocate(server, *timed_name("one")) == 401, 2)


def test_new_realm():
    """A realm is known by its first secret, or its first user, beside all that else is in Redis"""
    with Redis() as redis:
        redis.admin("secret", "add", "--realm", REALM, text="common\n")
        redis.admin("user", "add", "rosa", "--realm", "red", text="p\n")
        redis.call("EVAL", "for i = 1, 100000 do redis.call('SET', 'turn/realm/%s/user/u' .. i .. "
                   "'/allocation/001000000000000001/status', 'new lifetime=600') end" % REALM, "0")
        with serve(redis, "--use-auth-secret", "--realm-from-username") as server:
            def named(realm, secret):
                return allocate(server, *timed_name(secret, "otto@" + realm))
            tap.expect_equal([named("blue", "common"), named("red", "common")], [0, 401], "one realm is known")
            redis.admin("secret", "add", "--realm", "blue", text="deep\n")
            wait_for("the other", lambda: named("blue", "deep") == 0)
            tap.expect_equal(named("blue", "common"), 401, "it has its own secret")
            with open("/proc/%d/status" % server.process.pid) as file:
                peak_kb = int(re.search(r"VmHWM:\s*(\d+)", file.read()).group(1))
            tap.expect(peak_kb < 15000 or server.sanitized, "keys of allocations are not gathered: %d kB" % peak_kb)


def outage_lines(server):
    return [line for line in server.log().splitlines() if re.search(r"[A-Z]+ store is (away|back):", line)]


def expect_outage(server, redis, away, back):
    """Known users go on, new ones are told at once or soon, nothing is dropped, one line for each reason."""
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
    reasons = [line.split("reason=")[1] for line in lines if "store is away" in line]
    tap.expect_in(len(reasons), (1, 2), "how it was lost, and why it cannot be opened: %s" % lines)
    tap.expect_equal(len(set(reasons)), len(reasons), "lines: %s" % lines)
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


def test_cut_off():
    """A firewall swallows all packets to and from Redis, then lets them through"""
    with Namespace("redis") as place, inside(place), Redis() as redis:
        two_users(redis)
        rules = ("table inet cut {\n chain in {\n type filter hook input priority 0;\n tcp dport %d drop\n"
                 " tcp sport %d drop\n }\n}\n" % (redis.port, redis.port))
        with serve(redis) as server:
            expect_outage(server, redis, lambda: place.firewall(rules), lambda: place.firewall(""))


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
            redis.kill()
            tap.expect_equal(allocate(server, "stranger"), 508, "without it")
            redis.start()
            two_users(redis)
            wait_for("the return, with files read inside the fence", lambda: allocate(server, "new") == 0)
        for extra in ("", " cacert=%s sni=other.example" % cert):
            told = refused(connection + extra)
            tap.expect("its certificate is refused" in told, told)
        with Server("--redis-userdb=%s verify=none" % connection, *OPTIONS, credentials=False) as server:
            tap.expect_equal(allocate(server, "anna", "sky"), 0, "a user without verification")


def on_redis(name):
    """Runs a unit test of the store on an empty Redis."""
    with Redis() as redis:
        program = os.path.join(os.environ.get("BUILD", "."), "tests/unit", name)
        result = subprocess.run([program, redis.connection], capture_output=True, timeout=60, check=False)
        tap.expect_equal((result.returncode, b"not ok" in result.stdout), (0, False),
                         result.stdout.decode(errors="replace")[-2000:])
        return result.stdout


def test_user_pages():
    """Users by pages and their counts are the same as SQLite's: tests/unit/test_store_pages.c on an empty Redis"""
    tap.expect(b"1..4" in on_redis("test_store_pages"), "it has run to its end")


def test_console():
    """The audit log, tokens of machines and secrets of codes too: tests/unit/test_store_console.c on an empty Redis"""
    tap.expect(b"1.." in on_redis("test_store_console"), "it has run to its end")


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
