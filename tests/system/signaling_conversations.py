#!/usr/bin/env python3
"""The conversations of tests/conversations over real sockets: each file that its clients and a real clock suffice for, as far as
they do. What the core alone is asked (tests/conversations/core speaks a language of its own) is played without sockets only."""
import concurrent.futures
import glob
import os

from harness import tap
from harness.conversation import Conversation

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "conversations")
AT_ONCE = 6
TIMED = ("rate.txt",)  # what comes too often depends on a clock that stands still while they speak


def play(path):
    try:
        return Conversation(path).play(), None
    except tap.Failure as failure:
        return (0, 1), "%s, %s" % (os.path.basename(path), failure)


def play_all(dialect, least):
    """least: percent of the lines that are to be played, so that no file falls silent unseen."""
    paths = [path for path in sorted(glob.glob(os.path.join(FOLDER, dialect, "*.txt"))) if os.path.basename(path) not in TIMED]
    tap.expect(paths, "there are no conversations of " + dialect)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(play, paths))
    problems = [problem for _, problem in found if problem is not None]
    tap.expect(not problems, "\n".join(problems))
    played, lines = (sum(count[i] for count, _ in found) for i in (0, 1))
    whole = sum(1 for count, _ in found if count[0] == count[1])
    tap.diagnose("%s: %d conversations, %d of them whole; %d of %d lines" % (dialect, len(found), whole, played, lines))
    tap.expect(played * 100 >= lines * least, "%d of %d lines were played" % (played, lines))


def test_channelling():
    """the channelling dialect's conversations, over sockets"""
    play_all("channelling", 50)


def test_rpc():
    """the RPC dialect's"""
    play_all("rpc", 50)


def test_v1():
    """the v1/webrtc dialect's"""
    play_all("v1", 50)


def test_peerjs():
    """PeerJS's"""
    play_all("peerjs", 50)


if __name__ == "__main__":
    tap.main()
