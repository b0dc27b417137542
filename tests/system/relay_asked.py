#!/usr/bin/env python3
"""What a running server is asked by operators and their pages: its log as it comes, whether a peer would be allowed and by which rule, which
secrets still let somebody in; by turnadmin, and over the console."""
import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import threading
import time

from harness import tap
from harness.client import Client, Peer
from harness.console import OTHER, OWN, Console
from harness.server import REALM, Server, program
from harness.store import Store

WAIT_S = 20


def ask(server, request, sent=None, **arguments):
    """What the control socket says: {"result"} or {"problem"}. sent: an event, set when it was asked."""
    with socket.socket(socket.AF_UNIX) as path:
        path.settimeout(WAIT_S + 10)
        path.connect(server.control_socket)
        path.sendall(json.dumps({"request": request, "arguments": arguments}).encode() + b"\n")
        if sent:
            sent.set()
        with path.makefile() as lines:
            return json.loads(lines.readline())


def tail(server, **arguments):
    return ask(server, "log tail", **arguments)["result"]


def events(answer):
    return [line["event"] for line in answer["lines"]]


def test_log():
    """Lines of the log are told as it has them, found by level, event, key and text, and in pages"""
    with Server("--user=anna:p") as server:
        with server.client(user="anna") as client:
            client.allocate()
        tap.wait_until(lambda: "allocation deleted" in server.log(), "the client's end")
        everything = tail(server, limit=500)
        numbers = [line["number"] for line in everything["lines"]]
        tap.expect_equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "numbers")
        tap.expect_equal((everything["next"], everything["lost"]), (numbers[-1], 0), "the end")
        written = [line for line in server.log().splitlines() if line.startswith("20")]
        tap.expect_equal(len(numbers), len(written), "as many lines as the log has")
        created, = tail(server, event="allocation created")["lines"]
        tap.expect_equal((created["level"], created["keys"]["user"]), ("info", "anna"), "an allocation")
        for wish, count in (({"key": "user=anna", "event": "allocation created"}, 1),
                            ({"key": "user=bert"}, 0), ({"key": "nothing"}, 0), ({"contains": "ANNA"}, None),
                            ({"contains": "no such text"}, 0), ({"level": "error"}, 0)):
            found = tail(server, **wish)["lines"]
            tap.expect(len(found) == count if count is not None else found, "%s: %s" % (wish, found))
        pages, after = [], numbers[0] - 1
        while True:
            page = tail(server, after=after, limit=2)
            pages += [line["number"] for line in page["lines"]]
            if not page["lines"]:
                break
            after = page["next"]
        tap.expect_equal(pages[:len(numbers)], numbers, "the same by pages of two")
        for wrong in ({"level": "loud"}, {"limit": 501}, {"wait": 21}, {"after": -1}, {"key": ""}):
            tap.expect("problem" in ask(server, "log tail", **wrong), "%s is refused" % wrong)


def test_log_follow():
    """Who waits for lines has them as they come, many at one time; who waits in vain is told so; the server's end ends it"""
    with Server() as server:
        after, answers = tail(server)["next"], []

        def wait(**wish):
            """Who finds the places taken, be it by who looks whether they are, asks again."""
            answer = {"problem": ""}
            while "problem" in answer:
                answer = ask(server, "log tail", after=after, wait=WAIT_S, **wish)
            answers.append(answer)
        waiting = [threading.Thread(target=wait, kwargs={"event": "option changed"}) for _ in range(16)]
        for one in waiting:
            one.start()

        def is_full():
            answer = ask(server, "log tail", after=after, wait=1, event="never")
            return "problem" in answer
        tap.wait_until(is_full, "16 who wait, and a seventeenth who is refused", 20)
        began = time.monotonic()
        server.ask("set", "user-quota", "77")
        for one in waiting:
            one.join()
        tap.expect(time.monotonic() - began < WAIT_S / 2, "they are told at once")
        tap.expect_equal([events(answer["result"]) for answer in answers], [["option changed"]] * 16, "the line")
        began = time.monotonic()
        tap.expect_equal(tail(server, after=after, wait=1, event="never")["lines"], [], "nothing came")
        tap.expect(0.9 < time.monotonic() - began < 10, "after a second")
        answers.clear()
        sent = threading.Event()
        last = threading.Thread(target=wait, kwargs={"event": "never", "sent": sent})
        last.start()
        sent.wait(WAIT_S)
        tap.wait_until(lambda: ask(server, "log tail", wait=0, event="never")["result"]["lines"] == [], "the server's turn")
        tap.expect_equal(server.end(signal.SIGTERM, 20), 0, "its end")
        last.join()
        tap.expect_equal(answers[0]["result"]["lines"], [], "the end is an answer as well")


def test_log_by_turnadmin():
    """turnadmin log tail prints lines as the log has them; with --follow those that come, for people and for programs"""
    with Server() as server:
        code, out, problem = server.admin("log", "tail", "--limit", "2", "--event", "ready")
        tap.expect_equal((code, problem), (0, ""), "turnadmin log tail")
        tap.expect_in(out.rstrip("\n"), [line.replace('"', "") for line in server.log().splitlines()], "a line of the log")
        turnadmin = os.path.join(os.path.dirname(program()), "turnadmin")
        command = [turnadmin, "log", "tail", "--follow", "--json", "--event", "option changed",
                   "--control-socket", server.control_socket]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                for value in ("5", "6"):
                    server.ask("set", "user-quota", value)
                    line = json.loads(process.stdout.readline())
                    tap.expect_equal(line["keys"], {"name": "user-quota", "from": line["keys"]["from"], "to": value},
                                     "the line")
            finally:
                process.terminate()


def test_peer_check():
    """A peer is judged as its packets would be: by configuration, store and registries, and a change in the store counts"""
    store = Store()
    store.admin("peer", "deny", "9.9.9.0/24", "--realm", REALM)
    store.admin("peer", "allow", "10.2.0.1")
    with Server(store.option, "--denied-peer-ip=8.8.8.8", "--allowed-peer-ip=10.1.0.0-10.1.255.255") as server:
        for address, realm, wanted in (
                ("10.1.2.3", "", (True, "allowed", "10.1.0.0-10.1.255.255", "configuration")),
                ("8.8.8.8", "", (False, "denied", "8.8.8.8", "configuration")),
                ("9.9.9.9", REALM, (False, "denied", "9.9.9.0-9.9.9.255", "store")),
                ("9.9.9.9", "other.org", (True, None, None, "default")),
                ("10.2.0.1", "other.org", (True, "allowed", "10.2.0.1", "store")),
                ("10.3.0.1", REALM, (False, None, "10.0.0.0/8", "special-purpose")),
                ("::ffff:10.3.0.1", REALM, (False, None, "10.0.0.0/8", "special-purpose")),
                ("224.0.0.1", REALM, (False, None, "224.0.0.0/4", "special-purpose")),
                ("127.0.0.1:%d" % server.port, REALM, (False, None, None, "listener")),
                ("1.1.1.1:53", REALM, (True, None, None, "default"))):
            told = ask(server, "peer check", address=address, realm=realm)["result"]
            tap.expect_equal((told["allowed"], told["list"], told["rule"], told["source"]), wanted,
                             "%s in %s: %s" % (address, realm, told))
        with server.client() as client:
            client.allocate()
            tap.expect_equal(ask(server, "peer check", address="127.0.0.1")["result"]["only_relayed"], True, "own")
            tap.expect_equal(ask(server, "peer check", address="127.0.0.1:%d" % client.relayed[1])["result"]["allowed"],
                             True, "a relayed port, while it is one")
        store.admin("peer", "remove", "9.9.9.0/24", "--realm", REALM)
        tap.wait_until(lambda: ask(server, "peer check", address="9.9.9.9", realm=REALM)["result"]["allowed"],
                       "the store's change to count")
        code, out, _ = server.admin("peer", "check", "10.3.0.1")
        tap.expect_equal((code, out.splitlines()[0]), (0, "allowed\tno"), "turnadmin peer check")
        for wrong in ({}, {"address": "example.org"}, {"address": "10.0.0.0/8"}):
            tap.expect("problem" in ask(server, "peer check", **wrong), "%s is refused" % wrong)


def credential(secret, name, lifetime=600):
    username = "%d:%s" % (time.time() + lifetime, name)
    return {"user": username,
            "password": base64.b64encode(hmac.new(secret.encode(), username.encode(), "sha1").digest()).decode()}


def mark(realm, secret):
    return hashlib.sha256(realm.encode() + b"\0" + secret.encode()).hexdigest()[:12]


def uses(server, realm=REALM):
    told = ask(server, "secret uses", realm=realm)["result"]["secrets"]
    return {one["mark"]: (one["uses"], one["source"]) for one in told}


def allocate(server, how):
    with Client(server.address, "udp", **how) as client:
        client.allocate()


def is_let_in(server, how):
    """A thread goes by a change in the store within a second: until then it may refuse."""
    try:
        allocate(server, how)
    except tap.Failure:
        return False
    return True


def test_secret_uses():
    """A rotation is watched: of two secrets each counts what it let in, on all threads together, and nothing else is told"""
    store = Store()
    store.admin("secret", "add", "--realm", REALM, text="old secret\n")
    with Server("--use-auth-secret", "--realm=" + REALM, "--static-auth-secret=fixed", store.option,
                "--relay-threads=3", credentials=False) as server:
        tap.expect_equal(uses(server), {mark(REALM, "fixed"): (0, "configuration")}, "nobody has asked")
        for i in range(6):
            allocate(server, credential("old secret", "anna%d" % i))
        tap.expect_equal(uses(server)[mark(REALM, "old secret")], (6, "store"), "the old one is used")
        store.admin("secret", "add", "--realm", REALM, text="new secret\n")

        def is_new_one_used():
            return is_let_in(server, credential("new secret", "bert")) and uses(server)[mark(REALM, "new secret")][0]
        tap.wait_until(is_new_one_used, "the new one to be taken")
        allocate(server, credential("fixed", "carl"))
        tap.expect_equal({key: value for key, value in uses(server).items() if key != mark(REALM, "new secret")},
                         {mark(REALM, "fixed"): (1, "configuration"), mark(REALM, "old secret"): (6, "store")}, "the others")
        last = ask(server, "secret uses", realm=REALM)["result"]["secrets"]
        tap.expect(all(abs(one["last_used"] - time.time()) < 60 for one in last), "when: %s" % last)
        store.admin("secret", "delete", "--realm", REALM, text="old secret\n")

        def is_old_one_gone():
            return is_let_in(server, credential("new secret", "dora")) and mark(REALM, "old secret") not in uses(server)
        tap.wait_until(is_old_one_gone, "the old one to be gone")
        for text in (server.admin("secret", "uses")[1], server.admin("secret", "uses", "--json")[1], server.log()):
            tap.expect("secret\n" not in text and "new secret" not in text, "no secret is told")


def test_console():
    """Over the console: the overview, sessions and their end, options, log and peers; a realm's administrator has that realm alone"""
    with Console("--user=anna:p", "--allow-loopback-peers") as server, Peer() as peer:
        root, own = server.root(), server.realm_admin()
        with server.client(user="anna") as client:
            client.allocate()
            client.bind_channel(0x4000, peer.address)
            overview = tap.wait_until(lambda: (lambda told: told if told["allocations"]["made"] else None)(
                root.get("/api/v1/overview")), "the allocation in the overview", 12)
            tap.expect_equal(overview["allocations"]["by_transport"]["udp"], 1, "by transport")
            tap.expect_equal(len(overview["certificates"]), 2, "certificates of TLS and DTLS")
            tap.expect(any(one["name"] == "relay-0" for one in overview["threads"]), "threads")
            series = root.get("/api/v1/history")["series"]
            tap.expect_equal(series["allocations"][-1], 1, "the hour")
            session, = root.get("/api/v1/sessions", user="anna")["sessions"]
            path = "/api/v1/sessions/" + session["id"]
            tap.expect_equal(len(root.get(path)["channels"]), 1, "its channel")
            for method, what in (("GET", path), ("DELETE", path), ("GET", "/api/v1/sessions?realm=" + OTHER),
                                 ("GET", "/api/v1/peers/check?address=8.8.8.8&realm=" + OTHER)):
                tap.expect_in(own.request(method, what).status, (403, 404), "%s %s by another realm's" % (method, what))
            tap.expect_equal(own.get("/api/v1/sessions")["sessions"], [], "sessions of another realm")
            for what in ("overview", "history", "threads", "options", "log"):
                tap.expect_equal(own.request("GET", "/api/v1/" + what).status, 403, what)
            tap.expect_equal(root.get(path)["user"], "anna", "it lives on")
            tap.expect_equal(root.change("DELETE", path), {"cancelled": 1}, "its end")
            tap.expect_equal(root.request("GET", path).status, 404, "then there is none")
        options = {one["name"]: one for one in root.get("/api/v1/options")["options"]}
        tap.expect_equal((options["user"]["value"], options["user"]["secret"]), ("(secret)", True), "a secret")
        tap.expect_equal(root.change("PUT", "/api/v1/options/user-quota", {"value": "5"})["applied"], True, "an option")
        tap.expect_equal(root.request("PUT", "/api/v1/options/user-quota", {"value": "x"}).status, 400, "a wrong value")
        tap.expect_equal(root.request("PUT", "/api/v1/options/no-such", {"value": "x"}).status, 404, "no such option")
        line, = root.get("/api/v1/log", event="option changed")["lines"]
        tap.expect_equal(line["keys"]["name"], "user-quota", "the log")
        told = own.get("/api/v1/peers/check", address="10.0.0.1")
        tap.expect_equal((told["realm"], told["allowed"], told["rule"]), (OWN, False, "10.0.0.0/8"), "a peer")
        what = [entry["what"] for entry in root.get("/api/v1/audit")["audit"]]
        tap.expect_equal([one for one in what if one in ("session cancelled", "option set")],
                         ["option set", "session cancelled"], "the audit log, newest first: %s" % what)


if __name__ == "__main__":
    tap.main()
