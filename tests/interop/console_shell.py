#!/usr/bin/env python3
"""The console around its lists, in Chromium and against the real programs: what the overview, the log and the options show without being
loaded again; the administrator's own password and codes; languages, looks, the keyboard, and the drawer of a phone."""
import atexit
import contextlib
import os
import sys
import time

from console_lists import Lists
from harness import tap
from harness.console import ROOT, ROOT_PASSWORD, code_of
from harness.console_world import PASSWORD

TILES = """
    return Object.fromEntries([...document.querySelectorAll('.tile')].map(one => [one.querySelector('h2').textContent, one.querySelector('.figure').innerText]));
"""
OVERVIEW = """
    return {state: document.querySelector('.states').innerText, buttons: [...document.querySelectorAll('.page-head button')].map(one => one.textContent),
            charts: document.querySelectorAll('.charts canvas').length, figures: [...document.querySelectorAll('.chart-head li')].map(one => one.textContent),
            threads: [...document.querySelectorAll('.tight tbody th')].map(one => one.textContent), away: document.querySelector('.is-away') !== null};
"""
LINES = "return [...document.querySelectorAll('.lines tbody tr')].map(one => one.innerText.replace(/\\s+/g, ' ').trim());"
OPTION = """
    const row = [...document.querySelectorAll('.options tbody tr')].find(one => one.querySelector('th code').textContent === given[0]);
    return row && {value: row.children[1].innerText, source: row.children[2].innerText, changes: row.querySelector('button') !== null, section: row.closest('section').querySelector('h2').textContent};
"""
PICK = """
    const one = [...document.querySelectorAll('select')].find(select => select.ariaLabel === given[0]);
    one.value = given[1];
    one.dispatchEvent(new Event('change'));
"""
HELD = "return [document.documentElement.lang, getComputedStyle(document.body).backgroundColor, document.querySelector('main h1')?.textContent];"
DRAWER = """
    const side = document.querySelector('.side').getBoundingClientRect();
    return [side.right > 1 && getComputedStyle(document.querySelector('.side')).visibility === 'visible', document.querySelector('.menu').ariaExpanded];
"""


class Shell(Lists):
    def wait_for(self, script, fits, what, *arguments, patience=8):
        tap.wait_until(lambda: fits(self.run(script, *arguments)), "%s: %r" % (what, self.run(script, *arguments)), patience)

    def submit(self, label, **values):
        """A form of the page itself, by one of its fields; label: of its button."""
        self.fill(**values)
        self.click(label)

    def sign_out(self):
        self.click("Sign out")
        tap.wait_until(lambda: self.shown()["hash"].startswith("#/sign-in"), "it asks to sign in", 8)
        self.wait_settled("the page of signing in")


shells = []  # the one there is


@contextlib.contextmanager
def shell():
    """One world serves all tests, each of which takes it as it is; it ends with the first that fails, and says what it has to."""
    if not shells:
        shells.append(Shell())
        shells[0].__enter__()
    try:
        yield shells[0]
    except BaseException:
        end_shell(*sys.exc_info())
        raise


def end_shell(*exception):
    while shells:
        shells.pop().__exit__(*(exception or (None, None, None)))


atexit.register(end_shell)


@tap.limit_s(60)
def test_overview():
    """Figures and charts follow the relay by themselves; draining is said and taken back; a relay that is away is a state of the page"""
    with shell() as pages:
        pages.open("overview")
        pages.wait_for(TILES, lambda tiles: tiles["Allocations"] == "3", "the world's allocations")
        pages.wait_for(OVERVIEW, lambda now: now["charts"] == 6 and "relay-1" in now["threads"], "charts and threads")
        client = pages.world.console.client(user=pages.world.names.user, password=PASSWORD)
        pages.world.clients.append(client)
        client.allocate()
        pages.wait_for(TILES, lambda tiles: tiles["Allocations"] == "4", "one more, by itself")
        pages.wait_for(OVERVIEW, lambda now: "Allocations 4" in now["figures"], "and in its chart")
        pages.click("Drain")
        pages.click("Drain")
        pages.wait_for(OVERVIEW, lambda now: "4 are left" in now["state"] and now["buttons"] == ["Take allocations again"], "it drains")
        pages.click("Take allocations again")
        pages.wait_for(OVERVIEW, lambda now: now["state"] == "" and now["buttons"] == ["Drain"], "it does no longer")
        socket = pages.world.console.control_socket
        os.rename(socket, socket + ".elsewhere")
        pages.wait_for(OVERVIEW, lambda now: now["away"] and "does not answer" in now["state"], "it is away")
        tap.expect_equal(pages.run(OVERVIEW)["charts"], 6, "charts of the time when it was there")
        os.rename(socket + ".elsewhere", socket)
        pages.wait_for(OVERVIEW, lambda now: not now["away"] and now["state"] == "", "it is there again")
        tap.expect_equal((pages.shown()["violations"], pages.shown()["problems"]), ([], []), "what went wrong")


@tap.limit_s(40)
def test_log():
    """The log comes by itself, is found by event and key, and stays as it is while it is read"""
    with shell() as pages:
        pages.open("log")
        pages.wait_for(LINES, lambda lines: any("allocation created" in line for line in lines), "allocations of the world")
        pages.run("const one = [...document.querySelectorAll('main input')].find(input => input.ariaLabel === 'Event');"
                  "one.value = 'allocation created'; one.dispatchEvent(new Event('change'));")
        pages.wait_for(LINES, lambda lines: len(lines) > 2 and all("allocation created" in line for line in lines), "this event alone")
        before = len(pages.run(LINES))
        tap.expect("event=allocation+created" in pages.shown()["hash"], "it is in the address")
        pages.run("document.querySelector('main h1').focus();")
        pages.press("p")
        client = pages.world.console.client(user=pages.world.names.user, password=PASSWORD)
        pages.world.clients.append(client)
        client.allocate()
        asked = pages.shown()["asked"]
        tap.expect_equal(len(pages.run(LINES)), before, "lines while it is stopped")
        tap.expect_equal(pages.run("return document.querySelector('main button').textContent;"), "Go on", "the button")
        tap.expect_equal(len(pages.shown()["asked"]), len(asked), "what is asked while it is stopped")
        pages.press("p")
        pages.wait_for(LINES, lambda lines: len(lines) == before + 1, "the line that came meanwhile")


@tap.limit_s(40)
def test_options():
    """Options are found, in the manual's sections; one is changed while the server runs; what it refuses is shown at the field"""
    with shell() as pages:
        pages.open("options")
        pages.wait_for(OPTION, lambda row: row and row["section"] == "Limits" and row["changes"] and row["source"] == "default", "the option", "max-bps")
        tap.expect_equal(pages.run(OPTION, "relay-threads")["changes"], False, "an option that takes a restart")
        tap.expect_equal(pages.run(OPTION, "relay-threads")["source"] != "default", True, "an option of the command line")
        pages.run("const one = document.querySelector('main input[type=search]'); one.value = 'max-bps'; one.dispatchEvent(new Event('change'));")
        pages.wait_for(OPTION, lambda row: row is None, "others are not shown", "relay-threads")
        pages.click("Change max-bps")
        pages.fill(value="many")
        pages.click("Change")
        pages.wait_dialog(lambda dialog: dialog["errors"].get("value") or dialog["above"], "no number")
        pages.fill(value="250000")
        pages.click("Change")
        pages.wait_closed()
        pages.wait_for(OPTION, lambda row: row and "250000" in row["value"] and row["source"] != "default", "the new value", "max-bps")
        tap.expect("max-bps" in pages.run("return document.querySelector('.notice.good').innerText;"), "what has changed is said")
        with pages.web as web:
            entries = web.get("/api/v1/audit")["audit"]
        pages.open("audit")
        tap.expect(any("max-bps" in entry["on"] for entry in entries) and "max-bps" in pages.shown()["text"], "it is in the audit log")


@tap.limit_s(40)
def test_reader():
    """The language and the looks that a reader chooses hold, and are there again when the page is loaded anew"""
    with shell() as pages:
        pages.open("overview")
        light = pages.run(HELD)
        pages.run(PICK, "Light or dark", "dark")
        tap.expect(pages.run(HELD)[1] != light[1], "it is dark: %r" % pages.run(HELD))
        dark = pages.run(HELD)[1]
        pages.run(PICK, "Language", "de")
        pages.wait_for("return document.readyState === 'complete' && Boolean(document.querySelector('main h1'));", bool, "loaded anew")
        pages.wait_for(HELD, lambda now: now == ["de", dark, "Überblick"], "in German, in the dark")
        pages.run(PICK, "Sprache", "en")
        pages.wait_for(HELD, lambda now: now == ["en", dark, "Overview"], "in English again")
        pages.run(PICK, "Light or dark", "auto")
        tap.expect_equal(pages.run(HELD), light, "as at first")


@tap.limit_s(40)
def test_keys():
    """"?" shows what keys do and Escape puts it away; "/" goes to the search; the drawer of a phone opens and is left"""
    with shell() as pages:
        pages.open("options")
        pages.press("?")
        pages.wait_for("return document.querySelector('dialog[open]')?.innerText ?? '';", lambda text: "Keyboard" in text and "Options" in text, "the list")
        pages.press("Escape")
        pages.wait_for("return document.querySelector('dialog');", lambda dialog: dialog is None, "it is gone")
        pages.press("/")
        tap.expect_equal(pages.run("return document.activeElement.type;"), "search", "what has the focus")
        pages.press("g", "l")
        tap.expect_equal(pages.shown()["hash"].split("?")[0], "#/options", "where letters are typed, they go nowhere")
        pages.press("Escape", "g", "l")
        tap.wait_until(lambda: pages.shown()["hash"] == "#/log", "the log", 5)
        pages.look_like("phone")
        tap.expect_equal(pages.run(DRAWER)[0], False, "the drawer is shut")
        pages.run("document.querySelector('.menu').click();")
        pages.wait_for(DRAWER, lambda now: now == [True, "true"], "the drawer is open")
        pages.press("Escape")
        pages.wait_for(DRAWER, lambda now: now == [False, "false"], "it is shut again")
        pages.run("document.querySelector('.menu').click();")
        pages.run("document.querySelector('.side a[data-page=audit]').click();")
        tap.wait_until(lambda: pages.shown()["hash"] == "#/audit" and not pages.run(DRAWER)[0], "a page, and the drawer is shut", 5)


@tap.limit_s(60)
def test_own_account():
    """A new password, refused where the old one is wrong; codes from their secret to the sign-in that asks for one; and their end"""
    with shell() as pages:
        pages.open("me")
        pages.submit("Set password", old="wrong one 1", new="another good 1", again="another good 1")
        tap.wait_until(lambda: "not right" in str(pages.shown()["bad"]), "the old one is wrong", 8)
        pages.submit("Set password", old=ROOT_PASSWORD, new="another good 1", again="another good 1")
        tap.wait_until(lambda: "The new password holds" in pages.shown()["text"], "it is set", 8)
        pages.run("const form = [...document.querySelectorAll('form')].find(one => one.innerText.includes('Set up codes'));"
                  "form.elements.old.value = given[0]; form.requestSubmit();", "another good 1")
        tap.wait_until(lambda: pages.run("return document.querySelectorAll('.copyable code').length;") == 2, "the secret and the address", 8)
        secret, address = pages.run("return [...document.querySelectorAll('.copyable code')].map(one => one.textContent);")
        tap.expect(address.startswith("otpauth://totp/") and secret in address, "an address for apps: %r" % address)
        confirm = "const form = document.querySelector('.copyable ~ form'); form.querySelector('input').value = given[0]; form.requestSubmit();"
        pages.run(confirm, "000000" if code_of(secret) != "000000" else "000001")
        tap.wait_until(lambda: pages.shown()["bad"], "a wrong code is told", 8)
        pages.run(confirm, code_of(secret))
        tap.wait_until(lambda: "From now on a code is asked for" in pages.shown()["text"], "codes are on", 8)
        pages.sign_out()
        pages.press(ROOT, "Tab", "another good 1", "Enter")
        tap.wait_until(lambda: pages.run("return document.activeElement.name;") == "code", "it asks for a code", 10)
        # RFC 6238 section 5.2: a code is good once; the one of the next step is good already.
        pages.press(code_of(secret, time.time() + 30), "Enter")
        tap.wait_until(lambda: "sign-in" not in pages.shown()["hash"], "somebody is signed in: %r" % pages.shown()["bad"], 10)


if __name__ == "__main__":
    tap.main()
