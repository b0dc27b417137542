#!/usr/bin/env python3
"""What can happen to an SQLite file, done to it while real programs use it: calls go on, who is known is let
in, who is not waits or gets 508, one line says what it is and how to mend it, and once it is mended all is
as before and nothing that was stored is lost."""
import contextlib
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import time

from harness import tap
from harness.client import Client, Peer, exchange_both_ways
from harness.server import REALM, Folder, Server, program
from harness.store import Store

CLONE_NEWNS = 0x00020000
SOON_S = 8  # a store is tried again after at most 5 s
OPTIONS = ("--allow-loopback-peers", "--lt-cred-mech", "--realm=" + REALM, "--relay-threads=2")
KILLS, MIGRATIONS = 200, 60
COTURN = "/usr/bin/turnserver"


def serving(store, **how):
    return Server(*OPTIONS, store.option, credentials=False, **how)


def store_of(*names, path=None):
    store = Store()
    if path:
        store.path = path
    for name in names:
        store.admin("user", "add", name, "--realm", REALM, text="secret\n")
    return store


def allocates(server, name):
    """0, or the error of an Allocate."""
    with Client(server.address, user=name, password="secret") as client:
        return client.try_allocate()


class Call:
    """A call of a user, who is known from then on."""

    def __init__(self, server, name):
        self.peer = Peer()
        self.client = Client(server.address, user=name, password="secret")
        self.client.allocate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.peer.__exit__()

    def goes_on(self):
        tap.expect(exchange_both_ways(self.client, self.peer), "the call has data")
        self.client.refresh(600)


def away_lines(server):
    return [line for line in server.log().splitlines() if "ERROR store is away:" in line]


def survive(server, call, stranger, words):
    """During a fault: what has to hold; words are what the log says of it."""
    tap.wait_until(lambda: allocates(server, stranger) == 508, "a stranger is told to wait", SOON_S)
    tap.wait_until(lambda: away_lines(server), "the log tells")
    call.goes_on()
    tap.expect_equal(allocates(server, "known"), 0, "who is known is let in")
    tap.expect(words in away_lines(server)[-1], "how to mend it: %r in %r" % (words, away_lines(server)))
    tap.expect_equal(len(away_lines(server)), 1, "lines of it")


def recover(server, call, *names):
    tap.wait_until(lambda: "store is back" in server.log(), "it is back", SOON_S)
    for name in names:
        tap.wait_until(lambda name=name: allocates(server, name) == 0, name + " is let in", SOON_S)
    call.goes_on()
    tap.expect_equal([len(away_lines(server)), server.log().count("store is back")], [1, 1], "what was logged")


def test_removed():
    """The file is removed, and put back"""
    store = store_of("known", "other")
    with serving(store) as server, Call(server, "known") as call:
        os.rename(store.path, store.path + ".aside")
        survive(server, call, "other", "was removed or replaced: put it back")
        os.rename(store.path + ".aside", store.path)
        recover(server, call, "other")


def test_replaced():
    """The file is replaced by another: that one counts"""
    store, better = store_of("known"), store_of("known", "new")
    with serving(store) as server, Call(server, "known") as call:
        tap.expect_equal(allocates(server, "new"), 401, "who is not in the first")
        os.replace(better.path, store.path)
        tap.wait_until(lambda: "store is back" in server.log(), "the other file is open", SOON_S)
        tap.wait_until(lambda: allocates(server, "new") == 0, "who is in the second is let in", SOON_S)
        call.goes_on()


def test_locked():
    """Another program holds a lock on a file of coturn's"""
    store = Store()
    for name in ("known", "other"):
        store.coturn_admin("-a", "-u", name, "-r", REALM, "-p", "secret")
    with serving(store) as server, Call(server, "known") as call, \
            contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        survive(server, call, "other", "is locked by another program")
        refused = admin(store, "user", "add", "late", "--realm", REALM)
        tap.expect(refused.returncode != 0 and b"is locked by another program" in refused.stderr,
                   "turnadmin gives up: %r" % refused.stderr)
        holder.execute("ROLLBACK")
        recover(server, call, "other")


def test_writer():
    """In WAL mode a program that writes for long keeps nobody from reading"""
    store = store_of("known", "other")
    with serving(store) as server, Call(server, "known") as call, \
            contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as holder:
        tap.expect_equal(holder.execute("PRAGMA journal_mode").fetchall(), [("wal",)], "the mode")
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("DELETE FROM turnusers_lt")
        tap.expect_equal(allocates(server, "other"), 0, "a stranger")
        call.goes_on()
        holder.execute("ROLLBACK")
        tap.expect_equal(away_lines(server), [], "nothing to tell")


def large_store(count=3000):
    """One whose users lie on pages that nobody has read yet."""
    store = store_of("known")
    with contextlib.closing(sqlite3.connect(store.path)) as database, database:
        database.executemany(
            "INSERT INTO turnusers_lt VALUES (?, ?, ?)",
            [(REALM, "user%d" % i, hashlib.md5(("user%d:%s:secret" % (i, REALM)).encode()).hexdigest())
             for i in range(count)])
    store.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return store


def spoil(path, part):
    """Overwrites a part of a file, from its middle on, with what is no page of any kind."""
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.seek(size // 2)
        file.write(b"\x55" * int(size * part))


def test_damaged():
    """Bytes in the middle are overwritten while the server runs; a backup is put in place"""
    store = large_store()
    shutil.copyfile(store.path, store.path + ".backup")
    with serving(store) as server, Call(server, "known") as call:
        spoil(store.path, 1 / 16)
        tap.wait_until(lambda: any(allocates(server, "user%d" % random.randrange(3000)) == 508
                                   for _ in range(20)), "it is noticed", SOON_S)
        survive(server, call, "user7", "is damaged: restore it from a backup")
        os.replace(store.path + ".backup", store.path)
        recover(server, call, "user7", "user2999")


def test_damaged_before():
    """A file that is damaged at the start: the server says so and does not start"""
    store = large_store()
    spoil(store.path, 1 / 2)
    tap.expect_equal(why_not(store), ["is damaged: restore it from a backup"], "why it does not start")


def test_newer():
    """A file of a newer version is refused, and is not touched"""
    store = store_of("known")
    store.sql("PRAGMA user_version = 99")
    before = digest(store.path)
    tap.expect_equal(why_not(store), ["was made by a newer turnstone: install that version"], "why not")
    refused = admin(store, "user", "list", "--realm", REALM)
    tap.expect(refused.returncode != 0 and b"newer turnstone" in refused.stderr, "nor does turnadmin")
    tap.expect_equal(digest(store.path), before, "the file")


def why_not(store):
    """What a server that does not start says of its store."""
    result = subprocess.run([program(), "-n", "--log-file=stdout", "--listening-ip=127.0.0.1", "--no-tls", "--no-dtls",
                             *OPTIONS, store.option], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30,
                            cwd=Folder.get(), check=False)
    tap.expect(result.returncode != 0, "it starts")
    return [line.split(store.path + ": ")[1].strip().strip('"') for line in result.stdout.decode().splitlines()
            if store.path + ": " in line]


def admin(store, *words, text="secret\n"):
    path = os.path.abspath(os.path.join(os.environ.get("BUILD", "."), "turnadmin"))
    return subprocess.run([path, "-b", store.path, *words], input=text.encode(), capture_output=True, timeout=30,
                          check=False)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


@contextlib.contextmanager
def small_disk():
    """A file system of 1 MB, in a mount namespace of our own."""
    tap.need_root()
    if tap.LIBC.unshare(CLONE_NEWNS) != 0:
        raise tap.Skip("needs a mount namespace")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    path = os.path.join(Folder.get(), "disk%d" % time.monotonic_ns())
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def fill(path):
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_full_disk():
    """The disk is full: nothing can be added, all goes on, and nothing is lost"""
    with small_disk() as disk:
        store = store_of("known", "other", path=disk + "/turndb")
        with serving(store) as server, Call(server, "known") as call:
            fill(disk + "/filler")
            refused = admin(store, "user", "add", "late", "--realm", REALM)
            tap.expect(refused.returncode != 0 and b"the disk is full: make room" in refused.stderr,
                       "turnadmin says why: %r" % refused.stderr)
            call.goes_on()
            tap.expect_equal([allocates(server, name) for name in ("known", "other", "late")], [0, 0, 401],
                             "who is in it is let in")
            tap.expect_equal(away_lines(server), [], "reading goes on")
            os.remove(disk + "/filler")
            store.admin("user", "add", "late", "--realm", REALM, text="secret\n")
            tap.wait_until(lambda: allocates(server, "late") == 0, "who was added is let in", SOON_S)
            tap.expect_equal(store.sql("PRAGMA integrity_check"), [("ok",)], "the file")
        fill(disk + "/filler")
        tap.expect_equal(why_not(store), ["the disk is full: make room"], "no start without room")
        os.remove(disk + "/filler")
        with serving(store) as server:
            tap.expect_equal(allocates(server, "late"), 0, "and one with it")


def test_read_only_disk():
    """A disk that is read alone serves as it is; when it can be written to, what is written counts"""
    with small_disk() as disk:
        store = store_of("known", "other", path=disk + "/turndb")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with serving(store) as server, Call(server, "known") as call:
            tap.expect_equal(allocates(server, "other"), 0, "who is in it")
            refused = admin(store, "user", "add", "late", "--realm", REALM)
            tap.expect(refused.returncode != 0 and b"is read-only: change" in refused.stderr,
                       "turnadmin says why: %r" % refused.stderr)
            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
            store.admin("user", "add", "late", "--realm", REALM, text="secret\n")
            tap.wait_until(lambda: allocates(server, "late") == 0, "who was added then", SOON_S)
            call.goes_on()


@tap.limit_s(120)
def test_killed():
    """turnadmin is killed in the middle of its writing, again and again: each user is there whole or not at all"""
    store, rng = store_of("known"), random.Random(1)
    began = time.monotonic()
    store.admin("user", "add", "measured", "--realm", REALM, text="secret\n")
    lasts_s, sure = time.monotonic() - began, {"known", "measured"}
    with serving(store) as server, Call(server, "known") as call:
        for i in range(KILLS):
            is_killed = killed_add(store, "user%d" % i, rng.uniform(0, 1.2 * lasts_s)) != 0
            lasts_s *= 1.05 if is_killed else 0.95  # how long it takes changes with what else the machine does
            if not is_killed:
                sure.add("user%d" % i)
            if i % 20 == 0:
                check_whole(store, sure)
        check_whole(store, sure)
        tap.diagnose("%d of %d were killed" % (KILLS + 2 - len(sure), KILLS))
        tap.expect(5 < len(sure) < KILLS - 5, "some are killed and some are not")
        call.goes_on()
        tap.expect_equal([allocates(server, name) for name in sorted(sure)[:5]], [0] * 5, "users")
        tap.expect_equal(away_lines(server), [], "the server notices nothing")


def killed_add(store, name, after_s):
    path = os.path.abspath(os.path.join(os.environ.get("BUILD", "."), "turnadmin"))
    process = subprocess.Popen([path, "-b", store.path, "user", "add", name, "--realm", REALM], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.stdin.write(b"secret\n")
    process.stdin.close()
    try:
        return process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def check_whole(store, sure):
    tap.expect_equal(store.sql("PRAGMA integrity_check"), [("ok",)], "the file")
    rows = store.sql("SELECT u.name, lower(hex(k.md5_key)) = u.hmackey FROM turnusers_lt u"
                     " LEFT JOIN turnstone_user_key k ON k.realm = u.realm AND k.name = u.name")
    tap.expect(sure <= {row[0] for row in rows}, "who was said to be added is there")
    tap.expect_equal([row for row in rows if row[1] != 1], [], "nobody has half of his keys")
    tap.expect_equal(store.sql("SELECT count(*) FROM turnstone_user_key"), [(len(rows),)], "keys without a user")


def test_killed_migration():
    """turnadmin is killed while it adds our tables to a file of coturn's: it has them all, with their version, or none"""
    origin, rng, versions = Store(), random.Random(2), set()
    origin.coturn_admin("-a", "-u", "known", "-r", REALM, "-p", "secret")
    began = time.monotonic()
    trial = copy_of(origin)
    trial.admin("user", "add", "late", "--realm", REALM, text="secret\n")
    lasts_s = time.monotonic() - began
    for after_s in [0, 30] + [rng.uniform(0.2, 1.1) * lasts_s for _ in range(MIGRATIONS)]:
        trial = copy_of(origin)
        killed_add(trial, "late", after_s)
        tap.expect_equal(trial.sql("PRAGMA integrity_check"), [("ok",)], "the file")
        version = trial.sql("PRAGMA user_version")[0][0]
        own = trial.sql("SELECT count(*) FROM sqlite_master WHERE name LIKE 'turnstone_user%'")[0][0]
        users = trial.sql("SELECT count(*) FROM turnusers_lt")[0][0]
        tap.expect_in((version, own, users), ((0, 0, 1), (4, 2, 2)), "the version, our tables, users")
        versions.add(version)
    tap.expect_equal(versions, {0, 4}, "both were seen")


def copy_of(store):
    copy = Store()
    shutil.copyfile(store.path, copy.path)
    return copy


def test_coturn_before_and_after():
    """A file of coturn's is not changed by being served; once we have written to it coturn serves from it still"""
    store = Store()
    store.coturn_admin("-a", "-u", "theirs", "-r", REALM, "-p", "secret")
    store.coturn_admin("-g", "-r", REALM, "--user-quota", "5")
    before = digest(store.path)
    with serving(store) as server:
        tap.expect_equal(allocates(server, "theirs"), 0, "their user by us")
    tap.expect_equal(digest(store.path), before, "the file, served")
    store.admin("user", "add", "ours", "--realm", REALM, text="secret\n")
    store.sql("INSERT INTO denied_peer_ip VALUES ('', '192.0.2.1')")
    tap.expect(not os.path.getsize(store.path + "-wal") if os.path.exists(store.path + "-wal") else True,
               "all that was written is in the file")
    with of_coturn(store) as server:
        tap.expect_equal([allocates(server, name) for name in ("theirs", "ours", "nobody")], [0, 0, 401],
                         "users by coturn")
        store.coturn_admin("-a", "-u", "later", "-r", REALM, "-p", "secret")
    with serving(store) as server:
        tap.expect_equal([allocates(server, name) for name in ("theirs", "ours", "later")], [0, 0, 0], "by us again")


@contextlib.contextmanager
def of_coturn(store):
    if not os.access(COTURN, os.X_OK):
        raise tap.Skip("needs %s: apt-get install coturn" % COTURN)
    given = os.environ.get("SERVER")
    os.environ["SERVER"] = COTURN
    try:
        with Server("--allow-loopback-peers", "--cli-password=x", "--lt-cred-mech", "--realm=" + REALM,
                    store.option, credentials=False) as server:
            yield server
    finally:
        os.environ.pop("SERVER")
        if given:
            os.environ["SERVER"] = given


if __name__ == "__main__":
    tap.main()
