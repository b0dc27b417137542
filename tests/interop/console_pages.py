#!/usr/bin/env python3
"""The console's pages in Chromium, against the real programs with real allocations and rooms: each page in the light, in the dark and
on a phone, by people and by axe-core; names that are scripts; and all of it by keyboard.

Pictures of the pages are in the build's screenshots/console."""
import os
import re

from harness import packages, stun, tap
from harness.browser import Browser, give_a_network
from harness.console import OWN, REALM_ADMIN, REALM_PASSWORD, ROOT, ROOT_PASSWORD, quote
from harness.console_world import PASSWORD, Names, World
from harness.server import make_certificate

HERE = os.path.dirname(os.path.abspath(__file__))
WEB = os.path.join(HERE, "..", "..", "src", "admin", "web")
BUILD = os.path.abspath(os.environ.get("BUILD", "."))
PICTURES = os.path.join(BUILD, "screenshots", "console")
LOOKS = {"light": (1280, 900, False), "dark": (1280, 900, False), "phone": (390, 844, True)}
SERIOUS = ("serious", "critical")

# Before any script of the page: what it asks, what its policy stopped, what went wrong, and whether a name became a script.
WATCH = """
    window.seen = {violations: [], problems: [], asked: [], pending: 0, hit: false};
    window.xss = () => { seen.hit = true; };
    addEventListener('securitypolicyviolation', event => seen.violations.push(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample));
    addEventListener('error', event => seen.problems.push(String(event.message)));
    addEventListener('unhandledrejection', event => seen.problems.push(String(event.reason)));
    const plain = window.fetch;
    window.fetch = async (url, ...rest) => {
        seen.asked.push(String(url));
        const isLong = String(url).includes('wait=');
        seen.pending += isLong ? 0 : 1;
        try { return await plain(url, ...rest); } finally { seen.pending -= isLong ? 0 : 1; }
    };
"""
SETTLED = """
    const main = document.querySelector('main');
    return Boolean(window.seen && seen.pending === 0 && main && main.querySelector('h1') && !main.querySelector('.busy'));
"""
SHOWN = """
    return {hash: location.hash, text: document.body.innerText, title: document.querySelector('main h1')?.textContent ?? '', ...seen,
            bad: [...document.querySelectorAll('.notice.bad, .saying.bad, .problems .notice')].map(one => one.textContent),
            scripts: document.querySelectorAll('script').length, images: document.querySelectorAll('img').length,
            handlers: [...document.querySelectorAll('*')].filter(one => one.getAttributeNames().some(name => name.startsWith('on'))).length,
            wide: document.documentElement.scrollWidth - document.documentElement.clientWidth};
"""
AXE = """
    const found = await axe.run(document, {resultTypes: ['violations'], preload: false});
    return found.violations.map(({id, impact, help, nodes}) => ({id, impact, help, at: nodes.slice(0, 4).map(node => node.target.join(' ') + ': ' + node.html.slice(0, 160))}));
"""
FOCUS = """
    const one = document.activeElement;
    return {tag: one.tagName, name: one.getAttribute('name') ?? '', text: (one.innerText ?? one.value ?? '').trim(), href: one.getAttribute('href') ?? '',
            inDialog: one.closest('dialog') !== null, cls: one.className, inTable: one.closest('tbody') !== null};
"""


class Hostile(Names):
    """What a client can choose is what an attacker would: each name has a script, quotes, and letters of several alphabets."""
    user = "anna<script>xss()</script>\"'><img src=x onerror=xss()>äß漢💥"
    others_user = "</title></style><svg onload=xss()>'\"&amp;&lt;"
    origin = "https://<img src=x onerror=xss()>.own.example"
    kid = "k<svg onload=xss()>\"'"
    room = "tea<script>xss()</script>\"'><img src=x onerror=xss()>漢"
    participant = "bert\"><img src=x onerror=xss()>'é"
    others_room = "javascript:xss()//<b>{{7*7}}${xss()}"
    realm = OWN + "<script>xss()</script>\"'&"
    software = "<script>xss()</script>"


def page_names(who="all|any"):
    """The pages that the navigation has, as pages.js lists them, or those of them that are for all administrators or any."""
    with open(os.path.join(WEB, "pages.js"), encoding="utf-8") as file:
        return re.findall(r'^    \{ name: "([a-z-]+)",.* who: "(?:%s)"' % who, file.read(), re.MULTILINE)


class Shown:
    """A world, and a browser with its pages in a window."""

    def __init__(self, names=Names):
        if not os.path.exists(os.path.join(BUILD, "console", "index.html")):
            raise tap.Skip("needs the built pages, and so npm: apt-get install npm")
        self.world = World(names=names)
        self.browser = Browser(make_certificate()[0], windows=1)

    def __enter__(self):
        self.world.__enter__()
        try:
            self.browser.__enter__()
        except BaseException:
            self.world.__exit__(None, None, None)
            raise
        self.devtools("Page.enable")
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        self.look_like("light")
        self.browser.go(0, self.url)
        return self

    def __exit__(self, *exception):
        self.browser.__exit__()
        return self.world.__exit__(*exception)

    @property
    def url(self):
        return "https://127.0.0.1:%d/" % self.world.console.web_port

    def devtools(self, command, **parameters):
        return self.browser.devtools(0, command, **parameters)

    def run(self, script, *arguments):
        return self.browser.run(0, script, *arguments)

    def press(self, *keys):
        self.browser.press(0, *keys)

    def look_like(self, look):
        width, height, is_phone = LOOKS[look]
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=is_phone)
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if look == "dark" else "light"}, {"name": "prefers-reduced-motion", "value": "reduce"}])

    def wait_settled(self, what):
        tap.wait_until(lambda: self.run(SETTLED), what, 15)

    def shown(self):
        return self.run(SHOWN)

    def sign_in(self, name=ROOT, password=ROOT_PASSWORD):
        """By typing, as a person does; the name has the focus."""
        tap.wait_until(lambda: self.run(FOCUS)["name"] == "name", "the name has the focus", 10)
        self.press(name, "Tab", password, "Enter")
        tap.wait_until(lambda: "sign-in" not in self.shown()["hash"], "somebody is signed in", 10)
        self.wait_settled("the first page")

    def open(self, place):
        self.run("location.hash = given[0];", "#/" + place)
        tap.wait_until(lambda: self.run("return document.querySelector('.page') !== null;"), place, 10)
        self.wait_settled("the page " + place)

    def places(self):
        """Each page, and one session and one room; the overview last, when there is something in its charts."""
        room = next(one for one in rooms_of(self) if one["name"] == self.world.names.room)
        parts = [quote(room[name]) for name in ("tenant", "type", "name")]
        return page_names()[1:] + ["sessions/" + self.world.session_ids(self.world.names.realm)[0], "/".join(["rooms", *parts]), "overview"]

    def picture(self, place, look):
        os.makedirs(PICTURES, exist_ok=True)
        self.browser.screenshot(0, os.path.join(PICTURES, "%s-%s.png" % (place.split("/")[0] + ("-one" if "/" in place else ""), look)))

    def expect_well(self, place):
        """Nothing went wrong in it, and its policy had nothing to stop."""
        shown = self.shown()
        tap.expect_equal((shown["violations"], shown["problems"], shown["bad"]), ([], [], []), "what went wrong at " + place)
        tap.expect(shown["title"], "%s has a heading" % place)
        other = [url for url in shown["asked"] if not url.startswith(("/", "api/", self.url))]
        tap.expect_equal(other, [], "requests to elsewhere of " + place)
        return shown


# What each page is there for: it has to be on it.
CONTENTS = {
    "sessions": ("anna", "127.0.0.1"), "users": ("anna", OWN), "realms": (OWN, "50"), "secrets": (OWN,), "peers": ("192.0.2.0",),
    "origins": ("https://app.own.example",), "oauth-keys": ("own-key",), "administrators": (ROOT, REALM_ADMIN), "rooms": ("tea",),
    "options": ("listening-port",), "log": ("allocation created",), "me": (ROOT,), "audit": ("user put", "zoe"), "tokens": ("of-the-test",),
}
FIRST_LOAD = """
    const sent = performance.getEntriesByType('resource').filter(one => !one.name.includes('/api/')).map(one => one.transferSize);
    return [performance.getEntriesByType('navigation')[0].transferSize, ...sent].reduce((sum, size) => sum + size);
"""
FIRST_LOAD_MAX = 200 * 1024


@tap.limit_s(150)
def test_each_page():
    """Each page shows what there is, in the light, the dark and on a phone; axe-core finds no serious fault in it

    It asks nobody but the console, nothing of it is wider than the window, and the first load is under 200 KB."""
    with Shown() as pages, pages.world.console.root() as web:
        web.change("PUT", "/api/v1/users/%s/zoe" % OWN, {"password": "a long password"})
        web.change("POST", "/api/v1/tokens", {"name": "of-the-test", "realm": OWN, "scopes": ["users:read"]})
        pages.wait_settled("the page of signing in")
        pages.devtools("Runtime.evaluate", expression=read_axe())
        faults = look_at(pages, "sign-in")
        pages.sign_in()
        load = pages.run(FIRST_LOAD)
        tap.diagnose("%d bytes are sent until the first page is there" % load)
        tap.expect(0 < load < FIRST_LOAD_MAX, "%d bytes" % load)
        for place in pages.places():
            pages.open(place)
            for wanted in CONTENTS.get(place, ()):
                tap.wait_until(lambda w=wanted: w in pages.shown()["text"], "%r on the page %s" % (wanted, place), 5)
            faults += look_at(pages, place)
        tap.expect_equal(faults, [], "%d faults" % len(faults))


def read_axe():
    if FOLDER is None:
        raise tap.Skip(PROBLEM)
    with open(os.path.join(FOLDER, "node_modules", "axe-core", "axe.min.js"), encoding="utf-8") as file:
        return file.read()


def look_at(pages, place):
    """Takes the page's picture in each look; what axe-core says of it."""
    faults = []
    for look in LOOKS:
        pages.look_like(look)
        pages.wait_settled(place)
        shown = pages.expect_well(place)
        tap.expect(shown["wide"] <= 0, "%s as %s is wider than the window by %d" % (place, look, shown["wide"]))
        pages.picture(place, look)
        faults += ["%s, %s: %s (%s) at %s" % (place, look, fault["help"], fault["impact"], "; ".join(fault["at"]))
                   for fault in pages.run(AXE) if fault["impact"] in SERIOUS]
    pages.look_like("light")
    return faults


@tap.limit_s(60)
def test_realm_administrator():
    """A realm's administrator finds what is of the realm, and of the pages that are of all realms only that they are"""
    with Shown() as pages:
        pages.wait_settled("the page of signing in")
        pages.sign_in(REALM_ADMIN, REALM_PASSWORD)
        for place in page_names("any"):
            pages.open(place)
            text = pages.expect_well(place)["text"]
            tap.expect(pages.world.names.others_user not in text and "198.51.100.0" not in text, "of the other realm, on " + place)
        pages.open("users")
        tap.expect(pages.world.names.user in pages.shown()["text"], "its own user")
        for place in page_names("all"):
            pages.run("location.hash = given[0];", "#/" + place)
            tap.wait_until(lambda: pages.run("return document.querySelector('main .notice.warning') !== null;"), place + " is not for it", 5)
            tap.expect_equal(pages.run("return document.querySelector('nav a[data-page=' + given[0] + ']');", place), None, "a link to " + place)
            pages.run("location.hash = '#/me';")
            pages.wait_settled("me")


@tap.limit_s(120)
def test_hostile_names():
    """Names that are scripts are texts on every page, and the page's policy has nothing to stop"""
    with Shown(Hostile) as pages:
        names = pages.world.names
        client = pages.world.console.client(user=names.user, password=PASSWORD)
        pages.world.clients.append(client)
        client.allocate((stun.ORIGIN, names.origin.encode()), (stun.SOFTWARE, names.software.encode()))
        with pages.world.console.root() as web:  # into the audit log
            web.change("PUT", "/api/v1/users/%s/%s" % ("x", "%3Cscript%3Exss()%3C%2Fscript%3E"), {"password": "a long password"})
        pages.wait_settled("the page of signing in")
        scripts = pages.shown()["scripts"]
        pages.sign_in()
        wanted = {"sessions": names.user, "users": names.user, "realms": names.realm, "origins": names.origin, "oauth-keys": names.kid, "rooms": names.room,
                  "administrators": names.realm, "audit": "<script>xss()</script>", "log": "<script>xss()</script>"}
        for place in pages.places():
            pages.open(place)
            if place in wanted:
                tap.wait_until(lambda p=place: flat(wanted[p]) in flat(pages.shown()["text"]), "%r as text on %s" % (wanted[place], place), 5)
            shown = pages.expect_well(place)
            tap.expect_equal((shown["hit"], shown["scripts"], shown["images"], shown["handlers"]), (False, scripts, 0, 0), "made of names, on " + place)
            pages.picture("hostile-" + place, "light")


def rooms_of(pages):
    with pages.world.console.root() as web:
        return web.get("/api/v1/rooms")["rooms"]


def flat(text):
    """What is left when lines were broken somewhere."""
    return re.sub(r"\s", "", text)


def tab_to(pages, fits, what, most=80):
    for _ in range(most):
        if fits(pages.run(FOCUS)):
            return
        pages.press("Tab")
    raise tap.Failure("%s is not among what Tab comes to: %r" % (what, pages.run(FOCUS)))


@tap.limit_s(60)
def test_keyboard():
    """By keyboard alone: sign in, open a session of the list, cancel it; the focus is always to be seen"""
    with Shown() as pages:
        before = pages.world.session_ids(OWN)
        pages.wait_settled("the page of signing in")
        pages.sign_in()
        pages.press("g", "s")
        tap.wait_until(lambda: pages.shown()["hash"].startswith("#/sessions"), "the list", 5)
        pages.wait_settled("the list of sessions")
        tab_to(pages, lambda focus: focus["inTable"], "the table")
        pages.press("Enter")
        tap.wait_until(lambda: re.match(r"#/sessions/\d", pages.shown()["hash"]), "one session", 5)
        pages.wait_settled("one session")
        tap.expect(pages.run(FOCUS)["tag"] != "BODY", "the focus is in the page")
        tab_to(pages, lambda focus: focus["tag"] == "BUTTON" and re.search("cancel|end", focus["text"], re.IGNORECASE), "the button that cancels")
        outline = pages.run("const style = getComputedStyle(document.activeElement); return [style.outlineStyle, style.outlineWidth, style.boxShadow];")
        tap.expect(outline[0] != "none" or outline[2] != "none", "the focus is not to be seen: %r" % outline)
        pages.press("Enter")
        tap.wait_until(lambda: pages.run(FOCUS)["inDialog"], "it asks whether to", 5)
        tab_to(pages, lambda focus: focus["inDialog"] and focus["tag"] == "BUTTON" and re.search("danger|primary", focus["cls"]), "the button that confirms", 10)
        pages.press("Enter")
        tap.wait_until(lambda: len(pages.world.session_ids(OWN)) + len(pages.world.session_ids("other.example")) == 2, "a session less", 10)
        tap.expect_equal(len(before), 2, "there were two")


@tap.limit_s(60)
def test_ended():
    """Who is signed out elsewhere is asked to sign in again, and then sees the page that was there; a wrong password is told"""
    with Shown() as pages, pages.world.console.root() as elsewhere:
        pages.wait_settled("the page of signing in")
        pages.press(ROOT, "Tab", "wrong", "Enter")
        tap.wait_until(lambda: pages.shown()["bad"], "a wrong password is told", 10)
        pages.run("document.querySelectorAll('input').forEach(one => { one.value = ''; }); document.querySelector('input').focus();")
        pages.sign_in()
        pages.open("sessions")
        elsewhere.change("POST", "/api/v1/sign-out-everywhere")
        tap.wait_until(lambda: pages.shown()["hash"].startswith("#/sign-in"), "it asks to sign in", 10)
        pages.wait_settled("the page of signing in")
        pages.sign_in()
        tap.wait_until(lambda: pages.shown()["hash"].startswith("#/sessions"), "where it was", 10)


TRIED = """
    const row = document.querySelector('#check .checked'), texts = [...document.querySelectorAll('#call .measured dd, #call .measured .checked')];
    return {check: [...document.querySelectorAll('#check .checked')].map(one => [one.className, one.textContent]), call: texts.map(one => one.textContent),
            bad: [...document.querySelectorAll('.notice.bad')].map(one => one.textContent)};
"""


@tap.limit_s(90)
def test_try_it():
    """Try it: credentials that the relay takes, a check of each of its addresses, and a call through it with its pair and time"""
    give_a_network()
    with Shown() as pages:
        pages.wait_settled("the page of signing in")
        pages.sign_in()
        pages.open("try")
        pages.run("document.querySelector('#credentials input[name=realm]').value = given[0]; document.querySelector('#credentials form button.primary').click();", OWN)
        tap.wait_until(lambda: not pages.run("return document.querySelector('#check button.primary').disabled;"), "credentials", 5)
        pages.run("document.querySelector('#check button.primary').click();")

        def is_checked():
            found = pages.run(TRIED)["check"]
            return len(found) == 2 and all("good" in one[0].split() for one in found)
        tap.wait_until(is_checked, "each address gives a relayed one: %r" % pages.run(TRIED), 20)
        pages.run("document.querySelector('#call button.primary').click();")
        tap.wait_until(lambda: any(re.search(r"\d ms", text) for text in pages.run(TRIED)["call"]), "a call and its time: %r" % pages.run(TRIED), 25)
        tried = pages.run(TRIED)
        tap.expect_equal(tried["bad"], [], "problems")
        tap.expect(sum("relay" in text for text in tried["call"]) >= 2, "both ends are relayed: %r" % tried)
        tap.expect(len(pages.world.session_ids(OWN)) >= 3, "the relay has them")
        pages.picture("try-call", "light")


if __name__ == "__main__":
    FOLDER, PROBLEM = packages.install()
    tap.main()
