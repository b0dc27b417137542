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
                tap.expect(server.sanitized or max(taken) < LIST_MS, "sessions%s took %.0f ms" % (query, max(taken)))
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


def throughput(server):
    """Packets a second that were relayed, of all that one thread can."""
    return run_load(server, "--mode", "up", "--clients", "50", "--size", "160", "--seconds", "1")["relayed_pps"]


def standard_error(values):
    return statistics.stdev(values) / len(values) ** .5


@tap.limit_s(200)
def test_throughput_while_watched():
    """The relay's throughput does not change by more than 2 % while the console is watched: rounds of both in turn, by their median"""
    with Console(*USER, "--relay-threads=1", credentials=False) as server:
        watchers = Watchers(server)
        watchers.start()
        ratios = []
        throughput(server)
        while len(ratios) < ROUNDS_MAX and not is_clear(ratios):
            found = {}
            for is_watched in (True, False) if len(ratios) % 2 else (False, True):
                (watchers.watching.set if is_watched else watchers.watching.clear)()
                found[is_watched] = throughput(server)
            ratios.append(found[True] / found[False])
        watchers.stop()
        tap.expect(watchers.problem is None, "a watcher: %r" % watchers.problem)
        tap.expect(watchers.asked > len(ratios) * 2, "somebody watched: %d requests" % watchers.asked)
        tap.diagnose("%.2f %% of the throughput, median of %d rounds (%.2f to %.2f)" % (
            100 * statistics.median(ratios), len(ratios), 100 * min(ratios), 100 * max(ratios)))
        if server.sanitized:
            raise tap.Skip("a sanitizer's figures are none")
        tap.expect(statistics.median(ratios) > 1 - LOSS_MAX, "%.2f %% of the throughput" % (100 * statistics.median(ratios)))


def is_clear(ratios):
    """More rounds would not change what is found."""
    if len(ratios) < ROUNDS_MIN:
        return False
    return abs(statistics.median(ratios) - (1 - LOSS_MAX)) > 2.5 * standard_error(ratios)


if __name__ == "__main__":
    tap.main()
