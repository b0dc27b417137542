#!/usr/bin/env python3
"""redis-statsdb: status and traffic of allocations in Redis, in coturn's keys, channels and words."""
import os
import re
import threading
import time

from harness import tap
from harness.client import Client, Peer, exchange_both_ways
from harness.redis import Redis
from harness.server import Server


def serve(redis, *options, **how):
    return Server("--redis-statsdb=" + redis.connection, "--allow-loopback-peers", *options, **how)


class Ear:
    """Hears all that is published."""

    def __init__(self, redis):
        self.wire, self.heard = redis.wire(), []
        self.wire.call("PSUBSCRIBE", "turn/*")
        self.wire.socket.settimeout(None)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        try:
            while True:
                message = self.wire.read()
                self.heard.append((message[2], message[3]))
        except OSError:
            pass  # Redis has ended

    def wait(self, what, ready, seconds=10):
        """Listens until ready(heard)."""
        try:
            tap.wait_until(lambda: ready(self.heard), what, seconds)
        except tap.Failure as failure:
            raise tap.Failure("%s; heard %s" % (failure, self.heard)) from None

    def said(self, end, beginning=""):
        return [text for key, text in self.heard if key.endswith(end) and text.startswith(beginning)]


def plain(text):
    """Without what differs from one run to the next."""
    return re.sub(r"=\d+(?=,|$)", "=N", re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", re.sub(r"/\d{18}/", "/ID/", text)))


def whole_life(redis):
    """Of one allocation: the forms of what was published, and of the key while it lives."""
    ear = Ear(redis)
    with serve(redis, *(["--cli-password=x"] if os.environ.get("SERVER") else [])) as server, Peer() as peer:
        with Client(server.address) as client:
            client.allocate()
            ear.wait("new", lambda heard: ear.said("/status", "new"))
            keys = redis.call("KEYS", "turn/*")
            value = redis.call("GET", keys[0])
            client.refresh(900)
            ear.wait("refreshed", lambda heard: ear.said("/status", "refreshed lifetime=900"))
            tap.expect(exchange_both_ways(client, peer), "data passes")
        ear.wait("the end", lambda heard: ear.said("/total_traffic/peer"), 20)
        tap.wait_until(lambda: not redis.call("KEYS", "turn/*"), "the key goes")
    heard = {(plain(key), plain(text)) for key, text in ear.heard if "lifetime=0" not in text}
    return heard, [plain(key) for key in keys], plain(value)


def test_as_coturn():
    """A whole life is published in the very forms of coturn, which has its own run for comparison"""
    program = tap.need_program("turnserver", "coturn")
    with Redis() as redis:
        ours = whole_life(redis)
        os.environ["SERVER"] = program
        try:
            theirs = whole_life(redis)
        finally:
            del os.environ["SERVER"]
    tap.expect_equal(sorted(ours[0]), sorted(theirs[0]), "what is published")
    tap.expect_equal(ours[1:], theirs[1:], "the key and its value")


def test_numbers():
    """Packets and bytes are those that passed; the parts add up to the total"""
    with Redis() as redis:
        ear = Ear(redis)
        with serve(redis) as server, Peer() as peer, Client(server.address) as client:
            client.allocate()
            for _ in range(3):
                tap.expect(exchange_both_ways(client, peer), "data passes")
            ear.wait("traffic while it lives", lambda heard: ear.said("/traffic/peer"), 15)
            for _ in range(2):
                tap.expect(exchange_both_ways(client, peer), "data passes")
            client.close()
            client.relayed = None
            ear.wait("the end", lambda heard: ear.said("/total_traffic/peer"))
        parts = [[int(number) for number in re.findall(r"=(\d+)", text)] for text in ear.said("/traffic")]
        total = [int(number) for number in re.findall(r"=(\d+)", ear.said("/total_traffic")[0])]
        tap.expect_equal(parts[0][0], 3, "packets before the first")
        tap.expect_equal([sum(column) for column in zip(*parts)], total, "the sum")
        tap.expect_equal(total[0], 5, "packets of the client")
        peer_side = [int(number) for number in re.findall(r"=(\d+)", ear.said("/total_traffic/peer")[0])]
        tap.expect_equal(peer_side, total[2:] + total[:2], "the peer's side")


def test_crash_leaves_no_ghosts():
    """The key of a server that was killed ends with the allocation's lifetime"""
    with Redis() as redis:
        with serve(redis) as server, Client(server.address) as client:
            client.allocate()
            tap.wait_until(lambda: redis.call("KEYS", "turn/*"), "the key")
            key = redis.call("KEYS", "turn/*")[0]
            tap.expect(590 < redis.call("TTL", key) <= 610, "the key's time")
            client.refresh(900)
            tap.wait_until(lambda: redis.call("TTL", key) > 800, "the time after a Refresh")
            client.relayed = None
            server.process.kill()
            server.process.wait()
            server.process = None
            tap.expect(800 < redis.call("TTL", key) <= 910, "the key's time after the crash")


def lines(server):
    return [line for line in server.log().splitlines() if "status database" in line]


def go_through(server, redis, away, back):
    with Peer() as peer, Client(server.address) as call:
        call.allocate()
        tap.wait_until(lambda: redis.call("KEYS", "turn/*"), "the key")
        away()
        for _ in range(50):
            begun = time.monotonic()
            with Client(server.address) as other:
                other.allocate()
            tap.expect(time.monotonic() - begun < 0.5, "allocations take no longer")
        tap.expect(exchange_both_ways(call, peer), "data passes")
        tap.wait_until(lambda: lines(server), "a line")
        back()
        ear = Ear(redis)

        def refreshed():
            call.refresh(900)
            return ear.said("/status", "refreshed") and redis.call("KEYS", "turn/*")
        tap.wait_until(refreshed, "the key again")
    tap.expect_equal(len([line for line in lines(server) if "is away" in line]), 1, lines(server))
    tap.expect_equal(len([line for line in lines(server) if "database is back" in line]), 1, lines(server))


def test_stopped():
    """Redis ends and comes back: calls do not notice"""
    with Redis() as redis, serve(redis) as server:
        go_through(server, redis, redis.kill, redis.start)


def test_frozen():
    """Redis hangs and goes on: calls do not notice"""
    with Redis() as redis, serve(redis) as server:
        go_through(server, redis, redis.freeze, redis.thaw)


def test_full():
    """Redis is full: one line, and calls go on; then it has room again"""
    with Redis("--maxmemory-policy", "noeviction") as redis:
        with serve(redis) as server, Peer() as peer:
            redis.call("CONFIG", "SET", "maxmemory", "1")
            for _ in range(5):
                with Client(server.address) as client:
                    client.allocate()
                    tap.expect(exchange_both_ways(client, peer), "data passes")
            tap.wait_until(lambda: lines(server), "a line")
            redis.call("CONFIG", "SET", "maxmemory", "0")
            with Client(server.address) as client:
                client.allocate()
                tap.wait_until(lambda: redis.call("KEYS", "turn/*"), "the key")
            tap.expect_equal([line for line in lines(server) if "maxmemory" not in line], [], "lines")


def test_not_there_at_the_start():
    """A server starts without its status database"""
    with Redis() as redis:
        redis.kill()
        with serve(redis) as server, Client(server.address) as client:
            client.allocate()
            redis.start()

            def refreshed():
                client.refresh(300)
                return redis.call("KEYS", "turn/*")
            tap.wait_until(refreshed, "the key", 15)


if __name__ == "__main__":
    tap.main()
