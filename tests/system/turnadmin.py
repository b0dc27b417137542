#!/usr/bin/env python3
"""turnadmin beside coturn's on one SQLite file, each way, and beside coturn's server: what one writes the
other reads. COTURN names a folder with a coturn built from source (turnadmin, turnserver), to test
against as well as the installed one."""
import contextlib
import glob
import os
import re
import subprocess

from harness import tap
from harness.client import Client
from harness.server import Folder, Server
from harness.store import Store

TURNADMIN = os.path.abspath(os.path.join(os.environ.get("BUILD", "."), "turnadmin"))
PLACES = [path for path in (os.environ.get("COTURN"), "/usr/bin") if path]


def coturns(name):
    """Each coturn there is, of which this program is there."""
    found = [os.path.join(place, name) for place in PLACES]
    found = [path for path in found if os.access(path, os.X_OK)]
    if not found:
        raise tap.Skip(name + " of coturn is not there")
    return found


class Both:
    """A database, and the two programs that write it; coturn's log lines are not its answer."""

    def __init__(self, coturn):
        self.store, self.coturn = Store(), coturn

    def run(self, program, words, text=""):
        result = subprocess.run([program, "-b", self.store.path, *words], input=text.encode(), cwd=Folder.get(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, check=False)
        for line in glob.glob(os.path.join(Folder.get(), "turn_*.log")):
            os.remove(line)
        out = [line for line in result.stdout.decode().splitlines()
               if line and not re.match(r"\d+: |[0-9T:.-]+Z? ?: |[0-9-]+T", line)]
        return result.returncode, out

    def ours(self, *words, text=""):
        code, out = self.run(TURNADMIN, words, text)
        tap.expect_equal(code, 0, "turnadmin " + " ".join(words))
        return out

    def theirs(self, *words):
        code, out = self.run(self.coturn, words)
        tap.expect_in(code, (0,), "coturn's turnadmin " + " ".join(words))
        return out

    def each(self, *words):
        """What both print."""
        ours, theirs = self.ours(*words), self.theirs(*words)
        tap.expect_equal(ours, theirs, "what %s prints" % " ".join(words))
        return ours


# What coturn's turnadmin is told, and turnadmin in the very same words; what lists print then.
WRITES = (
    (("-a", "-u", "anna", "-r", "north", "-p", "secret"), ("-a", "-u", "zoe", "-r", "east", "-p", "x"),
     ("--add", "--user=ben", "--realm=north", "--password=y")),
    (("-s", "deep", "-r", "north"), ("--set-secret=blue", "--realm=north"), ("-s", "red", "-r", "east")),
    (("-O", "-o", "https://north.example", "-r", "north"), ("-O", "-o", "HTTP://East.Example:81/x", "-r", "east"),
     ("--add-origin", "--origin=https://a.example", "--realm=north")),
    (("-g", "-r", "north", "--max-bps=64000", "--total-quota=9", "--user-quota=3"),
     ("--set-realm-option", "-r", "east", "--user-quota=1")),
    (("-A", "-u", "root", "-p", "x"), ("-A", "-u", "boss", "-r", "north", "-p", "y"),
     ("--add-admin", "--user=aide", "--realm=east", "--password=z")),
)
LISTS = (("-l",), ("-l", "-r", "north"), ("--list", "--realm=nowhere"), ("-S",), ("-S", "-r", "north"),
         ("-I",), ("-I", "-r", "north"), ("-G",), ("-G", "-r", "north"), ("-L",), ("--list-admin",))
DELETES = (("-d", "-u", "ben", "-r", "north"), ("-d", "-u", "nobody", "-r", "north"), ("-X", "blue", "-r", "north"),
           ("-X", "none", "-r", "north"), ("--delete-all-secrets", "-r", "east"), ("-R", "-o", "https://A.example/"),
           ("-R", "-o", "https://none.example"), ("-D", "-u", "aide"), ("-D", "-u", "nobody"))


def rows_of(store):
    """All of coturn's tables, but for the passwords of administrators, which are salted."""
    tables = ("turnusers_lt", "turn_secret", "turn_origin_to_realm", "turn_realm_option")
    return {table: sorted(store.sql("SELECT * FROM " + table)) for table in tables} | {
        "admin_user": sorted(store.sql("SELECT name, ifnull(realm, '') FROM admin_user"))}


def test_same_words():
    """The same words to both programs make the same rows, and both lists are the same"""
    for coturn in coturns("turnadmin"):
        ours, theirs = Both(coturn), Both(coturn)
        for words in [words for group in WRITES for words in group]:
            ours.ours(*words)
            theirs.theirs(*words)
        tap.expect_equal(rows_of(ours.store), rows_of(theirs.store), "the rows")
        for both in (ours, theirs):
            for words in LISTS:
                both.each(*words)
        for words in DELETES:
            ours.ours(*words)
            theirs.theirs(*words)
        tap.expect_equal(rows_of(ours.store), rows_of(theirs.store), "the rows that are left")
        tap.expect_equal(len(rows_of(ours.store)["turnusers_lt"]), 2, "of which there are some")


def test_each_reads_the_other():
    """What one writes the other lists, changes and deletes"""
    for coturn in coturns("turnadmin"):
        both = Both(coturn)
        for i, words in enumerate(words for group in WRITES for words in group):
            (both.ours if i % 2 else both.theirs)(*words)
        for words in LISTS:
            tap.expect(both.each(*words) or "nowhere" in words[-1], "%s has rows" % (words,))
        for i, words in enumerate(DELETES):
            (both.theirs if i % 2 else both.ours)(*words)
        for words in LISTS:
            both.each(*words)
        tap.expect_equal(both.each("-l"), ["zoe[east]", "anna[north]"], "users that are left")


def test_passwords():
    """-k, -P and -E make what coturn's do, and each decrypts what the other encrypted"""
    for coturn in coturns("turnadmin"):
        both = Both(coturn)
        both.each("-k", "-u", "anna", "-r", "north", "-p", "secret")
        shape = r"\$5\$[0-9a-f]{16}\$[0-9a-f]{64}$"
        tap.expect(re.match(shape, both.theirs("-P", "-p", "x")[0]), "coturn's hash")
        tap.expect(re.match(shape, both.ours("-P", "--coturn", "-p", "x")[0]), "ours for coturn")
        tap.expect(both.ours("-P", "-p", "x")[0].startswith("$scrypt$"), "ours")
        key = os.path.join(Folder.get(), "key%d" % Store.count)
        both.ours("-E", "-x", key)
        sealed = both.each("-E", "-f", key, "-p", "geheim")[0]
        tap.expect_equal(both.each("-f", key, "-v", sealed), ["geheim"], "decrypted")


@contextlib.contextmanager
def coturn_server(path, store, *options):
    """coturn's own server on the database."""
    before = os.environ.get("SERVER")
    os.environ["SERVER"] = path
    try:
        with Server("--userdb=" + store.path, *options, credentials=False) as server:
            yield server
    finally:
        del os.environ["SERVER"]
        if before:
            os.environ["SERVER"] = before


def test_users_in_coturns_server():
    """coturn's server lets in users, secrets and realms that turnadmin wrote"""
    for path in coturns("turnserver"):
        both = Both(None)
        both.ours("user", "add", "anna", "--realm", "north", text="secret\n")
        both.ours("user", "add", "ben", "--realm", "north", text="other\n")
        both.ours("origin", "add", "https://east.example", "--realm", "east")
        with coturn_server(path, both.store, "--lt-cred-mech", "--realm=north") as server:
            for user, password, error in (("anna", "secret", 0), ("ben", "other", 0), ("ben", "secret", 401)):
                with Client(server.address, user=user, password=password) as client:
                    tap.expect_equal(client.try_allocate(), error, "%s with %s at %s" % (user, password, path))


def test_users_in_our_server():
    """Our server lets in users that coturn's turnadmin wrote, and new passwords count"""
    for coturn in coturns("turnadmin"):
        both = Both(coturn)
        both.theirs("-a", "-u", "anna", "-r", "north", "-p", "secret")
        with Server("--userdb=" + both.store.path, "--lt-cred-mech", "--realm=north", credentials=False) as server:
            with Client(server.address, user="anna", password="secret") as client:
                client.allocate()
            both.ours("user", "add", "anna", "--realm", "north", text="changed\n")

            def is_let_in():
                with Client(server.address, user="anna", password="changed") as client:
                    return client.try_allocate() == 0
            tap.wait_until(is_let_in, "the new password counts")


def test_oauth_and_peers():
    """Rows of oauth_key and of the lists of peers are as coturn's own schema has them"""
    for coturn in coturns("turnadmin"):
        both = Both(coturn)
        both.theirs("-a", "-u", "anna", "-r", "north", "-p", "x")  # so that coturn makes the tables
        both.ours("oauth", "add", "kid", "--realm", "north", text="MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEK\n")
        both.ours("peer", "deny", "10.0.0.0/8", "--realm", "north")
        both.ours("peer", "allow", "192.0.2.1")
        tap.expect_equal(both.store.sql("SELECT kid, as_rs_alg, realm FROM oauth_key"),
                         [("kid", "A256GCM", "north")], "the key")
        tap.expect_equal(both.store.sql("SELECT realm, ip_range FROM denied_peer_ip"),
                         [("north", "10.0.0.0-10.255.255.255")], "the range, for coturn knows no prefix")
        tap.expect_equal(both.store.sql("SELECT realm, ip_range FROM allowed_peer_ip"), [("", "192.0.2.1")], "the other")
        both.each("-l")


if __name__ == "__main__":
    tap.main()
