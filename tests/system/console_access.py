#!/usr/bin/env python3
"""Who may ask the console what: every row of routes.def is walked, so that one that is added has to be told of here as well."""
import time

from harness import tap
from harness.console import (OTHER, OWN, REALM_ADMIN, REALM_PASSWORD, ROOT, ROOT_PASSWORD, OwnConsole, quote, routes)
from harness.console_world import OTHERS_MARK, PASSWORD, World
from harness.server import Server

API = "/api/v1"
# About who is signed in, and nobody else.
PERSONAL = {"api_sign_in", "api_sign_out", "api_sign_out_everywhere", "api_me", "api_set_my_password", "api_begin_totp",
            "api_confirm_totp", "api_end_totp"}
ANYBODYS = {"api_sign_in", "api_document", "api_health", "api_readiness"}
# They end the tests' own servers, or sign-ins; that they are refused to others is tested all the same.
ENDINGS = {"api_drain_signaling", "api_sign_out", "api_sign_out_everywhere"}
# They have no realm to ask for: who asks is told of the own.
OF_WHO_ASKS = {"api_matrix", "api_tenants"}


class Ask:
    """How a function is asked about a realm and what is of it: path, query and body with {names} in it."""

    def __init__(self, path, body=None, query="", made=()):
        self.path, self.body, self.query = path, body, query

    def of(self, names):
        def filled(value):
            if isinstance(value, dict):
                return {key: filled(one) for key, one in value.items()}
            return value.format(**names) if isinstance(value, str) else value
        quoted = {key: quote(str(value)) for key, value in names.items()}
        return self.path.format(**quoted) + self.query.format(**quoted), filled(self.body)


# Every function of routes.def, asked for something that it may do.
ASKS = {
    "api_sign_in": Ask(API + "/sign-in", {"name": REALM_ADMIN, "password": REALM_PASSWORD}),
    "api_sign_out": Ask(API + "/sign-out", {}),
    "api_sign_out_everywhere": Ask(API + "/sign-out-everywhere", {}),
    "api_me": Ask(API + "/me"),
    "api_set_my_password": Ask(API + "/me/password", {"old": ROOT_PASSWORD, "new": ROOT_PASSWORD + "!"}),
    "api_begin_totp": Ask(API + "/me/totp", {"password": ROOT_PASSWORD}),
    "api_confirm_totp": Ask(API + "/me/totp", {"code": "000000"}),
    "api_end_totp": Ask(API + "/me/totp", {"password": ROOT_PASSWORD}),
    "api_overview": Ask(API + "/overview"),
    "api_history": Ask(API + "/history"),
    "api_threads": Ask(API + "/threads"),
    "api_sessions": Ask(API + "/sessions", query="?realm={realm}"),
    "api_session": Ask(API + "/sessions/{session}"),
    "api_cancel_session": Ask(API + "/sessions/{session}"),
    "api_cancel_sessions": Ask(API + "/sessions/cancel", {"user": "{user}", "realm": "{realm}"}),
    "api_options": Ask(API + "/options"),
    "api_set_option": Ask(API + "/options/{option}", {"value": "40"}),
    "api_reload": Ask(API + "/reload", {}),
    "api_drain": Ask(API + "/drain", {}),
    "api_undrain": Ask(API + "/undrain", {}),
    "api_log": Ask(API + "/log"),
    "api_check_peer": Ask(API + "/peers/check", query="?address=192.0.2.1&realm={realm}"),
    "api_users": Ask(API + "/users", query="?realm={realm}"),
    "api_put_user": Ask(API + "/users/{realm}/{new}", {"password": "a password for it"}),
    "api_delete_user": Ask(API + "/users/{realm}/{user}"),
    "api_secrets": Ask(API + "/secrets", query="?realm={realm}"),
    "api_add_secret": Ask(API + "/secrets", {"realm": "{realm}"}),
    "api_delete_secret": Ask(API + "/secrets/{realm}/{mark}"),
    "api_realms": Ask(API + "/realms", query="?realm={realm}"),
    "api_set_limit": Ask(API + "/realms/{realm}/limits/total-quota", {"value": 7}),
    "api_unset_limit": Ask(API + "/realms/{realm}/limits/user-quota"),
    "api_peers": Ask(API + "/peers", query="?realm={realm}"),
    "api_add_peers": Ask(API + "/peers", {"realm": "{realm}", "list": "denied", "range": "203.0.113.0/24"}),
    "api_remove_peers": Ask(API + "/peers/remove", {"realm": "{realm}", "list": "denied", "range": "{net}"}),
    "api_origins": Ask(API + "/origins", query="?realm={realm}"),
    "api_put_origin": Ask(API + "/origins", {"origin": "https://new.example", "realm": "{realm}"}),
    "api_delete_origin": Ask(API + "/origins/remove", {"origin": "{origin}"}),
    "api_oauth_keys": Ask(API + "/oauth-keys", query="?realm={realm}"),
    "api_put_oauth_key": Ask(API + "/oauth-keys/{new}", {"realm": "{realm}"}),
    "api_delete_oauth_key": Ask(API + "/oauth-keys/{kid}"),
    "api_administrators": Ask(API + "/administrators"),
    "api_put_administrator": Ask(API + "/administrators/{new}", {"realm": "{realm}", "password": "a password for it"}),
    "api_delete_administrator": Ask(API + "/administrators/" + REALM_ADMIN),
    "api_machine_tokens": Ask(API + "/tokens"),
    "api_make_machine_token": Ask(API + "/tokens", {"name": "{new}", "realm": "{realm}", "scopes": ["users:read"]}),
    "api_delete_machine_token": Ask(API + "/tokens/{token}"),
    "api_audit": Ask(API + "/audit"),
    "api_credentials": Ask(API + "/credentials", {"realm": "{realm}", "user": "zoe"}),
    "api_turn_rest": Ask("/turn", query="?service=turn&username=zoe&realm={realm}"),
    "api_matrix": Ask("/_matrix/client/v3/voip/turnServer"),
    "api_rooms": Ask(API + "/rooms", query="?tenant={tenant}"),
    "api_room": Ask(API + "/rooms/{tenant}/{type}/{room}"),
    "api_change_room": Ask(API + "/rooms/{tenant}/{type}/{room}", {"locked": True}),
    "api_close_room": Ask(API + "/rooms/{tenant}/{type}/{room}"),
    "api_kick": Ask(API + "/rooms/{tenant}/{type}/{room}/kick", {"participant": "{participant}"}),
    "api_mute": Ask(API + "/rooms/{tenant}/{type}/{room}/mute", {"participant": "{participant}"}),
    "api_tenants": Ask(API + "/tenants"),
    "api_participants": Ask(API + "/signaling/sessions", query="?tenant={tenant}"),
    "api_end_participant": Ask(API + "/signaling/sessions/{tenant}/{participant_id}"),
    "api_nodes": Ask(API + "/nodes"),
    "api_drain_signaling": Ask(API + "/nodes/drain", {}),
    "api_document": Ask(API + "/openapi.json"),
    "api_health": Ask("/healthz"),
    "api_readiness": Ask("/readyz"),
}
# Lists, and who is of what: another's is not in them, whether it was asked for or not.
LISTS = ("api_sessions", "api_users", "api_secrets", "api_realms", "api_peers", "api_origins", "api_oauth_keys", "api_rooms", "api_tenants",
         "api_participants")


def details(world, root, realm):
    """What there is of a realm, by the names of ASKS."""
    is_own, names = realm == OWN, world.names
    tenant = "own" if is_own else "other"
    room = next(one for one in root.get(API + "/rooms")["rooms"] if one["tenant"] == tenant)
    return {
        "realm": realm, "tenant": tenant, "room": room["name"], "type": room["type"],
        "user": names.user if is_own else names.others_user, "new": "new-one", "option": "user-quota",
        "origin": names.origin if is_own else names.others_origin, "kid": names.kid if is_own else names.others_kid,
        "net": "192.0.2.0/24" if is_own else "198.51.100.0/24", "participant": "clara" if is_own else "dora", "token": "of-the-test",
        "session": world.session_ids(realm)[0],
        "participant_id": next(one["id"] for one in root.get(API + "/signaling/sessions")["sessions"] if one["tenant"] == tenant),
        "mark": next(one["mark"] for one in root.get(API + "/secrets")["secrets"] if one["realm"] == realm),
    }


def ask(web, route, names, **how):
    path, body = ASKS[route.function].of(names)
    return web.request(route.method, path, body, **how)


def state(root):
    """All that can be changed, but for what moves by itself."""
    found = {path: root.get(API + "/" + path) for path in (
        "users", "realms", "peers", "origins", "oauth-keys", "administrators", "rooms")}
    found["secrets"] = [(one["realm"], one["mark"]) for one in root.get(API + "/secrets")["secrets"]]
    found["tokens"] = [(one["name"], one["scopes"]) for one in root.get(API + "/tokens")["tokens"]]
    found["sessions"] = sorted(one["id"] for one in root.get(API + "/sessions")["sessions"])
    # Credentials may be asked for by GET, as others' protocols have it: nothing is kept of them but that they were given out.
    found["audit"] = [one["id"] for one in root.get(API + "/audit")["audit"] if one["what"] != "credentials make"]
    return found


def expect_unchanged(root, before):
    for name, now in state(root).items():
        tap.expect_equal(now, before[name], "nothing has changed: " + name)


def is_change(route):
    return route.method != "GET"


def test_each_is_told_of():
    """Each row of routes.def is asked by these tests, and by the path that it has"""
    tap.expect_equal({route.function for route in routes()}, set(ASKS), "functions")
    for route in routes():
        path = ASKS[route.function].path
        wanted, given = route.path.split("/"), path.split("/")
        tap.expect_equal(len(given), len(wanted), path)
        for one, other in zip(wanted, given):
            tap.expect("{" in one or one == other, "%s is not %s" % (path, route.path))


def test_nobody():
    """Who is not signed in is refused by all but what is for anybody, and learns nothing of the rest"""
    with World() as world, world.console.root() as root, world.console.web() as nobody:
        names, before = details(world, root, OWN), state(root)
        for route in routes():
            answer = ask(nobody, route, names)
            if route.who == "ANYBODY":
                tap.expect_equal(answer.status, 200, "%s: %r" % (route.function, answer))
                tap.expect(route.function in ANYBODYS, "%s is for anybody?" % route.function)
                nobody.cookie = None
                continue
            tap.expect_equal((answer.status, answer.code), (401, "not-signed-in"), route.function)
            tap.expect(OTHERS_MARK.encode() not in answer.bytes, route.function)
        expect_unchanged(root, before)


def test_another_realm():
    """A realm's administrator sees and changes that realm alone, by any function"""
    with World() as world, world.console.root() as root, world.console.realm_admin() as web:
        others, before = details(world, root, OTHER), state(root)
        for route in routes():
            if route.function in PERSONAL | ANYBODYS:
                continue
            answer = ask(web, route, others)
            if route.who == "ALL_REALMS":
                tap.expect_equal((answer.status, answer.code), (403, "all-realms-only"), "%s: %r" % (route.function, answer))
            elif route.function in OF_WHO_ASKS:
                tap.expect(OTHER.encode() not in answer.bytes, "%s tells of its own: %r" % (route.function, answer))
            else:
                tap.expect_in(answer.status, (403, 404), "%s: %r" % (route.function, answer))
            tap.expect(OTHERS_MARK.encode() not in answer.bytes or route.method != "GET", "%s tells: %r" % (route.function, answer))
        expect_unchanged(root, before)
        answer = web.request("POST", API + "/sessions/cancel", {"user": others["user"]})
        tap.expect_in(answer.status, (200, 400, 404), "without a realm it is its own: %r" % answer)
        tap.expect_equal(state(root)["sessions"], before["sessions"], "the other realm's session goes on")


def test_own_realm():
    """Lists of a realm's administrator have what is of the realm, and nothing of another; those of all realms have both"""
    with World() as world, world.console.root() as root, world.console.realm_admin() as web:
        own = details(world, root, OWN)
        for name in LISTS:
            path = ASKS[name].path
            for query in ("", ASKS[name].of(own)[0][len(path):]):
                answer = web.request("GET", path + query)
                tap.expect_equal(answer.status, 200, "%s: %r" % (name, answer))
                rows = next(value for value in answer.json.values() if isinstance(value, list))
                tap.expect(rows, "%s has something: %r" % (name, answer))
                for mark in (OTHERS_MARK, OTHER, "198.51.100"):
                    tap.expect(mark.encode() not in answer.bytes, "%s of %s: %r" % (mark, name, answer))
            whole = root.request("GET", path)
            tap.expect(OTHERS_MARK.encode() in whole.bytes or OTHER.encode() in whole.bytes, "all of %s: %r" % (name, whole))
        for route in routes():
            if route.who == "ANY_REALM" and route.method == "GET" and route.function not in PERSONAL:
                answer = ask(web, route, own)
                tap.expect_equal(answer.status, 200, "%s of its own: %r" % (route.function, answer))


def test_csrf():
    """What changes something by cookie shows the CSRF token, and comes from the console's own page"""
    with World() as world, world.console.root() as root:
        names, before = details(world, root, OWN), state(root)
        with world.console.realm_admin() as other:
            foreign = other.csrf
        for route in filter(is_change, routes()):
            if route.function == "api_sign_in":
                continue
            for token in (None, "", "0" * 64, foreign, root.csrf[:-1], root.csrf + "0", root.cookie):
                answer = ask(root, route, names, headers={"X-CSRF-Token": token})
                tap.expect_equal((answer.status, answer.code), (403, "csrf"), "%s with %s" % (route.function, token))
            for site in ("cross-site", "same-site", "cross-origin", ""):
                answer = ask(root, route, names, headers={"Sec-Fetch-Site": site})
                tap.expect_equal((answer.status, answer.code), (403, "cross-site"), "%s from %r" % (route.function, site))
        expect_unchanged(root, before)


def fits(pattern, path):
    """Whether a path could be meant by a row: sessions/cancel is a session of that name to GET."""
    wanted, given = pattern.split("/"), path.split("?")[0].split("/")
    return len(wanted) == len(given) and all("{" in one or one == other for one, other in zip(wanted, given))


def test_no_change_by_get():
    """GET and HEAD change nothing, whatever path they name and whatever method they claim to mean"""
    with World() as world, world.console.root() as root:
        names, before = details(world, root, OWN), state(root)
        by_get = [route.path for route in routes() if not is_change(route)]
        for route in routes():
            path, _body = ASKS[route.function].of(names)
            for method in ("GET", "HEAD"):
                answer = root.request(method, path, headers={"X-HTTP-Method-Override": route.method, "X-CSRF-Token": root.csrf})
                if any(fits(pattern, path) for pattern in by_get):
                    tap.expect(answer.status < 500, "%s %s: %r" % (method, path, answer))
                else:
                    tap.expect_equal(answer.status, 405, "%s %s" % (method, path))
                    tap.expect(route.method in answer.headers["Allow"].split(", "), "Allow: %s" % answer.headers["Allow"])
                    tap.expect("GET" not in answer.headers["Allow"], "Allow: %s" % answer.headers["Allow"])
        expect_unchanged(root, before)


def test_headers():
    """No answer of the interface is kept, guessed at or framed; pages have a policy without inline code, and come by HTTPS"""
    with World() as world, world.console.root() as root:
        names = details(world, root, OWN)
        for route in routes():
            if is_change(route):
                continue
            answer = ask(root, route, names)
            wanted = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
                      "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
            for name, value in wanted.items():
                tap.expect_equal(answer.headers[name], value, "%s of %s" % (name, route.path))
            tap.expect("Access-Control-Allow-Origin" not in answer.headers, "no other site reads " + route.path)
        page = root.request("GET", "/", headers={"Accept-Encoding": "identity"})
        tap.expect_equal((page.status, page.headers["Content-Type"]), (200, "text/html; charset=utf-8"), "the page")
        policy = dict((part.strip() + " ").split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
        tap.expect_equal(policy["default-src"].strip(), "'none'", "default-src")
        for name in ("script-src", "style-src", "connect-src"):
            tap.expect_equal(policy[name].strip(), "'self'", name)
        for name in ("frame-ancestors", "base-uri"):
            tap.expect_equal(policy[name].strip(), "'none'", name)
        for name, value in (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY")):
            tap.expect_equal(page.headers[name], value, name)
        answer = root.request("GET", "/", headers={"If-None-Match": page.headers["ETag"], "Accept-Encoding": "identity"})
        tap.expect_equal((answer.status, answer.bytes), (304, b""), "the same page again")
        for path in ("/../turndb", "/%2e%2e/turndb", "/etc/passwd", "//etc/passwd", "/index.html/", "/api/v1/nothing", "/api/v2/me"):
            tap.expect_equal(root.request("GET", path).status, 404, path)


def test_scopes():
    """A token does what its scopes name and nothing else, in its realm, until it expires or is removed; it is told once"""
    with World() as world, world.console.root() as root:
        names = details(world, root, OWN)
        areas = sorted({route.area for route in routes() if route.area})
        scopes = [area + ":" + what for area in areas for what in ("read", "write")
                  if any(route.area == area and is_change(route) == (what == "write") for route in routes())]
        tokens = {scope: make_token(root, scope.replace(":", "-"), scopes=[scope]) for scope in scopes}
        listed = root.request("GET", API + "/tokens")
        tap.expect_equal({one["name"]: one["scopes"] for one in listed.json["tokens"]},
                         {scope.replace(":", "-"): [scope] for scope in scopes}, "tokens")
        tap.expect(not any(token.encode() in listed.bytes for token in tokens.values()), "they are told once")
        for scope, token in tokens.items():
            with world.console.web(token=token) as machine:
                for route in routes():
                    expect_scope(machine, route, scope, names)
        for token in ("", "x", "0" * 64, tokens[scopes[0]][:-1], tokens[scopes[0]] + "0"):
            with world.console.web(token=token) as machine:
                answer = machine.request("GET", API + "/users")
                tap.expect_equal(answer.status, 401, "%r: %r" % (token, answer))


def make_token(root, name, scopes, realm="", lifetime=3600):
    return root.change("POST", API + "/tokens", {"name": name, "realm": realm, "scopes": scopes, "lifetime": lifetime})["token"]


def expect_scope(machine, route, scope, names):
    """What is allowed is only asked where it is no change: the others' tests change."""
    needed = route.area and route.area + (":write" if is_change(route) else ":read")
    if route.who == "ANYBODY" or (needed == scope and is_change(route)):
        return
    answer = ask(machine, route, names)
    wanted = "not-for-tokens" if not needed else "scope-missing" if needed != scope else None
    if wanted:
        tap.expect_equal((answer.status, answer.code), (403, wanted), "%s with %s" % (route.function, scope))
    else:
        tap.expect_equal(answer.status, 200, "%s with %s: %r" % (route.function, scope, answer))


def test_tokens():
    """A token changes what it may without a cookie or CSRF token, is of its realm, ends by time and by removal, and its use is seen"""
    with World() as world, world.console.root() as root:
        own = make_token(root, "of-own", ["users:read", "users:write"], OWN)
        brief = make_token(root, "brief", ["users:read"], "", 2)
        with world.console.web(token=own) as machine, world.console.web(token=brief) as other:
            tap.expect_equal(other.request("GET", API + "/users").status, 200, "one that ends soon")
            machine.change("PUT", API + "/users/%s/zoe" % OWN, {"password": "of zoe's"})
            tap.expect_equal(machine.request("PUT", API + "/users/%s/zoe" % OTHER, {"password": "of zoe's"}).status, 403, "another realm")
            found = machine.get(API + "/users")["users"]
            tap.expect_equal({one["realm"] for one in found}, {OWN}, "its realm's alone")
            tap.expect("zoe" in [one["name"] for one in found], "what it made")
            entry = root.get(API + "/audit")["audit"][0]
            tap.expect_equal(entry["who"], "token of-own", "who made it: %r" % entry)
            used = {one["name"]: one["used"] for one in root.get(API + "/tokens")["tokens"]}
            tap.expect(used["of-own"], "that it was used: %r" % used)
            root.change("DELETE", API + "/tokens/of-own")
            tap.wait_until(lambda: machine.request("GET", API + "/users").status == 401, "it is removed", 5)
            tap.wait_until(lambda: other.request("GET", API + "/users").status == 401, "it has expired", 8)
        for scopes in (["users:all"], ["nothing:read"], [""], [5], "users:read", []):
            answer = root.request("POST", API + "/tokens", {"name": "bad", "realm": "", "scopes": scopes})
            tap.expect_equal(answer.status, 400, "%r: %r" % (scopes, answer))


# The relay drains while there are allocations; what others need goes late. "" is in all of them.
TURNS = ("api_drain", "api_undrain", "api_mute", "api_end_participant", "", "api_cancel_session", "_remove_", "_unset_", "_delete_",
         "_close_", "_set_my_")


def turn_of(route):
    return max((number for number, word in enumerate(TURNS) if word and word in route.function), default=TURNS.index(""))


UNAUDITED = {"api_sign_in", "api_sign_out", "api_credentials", "api_begin_totp", "api_end_totp", "api_confirm_totp"}
SECRETS = (ROOT_PASSWORD, REALM_PASSWORD, PASSWORD, "a password for it")


def test_audit():
    """Each change is in the audit log: who, what, on what, from where, when; no secret is in it, nor in the log"""
    with World() as world, world.console.root() as root:
        names = details(world, root, OWN)
        make_token(root, names["token"], ["users:read"])
        changes = [route for route in routes() if is_change(route) and route.function not in UNAUDITED | ENDINGS]
        changes.sort(key=turn_of)
        seen = [entry_of(root, route, names)["what"] for route in changes]
        tap.expect(len(set(seen)) > len(seen) * 2 // 3, "words that tell them apart: %r" % sorted(seen))
        told = root.request("GET", API + "/audit").bytes.decode() + world.console.log()
        for secret in SECRETS:
            tap.expect(secret not in told, "a secret in the audit log or the log: " + secret)
        tap.expect_equal(root.request("GET", API + "/audit?after=x").status, 400, "a place that is none")


def entry_of(root, route, names):
    """The entry of a change that is made now: there is one, and it says who, from where and when."""
    before = root.get(API + "/audit")["audit"][0]["id"]
    answer = ask(root, route, names)
    tap.expect_in(answer.status, (200, 201, 202, 204), "%s: %r" % (route.function, answer))
    entries = [one for one in root.get(API + "/audit")["audit"] if one["id"] > before]
    tap.expect_equal(len(entries), 1, "entries of %s: %r" % (route.function, entries))
    entry = entries[0]
    tap.expect_equal((entry["who"], entry["from"]), (ROOT, "127.0.0.1"), route.function)
    tap.expect(entry["what"] and abs(entry["time"] - time.time()) < 60, "what and when: %r" % entry)
    return entry


def test_audit_of_the_end():
    """Having turnsignal go away is in the audit log as well"""
    with World() as world, world.console.root() as root:
        names = details(world, root, OWN)
        make_token(root, names["token"], ["users:read"])
        entry_of(root, next(route for route in routes() if route.function == "api_drain_signaling"), names)
        for one in world.people:
            one.socket.close()
        tap.expect_equal(world.signal.wait(20), 0, "the end of turnsignal")
        world.signal.process = None
        answer = root.request("GET", API + "/rooms")
        tap.expect_equal((answer.status, answer.code), (503, "not-running"), "rooms without it: %r" % answer)


def test_relay_away():
    """The relay goes away under the console, which says so, serves what is the store's, and finds it again by itself"""
    relay = Server()
    with relay, OwnConsole(relay.control_socket) as console, console.root() as web:
        tap.expect_equal(web.get(API + "/sessions")["sessions"], [], "sessions of a relay that is there")
        tap.expect_equal(web.request("GET", "/readyz").status, 200, "ready")
        tap.expect_equal(relay.end(15, 10), 0, "the relay's end")
        for path in ("/sessions", "/overview", "/threads", "/options", "/log", "/peers/check?address=192.0.2.1"):
            answer = web.request("GET", API + path)
            tap.expect_equal((answer.status, answer.code), (503, "not-running"), "%s: %r" % (path, answer))
        for path in ("/users", "/realms", "/audit", "/me", "/administrators"):
            tap.expect_equal(web.request("GET", API + path).status, 200, path)
        tap.expect_equal([web.request("GET", path).status for path in ("/healthz", "/readyz")], [200, 503], "alive, not ready")
        relay.launch()
        relay.wait_until_ready()
        tap.wait_until(lambda: web.request("GET", API + "/sessions").status == 200, "the relay is found again", 5)
        tap.wait_until(lambda: web.request("GET", API + "/overview").status == 200, "and its figures", 10)
        tap.expect_equal(web.request("GET", "/readyz").status, 200, "ready again")


if __name__ == "__main__":
    tap.main()
