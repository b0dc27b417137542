#!/usr/bin/env python3
"""What the console costs: 10,000 live sessions are listed, searched and sorted at once, and the relay relays as much while somebody
watches as while nobody does."""
import statistics
import subprocess
import threading
import time

from harness import tap
from harness.console import Console
from threads import load_generator, run_load

ALONE = "it measures the relay's throughput, and how long answers take"

COUNT = 10000
LIST_MS = 300
LOSS_MAX = 0.02
ROUNDS_MIN, ROUNDS_MAX = 8, 24
ERRORS = 3  # so many standard errors are no chance
BUSY_MAX = 0.1  # of the machine, by others than the test
# What a browser asks for each two seconds that shows the overview, and another that shows sessions.
WATCHED = ("/overview", "/history?since=%d", "/threads", "/sessions?sort=rate&limit=100", "/log?limit=100")
USER = ("--lt-cred-mech", "--user=u:p", "--realm=example.org", "--allow-loopback-peers")


def times_of(web, path, count=7):
    """(milliseconds of each answer, the last one)"""
    taken = []
    for _ in range(count):
        begun = time.monotonic()
        answer = web.get(path)
        taken.append((time.monotonic() - begun) * 1000)
    return taken, answer


@tap.limit_s(120)
def test_many_sessions():
    """10,000 live sessions: any page of them, searched or sorted, is there in under 300 ms over HTTPS"""
    with Console(*USER, "--relay-threads=2", credentials=False) as server, server.root() as web:
        count = 2000 if server.sanitized else COUNT
        idle = subprocess.Popen([load_generator(), "--server", "127.0.0.1:%d" % server.port, "--mode", "idle", "--clients", str(count),
                                 "--seconds", "100"], stdout=subprocess.DEVNULL)
        try:
            tap.wait_until(lambda: server.ask("status")["allocations"] == count, "allocations", 60)
            web.get("/api/v1/sessions?sort=rate")  # who is the first to ask for rates waits a second for them
            first = web.get("/api/v1/sessions")
            for query in ("", "?limit=256", "?sort=rate&limit=100", "?sort=bytes", "?contains=u&limit=100", "?client=127.0.0.0/8",
                          "?user=nobody", "?transport=udp&thread=0", "?after=" + first["next"]):
                taken, page = times_of(web, "/api/v1/sessions" + query)
                tap.diagnose("%-40s %4.0f ms, %4.0f at most" % (query, statistics.median(taken), max(taken)))
                tap.expect(server.sanitized or statistics.median(taken) < LIST_MS, "sessions%s took %.0f ms" % (query, statistics.median(taken)))
                tap.expect_equal(page["total"], count, "all were looked at")
        finally:
            idle.kill()
            idle.wait()


class Watchers(threading.Thread):
    """Two browsers' polling: each path each two seconds, as the pages ask."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.webs = [server.root() for _ in range(2)]
        self.watching, self.ending, self.asked, self.problem = threading.Event(), threading.Event(), 0, None

    def run(self):
        try:
            while not self.ending.is_set():
                if self.watching.wait(0.1):
                    self.look()
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem

    def look(self):
        """The requests of a period are spread over it, so that each measurement has its share."""
        for web in self.webs:
            for path in WATCHED:
                web.get("/api/v1" + (path % (time.time() - 10) if "%d" in path else path))
                self.asked += 1
                if self.ending.wait(2 / len(WATCHED) / len(self.webs)) or not self.watching.is_set():
                    return

    def stop(self):
        self.ending.set()
        self.join()


def measure(server):
    """What one thread can relay in a second, and what CPU time each packet costs the relay, the questions it answers meanwhile
    with it."""
    result = run_load(server, "--mode", "up", "--clients", "50", "--size", "160", "--seconds", "1")
    return {"packets": result["relayed_pps"], "packets for the CPU time": 1e9 / result["server_ns_per_packet"]}


class Comparison:
    """How much of a figure is left while somebody watches, round by round."""

    def __init__(self, name):
        self.name, self.ratios = name, []

    def median(self):
        return statistics.median(self.ratios)

    def error(self):
        """Of the median, as if the rounds were normally distributed: 1.25 times that of their mean."""
        return 1.25 * statistics.stdev(self.ratios) / len(self.ratios) ** .5

    def is_clear(self):
        """More rounds would not change what is found."""
        return len(self.ratios) >= ROUNDS_MIN and abs(self.median() - (1 - LOSS_MAX)) > ERRORS * self.error()

    def __str__(self):
        return "%s while watched: %.1f %% of those while not, give or take %.1f %% (%d rounds)" % (
            self.name, 100 * self.median(), 100 * ERRORS * self.error(), len(self.ratios))


def compare(server, watchers):
    """Rounds of both in turn, the first one changing, until it is clear or there were many."""
    found = [Comparison(name) for name in measure(server)]
    for number in range(ROUNDS_MAX):
        figures = {}
        for is_watched in (True, False) if number % 2 else (False, True):
            (watchers.watching.set if is_watched else watchers.watching.clear)()
            figures[is_watched] = measure(server)
        for one in found:
            one.ratios.append(figures[True][one.name] / figures[False][one.name])
        if all(one.is_clear() for one in found):
            break
    return found


def busy_share(seconds=1):
    """How much of the machine's CPU time is used while the test does nothing."""
    def read():
        with open("/proc/stat") as file:
            figures = [int(word) for word in file.readline().split()[1:9]]
        return sum(figures), figures[3] + figures[4]
    before = read()
    time.sleep(seconds)
    total, idle = (now - then for now, then in zip(read(), before))
    return 1 - idle / total


@tap.limit_s(200)
def test_throughput_while_watched():
    """The relay's throughput, and its CPU time for a packet, change by no more than 2 % while the console is watched"""
    busy = busy_share()
    if busy > BUSY_MAX:
        raise tap.Skip("others use %.0f %% of the machine: 2 %% cannot be told" % (100 * busy))
    with Console(*USER, "--relay-threads=1", credentials=False) as server:
        watchers = Watchers(server)
        watchers.start()
        found = compare(server, watchers)
        watchers.stop()
        tap.expect(watchers.problem is None, "a watcher: %r" % watchers.problem)
        tap.expect(watchers.asked > len(found[0].ratios) * 2, "somebody watched: %d requests" % watchers.asked)
    tap.diagnose("\n".join(map(str, found)))
    if server.sanitized:
        raise tap.Skip("a sanitizer's figures are none")
    for one in found:
        tap.expect(one.median() + ERRORS * one.error() > 1 - LOSS_MAX, str(one))
    if not all(one.is_clear() for one in found):
        raise tap.Skip("the machine is too busy with other things to tell 2 %")


if __name__ == "__main__":
    tap.main()
