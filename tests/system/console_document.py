#!/usr/bin/env python3
"""What the console answers against src/admin/openapi.json; rooms, participants and nodes over it; whether it says that it is ready."""
import json
import os
import re
import signal
import time

from harness import schema, tap
from harness.console import OWN, SOURCES, OwnConsole, quote, routes
from harness.console_world import World

with open(os.path.join(SOURCES, "openapi.json"), encoding="utf-8") as FILE:
    DOCUMENT = json.load(FILE)


def operation_of(method, path):
    """The operation of a path that was asked for."""
    bare = path.split("?")[0]
    for pattern, item in DOCUMENT["paths"].items():
        if method.lower() in item and re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), bare):
            return item[method.lower()]
    raise tap.Failure("%s %s is not in the document" % (method, path))


def check(method, path, answer):
    """Whether an answer is one that the document has for it."""
    what = "%s %s: %r" % (method, path, answer)
    responses = operation_of(method, path)["responses"]
    described = responses.get(str(answer.status)) or responses.get("default")
    tap.expect(described is not None, "no such status in the document: " + what)
    if str(answer.status) not in responses:
        tap.expect(answer.status >= 400, "no such status in the document: " + what)
    if "$ref" in described:
        described = schema.resolve(described["$ref"], DOCUMENT)
    content = described.get("content", {})
    if not content:
        tap.expect_equal(answer.bytes, b"", what)
        return answer
    kind = answer.headers["Content-Type"]
    tap.expect_in(kind, content, what)
    found = schema.problems(answer.json, content[kind]["schema"], DOCUMENT)
    tap.expect(not found, "%s\n%s" % (what, "\n".join(found[:5])))
    return answer


def ask(web, method, path, body=None, status=None):
    answer = check(method, path, web.request(method, path, body))
    if status is not None:
        tap.expect_equal(answer.status, status, "%s %s: %r" % (method, path, answer))
    return answer


def room_type(web):
    """The type that the channelling dialect gives its rooms."""
    return web.get("/api/v1/rooms", tenant="own")["rooms"][0]["type"]


def path_of(world, web, pattern):
    """A path that is there, for a route that is asked by GET."""
    given = {"/api/v1/sessions/{id}": world.session_ids(OWN)[0],
             "/api/v1/peers/check": "?address=192.0.2.1&realm=" + OWN,
             "/turn": "?service=turn&username=anna",
             "/api/v1/rooms/{tenant}/{type}/{name}": "own/%s/tea" % room_type(web)}
    more = given.get(pattern, "")
    return pattern + more if more.startswith("?") else re.sub(r"{.*", "", pattern) + more


def ask_each(route, path, root, anna, nobody):
    answer = ask(root, "GET", path, status=200)
    head = root.request("HEAD", path)
    tap.expect_equal((head.status, head.bytes), (200, b""), "HEAD " + path)
    tap.expect_equal(head.headers["Content-Type"], answer.headers["Content-Type"], "HEAD " + path)
    ask(anna, "GET", path, status=403 if route.who == "ALL_REALMS" else 200)
    ask(nobody, "GET", path, status=200 if route.who == "ANYBODY" else 401)


def problems_of(*asked):
    """All are told, and not the first alone: who changes an answer sees where the document has to follow."""
    try:
        ask_each(*asked)
    except tap.Failure as failure:
        yield str(failure)


def test_every_question():
    """each route that is asked by GET answers as the document has it, for who is of all realms, of one, and nobody; HEAD as GET"""
    with World() as world, world.console.root() as root, world.console.realm_admin() as anna, world.console.web() as nobody:
        asked = [(route, path_of(world, root, route.path)) for route in routes() if route.method == "GET"]
        tap.expect(len(asked) > 25, "all of them")
        problems = [problem for route, path in asked for problem in problems_of(route, path, root, anna, nobody)]
        tap.expect(not problems, "\n".join(problems))
        tap.expect(root.get("/api/v1/rooms")["rooms"] and root.get("/api/v1/sessions")["sessions"] and
                   root.get("/api/v1/signaling/sessions")["sessions"], "there was something to look at")


def changes(kind):
    """(method, path, body, status), in an order in which each can be done."""
    room = "/api/v1/rooms/own/%s/tea" % kind
    for method, path, body, status in (
            ("PUT", "users/%s/new" % OWN, {}, 201), ("PUT", "users/%s/new" % OWN, {"password": "another one"}, 200),
            ("DELETE", "users/%s/new" % OWN, None, 204), ("DELETE", "users/%s/new" % OWN, None, 404),
            ("POST", "secrets", {"realm": OWN}, 201), ("DELETE", "secrets/%s/0123456789ab" % OWN, None, 404),
            ("PUT", "realms/%s/limits/user-quota" % OWN, {"value": 7}, 200),
            ("PUT", "realms/%s/limits/user-quota" % OWN, {"value": "many"}, 400),
            ("DELETE", "realms/%s/limits/user-quota" % OWN, None, 204),
            ("POST", "peers", {"realm": OWN, "list": "denied", "range": "203.0.113.0/24"}, 201),
            ("POST", "peers", {"realm": OWN, "list": "denied", "range": "nowhere"}, 400),
            ("POST", "peers/remove", {"realm": OWN, "list": "denied", "range": "203.0.113.0/24"}, 204),
            ("PUT", "origins", {"origin": "https://new.example", "realm": OWN}, 200),
            ("POST", "origins/remove", {"origin": "https://new.example"}, 204),
            ("PUT", "oauth-keys/new", {"realm": OWN}, 201), ("DELETE", "oauth-keys/new", None, 204),
            ("PUT", "administrators/new", {"password": "correct horse 3", "realm": OWN}, 201),
            ("DELETE", "administrators/new", None, 204), ("DELETE", "administrators/new", None, 404),
            ("POST", "tokens", {"name": "new", "scopes": ["rooms:read"]}, 201),
            ("POST", "tokens", {"name": "other", "scopes": ["no:such"]}, 400), ("DELETE", "tokens/new", None, 204),
            ("POST", "credentials", {"user": "anna", "realm": OWN, "ttl": 60}, 200),
            ("PUT", "options/max-bps", {"value": "1000000"}, 200), ("PUT", "options/no-such-option", {"value": "1"}, 404),
            ("POST", "reload", None, 200), ("POST", "sessions/cancel", {"user": "nobody", "realm": OWN}, 404),
            ("PATCH", room[8:], {"locked": True, "capacity": 5}, 200), ("PATCH", room[8:], {}, 400),
            ("POST", room[8:] + "/mute", {"participant": "clara", "what": "video"}, 204),
            ("POST", room[8:] + "/mute", {"participant": "nobody"}, 404),
            ("POST", room[8:] + "/kick", {"participant": "clara", "reason": "late"}, 204),
            ("DELETE", room[8:] + "?reason=the%20end", None, 204), ("DELETE", room[8:], None, 404),
            ("DELETE", "signaling/sessions/own/nobody", None, 404),
            ("POST", "drain", {"deadline": 600}, 200), ("POST", "undrain", None, 200),
            ("POST", "me/totp", {"password": "wrong"}, 403), ("PUT", "me/password", {"old": "wrong", "new": "long enough"}, 403),
            ("POST", "sign-out", None, 204)):
        yield method, "/api/v1/" + path, body, status


def test_changes():
    """changes, and what is refused of them, are answered as the document has it"""
    with World() as world, world.console.root() as root:
        for method, path, body, status in changes(room_type(root)):
            ask(root, method, path, body, status)
        wrong = check("POST", "/api/v1/sign-in", root.try_sign_in("root-admin", "wrong"))
        tap.expect_equal(wrong.status, 401, "a wrong password")


def test_rooms():
    """rooms: lock, capacity, kick, end of a session; who is of a realm has those of its tenants; each change is in the audit log"""
    with World() as world, world.console.root() as root, world.console.realm_admin() as anna:
        kind = room_type(root)
        own, other = "/api/v1/rooms/own/%s/tea" % kind, "/api/v1/rooms/other/%s/%s" % (kind, quote(world.names.others_room))
        tap.expect_equal([room["tenant"] for room in root.get("/api/v1/rooms")["rooms"]], ["other", "own"], "all rooms")
        page = anna.get("/api/v1/rooms")
        tap.expect_equal([room["tenant"] for room in page["rooms"]], ["own"], "those of a realm")
        tap.expect("other" not in json.dumps(anna.get("/api/v1/signaling/sessions")), "sessions of a realm")
        tap.expect_equal([one["name"] for one in anna.get("/api/v1/tenants")["tenants"]], ["own", "default"], "tenants of a realm")
        people = anna.get(own)["participants"]
        tap.expect_equal(len(people), 2, "participants")
        for method, path, body in (("GET", other, None), ("PATCH", other, {"locked": True}), ("DELETE", other, None),
                                   ("POST", other + "/kick", {"participant": "dora"}), ("POST", other + "/mute", {"participant": "dora"}),
                                   ("GET", "/api/v1/rooms?tenant=other", None), ("GET", "/api/v1/signaling/sessions?tenant=other", None)):
            tap.expect_equal(ask(anna, method, path, body).code, "another-realm", "%s %s" % (method, path))
        dora = root.get("/api/v1/signaling/sessions", tenant="other")["sessions"][0]["id"]
        ask(anna, "DELETE", "/api/v1/signaling/sessions/own/" + dora, status=404)
        ask(anna, "DELETE", "/api/v1/signaling/sessions/other/" + dora, status=403)
        tap.expect_equal(root.get(other)["count"], 1, "who is of another realm is still there")
        changed = anna.change("PATCH", own, {"locked": True, "capacity": 9})
        tap.expect_equal((changed["locked"], changed["capacity"]), (True, 9), "locked, with a capacity")
        tap.expect_equal(anna.change("PATCH", own, {"capacity": 0})["locked"], True, "what was not said stays")
        tap.expect_equal(anna.change("PATCH", own, {"locked": False})["locked"], False, "open again")
        anna.change("POST", own + "/kick", {"participant": people[0]["id"]})
        anna.change("DELETE", "/api/v1/signaling/sessions/own/" + people[1]["id"])
        tap.wait_until(lambda: not any(one["tenant"] == "own" and one["room"] for one in
                                       root.get("/api/v1/signaling/sessions")["sessions"]), "both are gone")
        done = [entry["what"] for entry in root.get("/api/v1/audit")["audit"]]
        tap.expect_equal(done[:5], ["signaling session cancel", "room kick", "room change", "room change", "room change"], "the audit log")


def test_pages_of_a_realm():
    """a realm's administrator goes through the rooms of two tenants page by page: each once, none of others"""
    with World() as world, world.console.root() as root, world.console.realm_admin() as anna:
        world.store.admin("tenant", "add", "more", "--realm", OWN)
        made = [("own", "r%d" % i) for i in range(3)] + [("more", "s%d" % i) for i in range(4)] + [("other", "t%d" % i) for i in range(3)]
        for tenant, name in made:
            world.signal.ask("room", "create", name, "--tenant", tenant)
        wanted = sorted((room["tenant"], room["name"]) for room in root.get("/api/v1/rooms")["rooms"] if room["tenant"] != "other")
        tap.expect_equal(len(wanted), 8, "with the room that was there")
        for limit in (1, 2, 3, 4, 8, 500):
            seen, after = [], None
            while True:
                page = anna.get("/api/v1/rooms", limit=limit, **({"after": after} if after else {}))
                tap.expect(len(page["rooms"]) <= limit, "no more than asked for")
                seen += [(room["tenant"], room["name"]) for room in page["rooms"]]
                after = page["next"]
                if after is None:
                    break
            tap.expect_equal(seen, wanted, "in pages of %d" % limit)


def test_away():
    """/readyz names what is away: the relay, turnsignal not; the interface answers 503 with the program's name, and the document is there"""
    with World() as world:
        with OwnConsole(world.console.control_socket, store=world.store) as own, own.web() as web, own.root() as root:
            ready = {"status": "ready", "relay": "ready", "store": "ready"}
            tap.expect_equal(ask(web, "GET", "/readyz", status=200).json, ready, "all is there")
            tap.expect_equal(ask(web, "GET", "/healthz", status=200).json, {"status": "ok"}, "it is alive")
            answer = ask(root, "GET", "/api/v1/rooms", status=503)
            tap.expect_equal((answer.code, answer.json["detail"]), ("not-running", "turnsignal does not answer"), "no turnsignal")
            away = dict(ready, status="not ready", relay="away")
            world.console.process.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            try:
                tap.expect_equal(ask(web, "GET", "/readyz", status=503).json, away, "the relay hangs")
            finally:
                world.console.process.send_signal(signal.SIGCONT)
            tap.expect(time.monotonic() - began < 10, "nobody waits long for that")
            tap.expect_equal(ask(web, "GET", "/readyz", status=200).json, ready, "it goes on")
            world.console.end(signal.SIGTERM, 20)
            tap.expect_equal(ask(web, "GET", "/readyz", status=503).json, away, "the relay is away")
            tap.expect_equal(ask(root, "GET", "/api/v1/sessions", status=503).code, "not-running", "so it cannot be asked")
            served = ask(web, "GET", "/api/v1/openapi.json", status=200).json
            version = served["info"].pop("version")
            tap.expect(re.fullmatch(r"\d+\.\d+.*", version), "the version: " + version)
            tap.expect_equal(served, dict(DOCUMENT, info={key: value for key, value in DOCUMENT["info"].items() if key != "version"}),
                             "it is the one of the source")


if __name__ == "__main__":
    tap.main()
