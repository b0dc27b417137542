#!/usr/bin/env python3
"""What is kept in the store, changed over the console and counting at the relay: users, secrets, credentials in three shapes, ranges
of peers; pages of ten thousand users; and the same on Redis."""
import hashlib
import re
import sqlite3
import time
import urllib.parse

from harness import tap
from harness.client import Client, Peer, exchange_both_ways
from harness.console import OTHER, OWN, ROOT, ROOT_PASSWORD, Console
from harness.redis import Redis

API = "/api/v1"
USERS = ("--lt-cred-mech", "--realm=" + OWN)
SECRETS = ("--use-auth-secret", "--realm=" + OWN)
MANY = 10000
PAGE_S = 0.3  # a page of many


def serve(*options, **how):
    return Console("--allow-loopback-peers", *options, credentials=False, **how)


def try_allocate(server, user, password, **how):
    with Client(server.address, user=user, password=password, **how) as client:
        return client.try_allocate()


def is_let_in(server, credentials):
    """Whether somebody can relay with these credentials."""
    with Client(server.address, user=credentials["username"], password=credentials["password"]) as client, \
            Peer() as peer:
        if client.try_allocate() != 0:
            return False
        return exchange_both_ways(client, peer)


def pages_of(web, path, name, **query):
    """All rows of a list, and how many pages it had."""
    rows, count = [], 0
    while True:
        answer = web.get(path, **query)
        rows, count = rows + answer[name], count + 1
        if answer["next"] is None:
            return rows, count
        query["after"] = answer["next"]


def make_token(root, *scopes, realm=""):
    return root.change("POST", API + "/tokens", {"name": "robot", "realm": realm, "scopes": list(scopes)})["token"]


def test_users():
    """A user who is added over the console can relay, with both keys, and not any more when he is removed"""
    with serve(*USERS) as server, server.root() as root:
        path = "%s/users/%s/%s" % (API, OWN, urllib.parse.quote("b/b \u00e9", safe=""))
        row = root.change("PUT", path, {"password": "sky"})
        tap.expect_equal(row, {"realm": OWN, "name": "b/b \u00e9", "has_md5": True, "has_sha256": True}, "his row")
        for how in ({}, {"sha256": True}):
            tap.wait_until(lambda: try_allocate(server, "b/b \u00e9", "sky", **how) == 0, "he relays")  # pylint: disable=cell-var-from-loop
        made = root.change("PUT", path)["password"]
        tap.wait_until(lambda: try_allocate(server, "b/b \u00e9", made) == 0, "the password that was made")
        tap.expect_equal(try_allocate(server, "b/b \u00e9", "sky"), 401, "the old one")
        root.change("DELETE", path)
        tap.wait_until(lambda: try_allocate(server, "b/b \u00e9", made) == 401, "he is gone")
        audit = [(row["who"], row["what"], row["on"]) for row in root.get(API + "/audit")["audit"]]
        tap.expect_in((ROOT, "user delete", "realm=%s user=b/b \u00e9" % OWN), audit, "the audit log")
        tap.expect(made not in server.log() and made not in repr(audit), "no password in the logs")


def test_credentials():
    """Time-limited credentials of the console count at the relay: our shape, the TURN REST draft's, Matrix's"""
    with serve(*SECRETS) as server, server.root() as root:
        refused = root.request("POST", API + "/credentials", {"user": "anna"})
        tap.expect_equal((refused.status, refused.code), (409, "no-secret"), "there is no secret yet")
        root.change("POST", API + "/secrets", {"realm": OWN})
        ours = root.change("POST", API + "/credentials", {"user": "anna", "ttl": 60})
        tap.expect_equal((ours["ttl"], ours["realm"]), (60, OWN), "for how long, and where")
        tap.expect(re.fullmatch(r"\d+:anna", ours["username"]), ours["username"])
        tap.wait_until(lambda: is_let_in(server, ours), "our credentials relay")
        tap.expect(not is_let_in(server, dict(ours, username=ours["username"] + "x")), "another name does not")
        token = make_token(root, "credentials:read")
        with server.web() as anybody, server.web(token=token) as robot:
            draft = anybody.get("/turn", service="turn", username="anna@elsewhere", ttl=60, key=token)
            tap.expect_equal(sorted(draft), ["password", "ttl", "uris", "username"], "as the draft has it")
            tap.expect(is_let_in(server, draft), "the draft's credentials relay")
            matrix = robot.get("/_matrix/client/v3/voip/turnServer")
            tap.expect_equal(sorted(matrix), ["password", "ttl", "uris", "username"], "as Matrix has it")
            tap.expect(is_let_in(server, matrix), "Matrix's credentials relay")
            tap.expect_equal(anybody.request("GET", "/turn?service=turn&key=guess").status, 401, "another token")
            tap.expect_equal(robot.request("POST", API + "/credentials", {}).status, 403, "a scope is missing")
        tap.expect_equal(ours["uris"][0], "turn:127.0.0.1:%d?transport=udp" % server.port, "where to")
        tap.expect_in("turns:127.0.0.1:%d?transport=tcp" % server.tls_port, ours["uris"], "and with TLS")
        tap.expect(token not in server.log() and ours["password"] not in server.log(), "nothing secret in the log")


def test_expiry():
    """Credentials end when their time is over; those of a realm go by its own secret"""
    with serve(*SECRETS, "--realm-from-username", shared=("signaling-control-socket=off", "turn-uri=turn:turn.example:3478")) as server, \
            server.root() as root, server.realm_admin() as admin:
        root.change("POST", API + "/secrets", {"realm": OWN, "secret": "north"})
        root.change("POST", API + "/secrets", {"realm": OTHER, "secret": "south"})
        tap.expect_equal(admin.request("POST", API + "/credentials", {"realm": OTHER}).status, 403, "another's realm")
        tap.expect_equal(admin.change("POST", API + "/credentials", {})["realm"], OWN, "one's own")
        other = root.change("POST", API + "/credentials", {"realm": OTHER, "user": "anna"})
        tap.expect(other["username"].endswith(":anna@" + OTHER), other["username"])
        tap.wait_until(lambda: is_let_in(server, other), "they relay")
        tap.expect_equal(other["uris"], ["turn:turn.example:3478"], "URIs as they are configured")
        short = root.change("POST", API + "/credentials", {"ttl": 2})
        tap.expect(is_let_in(server, short), "at first")
        tap.wait_until(lambda: not is_let_in(server, short), "later not", 6)
        tap.expect(time.time() > int(short["username"].split(":")[0]), "not before their end")


def test_rotation():
    """A secret is added, its use grows while the old one's stands still, and the old one is removed by its mark"""
    with serve(*SECRETS) as server, server.root() as root:
        def uses():
            return {row["mark"]: row["uses"] for row in root.get(API + "/secrets", realm=OWN)["secrets"]}

        old = root.change("POST", API + "/secrets", {"realm": OWN, "secret": "north"})["mark"]
        before = root.change("POST", API + "/credentials", {"user": "anna"})
        tap.wait_until(lambda: is_let_in(server, before), "the old secret's")
        tap.expect(uses()[old] > 0, "its use is counted")
        made = root.change("POST", API + "/secrets", {"realm": OWN})
        tap.expect_equal(made["mark"], hashlib.sha256(b"%s\0%s" % (OWN.encode(), made["secret"].encode())).hexdigest()[:12],
                         "the mark")
        used, after = uses(), root.change("POST", API + "/credentials", {"user": "anna"})
        tap.wait_until(lambda: is_let_in(server, after), "the new secret's")
        tap.expect(uses()[made["mark"]] > 0 and uses()[old] == used[old], "only the new one's use grows: %r" % uses())
        root.change("DELETE", "%s/secrets/%s/%s" % (API, OWN, old))
        tap.wait_until(lambda: not is_let_in(server, before), "the old secret's are refused")
        tap.expect(is_let_in(server, after), "the new one's are not")
        tap.expect_equal(list(uses()), [made["mark"]], "what is left")


def test_realms_and_peers():
    """Limits, ranges of peers and origins: as they are set, they are listed, and the relay's check goes by them"""
    with serve(*USERS) as server, server.root() as root, server.realm_admin() as admin:
        root.change("PUT", "%s/realms/%s/limits/total-quota" % (API, OWN), {"value": 7})
        root.change("PUT", "%s/users/%s/anna" % (API, OWN), {"password": "sky"})
        row = {"realm": OWN, "limits": {"total-quota": 7}, "users": 1, "secrets": 0}
        tap.expect_equal(admin.get(API + "/realms")["realms"], [row], "the realm")
        root.change("POST", API + "/peers", {"realm": OWN, "list": "denied", "range": "9.9.9.0/24"})
        rule = "9.9.9.0-9.9.9.255"
        tap.expect_equal(admin.get(API + "/peers")["peers"], [{"realm": OWN, "list": "denied", "range": rule}], "ranges")

        def check():
            return root.get(API + "/peers/check", realm=OWN, address="9.9.9.7")
        tap.wait_until(lambda: not check()["allowed"], "the relay has it")
        tap.expect_equal(check()["list"], "denied", "by that list: %r" % check())
        root.change("POST", API + "/peers/remove", {"realm": OWN, "list": "denied", "range": "9.9.9.0/24"})
        tap.wait_until(lambda: check()["allowed"], "it is gone")
        root.change("PUT", API + "/origins", {"origin": "https://www.own.example", "realm": OWN})
        root.change("PUT", API + "/origins", {"origin": "https://www.other.example", "realm": OTHER})
        tap.expect_equal(admin.get(API + "/origins")["origins"],
                         [{"origin": "https://www.own.example:443", "realm": OWN}], "origins of one's own realm")


def test_many_users():
    """A page of ten thousand users comes at once, wherever it is, and so does who is looked for"""
    with serve(*USERS) as server, server.root() as root:
        with sqlite3.connect(server.store.path) as database:
            database.executemany("INSERT INTO turnusers_lt (realm, name, hmackey) VALUES (?, ?, ?)", (
                (OWN if i % 2 else OTHER, "user%05d" % i, hashlib.md5(b"%d" % i).hexdigest()) for i in range(MANY)))
        database.close()

        def timed(**query):
            best = None
            for _ in range(5):  # others share the machine
                begin = time.monotonic()
                answer = root.get(API + "/users", limit=100, **query)
                seconds = time.monotonic() - begin
                best = seconds if best is None else min(best, seconds)
            return answer, best
        timed()
        first, seconds = timed()
        tap.expect(seconds < PAGE_S and len(first["users"]) == 100, "the first page: %.3f s" % seconds)
        answer, seconds = timed(after=first["next"])
        tap.expect(seconds < PAGE_S, "the next one: %.3f s" % seconds)
        tap.expect(answer["users"][0]["name"] > first["users"][-1]["name"], "it begins where the first ended")
        answer, seconds = timed(contains="USER09999")
        tap.expect_equal([row["name"] for row in answer["users"]], ["user09999"], "the last one")
        tap.expect(seconds < PAGE_S, "is found in %.3f s" % seconds)
        rows, count = pages_of(root, API + "/users", "users", limit=500, realm=OWN)
        names = [row["name"] for row in rows]
        tap.expect_equal((len(names), len(set(names)), count), (MANY // 2, MANY // 2, 10), "all of a realm, once each")
        counts = {row["realm"]: row["users"] for row in root.get(API + "/realms")["realms"]}
        tap.expect_equal(counts, {OWN: MANY // 2, OTHER: MANY // 2}, "and counted")


def test_redis():
    """The same on Redis: users by pages, secrets, realms, and credentials that count at the relay"""
    with Redis() as redis:
        redis.admin("admin", "add", ROOT, text=ROOT_PASSWORD + "\n")
        with serve(*SECRETS, store=redis) as server, server.root() as root:
            for name in ("zoe", "anna", "b\u00e9a", "Anton"):
                root.change("PUT", "%s/users/%s/%s" % (API, OWN, urllib.parse.quote(name)), {"password": "p"})
            root.change("PUT", "%s/users/%s/eve" % (API, OTHER))
            rows, count = pages_of(root, API + "/users", "users", limit=2)
            names = [(row["realm"], row["name"]) for row in rows]
            everybody = sorted([(OTHER, "eve")] + [(OWN, name) for name in ("zoe", "anna", "b\u00e9a", "Anton")])
            tap.expect_equal((names, count), (everybody, 3), "pages")
            found = [row["name"] for row in root.get(API + "/users", contains="AN", realm=OWN)["users"]]
            tap.expect_equal(found, ["Anton", "anna"], "who is looked for")
            root.change("POST", API + "/secrets", {"realm": OWN})
            made = root.change("POST", API + "/credentials", {"user": "anna"})
            tap.wait_until(lambda: is_let_in(server, made), "credentials")
            realms = {row["realm"]: (row["users"], row["secrets"]) for row in root.get(API + "/realms")["realms"]}
            tap.expect_equal(realms, {OWN: (4, 1), OTHER: (1, 0)}, "realms")
            for row in root.get(API + "/secrets")["secrets"]:
                root.change("DELETE", "%s/secrets/%s/%s" % (API, row["realm"], row["mark"]))
            tap.expect_equal(root.get(API + "/secrets")["secrets"], [], "secrets are removed")


if __name__ == "__main__":
    tap.main()
