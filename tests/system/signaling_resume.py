#!/usr/bin/env python3
"""What a session is outlives its node: three nodes on one Redis, kill -9 of one, and each protocol's own way back through another."""
import threading
import time

from harness import tap
from harness.redis import Redis
from signaling_cluster import LOST_S, PREFIX, Person, kill, room_at, session_kept, three_nodes, wait_until_kept


class Watcher(Person):
    """Remembers who has come and gone, too."""

    def __init__(self, *words):
        self.came, self.went = [], []
        super().__init__(*words)

    def note(self, data):
        super().note(data)
        if data["Type"] in ("Joined", "Left"):
            (self.came if data["Type"] == "Joined" else self.went).append(data["Id"])

    def changes(self):
        self.ask("Users")
        return self.came, self.went


class Rpc:
    """A client of the RPC dialect."""

    def __init__(self, server):
        self.socket = server.connect("/api")
        self.id = None

    def ask(self, action, **data):
        self.socket.send({"a": action, "d": data})
        return self.socket.receive_until(lambda message: message["a"] == action + "R", "an answer to " + action)

    def join(self, room):
        self.id = self.ask("join", roomId=room)["d"]["socketId"]
        return self

    def change(self, number):
        tap.expect(self.ask("orientationChange", orientation=90 * (number % 2))["s"], "orientationChange")


def open_v1(server, room):
    client = server.connect("/v1/webrtc/signal?room=" + room)
    client.receive_until(lambda message: message["type"] == "welcome", "welcome")
    return client


def open_peerjs(server, room, token="t1"):
    client = server.connect("/peerjs?key=%s&id=pete&token=%s" % (room, token))
    tap.expect_equal(client.receive()["type"], "OPEN", "PeerJS's first message")
    return client


def resume_twice(servers, token):
    """Two connections show one token at once, through two nodes."""
    people = []

    def resume(server):
        people.append(Person(server, None, token))

    threads = [threading.Thread(target=resume, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * LOST_S)
    return people


def stands(person):
    try:
        person.ask("Users")
        return True
    except (OSError, tap.Failure):
        return False


@tap.limit_s(120)
def test_each_way_back():
    """kill -9 of a node: each protocol's client has its place back elsewhere in seconds, nobody sees it go whose protocol resumes"""
    with Redis() as redis, three_nodes(redis) as (one, two, three):
        room, anna = room_at(redis, "one")(one, "tea")
        anna.socket.close()
        watcher = Watcher(one, room)
        tap.wait_until(lambda: not watcher.others(), "she is alone")
        watcher.came, watcher.went = [], []
        carl, dora, rita = Person(three, room), Person(three, room), Rpc(three).join(room)
        vera, pete = open_v1(three, room), open_peerjs(three, room)
        for person in (carl, dora):
            person.wait_until_kept(redis)
        wait_until_kept(redis, rita.id, rita.change)
        tap.expect(carl.id not in session_kept(redis, carl.id) and room not in session_kept(redis, carl.id), "it cannot be read")
        tap.expect_equal(len(watcher.changes()[0]), 5, "those who came")
        began = time.monotonic()
        kill(three)
        back = Person(two, None, carl.token)
        tap.expect(time.monotonic() - began < LOST_S, "it takes seconds")
        tap.expect_equal(back.id, carl.id, "the same session")
        again = Rpc(two)
        tap.expect_equal(again.ask("reconnect", socketId=rita.id), {"a": "reconnectR", "s": True}, "reconnect")
        both = resume_twice((one, two), dora.token)
        standing = [person for person in both if person.id == dora.id and stands(person)]
        tap.expect_equal(len(standing), 1, "one of two has the session")
        vera, pete = open_v1(two, room), open_peerjs(two, room)
        tap.wait_until(lambda: len(watcher.others()) == 5, "all are there, and no ghost", LOST_S)
        tap.expect({carl.id, dora.id, rita.id} <= watcher.others(), "with the ids that they had")
        came, went = watcher.changes()
        tap.expect(not {carl.id, dora.id, rita.id} & set(went), "they were not seen to go")
        tap.expect_equal((len(came), len(went)), (7, 2), "those who came anew")
        back.join(room)
        watcher.say(back, "welcome back")
        back.hears(watcher, "welcome back")
        again.ask("sendMessage", to=watcher.id, message="hello")
        vera.close()
        pete.close()
        three.process = None


@tap.limit_s(120)
def test_nothing_kept():
    """what Redis had is lost with the node: each client hears its protocol's refusal, and joins anew"""
    with Redis() as redis, three_nodes(redis) as (one, two, three):
        room, anna = room_at(redis, "one")(one, "tea")
        carl, rita = Person(three, room), Rpc(three).join(room)
        carl.wait_until_kept(redis)
        wait_until_kept(redis, rita.id, rita.change)
        kill(three)
        for key in redis.call("KEYS", PREFIX + "session/*"):
            redis.call("DEL", key)
        back, again = Person(two, None, carl.token), Rpc(two)
        tap.expect(back.id != carl.id, "somebody new")
        tap.expect_equal(again.ask("reconnect", socketId=rita.id), {"a": "reconnectR", "s": False, "e": 1317}, "reconnect")
        back.join(room)
        again.join(room)
        tap.wait_until(lambda: anna.others() == {back.id, again.id}, "no ghost", LOST_S)
        three.process = None


if __name__ == "__main__":
    tap.main()
