#!/usr/bin/env python3
"""turnadmin top on a terminal of its own: what it shows, its keys, other sizes, and how it leaves."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness import tap
from harness.client import Peer
from harness.server import Server, program
from sessions import Flow

TURNADMIN = os.path.join(os.path.dirname(program()), "turnadmin")


class Screen:
    """What a terminal shows after the sequences that top uses; anything else fails."""

    def __init__(self, columns, lines):
        self.resize(columns, lines)
        self.is_other = self.has_cursor = None
        self.rest = b""

    def resize(self, columns, lines):
        self.columns, self.lines = columns, lines
        self.rows = [[" "] * columns for _ in range(lines)]
        self.x = self.y = 0
        self.old_pictures = 0

    def feed(self, data):
        data = self.rest + data
        # What ends within a sequence or a character waits for the rest.
        end = data.rfind(b"\x1b")
        cut = end if end >= 0 and not re.match(rb"\x1b\[[?0-9;]*[A-Za-z]", data[end:]) else len(data)
        while True:
            try:
                text = data[:cut].decode()
                break
            except UnicodeDecodeError as wrong:
                cut = wrong.start
        self.rest = data[cut:]
        for match in re.finditer(r"\x1b\[([?0-9;]*)([A-Za-z])|(.)", text, re.S):
            arguments, command, character = match.groups()
            if character:
                self.put(character)
            else:
                self.command(arguments, command)

    def put(self, character):
        if character == "\r":
            self.x = 0
        elif character == "\n":
            self.y += 1
            tap.expect(self.y < self.lines or self.old_pictures, "a line below the last one of %d" % self.lines)
        else:
            tap.expect(character >= " " and character != "\x1b", "a control character %r" % character)
            if self.old_pictures and (self.x >= self.columns or self.y >= self.lines):
                return
            tap.expect(self.x < self.columns, "more than %d columns: %r" % (self.columns, self.row(self.y)))
            self.rows[self.y][self.x] = character
            self.x += 1

    def command(self, arguments, command):
        if command == "H":
            self.x = self.y = 0
            self.old_pictures -= self.old_pictures > 0
        elif command == "K":
            if self.y < self.lines:
                self.rows[self.y][self.x:] = [" "] * (self.columns - self.x)
        elif command == "J":
            self.resize(self.columns, self.lines)
        elif command in "hl" and arguments == "?1049":
            self.is_other = command == "h"
        elif command in "hl" and arguments == "?25":
            self.has_cursor = command == "h"
        else:
            tap.expect(command == "m", "a sequence %r" % (arguments + command))

    def row(self, y):
        return "".join(self.rows[y]).rstrip()

    def text(self):
        return "\n".join(self.row(y) for y in range(self.lines))


class Top:
    def __init__(self, server, *words, columns=80, lines=24, locale="C.UTF-8"):
        self.terminal, inside = pty.openpty()
        self.screen = Screen(columns, lines)
        self.set_size(columns, lines)
        self.before = termios.tcgetattr(self.terminal)
        self.process = subprocess.Popen(
            [TURNADMIN, "top", "--control-socket", server.control_socket, *words], stdin=inside,
            stdout=inside, stderr=inside, env=dict(os.environ, LC_ALL=locale, TERM="xterm"),
            preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)))
        os.close(inside)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.terminal)

    def set_size(self, columns, lines):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns, lines):
        self.read(0.2)
        self.screen.resize(columns, lines)
        # One that has begun, and one that was about to, are of the size before.
        self.screen.old_pictures = 2
        self.set_size(columns, lines)

    def press(self, keys):
        os.write(self.terminal, keys)

    def read(self, seconds):
        if select.select([self.terminal], [], [], seconds)[0]:
            try:
                self.screen.feed(os.read(self.terminal, 65536))
            except OSError:
                return False
        return True

    def shows(self, pattern, seconds=10):
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.screen.text(), re.M)
            if found:
                return found
            tap.expect(time.monotonic() < deadline and self.read(0.1),
                       "%r in\n%s" % (pattern, self.screen.text()))

    def left_well(self, wanted=0):
        """It has ended, and the terminal is as it was."""
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        while select.select([self.terminal], [], [], 0)[0] and self.read(0):
            pass
        tap.expect_equal(self.process.poll(), wanted, "exit code")
        tap.expect_equal((self.screen.is_other, self.screen.has_cursor), (False, True), "the screen")
        tap.expect_equal(termios.tcgetattr(self.terminal), self.before, "the terminal's settings")


def test_view():
    """At 80x24 it shows the server, traffic, threads and sessions, anew each second, and q ends it"""
    with Server("--allow-loopback-peers", "--relay-threads=2") as server, Peer() as peer:
        flow = Flow(server, peer, 200, 500)
        flow.start()
        with Top(server) as top:
            top.shows(r"^turnstone \S+  up 0:00:\d\d  sharded  1 allocations")
            top.shows(r"^to peers +\d+(\.\d)?kB/s +\d+ packets/s .*[▁▂▃▄▅▆▇█]")
            top.shows(r"^to clients +\d+(\.\d)?kB/s")
            top.shows(r"^thread +load +packets/s")
            top.shows(r"^relay-1 +\d+% ")
            row = top.shows(r"^\d\.\d+ +u +UDP +127\.0\.0\.1:\d+ +(\S+)k +\S+k")
            tap.expect(50 < float(row.group(1)) < 150, "100 kB a second: " + row.group(0))
            top.shows(r"^q quit  p pause  sorted by rate")
            for _ in range(3):
                first = top.shows("up (.*?)  ").group(0)
                tap.wait_until(lambda: top.read(0.1) and first not in top.screen.text(), "a refresh")
            top.press(b"b")
            top.shows("sorted by bytes")
            top.press(b"p")
            top.shows("PAUSED")
            paused = top.screen.text()
            top.read(1.5)
            tap.expect_equal(top.screen.text(), paused, "nothing moves")
            top.press(b"p")
            tap.wait_until(lambda: top.read(0.1) and "PAUSED" not in top.screen.text(), "it goes on")
            top.press(b"q")
            top.left_well()
        flow.stop()
        flow.client.close()


@tap.beside
def test_sizes():
    """It fits every size that a terminal is given, while it runs"""
    with Server("--relay-threads=4") as server:
        clients = [server.client() for _ in range(50)]
        for client in clients:
            client.allocate()
        with Top(server, columns=200, lines=60) as top:
            top.shows(r"^q quit")
            tap.expect(len(re.findall(r"^\d\.\d+ +u ", top.screen.text(), re.M)) > 35,
                       "many sessions: " + top.screen.text())
            for columns, lines in ((80, 24), (40, 10), (20, 3), (1, 1), (300, 5), (132, 43)):
                top.resize(columns, lines)
                top.shows("." if lines > 1 else "q|t")
                for _ in range(3):
                    top.read(0.4)
            top.shows(r"^q quit")
            top.press(b"q")
            top.left_well()
        for client in clients:
            client.close()


@tap.beside
def test_ways_out():
    """Ctrl-C, and signals, restore the terminal; Ctrl-Z gives it back for a while"""
    with Server() as server:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with Top(server) as top:
                top.shows(r"^q quit")
                top.process.send_signal(number)
                top.left_well()
        with Top(server) as top:
            top.shows(r"^q quit")
            top.press(b"\x03")
            top.left_well()
        with Top(server) as top:
            top.shows(r"^q quit")
            top.press(b"\x1a")
            tap.wait_until(lambda: top.read(0.05) and not top.screen.is_other, "the shell's screen")
            tap.wait_until(lambda: termios.tcgetattr(top.terminal) == top.before, "its settings")
            tap.wait_until(lambda: open("/proc/%d/stat" % top.process.pid).read().split()[2] == "T",
                           "it stops")
            top.process.send_signal(signal.SIGCONT)
            tap.wait_until(lambda: top.read(0.05) and top.screen.is_other, "its screen again")
            top.shows(r"^q quit")
            top.press(b"q")
            top.left_well()


@tap.beside
def test_server_goes():
    """A server that goes is said to be away in the last line, and when it is back it is shown again"""
    with Server() as server, Top(server) as top:
        top.shows(r"^q quit")
        server.end(signal.SIGTERM, 10)
        top.shows("no server listens there")
        server.launch()
        server.wait_until_ready()
        top.shows(r"^q quit")
        top.press(b"q")
        top.left_well()


def test_hostile_names():
    """A client's name does nothing to the terminal"""
    name = "\u009b31mä"
    with Server("--user=%s:p" % name, "--realm=example.org", "--lt-cred-mech") as server, \
            server.client(user=name) as client:
        client.allocate()
        with Top(server) as top:
            top.shows(r"^\d\.\d+ +\S*31m")
            top.press(b"q")
            top.left_well()


@tap.beside
def test_for_programs():
    """--once prints one view, --json one object a line each second, neither needs a terminal"""
    with Server("--relay-threads=2") as server, server.client() as client:
        client.allocate()
        code, out, problem = server.admin("top", "--once")
        tap.expect_equal((code, problem), (0, ""), "exit code")
        tap.expect("turnstone " in out and "1 allocations" in out and "\x1b" not in out, out)
        view = json.loads(server.admin("top", "--once", "--json")[1])
        tap.expect_equal((view["allocations"], len(view["threads"]), len(view["sessions"])),
                         (1, 2, 1), "a view")
        tap.expect({"to_peers", "to_clients", "set_ups_s", "drops_s"} <= set(view), "its members")
        with subprocess.Popen([TURNADMIN, "top", "--json", "--control-socket", server.control_socket],
                              stdout=subprocess.PIPE) as process:
            lines = [json.loads(process.stdout.readline()) for _ in range(2)]
            tap.expect(lines[1]["uptime"] > lines[0]["uptime"], "a second later")
            process.terminate()
        code, _, problem = server.admin("top")
        tap.expect((code, "needs a terminal" in problem) == (1, True), problem)
        tap.expect_equal(server.admin("top", "--sort", "name")[0], 2, "an order")
    code, _, problem = server.admin("top", "--once")
    tap.expect((code, "no server listens" in problem) == (1, True), problem)


def test_drops():
    """Drops are told by their reason"""
    with Server("--allow-loopback-peers", "--max-pps=20", "--relay-threads=1") as server, \
            Peer() as peer:
        flow = Flow(server, peer, 10)
        with Top(server) as top:
            top.shows(r"^drops +none")
            for _ in range(40):
                for _ in range(50):
                    flow.client.send_channel(0x4000, b"too many")
                top.read(0.05)
            top.shows(r"^drops +packet_rate \d+/s")
            top.press(b"q")
            top.left_well()
        flow.client.close()


if __name__ == "__main__":
    tap.main()
