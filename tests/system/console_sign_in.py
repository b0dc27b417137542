#!/usr/bin/env python3
"""Signing in at the console, over HTTPS: passwords, codes, guesses that are slowed, and all the ways in which a sign-in ends."""
import base64
import time

from harness import tap
from harness.console import (COOKIE, OWN, REALM_ADMIN, REALM_PASSWORD, ROOT, ROOT_PASSWORD, Console, code_of)
from harness.store import Store

IDLE_S = 4
GUESSES_MAX = 40


def expect_refused(answer, status, *codes):
    tap.expect_equal(answer.status, status, repr(answer))
    tap.expect_equal(answer.headers["Content-Type"], "application/problem+json", "type")
    if codes:
        tap.expect_in(answer.code, codes, repr(answer))


def test_sign_in():
    """Name and password, a cookie that no script reads and no other site sends, and who one is; a realm's administrator is of it"""
    with Console() as server:
        web = server.web()
        expect_refused(web.request("GET", "/api/v1/me"), 401, "not-signed-in")
        answer = web.try_sign_in(ROOT, ROOT_PASSWORD)
        tap.expect_equal(answer.status, 200, repr(answer))
        name, *attributes = [part.strip() for part in web.cookie_line.split(";")]
        attributes = [one.lower() for one in attributes]
        tap.expect(name.startswith(COOKIE + "=") and len(web.cookie) >= 43, "the cookie: " + name)
        for wanted in ("secure", "httponly", "samesite=strict", "path=/"):
            tap.expect(wanted in attributes, "%s of %r" % (wanted, attributes))
        tap.expect(not any(one.startswith("domain") for one in attributes), "no domain")
        me = web.get("/api/v1/me")
        tap.expect_equal((me["name"], me["realm"], me["has_codes"], me["signaling"]), (ROOT, "", False, False), "me")
        tap.expect(len(me["csrf"]) >= 32 and me["csrf"] != web.cookie, "the CSRF token is none of the cookie")
        tap.expect(ROOT_PASSWORD not in repr(answer) + server.log(), "no password in answer or log")
        with server.realm_admin() as other:
            told = other.get("/api/v1/me")
            tap.expect_equal((told["name"], told["realm"]), (REALM_ADMIN, OWN), "the other one")
            tap.expect(told["csrf"] != me["csrf"] and other.cookie != web.cookie, "each has its own")
        tap.expect(web.is_signed_in(), "it is still signed in")


def test_wrong():
    """A wrong name and a wrong password are answered alike, in words and in time; malformed ones are refused"""
    with Console() as server:
        with server.web() as web:
            begun = time.monotonic()
            by_password = web.try_sign_in(ROOT, "wrong")
            took = time.monotonic() - begun
            begun = time.monotonic()
            by_name = web.try_sign_in("nobody-of-that-name", "wrong")
            took_name = time.monotonic() - begun
            expect_refused(by_password, 401, "wrong-credentials")
            tap.expect_equal(by_password.bytes, by_name.bytes, "the same words")
            tap.expect(took_name > took / 3, "a name is looked up as slowly: %.0f and %.0f ms" % (
                took * 1000, took_name * 1000))
            tap.expect(web.cookie is None, "no cookie")
            for body in ({"name": ROOT}, {"password": "x"}, {"name": 1, "password": "x"}, {"name": ROOT, "password": None},
                         {"name": ROOT, "password": "x", "code": 5}, {"name": "", "password": ""}):
                expect_refused(web.request("POST", "/api/v1/sign-in", body), 400, "bad-member")
            for data, kind, status in ((b"name=a&password=b", "application/x-www-form-urlencoded", 415), (b"{", "application/json", 400),
                                       (b"[]", "application/json", 400), (b'{"name":"a","name":"b"}', "application/json", 400)):
                expect_refused(web.request("POST", "/api/v1/sign-in", data=data, headers={"Content-Type": kind}), status)
            answer = web.request("POST", "/api/v1/sign-in", {"name": ROOT, "password": ROOT_PASSWORD},
                                 {"Sec-Fetch-Site": "cross-site"})
            expect_refused(answer, 403, "cross-site")
            tap.expect(web.cookie is None, "nobody is signed in by another site")


def guess_until_slowed(web, name):
    """Guesses until it is told to wait: how many there were, and how long."""
    for number in range(1, GUESSES_MAX):
        answer = web.try_sign_in(name, "guess %d" % number)
        if answer.status == 429:
            return number, int(answer.headers["Retry-After"])
        tap.expect_equal(answer.status, 401, repr(answer))
    raise tap.Failure("%d guesses, and none was slowed" % GUESSES_MAX)


@tap.limit_s(60)
def test_guesses():
    """Guesses are slowed, and the right password with them; nobody is kept out for good, and the owner of an attacked name not at all"""
    with Console() as server, server.root() as owner, server.web(source="127.0.0.2") as guesser:
        number, wait_s = guess_until_slowed(guesser, ROOT)
        tap.diagnose("slowed after %d guesses, for %d s" % (number, wait_s))
        tap.expect(2 <= number and 1 <= wait_s <= 900, "some guesses are free: a slip of the finger costs nothing")
        answer = guesser.try_sign_in(ROOT, ROOT_PASSWORD)
        expect_refused(answer, 429, "too-many-attempts")
        tap.expect(int(answer.headers["Retry-After"]) >= 1 and guesser.cookie is None, "how long")
        tap.expect(owner.is_signed_in(), "who is signed in stays so")
        with server.root() as again:
            tap.expect(again.is_signed_in(), "from where the owner has signed in before it is not slowed")
        tap.expect_equal(guesser.try_sign_in(REALM_ADMIN, REALM_PASSWORD).status, 200, "another name from there")
        tap.wait_until(lambda: guesser.try_sign_in(ROOT, ROOT_PASSWORD).status == 200, "the right password counts again", 40)


def test_guesses_of_an_address():
    """Who tries a password at many names is slowed as well, and others are not"""
    with Console() as server, server.web(source="127.0.0.3") as guesser, server.web() as other:
        for number in range(GUESSES_MAX):
            answer = guesser.try_sign_in("name%d" % number, "password1")
            if answer.status == 429:
                break
            tap.expect_equal(answer.status, 401, repr(answer))
        expect_refused(answer, 429, "too-many-attempts")
        tap.expect_equal(other.try_sign_in(REALM_ADMIN, REALM_PASSWORD).status, 200, "another address")


def test_sign_out():
    """A sign-in ends by signing out, and so do all of an administrator at once; others' go on"""
    with Console() as server:
        one, two, three = (server.root() for _ in range(3))
        other = server.realm_admin()
        cookie, csrf = one.cookie, one.csrf
        one.change("POST", "/api/v1/sign-out")
        one.cookie, one.csrf = cookie, csrf
        expect_refused(one.request("GET", "/api/v1/me"), 401, "not-signed-in")
        expect_refused(one.request("POST", "/api/v1/sign-out"), 401, "not-signed-in")
        tap.expect(two.is_signed_in(), "the others of that name are not concerned")
        cookie = three.cookie
        two.change("POST", "/api/v1/sign-out-everywhere")
        three.cookie = cookie
        tap.expect(not three.is_signed_in(), "it ended everywhere")
        tap.expect(other.is_signed_in(), "another name is not concerned")
        for web in (one, two, three, other):
            web.close()


def test_password():
    """A new password takes the old one, ends other sign-ins, and is what counts from then on"""
    with Console() as server, server.realm_admin() as web, server.realm_admin() as elsewhere:
        answer = web.request("PUT", "/api/v1/me/password", {"old": "wrong", "new": "another long one"})
        expect_refused(answer, 403, "wrong-password")
        answer = web.request("PUT", "/api/v1/me/password", {"old": REALM_PASSWORD, "new": "x"})
        expect_refused(answer, 400, "short-password")
        web.change("PUT", "/api/v1/me/password", {"old": REALM_PASSWORD, "new": "another long one"})
        tap.expect(not elsewhere.is_signed_in(), "other sign-ins ended")
        tap.expect_equal(elsewhere.try_sign_in(REALM_ADMIN, REALM_PASSWORD).status, 401, "the old one")
        tap.expect_equal(elsewhere.try_sign_in(REALM_ADMIN, "another long one").status, 200, "the new one")


def begin_codes(web):
    secret = web.change("POST", "/api/v1/me/totp", {"password": ROOT_PASSWORD})["secret"]
    tap.expect(len(base64.b32decode(secret)) == 20, "160 bits")
    answer = web.request("POST", "/api/v1/me/totp", {"password": "wrong"})
    expect_refused(answer, 403, "wrong-password")
    return secret


def wrong_code(secret):
    good = {code_of(secret, time.time() + shift) for shift in range(-90, 91, 30)}
    return next("%06d" % number for number in range(10) if "%06d" % number not in good)


def test_codes():
    """Codes of RFC 6238, computed here: asked for once they were confirmed, each good once, at sign-in; ended by whoever is signed in"""
    with Console() as server, server.root() as web:
        secret = begin_codes(web)
        with server.web() as other:
            tap.expect_equal(other.try_sign_in(ROOT, ROOT_PASSWORD).status, 200, "not asked for before they are confirmed")
        answer = web.request("PUT", "/api/v1/me/totp", {"code": wrong_code(secret)})
        expect_refused(answer, 400, "wrong-code")
        now = time.time()
        web.change("PUT", "/api/v1/me/totp", {"code": code_of(secret, now - 30)})
        tap.expect(web.get("/api/v1/me")["has_codes"], "me knows")
        tap.expect_equal(web.get("/api/v1/audit")["audit"][0]["what"], "own codes begun", "the audit log")
        with server.web() as other:
            missing = other.try_sign_in(ROOT, ROOT_PASSWORD)
            expect_refused(missing, 401, "code-needed")
            tap.expect(other.cookie is None, "no cookie without a code")
            expect_refused(other.try_sign_in(ROOT, "wrong"), 401, "wrong-credentials")
            expect_refused(other.try_sign_in(ROOT, ROOT_PASSWORD, wrong_code(secret)), 401)
            expect_refused(other.try_sign_in(ROOT, ROOT_PASSWORD, code_of(secret, now - 30)), 401)
            good = code_of(secret)
            tap.expect_equal(other.try_sign_in(ROOT, ROOT_PASSWORD, good).status, 200, "the right one")
            expect_refused(other.try_sign_in(ROOT, ROOT_PASSWORD, good), 401)
        expect_refused(web.request("DELETE", "/api/v1/me/totp", {"password": "wrong"}), 403, "wrong-password")
        web.change("DELETE", "/api/v1/me/totp", {"password": ROOT_PASSWORD})
        with server.web() as other:
            tap.expect_equal(other.try_sign_in(ROOT, ROOT_PASSWORD).status, 200, "no code is asked for any longer")
        tap.expect(secret not in server.log(), "the secret is in no log")


@tap.beside
def test_idle():
    """A sign-in that nobody uses ends; one that is used goes on"""
    with Console("--web-admin-idle-timeout=%d" % IDLE_S) as server, server.root() as idle, server.root() as busy:
        begun = time.monotonic()
        while time.monotonic() < begun + IDLE_S + 1.5:
            tap.expect(busy.is_signed_in(), "the one that is used, after %.1f s" % (time.monotonic() - begun))
            time.sleep(0.5)
        expect_refused(idle.request("GET", "/api/v1/me"), 401, "not-signed-in")


def test_removed():
    """Whoever is removed as an administrator is signed in no more, and so is who got another password"""
    with Console() as server, server.root() as root, server.realm_admin() as web:
        root.change("PUT", "/api/v1/administrators/" + REALM_ADMIN, {"realm": OWN, "password": "a password of another's choice"})
        tap.expect(not web.is_signed_in(), "after a new password")
        web.sign_in(REALM_ADMIN, "a password of another's choice")
        root.change("DELETE", "/api/v1/administrators/" + REALM_ADMIN)
        tap.expect(not web.is_signed_in(), "after the removal")
        tap.expect_equal(web.try_sign_in(REALM_ADMIN, "a password of another's choice").status, 401, "no such name")


def test_two_cookies():
    """Of two cookies of the name none is taken, and one that is made up is nobody's"""
    with Console() as server, server.root() as web:
        for cookie in ("%s=%s; %s=%s" % (COOKIE, web.cookie, COOKIE, web.cookie), "%s=%s" % (COOKIE, "0" * 64),
                       "%s=%s" % (COOKIE, web.cookie[:-1]), "turnstone=" + web.cookie, "%s=" % COOKIE):
            answer = web.request("GET", "/api/v1/me", headers={"Cookie": cookie})
            expect_refused(answer, 401, "not-signed-in")
        tap.expect(web.is_signed_in(), "the one that is right")


def weak_ones(web):
    return {one["name"]: one["is_weak"] for one in web.get("/api/v1/administrators")["administrators"]}


def test_coturn_administrator():
    """Who is stored as coturn stores administrators (SHA-256 with a salt) is told to be weak, and weak no more once signed in"""
    store = Store()
    store.admin("admin", "add", ROOT, text=ROOT_PASSWORD + "\n")
    store.admin("admin", "add", "coturns", "--coturn", text="a password of coturn's\n")
    with Console(store=store) as server, server.root() as web:
        tap.expect_equal(weak_ones(web), {ROOT: False, "coturns": True}, "before")
        for _ in range(2):
            with server.web("coturns", "a password of coturn's") as other:
                tap.expect(other.is_signed_in(), "by the password, however it is stored")
        tap.expect_equal(weak_ones(web), {ROOT: False, "coturns": False}, "after")


if __name__ == "__main__":
    tap.main()
