#!/usr/bin/env python3
"""Many nodes on one Redis: participants of one room are on three of them; a node is killed, one is cut off from Redis, Redis starts
anew, a node drains; rooms of healthy nodes go on, nobody stays who is gone."""
import contextlib
import select
import signal
import socket
import threading
import time

from harness import tap
from harness.redis import Redis
from signaling_rpc import SECRET, token
from harness.signal_server import Signal

PREFIX = "turnstone/signaling/"
TURN = ("--realm=example.org", "--static-auth-secret=a-secret-of-the-relay",
        "--turn-uri=turn:127.0.0.1:3478?transport=udp", "--signaling-cluster", "--signaling-anybody=yes",
        "--jwt-secret=" + SECRET)
LOST_S = 20 # a node is lost after 5 s, who was there 5 s later; this is what a busy machine may need


class Valve:
    """Passes connections on to a server, from a thread of its own, until it is shut: then all of them end, and new ones are
    accepted and closed."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.peer, self.is_open, self.has_ended = {}, True, False

    def __enter__(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.has_ended = True
        self.thread.join(10)
        self.listener.close()

    def run(self):
        while not self.has_ended:
            if not self.is_open:
                for one in list(self.peer):
                    self.drop(one)
            for one in select.select([self.listener, *self.peer], [], [], 0.02)[0]:
                if one is self.listener:
                    self.accept()
                elif one in self.peer:
                    self.move(one)
        for one in list(self.peer):
            self.drop(one)

    def accept(self):
        one = self.listener.accept()[0]
        try:
            if not self.is_open:
                raise OSError
            other = socket.create_connection(self.target, 5)
        except OSError:
            one.close()
            return
        self.peer[one], self.peer[other] = other, one

    def drop(self, one):
        other = self.peer.pop(one, None)
        one.close()
        if other in self.peer:
            self.drop(other)

    def move(self, one):
        try:
            data = one.recv(65536)
            if not data:
                raise OSError
            self.peer[one].sendall(data)
        except OSError:
            self.drop(one)


def node(redis, name, port=None):
    connection = redis.connection if port is None else redis.connection.replace("port=%d" % redis.port, "port=%d" % port)
    return Signal(*TURN, "--signaling-node=" + name, "--redis-userdb=" + connection, tls=False)


def nodes_there(redis):
    """{number: name}"""
    found = {}
    for number in redis.call("SMEMBERS", PREFIX + "nodes"):
        value = redis.call("GET", PREFIX + "node/" + number)
        if value:
            found[number] = value.split(" ")[3].split("\n")[0]
    return found


@contextlib.contextmanager
def three_nodes(redis, third_port=None):
    with node(redis, "one") as one, node(redis, "two") as two, node(redis, "three", third_port) as three:
        tap.wait_until(lambda: len(nodes_there(redis)) == 3, "three nodes")
        for server, others in ((one, ("two", "three")), (two, ("one", "three")), (three, ("one", "two"))):
            for other in others:
                tap.wait_until(lambda s=server, o=other: 'node="%s"' % o in s.log() or "node=%s" % o in s.log(),
                               "each knows the others")
        yield one, two, three


class Person:
    """A client of the channelling dialect that is in a room."""

    def __init__(self, server, room, token=None, headers=()):
        self.socket = server.connect("/ws" + ("?t=" + token if token else ""), headers=headers)
        me = self.socket.receive()["Data"]
        tap.expect_equal(me["Type"], "Self", "the first message")
        self.id, self.token, self.count = me["Id"], me["Token"], 0
        self.known = set()
        if room:
            self.join(room)

    def ask(self, kind, **what):
        self.count += 1
        iid = "ask%d" % self.count
        self.socket.send({"Type": kind, **what, "Iid": iid})
        return self.receive_until(lambda message: message.get("Iid") == iid, "an answer to " + kind)["Data"]

    def receive_until(self, fits, what):
        return self.socket.receive_until(lambda message: self.note(message["Data"]) or fits(message), what)

    def note(self, data):
        """Keeps whom the events tell of."""
        if data["Type"] == "Joined":
            tap.expect(data["Id"] not in self.known, "nobody comes who is there")
            self.known.add(data["Id"])
        elif data["Type"] == "Left":
            tap.expect(data["Id"] in self.known, "nobody leaves who is not there")
            self.known.discard(data["Id"])
        elif data["Type"] == "Welcome":
            self.known = {user["Id"] for user in data["Users"]} - {self.id}

    def join(self, room):
        welcome = self.ask("Hello", Hello={"Name": room})
        tap.expect_equal(welcome["Type"], "Welcome", "the answer to Hello: %r" % welcome)

    def others(self):
        return {user["Id"] for user in self.ask("Users")["Users"]} - {self.id}

    def sees(self, *people):
        wanted = {person.id for person in people}
        return self.others() == wanted and self.known == wanted

    def say(self, to, words):
        self.socket.send({"Type": "Offer", "Offer": {"To": to.id, "Offer": {"type": "offer", "sdp": words}}})

    def hears(self, who, words):
        message = self.receive_until(lambda m: m["Data"]["Type"] == "Offer" and m.get("From") == who.id, "an offer")
        tap.expect_equal(message["Data"]["Offer"]["sdp"], words, "what was said")

    def wait_until_kept(self, redis):
        wait_until_kept(redis, self.id, lambda number: self.socket.send(
            {"Type": "Status", "Status": {"Type": "Status", "Status": number}}))

    def drop(self):
        self.socket.socket.close()


def session_kept(redis, session):
    return redis.call("GET", PREFIX + "session/" + session)


def wait_until_kept(redis, session, change):
    """What is kept is old until it has changed once for what was before, and once more."""
    for number in range(2):
        before = session_kept(redis, session)
        change(number)
        tap.wait_until(lambda b=before: session_kept(redis, session) not in (None, b), "the session is kept")


def talk(people):
    """Each says something to each other one."""
    for speaker in people:
        for listener in people:
            if speaker is not listener:
                speaker.say(listener, "from " + speaker.id)
    for listener in people:
        wanted = {"from " + speaker.id for speaker in people if speaker is not listener}
        while wanted:
            wanted.discard(listener.receive_until(lambda m: m["Data"]["Type"] == "Offer", "an offer")["Data"]["Offer"]["sdp"])


def room_at(redis, name):
    """A room that lives at this node, where somebody from it is in."""
    def owner(room):
        key, = redis.call("KEYS", PREFIX + "room/*/" + room)
        return nodes_there(redis).get(redis.call("GET", key).split(" ")[0])

    def make(server, prefix):
        for i in range(100):
            person = Person(server, "%s%d" % (prefix, i))
            if owner("%s%d" % (prefix, i)) == name:
                return "%s%d" % (prefix, i), person
            person.drop()
        raise tap.Failure("no room lives at " + name)
    return make


def test_meet():
    """participants of one room on three nodes see each other come, talk, and leave"""
    with Redis() as redis, three_nodes(redis) as servers:
        people = [Person(server, "tea") for server in servers]
        for person in people:
            tap.wait_until(lambda p=person: p.sees(*(o for o in people if o is not p)), "everyone is seen")
        talk(people)
        people[0].socket.close()
        for person in people[1:]:
            left = person.receive_until(lambda m: m["Data"]["Type"] == "Left", "Left")
            tap.expect_equal(left["Data"]["Id"], people[0].id, "who left")
        tap.expect_equal(len(redis.call("KEYS", PREFIX + "room/*")), 1, "one room")


def test_resume_elsewhere():
    """a session whose connection broke is resumed through another node, with what it missed"""
    with Redis() as redis, three_nodes(redis) as (one, two, three):
        anna, bert = Person(one, "tea"), Person(two, "tea")
        anna.drop()
        bert.say(anna, "missed")
        back = Person(three, None, token=anna.token)
        tap.expect_equal(back.id, anna.id, "the same session")
        back.hears(bert, "missed")
        tap.expect_equal(back.others(), {bert.id}, "the room is the same")
        talk([back, bert])


def kill(server):
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(10)


@tap.limit_s(120)
def test_killed():
    """kill -9 of the node that owns a room: its participants come back elsewhere, the room goes on, and no ghost stays"""
    with Redis() as redis, three_nodes(redis) as (one, two, three):
        name, carl = room_at(redis, "three")(three, "tea")
        anna, bert = Person(one, name), Person(two, name)
        tap.wait_until(lambda: anna.sees(bert, carl), "all three")
        carl.wait_until_kept(redis)
        began = time.monotonic()
        kill(three)
        back = Person(one, None, token=carl.token)
        tap.expect(time.monotonic() - began < LOST_S, "who comes back waits for seconds")
        tap.expect_equal(back.id, carl.id, "the session")
        tap.wait_until(lambda: "node lost" in one.log() and "node lost" in two.log(), "the node is lost", LOST_S)
        tap.wait_until(lambda: anna.sees(bert, back) and bert.sees(anna, back) and back.others() == {anna.id, bert.id},
                       "three, and no ghost", LOST_S)
        talk([anna, bert, back])
        three.process = None


def asks_in(server, room, pin=None, user=None):
    """(the answer, who asked): to a client of this user, or of nobody in particular"""
    headers = [("Authorization", "Bearer " + token(user))] if user else []
    person = Person(server, None, headers=headers)
    answer = person.ask("Hello", Hello={"Name": room, **({"Credentials": {"PIN": pin}} if pin else {})})
    return answer.get("Code", answer["Type"]), person


def room_with_pin_at(redis, server, name, pin):
    for i in range(100):
        room = "kept%d" % i
        answer, person = asks_in(server, room, pin, "anna")
        tap.expect_equal(answer, "Welcome", "the first is let in")
        key, = redis.call("KEYS", PREFIX + "room/*/" + room)
        if nodes_there(redis).get(redis.call("GET", key).split(" ")[0]) == name:
            return room, person
        person.drop()
    raise tap.Failure("no room lives at " + name)


def kept(redis, room):
    """What Redis keeps of it, and for how many ms: of its claim, of the rest."""
    keys = redis.call("KEYS", PREFIX + "facts/*/" + room)
    if not keys:
        return "", 0, 0
    return redis.call("GET", keys[0]), redis.call("PTTL", keys[0].replace("facts/", "room/")), redis.call("PTTL", keys[0])


@tap.limit_s(120)
def test_killed_room_is_kept():
    """kill -9 of a room's owner: it has its PIN and lock elsewhere, who was removed stays out; closed, it is forgotten"""
    with Redis() as redis, three_nodes(redis) as (one, two, three):
        room, anna = room_with_pin_at(redis, three, "three", "4711")
        answer, bert = asks_in(one, room, "4711", "bert")
        tap.expect_equal(answer, "Welcome", "with the PIN")
        answer, mallory = asks_in(two, room, "4711", "mallory")
        tap.expect_equal(answer, "Welcome", "before she is removed")
        one.ask("room", "kick", room, "mallory")
        tap.wait_until(lambda: "mallory" in kept(redis, room)[0], "it is kept who was removed")
        facts, claim_ms, facts_ms = kept(redis, room)
        tap.expect("4711" not in facts and "anna" in facts, "and the owner, but not the PIN: " + facts)
        tap.expect(facts_ms > claim_ms, "longer than the claim: %d, %d" % (facts_ms, claim_ms))
        kill(three)
        tap.wait_until(lambda: "node lost" in one.log() and "node lost" in two.log(), "the node is lost", LOST_S)
        tap.wait_until(lambda: bert.sees(), "bert is alone in it", LOST_S)
        for server in (one, two):
            tap.expect_equal(asks_in(server, room)[0], "authorization_required", "without the PIN")
            tap.expect_equal(asks_in(server, room, "4712")[0], "invalid_credentials", "with another")
            tap.expect_equal(asks_in(server, room, "4711", "mallory")[0], "room_join_requires_account", "who was removed")
            tap.expect_equal(Person(server, None, token=mallory.token).ask("Hello", Hello={"Name": room})["Type"], "Error",
                             "nor by a token of hers")
        answer, carl = asks_in(two, room, "4711")
        tap.expect_equal(answer, "Welcome", "with the PIN")
        tap.wait_until(lambda: bert.sees(carl) and carl.sees(bert), "both")
        broken = redis.call("KEYS", PREFIX + "facts/*/" + room)[0][:-len(room)] + "broken"
        redis.call("SET", broken, '00000000000000000001{"owner":"anna"')
        tap.expect(asks_in(one, "broken")[0] != "Welcome", "a room of which cannot be read who may come in")
        tap.expect("room not made anew" in one.log() + two.log(), "the log tells")
        redis.call("DEL", broken)
        tap.expect_equal(asks_in(one, "broken")[0], "Welcome", "nothing is kept of it")
        one.ask("room", "close", room)
        tap.wait_until(lambda: not kept(redis, room)[0], "nothing is kept of it any more")
        tap.expect_equal(asks_in(one, room, None, "mallory")[0], "Welcome", "a room that has only the name")
        three.process = None


@tap.limit_s(120)
def test_killed_guest():
    """kill -9 of a node with participants of a room that lives elsewhere: the others see them leave"""
    with Redis() as redis, three_nodes(redis) as (one, two, three):
        name, anna = room_at(redis, "one")(one, "tea")
        bert, carl = Person(two, name), Person(three, name)
        tap.wait_until(lambda: anna.sees(bert, carl), "all three")
        kill(three)
        tap.wait_until(lambda: anna.sees(bert) and bert.sees(anna), "no ghost", LOST_S)
        talk([anna, bert])
        three.process = None


@tap.limit_s(120)
def test_redis_starts_anew():
    """Redis starts anew, empty: rooms go on, nobody leaves, and what was said meanwhile arrives"""
    with Redis() as redis, three_nodes(redis) as (one, two, three):
        people = [Person(server, "tea") for server in (one, two, three)]
        _, alone = room_at(redis, "one")(one, "coffee")
        redis.kill()
        tap.wait_until(lambda: all("cluster away" in server.log() for server in (one, two, three)), "it is missed")
        tap.expect(alone.sees(), "a room of this node goes on")
        redis.start()
        tap.wait_until(lambda: len(nodes_there(redis)) == 3, "three nodes again", LOST_S)
        tap.wait_until(lambda: redis.call("KEYS", PREFIX + "room/*/tea"), "the room is claimed again", LOST_S)
        talk(people)
        for person in people:
            tap.expect(person.sees(*(other for other in people if other is not person)), "all are there")
        late = Person(two, "tea")
        tap.wait_until(lambda: late.sees(*people), "who comes later is in the same room", LOST_S)
        tap.expect(not any("node lost" in server.log() for server in (one, two, three)), "nobody was taken for lost")


@tap.limit_s(150)
def test_cut_off():
    """a node is cut off from Redis for long: rooms of the others and its own go on; when it is back all are together again"""
    with Redis() as redis, Valve(redis.port) as valve, three_nodes(redis, valve.port) as (one, two, three):
        name, anna = room_at(redis, "one")(one, "tea")
        own, carl = room_at(redis, "three")(three, "coffee")
        bert, dora, emil = Person(two, name), Person(three, name), Person(three, own)
        tap.wait_until(lambda: anna.sees(bert, dora), "all three")
        valve.is_open = False
        tap.wait_until(lambda: "node lost" in one.log() and "node lost" in two.log(), "it is missed", LOST_S)
        tap.wait_until(lambda: anna.sees(bert) and bert.sees(anna), "the others are among themselves", LOST_S)
        talk([anna, bert])
        bert.socket.close()
        tap.wait_until(lambda: anna.sees(), "bert has left", LOST_S)
        bert = Person(two, name)
        tap.expect(carl.sees(emil), "its own room goes on")
        talk([carl, emil])
        fritz = Person(three, own)
        tap.expect(fritz.sees(carl, emil), "its own room can be joined")
        refused = Person(three, None).ask("Hello", Hello={"Name": "elsewhere"})
        tap.expect_equal(refused["Type"], "Error", "a room that it does not own")
        three.ask("room", "kick", own, "mallory")
        gerd = Person(two, own)
        tap.expect("mallory" not in kept(redis, own)[0], "the others do not know who was removed meanwhile")
        valve.is_open = True
        tap.wait_until(lambda: anna.sees(bert, dora) and dora.sees(anna, bert), "together again", 2 * LOST_S)
        talk([anna, bert, dora])
        tap.wait_until(lambda: gerd.sees(carl, emil, fritz) and carl.sees(gerd, emil, fritz),
                       "the room that was made anew is one room", 2 * LOST_S)
        talk([carl, emil, fritz, gerd])
        tap.wait_until(lambda: "mallory" in kept(redis, own)[0], "they do by now", LOST_S)
        tap.expect_equal(asks_in(one, own, None, "mallory")[0], "room_join_requires_account", "who was removed")


@tap.limit_s(120)
def test_drained():
    """a node that drains is given no new rooms, and its number ends with it"""
    with Redis() as redis, three_nodes(redis) as (one, two, three):
        anna = Person(three, "tea")
        three.process.send_signal(signal.SIGTERM)
        tap.wait_until(lambda: sorted(redis.call("GET", PREFIX + "node/" + number).split(" ")[1]
                                      for number in nodes_there(redis)) == ["0", "1", "1"], "it is not ready")
        tap.wait_until(lambda: room_places(redis, one, "a") <= {"one", "two"}, "no room is given to it")
        anna.drop()
        three.process.wait(60)
        three.process = None
        tap.wait_until(lambda: sorted(nodes_there(redis).values()) == ["one", "two"], "its number has ended", LOST_S)
        late = Person(two, "tea")
        tap.wait_until(late.sees, "nobody is left", LOST_S)


def room_places(redis, server, prefix):
    """The nodes that thirty new rooms are given to."""
    room_places.count = getattr(room_places, "count", 0) + 1
    prefix = "%s%dx" % (prefix, room_places.count)
    people = [Person(server, "%s%d" % (prefix, i)) for i in range(30)]
    names = nodes_there(redis)
    found = {names[redis.call("GET", key).split(" ")[0]] for key in redis.call("KEYS", PREFIX + "room/*/" + prefix + "*")}
    for person in people:
        person.drop()
    return found


if __name__ == "__main__":
    tap.main()
