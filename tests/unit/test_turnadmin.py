#!/usr/bin/env python3
"""turnadmin as an operator uses it: its own words, coturn's letters, a terminal, and what is wrong."""
import base64
import calendar
import hashlib
import json
import os
import pty
import pwd
import select
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

TURNADMIN = os.path.join(os.environ.get("builddir", "."), "turnadmin")
COTURN = "/usr/bin/turnadmin"
ALICE_MD5 = "543e1aec5d3614f03141652d6ada51b2"  # alice:example.org:secret
ALICE_SHA256 = "d1659fff7a501be15962adc35514ca6a5868905695f2dd1093741f931e000a1f"
REALM = ["--realm", "example.org"]

count = 0
failures = 0


def ok(passed, name, *details):
    global count, failures
    count += 1
    print(f"{'ok' if passed else 'not ok'} {count} - {name}", flush=True)
    if not passed:
        failures += 1
        for detail in details:
            print(f"# {detail!r}", flush=True)


class Box:
    """A directory with a database in it, and turnadmin run on it."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="turnstone-test-")
        self.database = os.path.join(self.directory, "turndb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    def run(self, *arguments, text=""):
        return subprocess.run([TURNADMIN, "-b", self.database, *arguments], input=text.encode(),
                              capture_output=True, timeout=60)

    def write(self, sql):
        database = sqlite3.connect(self.database)
        database.execute(sql)
        database.commit()
        database.close()

    def rows(self, sql):
        database = sqlite3.connect(self.database)
        rows = database.execute(sql).fetchall()
        database.close()
        return rows


def expect(result, status, name, out=None, err=None):
    """Checks the exit status, the exact output, words of standard error and that it is one line."""
    said = result.stderr.decode()
    passed = result.returncode == status
    if out is not None:
        passed = passed and result.stdout.decode() == out
    if err is None:
        passed = passed and said == ""
    else:
        passed = passed and err in said and said.count("\n") == 1
    ok(passed, name, result)


def test_users():
    with Box() as box:
        expect(box.run("user", "add", "alice", *REALM, text="secret\n"), 0, "user add", out="")
        ok(box.rows("SELECT realm, name, hmackey FROM turnusers_lt") ==
           [("example.org", "alice", ALICE_MD5)], "writes the row of coturn")
        ok(box.rows("SELECT sha256_key FROM turnstone_user_key") ==
           [(bytes.fromhex(ALICE_SHA256),)], "and the key of RFC 8489")
        ok(os.stat(box.database).st_mode & 0o777 == 0o600, "in a file of the owner alone")
        expect(box.run("user", "add", "bob", *REALM, text="hunter2\nnot this"), 0, "a line of two")
        expect(box.run("user", "list"), 0, "user list",
               out="NAME\tREALM\tKEYS\nalice\texample.org\tMD5, SHA-256\n"
                   "bob\texample.org\tMD5, SHA-256\n")
        expect(box.run("user", "list", "-r", "other"), 0, "of another realm", out="")
        listed = json.loads(box.run("user", "list", "--json").stdout)
        ok(listed[0] == {"name": "alice", "realm": "example.org", "keys": ["md5", "sha256"]},
           "as JSON", listed)
        expect(box.run("user", "list", "--json", "-r", "other"), 0, "an empty JSON list", out="[]\n")
        expect(box.run("user", "delete", "alice", *REALM), 0, "user delete", out="")
        expect(box.run("user", "delete", "alice", *REALM), 1, "twice", err="there is no user alice")
        ok(box.rows("SELECT name FROM turnusers_lt") == [("bob",)], "leaves the other")
        ok(box.rows("SELECT name FROM turnstone_user_key") == [("bob",)], "in our table too")


def test_tenants():
    with Box() as box:
        expect(box.run("tenant", "add", "acme", "--realm", "acme.example"), 0, "tenant add", out="")
        expect(box.run("tenant", "add", "acme"), 1, "twice", err="there is a tenant acme")
        expect(box.run("tenant", "add", "a/b"), 2, "a name with a slash", err="letters, digits")
        expect(box.run("tenant", "set", "acme", "relay-only", "yes"), 0, "tenant set", out="")
        expect(box.run("tenant", "set", "acme", "rooms", "12"), 0, "a number", out="")
        expect(box.run("tenant", "set", "acme", "rooms", "few"), 1, "none", err="is a number")
        expect(box.run("tenant", "set", "acme", "anybody", "perhaps"), 1, "yes or no", err="yes or no")
        expect(box.run("tenant", "set", "acme", "walls", "1"), 1, "another option", err="a tenant has no walls")
        expect(box.run("tenant", "set", "none", "rooms", "1"), 1, "another tenant", err="there is no tenant none")
        expect(box.run("tenant", "secret", "acme", text="short\n"), 1, "a short secret", err="can be guessed")
        expect(box.run("tenant", "secret", "acme", text="long enough a secret\n"), 0, "a secret", out="")
        ok(box.rows("SELECT secret, rooms_max, is_relay_only FROM turnstone_tenant") == [("long enough a secret", 12, 1)],
           "are in the row")
        shown = json.loads(box.run("tenant", "show", "acme", "--json").stdout)
        ok(shown == {"realm": "acme.example", "anybody": False, "relay-only": True, "sessions": 0, "rooms": 12,
                     "room-capacity": 0, "credentials-lifetime": 0, "secret": True}, "tenant show", shown)
        expect(box.run("tenant", "list"), 0, "tenant list", out="acme\n")
        made = box.run("token", "add", "backend", "--tenant", "acme", "--permissions", "list,moderate")
        token = made.stdout.decode().strip()
        ok(made.returncode == 0 and len(token) == 64, "token add", made)
        ok(box.rows("SELECT hash FROM turnstone_api_key") == [(hashlib.sha256(token.encode()).hexdigest(),)],
           "keeps nothing but its hash")
        expect(box.run("token", "list"), 0, "token list", out="backend[acme] moderate,list\n")
        expect(box.run("token", "add", "x", "--permissions", "fly"), 2, "no permission", err="--permissions has words")
        expect(box.run("token", "add", "x", "--tenant", "none"), 1, "no tenant", err="there is no tenant none")
        expect(box.run("token", "delete", "backend"), 1, "of another tenant", err="has no token backend")
        expect(box.run("revoke", "anna"), 2, "no user name of credentials", err="begins with the time")
        expect(box.run("revoke", "4000000000:anna"), 0, "revoke", out="")
        ok(box.rows("SELECT * FROM turnstone_revoked") == [("4000000000:anna", 4000000000)], "is in the table")
        expect(box.run("tenant", "delete", "acme"), 0, "tenant delete", out="")
        expect(box.run("token", "list"), 0, "with its tokens", out="")


def test_key():
    with Box() as box:
        expect(box.run("user", "key", "alice", *REALM, text="secret\n"), 0, "user key",
               out=f"0x{ALICE_MD5}\n")
        expect(box.run("user", "key", "alice", *REALM, "--sha256", text="secret\r\n"), 0,
               "of RFC 8489, from a line of another system", out=f"0x{ALICE_SHA256}\n")
        ok(json.loads(box.run("user", "key", "alice", *REALM, "--json", text="secret\n").stdout) ==
           {"key": "0x" + ALICE_MD5}, "as JSON")
        ok(not os.path.exists(box.database), "needs no database")
        path = os.path.join(box.directory, "password")
        with open(path, "w") as file:
            file.write("secret\nnot this\n")
        expect(box.run("user", "key", "alice", *REALM, "--password-file", path), 0,
               "with a password from a file", out=f"0x{ALICE_MD5}\n")
        expect(box.run("user", "key", "alice", *REALM, "--password-file", path + "x"), 1,
               "which is not there", err="No such file")


def test_secrets():
    with Box() as box:
        expect(box.run("secret", "add", *REALM, text="north\n"), 0, "secret add", out="")
        expect(box.run("secret", "add", *REALM, text="north\n"), 0, "is no error twice", out="")
        made = box.run("secret", "add", *REALM, "--generate").stdout.decode().strip()
        ok(len(made) == 64 and int(made, 16) >= 0, "a secret of 32 random bytes", made)
        ok(box.rows("SELECT value FROM turn_secret ORDER BY length(value)") ==
           [("north",), (made,)], "both are there")
        other = json.loads(box.run("secret", "add", *REALM, "--generate", "--json").stdout)
        expect(box.run("secret", "delete", *REALM, text=other["secret"] + "\n"), 0, "one told in JSON")
        expect(box.run("secret", "delete", *REALM, text=made + "\n"), 0, "secret delete", out="")
        expect(box.run("secret", "delete", *REALM, text="south\n"), 1, "of another",
               err="no such secret")
        expect(box.run("secret", "list"), 0, "secret list", out="north[example.org]\n")
        listed = json.loads(box.run("secret", "list", "--json").stdout)
        ok(listed == [{"realm": "example.org", "secret": "north"}], "as JSON", listed)
        expect(box.run("secret", "delete", *REALM, "--all"), 0, "all of them", out="")
        expect(box.run("secret", "list"), 0, "are gone", out="")


def test_origins():
    with Box() as box:
        expect(box.run("origin", "add", "HTTPS://Blue.Example/call", *REALM), 0, "origin add", out="")
        expect(box.run("origin", "add", "https://red.example:8443", "-r", "red"), 0, "another", out="")
        expect(box.run("origin", "list"), 0, "origin list",
               out="ORIGIN\tREALM\nhttps://blue.example:443\texample.org\nhttps://red.example:8443\tred\n")
        expect(box.run("origin", "list", "-r", "red"), 0, "of a realm",
               out="ORIGIN\tREALM\nhttps://red.example:8443\tred\n")
        listed = json.loads(box.run("origin", "list", "--json", "-r", "red").stdout)
        ok(listed == [{"origin": "https://red.example:8443", "realm": "red"}], "as JSON", listed)
        expect(box.run("origin", "add", "https://blue.example", "-r", "blue"), 0, "of another realm", out="")
        ok(box.rows("SELECT * FROM turn_origin_to_realm ORDER BY realm") ==
           [("https://blue.example:443", "blue"), ("https://red.example:8443", "red")],
           "an origin has one realm")
        expect(box.run("origin", "delete", "https://BLUE.example"), 0, "origin delete", out="")
        expect(box.run("origin", "delete", "https://blue.example"), 1, "once", err="no origin")
        expect(box.run("origin", "add", "https://x"), 2, "without a realm", err="--realm is missing")
        expect(box.run("origin", "add", *REALM), 2, "without an origin", err="is missing")
        expect(box.run("origin", "add", "x" * 256, *REALM), 2, "too long", err="255 bytes")
        expect(box.run("-O", "-o", "http://coturn", "-r", "r"), 0, "-O", out="")
        expect(box.run("-I", "-r", "r"), 0, "-I", out="http://coturn:80 ==>> r\n")
        expect(box.run("-R", "-o", "http://coturn"), 0, "-R", out="")
        expect(box.run("--list-origins", "-r", "r"), 0, "leaves none", out="")


def test_oauth():
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEK"
    with Box() as box:
        expect(box.run("oauth", "add", "north", "--realm", "crinna.org", text=key + "\n"), 0,
               "oauth add", out="")
        ok(box.rows("SELECT * FROM oauth_key") ==
           [("north", key, 0, 0, "A256GCM", "crinna.org")], "as coturn would write it")
        made = box.run("oauth", "add", "union", "--algorithm", "A128GCM", "--lifetime", "3600",
                       "--generate").stdout.decode().strip()
        ok(len(base64.b64decode(made, validate=True)) == 32, "a key of 32 random bytes", made)
        until = box.rows("SELECT timestamp FROM oauth_key WHERE kid = 'union'")[0][0] + 3600
        ok(3590 < until - time.time() < 3610, "valid from now on", until)
        expect(box.run("oauth", "list"), 0, "oauth list",
               out=f"KID\tREALM\tALGORITHM\tVALID\nnorth\tcrinna.org\tA256GCM\tfor ever\n"
                   f"union\t\tA128GCM\tuntil {until}\n")
        said = box.run("oauth", "list", "--json").stdout.decode()
        ok(key not in said and made not in said, "no key is shown")
        ok(json.loads(said)[0] == {"kid": "north", "realm": "crinna.org", "algorithm": "A256GCM",
                                   "timestamp": 0, "lifetime": 0}, "as JSON", said)
        expect(box.run("oauth", "list", "-r", "crinna.org", "--show-keys"), 0, "but when asked for",
               out=f"KID\tREALM\tALGORITHM\tVALID\tKEY\nnorth\tcrinna.org\tA256GCM\tfor ever\t{key}\n")
        listed = json.loads(box.run("oauth", "list", "--json", "--show-keys").stdout)
        ok(listed[1]["key"] == made, "as JSON too", listed)
        expect(box.run("oauth", "delete", "union"), 0, "oauth delete", out="")
        expect(box.run("oauth", "delete", "union"), 1, "once", err="no key union")
        for name, arguments, text, status, err in (
                ("a short key", (), "MTIz", 1, "32 bytes of key"),
                ("another algorithm", ("--algorithm", "A256CBC-HS512"), key, 1, "A128GCM"),
                ("no base64", (), "%%%%", 1, "base64"),
                ("no key", (), "", 1, "key"),
                ("a lifetime that is none", ("--lifetime", "1h"), key, 2, "seconds"),
                ("one that is too long", ("--lifetime", "9999999999"), key, 2, "9 digits"),
                ("a long kid", ("-u", "k" * 129), key, 2, "128 bytes")):
            words = ("oauth", "add") + (() if "-u" in arguments else ("x",))
            expect(box.run(*words, *arguments, text=text + "\n"), status, name, err=err)
        ok(len(box.rows("SELECT * FROM oauth_key")) == 1, "add nothing")


def test_realms():
    with Box() as box:
        expect(box.run("realm", "set", "north", "max-bps", "64000"), 0, "realm set", out="")
        expect(box.run("realm", "set", "north", "user-quota", "3"), 0, "another option", out="")
        expect(box.run("realm", "set", "south", "max-bps", "0"), 0, "no limit", out="")
        expect(box.run("realm", "list"), 0, "realm list",
               out="REALM\tOPTION\tVALUE\nnorth\tmax-bps\t64000\nnorth\tuser-quota\t3\nsouth\tmax-bps\t0\n")
        listed = json.loads(box.run("realm", "list", "-r", "south", "--json").stdout)
        ok(listed == [{"realm": "south", "option": "max-bps", "value": "0"}], "of a realm, as JSON", listed)
        expect(box.run("realm", "unset", "north", "max-bps"), 0, "realm unset", out="")
        expect(box.run("realm", "unset", "north", "max-bps"), 1, "once", err="has no max-bps")
        expect(box.run("realm", "unset", "south", "all"), 0, "all of a realm", out="")
        expect(box.run("-g", "-r", "north", "--max-bps=1000", "--total-quota", "7"), 0, "-g", out="")
        expect(box.run("-G"), 0, "-G",
               out="max-bps[north]=1000\ntotal-quota[north]=7\nuser-quota[north]=3\n")
        expect(box.run("--set-realm-option", "-r", "north", "--user-quota=0", "--max-bps=0"), 0,
               "0 takes it away, as coturn's help says", out="")
        expect(box.run("--list-realm-options", "-r", "north"), 0, "--list-realm-options",
               out="total-quota[north]=7\n")
        expect(box.run("--list-realm-option", "-r", "south"), 0, "--list-realm-option", out="")
        for arguments, err in ((("realm", "set", "x", "max-bps", "5k"), "without a unit"),
                               (("realm", "set", "x", "max-bps", "+1"), "give a number"),
                               (("realm", "set", "x", "max-pbs", "1"), "which option"),
                               (("realm", "set", "x", "max-bps"), "missing"),
                               (("realm", "set", "x", "max-bps", "1", "2"), "takes no \"2\""),
                               (("-g", "-r", "x"), "which option"), (("-g", "--max-bps=1"), "missing")):
            expect(box.run(*arguments), 2, "refused: %s" % " ".join(arguments), err=err)
        expect(box.run("-G"), 0, "and nothing written", out="total-quota[north]=7\n")


def test_peers():
    with Box() as box:
        expect(box.run("peer", "allow", "10.1.0.0/16", *REALM), 0, "peer allow", out="")
        expect(box.run("peer", "allow", "10.1.0.0/16", *REALM), 0, "twice", out="")
        expect(box.run("peer", "deny", "2001:db8::1"), 0, "peer deny, for every realm", out="")
        ok(box.rows("SELECT * FROM allowed_peer_ip") == [("example.org", "10.1.0.0-10.1.255.255")],
           "as coturn reads it")
        ok(box.rows("SELECT * FROM denied_peer_ip") == [("", "2001:db8::1")], "the other list")
        expect(box.run("peer", "list"), 0, "peer list",
               out="RULE\tRANGE\tREALM\nallow\t10.1.0.0-10.1.255.255\texample.org\ndeny\t2001:db8::1\t\n")
        listed = json.loads(box.run("peer", "list", "--json").stdout)
        ok(listed[1] == {"rule": "deny", "range": "2001:db8::1", "realm": ""}, "as JSON", listed)
        ok(json.loads(box.run("peer", "list", "--json", "-r", "x").stdout) == [], "none, as JSON")
        expect(box.run("peer", "deny", "10.0.0.9-10.0.0.1"), 2, "no range", err="not a range")
        expect(box.run("peer", "remove", "10.1.0.0/16"), 1, "another realm's", err="of every realm")
        expect(box.run("peer", "remove", "10.1.0.0/16", *REALM), 0, "peer remove", out="")
        expect(box.run("peer", "remove", "2001:db8:0::1"), 0, "in another form", out="")
        expect(box.run("peer", "list"), 0, "leaves none", out="")


def test_administrators():
    with Box() as box:
        expect(box.run("admin", "add", "root", text="secret\n"), 0, "admin add", out="")
        expect(box.run("admin", "add", "north", *REALM, "--coturn", text="secret\n"), 0, "in coturn's format")
        hashed = dict(box.rows("SELECT name, password FROM admin_user"))
        ok(hashed["root"].startswith("$scrypt$ln="), "the slow hash", hashed)
        salt = hashed["north"].split("$")[2]
        ok(hashed["north"] == "$5$%s$%s" % (
            salt, hashlib.sha256(bytes.fromhex(salt) + b"secret").hexdigest()), "the one of coturn", hashed)
        expect(box.run("admin", "list"), 0, "admin list",
               out="NAME\tREALM\tPASSWORD\nroot\t\tscrypt\nnorth\texample.org\tSHA-256 once: weak\n")
        expect(box.run("admin", "password", "north", text="new\n"), 0, "admin password", out="")
        ok(box.rows("SELECT realm FROM admin_user WHERE name = 'north'") == [("example.org",)], "keeps the realm")
        listed = json.loads(box.run("admin", "list", *REALM, "--json").stdout)
        ok(listed == [{"name": "north", "realm": "example.org", "password": "scrypt"}], "as JSON", listed)
        expect(box.run("admin", "password", "nobody", text="x\n"), 1, "of nobody", err="there is no administrator")
        expect(box.run("admin", "password", "north", "-r", "x", text="x\n"), 1, "of another realm",
               err="there is no administrator")
        expect(box.run("admin", "add", "x", text="\n"), 1, "an empty password", err="password is empty")
        expect(box.run("-L"), 0, "-L", out="root\nnorth[example.org]\n")
        expect(box.run("-A", "-u", "plain", "-p", "x"), 0, "-A", err="others on this machine")
        expect(box.run("-D", "-u", "plain"), 0, "-D", out="")
        expect(box.run("-D", "-u", "plain"), 0, "-D twice is no problem, as in coturn", err="there is no")
        expect(box.run("admin", "delete", "plain"), 1, "but to its own words", err="there is no")
        expect(box.run("--list-admin"), 0, "--list-admin", out="root\nnorth[example.org]\n")


def test_console_tokens():
    with Box() as box:
        expect(box.run("console", "token", "add", "bot"), 2, "a token of the console is for something", err="--scopes")
        expect(box.run("console", "token", "add", "bot", "--scopes", "users:read,users:fly"), 2,
               "that there is", err="none called users:fly")
        added = box.run("console", "token", "add", "bot", "--scopes", "users:write,users:read", "-r", "a.org")
        token = added.stdout.decode().strip()
        ok(added.returncode == 0 and len(token) == 64, "one is made and printed", added)
        ok(box.rows("SELECT hash FROM turnstone_console_token") ==
           [(hashlib.sha256(token.encode()).hexdigest(),)], "its hash alone is kept")
        expect(box.run("console", "token", "add", "bot", "--scopes", "log:read"), 1, "twice", err="there is a token bot")
        expect(box.run("console", "token", "add", "a b", "--scopes", "log:read"), 2, "a name with a space", err="letters")
        made = json.loads(box.run("console", "token", "add", "a", "--scopes", "log:read", "--lifetime", "60",
                                  "--json").stdout)
        ok(len(made["token"]) == 64, "as JSON", made)
        expect(box.run("console", "token", "list"), 0, "a list",
               out="NAME\tREALM\tSCOPES\tEXPIRES\tUSED\na\t\tlog:read\t%s\tnever\n"
                   "bot\ta.org\tusers:read,users:write\tnever\tnever\n" % time.strftime("%F", time.gmtime(time.time() + 60)))
        listed = json.loads(box.run("console", "token", "list", "--json").stdout)
        ok(listed[1]["scopes"] == ["users:read", "users:write"] and listed[0]["expires"] - listed[0]["created"] == 60,
           "as JSON", listed)
        expect(box.run("console", "token", "delete", "bot"), 0, "it is removed", out="")
        expect(box.run("console", "token", "delete", "bot"), 1, "twice", err="there is no token bot")


def test_codes():
    with Box() as box:
        box.run("admin", "add", "anna", text="secret\n")
        expect(box.run("admin", "end-codes", "anna"), 1, "who has no codes", err="who is asked for codes")
        box.run("console", "token", "add", "a", "--scopes", "log:read")  # makes the tables
        box.write("INSERT INTO turnstone_totp VALUES ('anna', '%s', 0)" % ("ab" * 20))
        expect(box.run("admin", "end-codes", "anna"), 0, "whose telephone is lost", out="")
        ok(box.rows("SELECT * FROM turnstone_totp") == [], "is asked for none")


def test_audit():
    with Box() as box:
        box.run("user", "add", "anna", *REALM, text="hunter2\n")
        box.run("secret", "add", *REALM, text="a shared secret\n")
        box.run("realm", "set", "example.org", "max-bps", "1000")
        box.run("user", "delete", "nobody", *REALM)
        box.run("user", "list")
        lines = [line.split("\t") for line in box.run("audit", "list").stdout.decode().splitlines()]
        me = pwd.getpwuid(os.getuid()).pw_name
        ok([line[1:] for line in lines] == [
            [me, "turnadmin", "realm set", "realm=example.org option=max-bps value=1000"],
            [me, "turnadmin", "secret add", "realm=example.org"],
            [me, "turnadmin", "user add", "name=anna realm=example.org"]],
           "what was changed is in the audit log, and nothing else", lines)
        ok(abs(calendar.timegm(time.strptime(lines[0][0], "%Y-%m-%dT%H:%M:%SZ")) - time.time()) < 60, "with its time", lines)
        log = json.loads(box.run("audit", "list", "--json", "--limit", "1").stdout)
        ok(len(log) == 1 and log[0]["id"] == 3 and log[0]["what"] == "realm set", "the newest as JSON", log)
        ok(b"hunter2" not in box.run("audit", "list").stdout + open(box.database, "rb").read(), "no password is in it")
        box.write("DROP TABLE turnstone_audit")
        expect(box.run("user", "add", "bert", *REALM, text="p\n"), 0, "a log that cannot be written",
               err="it is done, but the audit log could not be written")
        ok(b"bert" in box.run("user", "list").stdout, "keeps nothing from being done")


def test_passwords():
    with Box() as box:
        ok(box.run("-P", text="x\n").stdout.startswith(b"$5$"), "-P, as cli-password takes it")
        ok(box.run("password", "hash", text="x\n").stdout.startswith(b"$scrypt$"), "password hash")
        made = box.run("password", "hash", "--coturn", "--json", text="x\n")
        ok(json.loads(made.stdout)["hash"].startswith("$5$"), "password hash, as JSON", made)
        key = os.path.join(box.directory, "key")
        expect(box.run("-E", "--key-path", key), 0, "-E --key-path", out="")
        ok(os.stat(key).st_size == 16 and os.stat(key).st_mode & 0o777 == 0o600, "a key for its owner alone")
        expect(box.run("password", "make-key", key), 1, "is not written over", err="File exists")
        sealed = box.run("-E", "-f", key, text="geheim\n").stdout.decode().strip()
        expect(box.run("-f", key, "-v", sealed), 0, "-v", out="geheim\n")
        expect(box.run("password", "decrypt", sealed, "-f", key), 0, "in words", out="geheim\n")
        expect(box.run("password", "decrypt", "%%", "-f", key), 2, "no base64", err="base64")
        expect(box.run("password", "encrypt", text="x\n"), 1, "no key", err="--file-key-path is missing")
        short = os.path.join(box.directory, "short")
        with open(short, "w") as file:
            file.write("short")
        expect(box.run("-E", "-f", short, text="x\n"), 1, "a short key", err="16 bytes")


def test_other_databases():
    with Box() as box:
        for option in ("-e", "-M", "-J", "--psql-userdb", "--sql-userdb", "--mysql-userdb", "--mongo-userdb"):
            expect(box.run("-l", option, "host=x"), 2, "refused: %s" % option, err="here: --db names")


def test_coturn_letters():
    warning = "others on this machine can read a password"
    with Box() as box:
        expect(box.run("-a", "-u", "alice", "-r", "example.org", "-p", "secret"), 0, "-a -p",
               out="", err=warning)
        expect(box.run("-l"), 0, "-l", out="alice[example.org]\n")
        expect(box.run("-k", "-u", "alice", "-r", "example.org", "-p", "secret"), 0, "-k",
               out=f"0x{ALICE_MD5}\n", err=warning)
        expect(box.run("-s", "north", "-r", "example.org"), 0, "-s", out="",
               err="others on this machine can read a secret")
        expect(box.run("--set-secret=south", "-r", "example.org"), 0, "--set-secret", out="",
               err="others on this machine can read a secret")
        expect(box.run("-S", "-r", "example.org"), 0, "-S",
               out="north[example.org]\nsouth[example.org]\n")
        expect(box.run("-X", "north", "-r", "example.org"), 0, "-X", out="",
               err="others on this machine can read a secret")
        expect(box.run("--delete-all-secrets", "-r", "example.org"), 0, "--delete-all-secrets",
               out="")
        expect(box.run("-S"), 0, "leaves none", out="")
        expect(box.run("-d", "-u", "alice", "-r", "example.org"), 0, "-d", out="")
        expect(box.run("-d", "-u", "alice", "-r", "example.org"), 0, "is no problem twice", out="", err="no user")
        expect(box.run("-l"), 0, "leaves nobody", out="")


def test_both_ways():
    if not os.access(COTURN, os.X_OK):
        print(f"# {COTURN} is not installed")
        global count
        count += 1
        print(f"ok {count} - a database of coturn # SKIP {COTURN} is not installed")
        return
    with Box() as box:
        def coturn(*arguments):
            said = subprocess.run([COTURN, "-b", box.database, *arguments], cwd=box.directory,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=60).stdout.decode()
            for line in said.splitlines():  # it leaves a log behind and says where
                if "log file opened: " in line:
                    os.remove(line.split("log file opened: ")[1])
            return said
        coturn("-a", "-u", "alice", "-r", "example.org", "-p", "secret")
        expect(box.run("user", "list"), 0, "a user of coturn",
               out="NAME\tREALM\tKEYS\nalice\texample.org\tMD5\n")
        expect(box.run("user", "add", "bob", *REALM, text="x\n"), 0, "another of ours")
        listed = coturn("-l")
        ok("alice[example.org]" in listed and "bob[example.org]" in listed, "both in coturn's list")
        ok(box.run("-k", "-u", "bob", "-r", "r", text="x\n").stdout.decode() in
           coturn("-k", "-u", "bob", "-r", "r", "-p", "x"), "-k prints what coturn's prints")


def test_refused():
    with Box() as box:
        add = ("user", "add")
        expect(box.run(*add, "a\nb", *REALM), 2, "a control character", err="control character")
        expect(box.run(*add, "a\x7f", *REALM), 2, "another", err="control character")
        expect(box.run(*add, "", *REALM), 2, "an empty name", err="name is empty")
        expect(box.run(*add, "a", "--realm", ""), 2, "an empty realm", err="realm is empty")
        expect(box.run(*add, "a" * 514, *REALM), 2, "a long name", err="longer than 513")
        expect(box.run(*add, "a", "-r", "r" * 764), 2, "a long realm", err="longer than 763")
        expect(box.run(*add, *REALM), 2, "no name", err="what to add is missing")
        expect(box.run(*add, "a"), 2, "no realm", err="--realm is missing")
        ok(not os.path.exists(box.database), "none of them made a database")
        expect(box.run(*add, "a", *REALM, text=""), 1, "no password", err="password is empty")
        expect(box.run(*add, "a", *REALM, text="x\x01\n"), 1, "one with a control character",
               err="control character")
        expect(box.run(*add, "a", *REALM, text="x" * 513 + "\n"), 1, "a long one",
               err="longer than 512")
        expect(box.run("secret", "add", *REALM, text="x" * 256 + "\n"), 1, "a long secret",
               err="longer than 255")
        expect(box.run("secret", "add", "mysecret", *REALM), 2, "a secret as a word",
               err="takes no")
        expect(box.run(), 2, "nothing to do", err="what shall it do")
        expect(box.run("user"), 2, "half a verb", err="is nothing it can do")
        expect(box.run("user", "fly", "x"), 2, "no verb", err="is nothing it can do")
        expect(box.run("-a", "-l"), 2, "two verbs", err="one thing at a time")
        expect(box.run("--fly"), 2, "no option", err="--fly")
        expect(box.run("-r"), 2, "no value", err="needs a value")
    result = subprocess.run([TURNADMIN, "-b", "/no/such/turndb", "user", "list"],
                            capture_output=True, timeout=60)
    expect(result, 1, "no directory", err="there is no directory /no/such")


def test_running():
    """What the arguments of the verbs that ask a running server may be, and no server to ask."""
    with Box() as box:
        to = ("--control-socket", os.path.join(box.directory, "socket"))
        for words in (("status",), ("counters", "--by-thread"), ("drain", "--deadline", "5"),
                      ("undrain",), ("alternate-server", "list"),
                      ("alternate-server", "add", "192.0.2.1"),
                      ("alternate-server", "delete", "192.0.2.1", "--kind", "tls")):
            expect(box.run(*words, *to), 1, "nobody to ask: %s" % " ".join(words),
                   err="no server listens there: start turnserver")
        expect(box.run("status", "--control-socket", "/" + "x" * 200), 1, "a path too long",
               err="name too long")
        expect(box.run("status", "more", *to), 2, "status takes nothing", err="takes no \"more\"")
        expect(box.run("alternate-server", *to), 2, "half a verb", err="nothing it can do")
        expect(box.run("alternate-server", "add", *to), 2, "no server",
               err="what to add is missing")
        expect(box.run("alternate-server", "add", "a", "b", *to), 2, "two servers",
               err="takes no \"b\"")
        for number in ("", "x", "-1", "1s", "99999999999999999999"):
            expect(box.run("drain", "--deadline", number, *to), 2, "no deadline: %r" % number,
                   err="give a number")
            expect(box.run("drain", "--minimum", number, *to), 2, "no minimum: %r" % number,
                   err="give a number")


def test_help():
    with Box() as box:
        result = box.run("--help")
        ok(result.returncode == 0 and b"user add" in result.stdout and result.stderr == b"",
           "--help", result)
        ok(max(map(len, result.stdout.decode().splitlines())) <= 80, "is 80 columns wide")
        verbs = [line.split("  ")[1] for line in result.stdout.decode().split("\n\n")[2].splitlines()
                 if line.startswith("  ") and line[2] != " "]
        ok(len(verbs) > 15 and "oauth list" in verbs, "it tells what there is", verbs)
        for verb in verbs:
            result = box.run(*verb.split(), "--help")
            ok(result.returncode == 0 and
               result.stdout.decode().startswith("turnadmin %s" % verb) and
               result.stdout.count(b"turnadmin %s" % verb.split()[0].encode()) == 1,
               "%s --help" % verb, result)
        said = box.run("user", "add", "--help").stdout.decode()
        ok("NAME --realm REALM [--password-file FILE]" in said and "--password-file FILE    read" in said
           and "--json" not in said, "with the options that it takes", said)
        ok(box.run("secret", "--help").stdout.count(b"turnadmin secret ") == 4, "all of a noun")
        result = box.run("--version")
        ok(result.returncode == 0 and result.stdout.count(b".") == 2 and
           b" " not in result.stdout, "--version is bare", result)


def test_hostile_rows():
    """What others wrote into the database reaches neither the terminal nor the reader of JSON."""
    with Box() as box:
        box.run("user", "add", "alice", *REALM, text="x\n")
        database = sqlite3.connect(box.database)
        database.execute("INSERT INTO turnusers_lt VALUES ('r', ?, ?)",
                         ("a\x1b[2J\"\\\u00e4", ALICE_MD5))
        database.execute("INSERT INTO turnusers_lt VALUES ('r', CAST(x'62ff' AS TEXT), ?)",
                         (ALICE_MD5,))
        database.commit()
        database.close()
        result = box.run("user", "list", "-r", "r")
        ok(b"\x1b" not in result.stdout and b"\\x1b[2J" in result.stdout, "escapes are shown", result)
        listed = json.loads(box.run("user", "list", "-r", "r", "--json").stdout.decode("utf-8"))
        ok(sorted(user["name"] for user in listed) == ["a\x1b[2J\"\\\u00e4", "b\ufffd"],
           "JSON holds any name", listed)


def on_terminal(arguments, lines):
    """Runs turnadmin on a terminal of its own; types a line at each prompt. Returns what the
    terminal showed and the exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(TURNADMIN, [TURNADMIN, *arguments])
    shown = b""
    lines = list(lines)
    while select.select([terminal], [], [], 30)[0]:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
        if lines and shown.endswith(b": "):
            os.write(terminal, lines.pop(0))
    os.close(terminal)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_terminal():
    with Box() as box:
        add = ["-b", box.database, "user", "add", "alice", *REALM]
        shown, status = on_terminal(add, [b"secret\n", b"secret\n"])
        ok(status == 0 and shown == b"password: \r\npassword again: \r\n",
           "a password is asked for twice, without echo", shown, status)
        ok(box.rows("SELECT hmackey FROM turnusers_lt") == [(ALICE_MD5,)], "and set")
        shown, status = on_terminal(add, [b"one\n", b"two\n"])
        ok(status == 1 and b"not the same" in shown and b"one" not in shown,
           "two that differ are refused", shown, status)
        shown, status = on_terminal(["-b", box.database, "admin", "add", "root"], [b"hunter2\n"] * 2)
        ok(status == 0 and shown == b"password: \r\npassword again: \r\n", "an administrator's too", shown, status)
        shown, status = on_terminal(["-b", box.database, "-A", "-u", "root"], [b"hunter2\n", b"hunter3\n"])
        ok(status == 1 and b"hunter" not in shown, "in coturn's letters", shown, status)
        shown, status = on_terminal(["-b", box.database, "secret", "delete", *REALM], [b"north\n"])
        ok(status == 1 and shown.startswith(b"secret: \r\nturnadmin: there is no such"),
           "what is there already is asked for once", shown, status)
        shown, status = on_terminal(add, [b"sec\x03"])
        ok(status == 1 and b"sec" not in shown, "^C ends it", shown, status)
        ok(box.rows("SELECT hmackey FROM turnusers_lt") == [(ALICE_MD5,)], "with nothing changed")


def main():
    test_users()
    test_tenants()
    test_key()
    test_secrets()
    test_origins()
    test_oauth()
    test_realms()
    test_peers()
    test_administrators()
    test_console_tokens()
    test_codes()
    test_audit()
    test_passwords()
    test_other_databases()
    test_coturn_letters()
    test_both_ways()
    test_refused()
    test_running()
    test_help()
    test_hostile_rows()
    test_terminal()
    print(f"1..{count}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
