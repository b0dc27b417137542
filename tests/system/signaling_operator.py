#!/usr/bin/env python3
"""What the operator sees and steers on many nodes: rooms, sessions and nodes asked at any of them; a node that hangs; Redis that is
away at the start, or hangs."""
import json
import signal
import socket
import time

from harness import tap
from harness.redis import Redis
from harness.signal_server import Signal

TURN = ("--realm=example.org", "--static-auth-secret=a-secret-of-the-relay",
        "--turn-uri=turn:127.0.0.1:3478?transport=udp", "--signaling-cluster", "--signaling-anybody=yes")
LOST_S = 12 # a node is lost after 5 s; this is what a busy machine may need


def node(redis, name, *options):
    return Signal(*TURN, *options, "--signaling-node=" + name, redis.option, tls=False)


def names(server):
    """The nodes that a server knows: {name: state}."""
    return {one["name"]: one["state"] for one in server.ask("signal", "nodes")["nodes"]}


class Nodes:
    """Three nodes that know each other."""

    def __init__(self, redis):
        self.servers = [node(redis, name) for name in ("one", "two", "three")]

    def __enter__(self):
        for server in self.servers:
            server.__enter__()
        for server in self.servers:
            tap.wait_until(lambda s=server: names(s) == {"one": "ready", "two": "ready", "three": "ready"}, "three nodes")
        return self.servers

    def __exit__(self, *how):
        for server in self.servers:
            server.__exit__(*how)


def join(server, room):
    """(connection, id) of a client of the channelling dialect that is in a room."""
    one = server.connect("/ws")
    me = one.receive()["Data"]["Id"]
    one.send({"Type": "Hello", "Hello": {"Name": room}, "Iid": "1"})
    answer = one.receive_until(lambda m: m.get("Iid") == "1", "an answer to Hello")
    tap.expect_equal(answer["Data"]["Type"], "Welcome", "the answer to Hello")
    return one, me


def rooms_of(answer):
    return {room["name"]: room["node_name"] for room in answer["rooms"]}


def test_rooms():
    """room list asked at any node has the rooms of all, and show, lock, kick, close reach a room wherever it lives"""
    with Redis() as redis, Nodes(redis) as servers:
        people = [join(servers[i % 3], "room%02d" % i) for i in range(18)]
        lists = [server.ask("room", "list") for server in servers]
        wanted = ["room%02d" % i for i in range(18)]
        for one in lists:
            tap.expect_equal([room["name"] for room in one["rooms"]], wanted, "the rooms, in order")
            tap.expect_equal((one["matched"], one["missing"], one["next"]), (18, [], None), "all of them")
            tap.expect_equal(rooms_of(one), rooms_of(lists[0]), "the same at each node")
        tap.expect_equal(set(rooms_of(lists[0]).values()), {"one", "two", "three"}, "they live at all nodes")
        header, *rows = servers[1].admin("room", "list")[1].splitlines()
        tap.expect("node_name" in header.split("\t") and len(rows) == 18, "a table with the node")
        for name, home in rooms_of(lists[0]).items():
            server = next(s for s in servers if "--signaling-node=" + home not in s.arguments)
            tap.expect_equal(server.ask("room", "show", name)["count"], 1, "a room of another node")
        name, home = next(iter(rooms_of(lists[0]).items()))
        server = next(s for s in servers if "--signaling-node=" + home not in s.arguments)
        connection, me = people[wanted.index(name)]
        server.ask("room", "lock", name)
        tap.expect(server.ask("room", "show", name)["locked"], "it is locked")
        server.ask("room", "mute", name, me, "--what", "video")
        tap.expect_equal(server.admin("room", "mute", name, me, "--what", "nonsense")[0], 1, "nothing else can be muted")
        server.ask("room", "kick", name, me)
        tap.wait_until(lambda: server.ask("room", "show", name)["count"] == 0, "nobody is in it")
        other = wanted[1] if name != wanted[1] else wanted[2]
        servers[0].ask("room", "close", other)
        tap.expect(other not in rooms_of(servers[2].ask("room", "list", "--limit", "0")), "it is closed")
        connection.close()


def test_pages():
    """pages of rooms and sessions, from all nodes, are whole and in order, however small; filters hold; cancel ends one anywhere"""
    with Redis() as redis, Nodes(redis) as servers:
        people = [join(servers[i % 3], "r%d" % (i % 7)) for i in range(40)]
        everyone = sorted(me for _, me in people)
        for step in ("1", "7", "40", "256"):
            seen, after = [], []
            while True:
                page = control(servers[0], "session list", limit=int(step), **(dict(after=after[0]) if after else {}))
                seen += page["sessions"]
                tap.expect(len(page["sessions"]) <= int(step), "no more than was asked for")
                tap.expect_equal((page["matched"], page["total"]), (40, 40), "counts of all")
                if page["next"] is None:
                    break
                after = [page["next"]]
            tap.expect_equal(sorted(one["id"] for one in seen), everyone, "each once, with pages of " + step)
            order = [(one["since_ms"], one["id"]) for one in seen]
            tap.expect_equal(order, sorted(order), "oldest first")
        full = servers[2].ask("signal", "sessions", "--limit", "0")["sessions"]
        tap.expect_equal({one["node_name"] for one in full}, {"one", "two", "three"}, "nodes")
        tap.expect_equal({(one["dialect"], one["address"], one["tenant"]) for one in full},
                         {("channelling", "127.0.0.1", "default")}, "what is known of them")
        in_room = servers[1].ask("signal", "sessions", "--room", "r3")["sessions"]
        tap.expect_equal(sorted(one["id"] for one in in_room), sorted(me for i, (_, me) in enumerate(people) if i % 7 == 3),
                         "those of a room")
        tap.expect_equal(servers[0].ask("signal", "sessions", "--address", "10.0.0.0/8")["matched"], 0, "of no such address")
        tap.expect_equal(servers[0].ask("signal", "sessions", "--address", "127.0.0.0/8")["matched"], 40, "of all addresses")
        tap.expect_equal(servers[0].ask("signal", "sessions", "--user", "anna")["matched"], 0, "of no such user")
        tap.expect_equal(servers[0].ask("signal", "sessions", "--tenant", "other")["matched"], 0, "of no such tenant")
        for connection, me in people[:3]:
            servers[0].ask("signal", "session", "cancel", me)
            tap.expect_equal(close_code(connection), 1008, "its connection is closed")
        tap.wait_until(lambda: servers[1].ask("signal", "sessions")["matched"] == 37, "three are gone")
        code, _, problem = servers[0].admin("signal", "session", "cancel", people[0][1])
        tap.expect(code == 1 and "session" in problem, problem)
        header = servers[0].admin("signal", "sessions", "--limit", "2")[1].splitlines()[0].split("\t")
        tap.expect_in("queued_bytes", header, "a table")
        tap.expect_equal(sum(one["sessions"] for one in wait_for_load(servers[1], 37)), 37, "nodes tell how many they have")


def close_code(connection):
    while connection.receive() is not None:
        pass
    return connection.closed[0]


def wait_for_load(server, sessions):
    """Each node tells it once a second."""
    return tap.wait_until(lambda: next((answer["nodes"] for answer in [server.ask("signal", "nodes")]
                                        if answer["sessions"] == sessions), None), "the nodes' load")


def control(server, request, **arguments):
    """One request, as other programs ask it."""
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(10)
        one.connect(server.control_socket)
        one.sendall(json.dumps({"request": request, "arguments": arguments}).encode() + b"\n")
        answer = json.loads(one.makefile().readline())
    tap.expect("result" in answer, "%s: %r" % (request, answer))
    return answer["result"]


@tap.beside
@tap.limit_s(90)
def test_nodes():
    """signal nodes: a node that hangs is named by room list within a second or two, then lost; one that drains is draining"""
    with Redis() as redis, Nodes(redis) as (one, two, three):
        people = [join(server, "r%d" % i) for i, server in enumerate((one, two, three) * 3)]
        said = {node["name"]: node for node in one.ask("signal", "nodes")["nodes"]}
        tap.expect(all(node["version"] == said["one"]["version"] and node["last_beat_ms"] < 5000 and node["threads"] == 2
                       for node in said.values()), "what each is: %r" % said)
        tap.expect_equal([node["self"] for node in said.values()].count(True), 1, "which one answers")
        two.ask("signal", "drain", "--deadline", "60")
        tap.wait_until(lambda: names(one) == {"one": "ready", "two": "draining", "three": "ready"}, "it drains")
        tap.expect_equal(two.get("/readyz"), (503, '{"status":"draining"}'), "a node that drains")
        three.process.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            answer = one.ask("room", "list")
            tap.expect(time.monotonic() - began < 4, "it is not waited for")
            tap.expect_equal(answer["missing"], ["three"], "who does not answer")
            tap.expect(len(answer["rooms"]) > 0, "the others' are shown")
            tap.expect("three" in one.admin("room", "list")[2], "it is named")
            tap.wait_until(lambda: names(one).get("three") == "lost", "it is lost", LOST_S)
            tap.expect_equal(one.ask("room", "list")["missing"], [], "nobody waits for what is lost")
        finally:
            three.process.send_signal(signal.SIGCONT)
        tap.wait_until(lambda: names(one).get("three") == "ready", "it is back", LOST_S)
        text = one.admin("signal", "metrics", "--format", "openmetrics")[1]
        tap.expect('turnstone_signaling_cluster_nodes{state="draining"} 1' in text, text)
        tap.expect("turnstone_signaling_ready 1" in text, "it is ready")
        for connection, _ in people:
            connection.socket.close()
        tap.expect_equal(two.process.wait(20), 0, "it ends when all have gone")
        two.process = None


def upgrade(server):
    return server.request("GET", "/ws", headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                                                 "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="})[0]


def answers_at_all(server):
    try:
        return server.get("/healthz")[0] == 200
    except OSError:
        return False


@tap.beside
@tap.limit_s(90)
def test_redis_comes_later():
    """a node starts while Redis is away: alive, not ready, nobody is let in; when Redis is there it is a node like others"""
    with Redis() as redis:
        redis.admin("token", "add", "key")
        redis.kill()
        late = node(redis, "late")
        late.launch()
        try:
            tap.wait_until(lambda: answers_at_all(late), "it is alive")
            tap.expect_equal(late.get("/readyz"), (503, '{"status":"not ready","reason":"Redis has not been reached yet"}'), "why")
            tap.expect_equal(upgrade(late), 503, "who connects")
            tap.expect_equal(late.request("GET", "/turn", headers={"Authorization": "ApiKey x"})[0], 503, "a proof is not looked at")
            tap.expect_equal(late.admin("room", "list")[0], 1, "no list")
            tap.expect(not late.ask("signal", "status")["ready"], "status says so")
            tap.expect_equal(late.ask("signal", "nodes")["redis"], "away", "so do its nodes")
            tap.expect_equal(late.log().count("cluster away"), 1, "one line")
            redis.start()
            tap.wait_until(late.answers, "it is ready")
            with node(redis, "two") as two:
                tap.wait_until(lambda: names(two) == {"late": "ready", "two": "ready"}, "a cluster")
                (first, anna), (second, bert) = join(late, "tea"), join(two, "tea")
                joined = first.receive_until(lambda m: m["Data"]["Type"] == "Joined", "Joined")
                tap.expect_equal(joined["Data"]["Id"], bert, "they meet")
                tap.expect_equal({one["id"] for one in two.ask("signal", "sessions")["sessions"]}, {anna, bert}, "both are seen")
                first.close()
                second.close()
        finally:
            late.stop()


def test_wrong_password():
    """a wrong password of Redis ends the start, as it did"""
    with Redis(password="right") as redis:
        wrong = Signal(*TURN, "--redis-userdb=" + redis.connection.replace("right", "wrong"), tls=False)
        wrong.launch()
        tap.expect(wrong.process.wait(20) != 0, "it does not start")
        tap.expect("password" in wrong.log() + open(wrong.folder + "/stderr", encoding="utf-8").read(), "it says why")


@tap.beside
@tap.limit_s(90)
def test_redis_hangs():
    """Redis hangs: control requests are answered, /readyz says why it is not ready; when it goes on all is as before"""
    with Redis() as redis, node(redis, "one") as one, node(redis, "two") as two:
        tap.wait_until(lambda: len(names(one)) == 2 and len(names(two)) == 2, "both")
        people = [join(one, "tea"), join(two, "tea")]
        home = {"one": one, "two": two}[one.ask("room", "list")["rooms"][0]["node_name"]]
        redis.freeze()
        try:
            tap.wait_until(lambda: one.get("/readyz") == (503, '{"status":"not ready","reason":"Redis is away"}'), "why", LOST_S)
            tap.expect_equal(one.get("/healthz")[0], 200, "it is alive")
            for words in (("signal", "status"), ("signal", "nodes"), ("room", "list"), ("signal", "sessions"), ("signal", "reload")):
                began = time.monotonic()
                one.ask(*words)
                tap.expect(time.monotonic() - began < 3, "%s takes %g s" % (" ".join(words), time.monotonic() - began))
            tap.expect_equal(one.ask("signal", "nodes")["redis"], "away", "Redis is away")
            home.ask("room", "lock", "tea")
            tap.wait_until(lambda: "rooms not kept" in home.log(), "that it is locked is not kept")
        finally:
            redis.thaw()
        tap.wait_until(lambda: one.answers() and two.answers(), "ready again", LOST_S)
        tap.wait_until(lambda: one.ask("signal", "sessions")["missing"] == [] and
                       one.ask("signal", "sessions")["matched"] == 2, "all are seen", LOST_S)
        key = json.loads(redis.admin("token", "add", "later", "--json"))["token"]
        tap.wait_until(lambda: one.request("GET", "/turn", headers={"Authorization": "ApiKey " + key})[0] == 200,
                       "what is written into the store is known", LOST_S)
        tap.wait_until(lambda: home.ask("room", "unlock", "tea") and "rooms kept again" in home.log(), "rooms are kept again", LOST_S)
        tap.expect(not any("node lost" in server.log() for server in (one, two)), "nobody was taken for lost")
        for connection, _ in people:
            connection.close()


if __name__ == "__main__":
    tap.main()
