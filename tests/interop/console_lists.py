#!/usr/bin/env python3
"""What people do on the console's lists, in Chromium and against the real programs: page, find, sort and walk rows while they are asked for again; add,
change and remove; have a refusal shown where it belongs; rotate a secret."""
import base64
import hashlib
import hmac
import time

from console_pages import Shown, tab_to
from harness import tap
from harness.console import OTHER, OWN, quote
from harness.console_world import PASSWORD, World

USERS = 130  # three pages of fifty
LIST = """
    const rows = [...document.querySelectorAll('.list tbody tr')].filter(row => row.row !== undefined);
    return {names: rows.map(row => row.querySelector('td.main').textContent), count: document.querySelector('.list-count').textContent,
            focus: document.activeElement.row?.name ?? null, sorted: [...document.querySelectorAll('th[aria-sort]')].map(one => [one.dataset.column, one.ariaSort]),
            asked: seen.asked.length, hash: location.hash, title: document.querySelector('main h1').textContent};
"""
PRESS = """
    const fits = one => one.textContent.trim() === given[0] || one.ariaLabel === given[0];
    const button = [...document.querySelectorAll((document.querySelector('dialog[open]') ? 'dialog ' : '') + 'button')].filter(one => fits(one) && one.offsetParent !== null).at(-1);
    if (button === undefined || button.disabled) return false;
    button.focus();
    button.click();
    return true;
"""
FILL = """
    const input = document.querySelector((document.querySelector('dialog[open]') ? 'dialog ' : 'main ') + `[name="${given[0]}"]`);
    if (input === null) return false;
    input.focus();
    input.value = given[1];
    for (const kind of ['input', 'change']) input.dispatchEvent(new Event(kind, {bubbles: true}));
    return true;
"""
DIALOG = """
    const dialog = document.querySelector('dialog[open]');
    return dialog && {title: dialog.querySelector('h2').textContent, told: [...dialog.querySelectorAll('.told code')].map(one => one.textContent), text: dialog.innerText,
                      errors: Object.fromEntries([...dialog.querySelectorAll('[aria-invalid="true"]')].map(one => [one.name, document.getElementById(one.id + '-error').textContent])),
                      focus: document.activeElement.name ?? '', above: [...dialog.querySelectorAll('.notice.bad')].map(one => one.textContent)};
"""


class Lists(Shown):
    """The pages, signed in. options are turnserver's."""

    def __init__(self, *options):
        super().__init__()
        self.world = World(*options)

    def __enter__(self):
        super().__enter__()
        self.wait_settled("the page of signing in")
        self.sign_in()
        return self

    @property
    def web(self):
        return self.world.console.root()

    def list(self):
        return self.run(LIST)

    def dialog(self):
        return self.run(DIALOG)

    def click(self, text):
        tap.wait_until(lambda: self.run(PRESS, text), "a button %r" % text, 5)

    def fill(self, **values):
        for name, value in values.items():
            tap.wait_until(lambda n=name, v=value: self.run(FILL, n.replace("_", "-"), v), "a field %r" % name, 5)

    def wait_list(self, fits, what):
        tap.wait_until(lambda: fits(self.list()), "%s: %r" % (what, self.list()), 20)

    def wait_dialog(self, fits, what):
        tap.wait_until(lambda: self.dialog() and fits(self.dialog()), "%s: %r" % (what, self.dialog()), 8)

    def wait_closed(self):
        tap.wait_until(lambda: self.dialog() is None, "the dialog closes: %r" % self.dialog(), 8)

    def wait_said(self, text):
        tap.wait_until(lambda: text in self.run("return document.querySelector('.said').textContent;"), "it says %r" % text, 5)

    def told(self, count):
        """What is told once, the last of it; then it is put away."""
        self.wait_dialog(lambda dialog: len(dialog["told"]) == count, "%d values are told" % count)
        values = self.dialog()["told"]
        self.click("I have it")
        self.wait_closed()
        return values


@tap.limit_s(60)
def test_paging():
    """A list is paged there and back, found by the server, and comes back as it was left"""
    with Lists() as pages:
        with pages.web as web:
            for number in range(USERS):
                web.change("PUT", "/api/v1/users/%s/many%03d" % (OWN, number), {"password": "not a good one"})
        pages.open("users")
        first = pages.list()
        tap.expect_equal((len(first["names"]), first["count"]), (50, "1 to 50"), "the first page")
        pages.click("Next")
        pages.wait_list(lambda now: now["count"] == "51 to 100", "the second page")
        tap.expect_equal(set(first["names"]) & set(pages.list()["names"]), set(), "names of both pages")
        pages.click("Next")
        pages.wait_list(lambda now: now["count"].startswith("101 to 13"), "the third page")
        pages.open("realms")
        pages.open("users")
        pages.wait_list(lambda now: now["count"].startswith("101 to 13"), "the page that was left")
        pages.click("Previous")
        pages.wait_list(lambda now: now["count"] == "51 to 100", "the second page again")
        pages.fill(contains="many12")
        pages.wait_list(lambda now: now["names"] == ["many%d" % number for number in range(120, 130)], "those found")
        tap.expect("contains=many12" in pages.list()["hash"], "what is looked for is in the address")
        pages.fill(contains="nobody")
        pages.wait_list(lambda now: now["names"] == [], "nothing is found")
        pages.click("Clear search")
        pages.wait_list(lambda now: now["names"] == first["names"], "the first page again")


@tap.limit_s(40)
def test_rows():
    """Rows are walked by arrows; the row keeps the focus while the list is asked for again, and when others come before it"""
    with Lists() as pages:
        with pages.web as web:
            for name in ("k1", "k2", "k3"):
                web.change("PUT", "/api/v1/users/%s/%s" % (OWN, name), {"password": "not a good one"})
        pages.open("users?contains=k&realm=" + OWN)
        pages.wait_list(lambda now: now["names"] == ["k1", "k2", "k3"], "three rows")
        tab_to(pages, lambda focus: focus["inTable"], "the rows")
        pages.press("Down")
        tap.expect_equal(pages.list()["focus"], "k2", "one down")
        with pages.web as web:
            web.change("PUT", "/api/v1/users/%s/k0" % OWN, {"password": "not a good one"})
        pages.wait_list(lambda now: now["names"] == ["k0", "k1", "k2", "k3"], "a row more, by itself")
        tap.expect_equal(pages.list()["focus"], "k2", "the focus after it was asked for again")
        pages.press("Home")
        tap.expect_equal(pages.list()["focus"], "k0", "the first")
        pages.run("document.querySelector('th[data-column=name] button').click();")
        pages.run("document.querySelector('th[data-column=name] button').click();")
        tap.expect_equal((pages.list()["names"], pages.list()["sorted"]), (["k3", "k2", "k1", "k0"], [["name", "descending"]]), "the other way round")


@tap.limit_s(60)
def test_users():
    """A user is added with a password that the relay takes, given another, and removed; refusals are shown at their fields"""
    with Lists() as pages:
        pages.open("users")
        pages.click("Add a user")
        pages.click("Add")
        pages.wait_dialog(lambda dialog: set(dialog["errors"]) == {"name", "realm"} and dialog["focus"] == "name", "both are needed")
        pages.fill(name="erna", realm=OWN)
        pages.click("Add")
        password = pages.told(3)[2]
        tap.expect(len(password) >= 12, "a password: %r" % password)
        with pages.world.console.client(user="erna", password=password) as client:
            tap.expect_equal(client.try_allocate(), 0, "an allocation with it")
        pages.click("New password for erna")
        pages.fill(how="type", password="another password")
        pages.click("Set")
        pages.wait_closed()
        pages.wait_said("erna has a new password")

        def is_refused():
            with pages.world.console.client(user="erna", password=password) as client:
                return client.try_allocate() == 401
        tap.wait_until(is_refused, "the old one is good no longer", 5)
        pages.click("Remove erna")
        pages.wait_dialog(lambda dialog: "erna" in dialog["title"], "it asks")
        pages.press("Escape")
        pages.wait_closed()
        tap.expect("erna" in pages.list()["names"], "nothing is done by leaving")
        pages.click("Remove erna")
        pages.click("Remove")
        pages.wait_list(lambda now: "erna" not in now["names"], "the user is gone")


@tap.limit_s(40)
def test_refusals():
    """What the server refuses is shown at the field that it is about, and what was typed stays"""
    with Lists() as pages:
        pages.open("peers")
        pages.click("Deny a range")
        pages.fill(range="10.0.0.0/99")
        pages.click("Add")
        pages.wait_dialog(lambda dialog: dialog["errors"].get("range") and dialog["focus"] == "range", "the range is none")
        tap.expect_equal(pages.dialog()["above"], [], "nothing besides")
        pages.fill(range="203.0.113.0/24", realm=OWN)
        pages.click("Add")
        pages.wait_closed()
        pages.fill(address="203.0.113.9", realm=OWN)
        pages.run("document.querySelector('.inline-form').requestSubmit();")
        verdict = "const one = document.querySelector('.verdict .notice'); return one && [one.className, one.innerText];"
        tap.wait_until(lambda: "203.0.113.0" in str(pages.run(verdict)), "the rule that denies it: %r" % pages.run(verdict), 8)
        tap.expect("bad" in pages.run(verdict)[0], "it is denied: %r" % pages.run(verdict))
        pages.open("realms")
        pages.click("Set limits of " + OWN)
        pages.fill(max_bps="7.5")
        pages.click("Save")
        pages.wait_dialog(lambda dialog: "max-bps" in dialog["errors"], "no whole number")
        pages.fill(max_bps="99999999999999")
        pages.click("Save")
        pages.wait_dialog(lambda dialog: "max-bps" in dialog["errors"] and "a number" in dialog["errors"]["max-bps"], "the server's bounds, at the limit's field")
        pages.fill(max_bps="125000", user_quota="")
        pages.click("Save")
        pages.wait_closed()
        with pages.web as web:
            limits = next(one["limits"] for one in web.get("/api/v1/realms")["realms"] if one["realm"] == OWN)
        tap.expect_equal(limits, {"max-bps": 125000}, "the limits")


def time_limited(secret):
    """User name and password as draft-uberti-behave-turn-rest has them."""
    name = "%d:rotation" % (time.time() + 600)
    return name, base64.b64encode(hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()).decode()


def mark_of(realm, secret):
    return hashlib.sha256(realm.encode() + b"\0" + secret.encode()).hexdigest()[:12]


STEPS = """
    const guide = document.querySelector('.steps');
    return guide && {current: [...guide.children].findIndex(one => one.ariaCurrent === 'step' || one.getAttribute('aria-current') === 'step'),
                     uses: Object.fromEntries([...guide.querySelectorAll('.use')].map(one => [one.querySelector('code').textContent, parseInt(one.querySelector('.counts').textContent)])),
                     hidden: guide.parentElement.hidden};
"""


@tap.limit_s(60)
def test_rotation():
    """A secret is rotated: another is added, both are good meanwhile, each use is counted, and the old one is removed"""
    old, given = "a secret of own", "another secret, of ours"
    with Lists("--use-auth-secret") as pages:
        use = lambda secret: pages.world.console.client(**dict(zip(("user", "password"), time_limited(secret))))
        pages.open("secrets?realm=" + OWN)
        pages.click("Rotate the secret " + mark_of(OWN, old))
        tap.wait_until(lambda: (pages.run(STEPS) or {}).get("current") == 0, "the first step", 5)
        pages.click("Add a secret")
        pages.fill(how="type", secret=given)
        pages.click("Add")
        pages.wait_closed()
        tap.wait_until(lambda: pages.run(STEPS)["current"] == 1, "the second step: %r" % pages.run(STEPS), 5)
        tap.wait_until(lambda: pages.run(STEPS)["uses"] == {mark_of(OWN, old): 0, mark_of(OWN, given): 0}, "no use yet: %r" % pages.run(STEPS), 5)

        def is_taken():
            with use(given) as client:
                return client.try_allocate() == 0
        tap.wait_until(is_taken, "the relay takes the new one", 10)
        with use(old) as client:
            tap.expect_equal(client.try_allocate(), 0, "the old one is good still")
        tap.wait_until(lambda: all(count > 0 for count in pages.run(STEPS)["uses"].values()), "uses of both are counted: %r" % pages.run(STEPS), 8)
        pages.picture("rotation", "light")
        pages.click("Remove the old secret")
        pages.click("Remove")
        tap.wait_until(lambda: pages.run(STEPS)["hidden"], "the guide ends", 8)
        pages.wait_list(lambda now: now["names"] == [mark_of(OWN, given)], "one is left")


@tap.limit_s(60)
def test_machine():
    """A token is made, told once, good for what it may do, and removed; an administrator's made password signs in"""
    with Lists() as pages:
        pages.open("tokens")
        pages.click("Make a token")
        pages.fill(name="robot")
        pages.run("document.querySelectorAll('dialog fieldset input').forEach(one => { one.checked = one.value === 'users:read'; });")
        pages.click("Make")
        token = pages.told(2)[0]
        with pages.world.console.web(token=token) as web:
            tap.expect(web.get("/api/v1/users", realm=OWN)["users"], "users, by the token")
            tap.expect_equal(web.request("PUT", "/api/v1/users/%s/%s" % (OWN, "x"), {}).status, 403, "a change by it")
            pages.click("Remove robot")
            pages.click("Remove")
            pages.wait_list(lambda now: now["names"] == [], "the token is gone")
            tap.wait_until(lambda: web.request("GET", "/api/v1/users").status == 401, "it is good no longer", 5)
        pages.open("administrators")
        pages.click("Add an administrator")
        pages.fill(name="karla", realm=OTHER)
        pages.click("Add")
        password = pages.told(2)[1]
        with pages.world.console.web("karla", password) as web:
            tap.expect_equal(web.get("/api/v1/me")["realm"], OTHER, "her realm")


@tap.limit_s(40)
def test_keys_and_origins():
    """Origins and keys of authorization servers are added and removed; a key that is made is told once"""
    with Lists() as pages:
        pages.open("origins")
        pages.click("Add an origin")
        pages.fill(origin="https://new.example", realm=OWN)
        pages.click("Add")
        pages.wait_list(lambda now: "https://new.example:443" in now["names"], "the origin, as it is kept")
        pages.click("Remove https://new.example:443")
        pages.click("Remove")
        pages.wait_list(lambda now: "https://new.example:443" not in now["names"], "the origin is gone")
        pages.open("oauth-keys")
        pages.click("Add a key")
        pages.fill(kid="made-here", realm=OWN)
        pages.click("Add")
        kid, key = pages.told(2)
        tap.expect_equal((kid, len(base64.b64decode(key)) >= 32), ("made-here", True), "a key of 32 bytes: %r" % key)
        pages.click("Remove made-here")
        pages.click("Remove")
        pages.wait_list(lambda now: "made-here" not in now["names"], "the key is gone")


@tap.limit_s(60)
def test_rooms():
    """A room is locked and unlocked, a participant is put out, and the room is closed"""
    with Lists() as pages:
        names = pages.world.names
        path = "rooms/own/room/" + quote(names.room)

        def room():
            with pages.web as web:
                return web.get("/api/v1/" + path)
        pages.open(path)
        pages.wait_list(lambda now: set(now["names"]) == {names.participant, "clara"}, "who is there")
        pages.click("Lock")
        tap.wait_until(lambda: room()["locked"], "it is locked", 5)
        pages.click("Unlock")
        tap.wait_until(lambda: not room()["locked"], "it is open", 5)
        pages.click("Put out %s" % names.participant)
        pages.fill(reason="asked to")
        pages.click("Put out")
        pages.wait_list(lambda now: now["names"] == ["clara"], "one is left")
        pages.click("Close the room")
        pages.click("Close the room")
        tap.wait_until(lambda: pages.list()["title"] == "Rooms", "the list of rooms", 5)
        pages.wait_list(lambda now: names.room not in now["names"], "the room is gone")


@tap.limit_s(40)
def test_ended_session():
    """A session that ends while somebody looks stays to be read, and is said to be over; all of a user are ended at one time"""
    with Lists() as pages:
        client = pages.world.console.client(user=pages.world.names.user, password=PASSWORD)
        pages.world.clients.append(client)
        client.allocate()
        before = set(pages.world.session_ids(OWN))
        with pages.web as web:
            newest = min(web.get("/api/v1/sessions", realm=OWN)["sessions"], key=lambda one: one["age"])["id"]
        pages.open("sessions/" + newest)
        tap.wait_until(lambda: newest in pages.shown()["text"], "the session", 5)
        with pages.web as web:
            web.change("DELETE", "/api/v1/sessions/" + newest)
        tap.wait_until(lambda: "has ended" in pages.shown()["text"], "it is said to be over", 8)
        tap.expect(newest in pages.shown()["text"], "what it was is still there")
        pages.open("sessions")
        pages.click("End all of a user")
        pages.fill(user=pages.world.names.user, realm=OWN)
        pages.click("End them all")
        pages.wait_said("%d sessions ended" % (len(before) - 1))
        tap.expect_equal(pages.world.session_ids(OWN), [], "sessions of the realm")


if __name__ == "__main__":
    tap.main()
