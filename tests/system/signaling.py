#!/usr/bin/env python3
"""turnsignal itself: it starts, speaks its dialects over real sockets, is asked and steered, drains, reads its configuration
anew, and has its rooms again after a kill -9."""
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import time

from harness import tap
from harness.server import free_ports, make_certificate, write_file
from harness.signal_server import Signal, turnsignal
from harness.websocket import Refused
from signaling_rpc import SECRET, token

TURN = ("--realm=example.org", "--static-auth-secret=a-secret-of-the-relay",
        "--turn-uri=turn:127.0.0.1:3478?transport=udp", "--signaling-anybody=yes")


def hello(server, room, tls=False, **how):
    """A client of the channelling dialect that is in a room: (connection, its id)."""
    one = server.connect("/ws", tls, **how)
    me = one.receive()["Data"]
    tap.expect_equal(me["Type"], "Self", "the first message")
    one.send({"Type": "Hello", "Hello": {"Name": room}, "Iid": "1"})
    welcome = one.receive_until(lambda message: message.get("Iid") == "1", "an answer")
    tap.expect_equal(welcome["Data"]["Type"], "Welcome", "the answer to Hello")
    return one, me["Id"]


def both(test):
    """Runs a test over clear text and over TLS."""
    with Signal(*TURN) as server:
        for tls in (False, True):
            test(server, tls)


def test_health():
    """/healthz and /readyz answer over both ports; nothing else of the operator's is served"""
    def look(server, tls):
        tap.expect_equal(server.get("/healthz", tls), (200, '{"status":"ok"}'), "healthz")
        tap.expect_equal(server.get("/readyz", tls), (200, '{"status":"ready"}'), "readyz")
        tap.expect_equal(server.get("/metrics", tls)[0], 404, "metrics")
        tap.expect_equal(server.request("POST", "/healthz", tls=tls)[0], 405, "POST")
    both(look)


def test_channelling():
    """the channelling dialect: Self with credentials, Hello, Welcome, and the other hears Joined"""
    def meet(server, tls):
        anna, _ = hello(server, "tea", tls)
        with anna:
            bert, bert_id = hello(server, "tea", tls)
            with bert:
                joined = anna.receive()["Data"]
                tap.expect_equal((joined["Type"], joined["Id"]), ("Joined", bert_id), "Joined")
    both(meet)


def test_rpc():
    """the RPC dialect: join is answered"""
    def join(server, tls):
        with server.connect("/api", tls) as one:
            one.send({"a": "join", "d": {"roomId": "tea", "bearer": ""}})
            answer = one.receive_until(lambda message: message["a"] == "joinR", "the answer")
            tap.expect_equal(answer["s"], True, "the answer")
    both(join)


def test_v1():
    """the v1/webrtc dialect: join is answered by welcome and by credentials"""
    def join(server, tls):
        with server.connect("/v1/webrtc/signal", tls) as one:
            one.send({"type": "join", "data": {"roomId": "tea"}})
            tap.expect_equal(one.receive()["type"], "welcome", "the answer")
            credentials = one.receive()
            tap.expect_equal(credentials["type"], "turn-credentials", "what follows")
            tap.expect(credentials["data"]["username"], "a username")
    both(join)


def test_peerjs():
    """PeerJS's dialect: OPEN and credentials, and an offer reaches the other"""
    def call(server, tls):
        with server.connect("/peerjs?key=peerjs&id=anna&token=1", tls) as anna, \
                server.connect("/peerjs?key=peerjs&id=bert&token=2", tls) as bert:
            tap.expect_equal(anna.receive()["type"], "OPEN", "OPEN")
            tap.expect_equal(bert.receive()["type"], "OPEN", "OPEN")
            tap.expect_equal(bert.receive()["type"], "ICE-SERVERS", "what follows")
            anna.send({"type": "OFFER", "dst": "bert", "payload": {"sdp": {"type": "offer", "sdp": "v=0"}}})
            offer = bert.receive()
            tap.expect_equal((offer["type"], offer["src"]), ("OFFER", "anna"), "the offer")
    both(call)


def test_dialects_meet():
    """participants of different dialects meet in one room, whichever threads they are on"""
    with Signal(*TURN, "--signaling-threads=3") as server:
        clients = [hello(server, "tea")[0] for _ in range(6)]
        with server.connect("/v1/webrtc/signal") as one:
            one.send({"type": "join", "data": {"roomId": "tea"}})
            welcome = one.receive_until(lambda message: message["type"] == "welcome", "welcome")
            tap.expect_equal(len(welcome["data"]["participants"]), 7, "participants")
            peer = welcome["data"]["peerId"]
            for client in clients:
                client.receive_until(lambda message: message["Data"].get("Id") == peer, "Joined")
        for client in clients:
            client.socket.close()


def test_status():
    """turnadmin signal status and metrics tell of who is there"""
    with Signal(*TURN) as server:
        one, _ = hello(server, "tea")
        with one:
            status = server.ask("signal", "status")
            tap.expect_equal((status["pid"], status["threads"], status["sessions"], status["rooms"],
                              status["participants"], status["draining"]),
                             (server.pid, 2, 1, 1, 1, None), "status")
            text = server.admin("signal", "metrics", "--format", "openmetrics")[1]
            tap.expect("\nturnstone_signaling_joins_total 1\n" in text, "a join: " + text[:300])
            tap.expect("\nturnstone_signaling_sessions 1\n" in text, "a level")
            tap.expect(text.endswith("# EOF\n"), "the end of OpenMetrics")


def test_rooms():
    """turnadmin room list, show, create, lock, kick, close do what they say"""
    with Signal(*TURN) as server:
        anna, anna_id = hello(server, "tea")
        bert, bert_id = hello(server, "tea")
        server.ask("room", "create", "coffee", "--capacity", "3")
        rooms = {room["name"]: room for room in server.ask("room", "list")["rooms"]}
        tap.expect_equal(sorted(rooms), ["coffee", "tea"], "rooms")
        tap.expect_equal((rooms["tea"]["count"], rooms["coffee"]["capacity"]), (2, 3), "rooms")
        people = server.ask("room", "show", "tea")["participants"]
        tap.expect_equal({one["id"] for one in people}, {anna_id, bert_id}, "participants")
        server.ask("room", "lock", "tea")
        with server.connect("/ws") as late:
            late.receive()
            late.send({"Type": "Hello", "Hello": {"Name": "tea"}, "Iid": "1"})
            answer = late.receive_until(lambda message: message.get("Iid") == "1", "an answer")
            tap.expect_equal(answer["Data"]["Type"], "Error", "a locked room")
        server.ask("room", "unlock", "tea")
        server.ask("room", "kick", "tea", bert_id, "--reason", "enough")
        anna.receive_until(lambda message: message["Data"]["Type"] == "Left", "Left")
        while bert.receive() is not None:
            pass
        server.ask("room", "close", "tea")
        code, _, problem = server.admin("room", "show", "tea")
        tap.expect_equal(code, 1, "a room that is closed")
        tap.expect("no such room" in problem, problem)
        anna.socket.close()
        bert.socket.close()


def test_drain():
    """SIGTERM: /readyz is 503, nobody new joins, who is there is told, closed with 1001 at the deadline, and then it ends"""
    with Signal(*TURN, "--signaling-drain-timeout=2") as server:
        one, _ = hello(server, "tea")
        with one, server.connect("/v1/webrtc/signal") as other:
            other.send({"type": "join", "data": {"roomId": "tea"}})
            other.receive_until(lambda message: message["type"] == "turn-credentials", "credentials")
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            told = other.receive_until(lambda message: message["type"] == "server-draining", "the news")
            tap.expect(told["type"] == "server-draining", "the news")
            tap.expect_equal(server.get("/readyz")[0], 503, "readyz")
            tap.expect_equal(server.get("/healthz")[0], 200, "healthz")
            try:
                with server.connect("/ws"):
                    raise tap.Failure("a new client was let in")
            except Refused as refused:
                tap.expect_equal(refused.status, 503, "the answer to a new client")
            while one.receive() is not None:
                pass
            tap.expect_equal(one.closed[0], 1001, "the Close")
        tap.expect_equal(server.wait(10), 0, "exit code")
        tap.expect(1.8 < time.monotonic() - began < 8, "it ended in time")
        server.process = None


def test_drain_ends_early():
    """a drain ends when the last has gone; a second SIGTERM ends it at once"""
    for ends in ("leave", "signal"):
        with Signal(*TURN, "--signaling-drain-timeout=600") as server:
            one, _ = hello(server, "tea")
            with one:
                server.process.send_signal(signal.SIGTERM)
                while server.get("/readyz")[0] != 503:
                    time.sleep(0.02)
                if ends == "signal":
                    server.process.send_signal(signal.SIGTERM)
                else:
                    one.close()
                    one.receive()
            tap.expect_equal(server.wait(10), 0, "exit code after a " + ends)
            server.process = None


def test_cold_boot():
    """after kill -9 rooms are there again, with owner's settings, lock, capacity and PIN"""
    server = Signal(*TURN, store=True)
    pin = write_file("pin", "4711\n")
    with server:
        server.ask("room", "create", "tea", "--capacity", "3", "--password-file", pin)
        server.ask("room", "create", "coffee")
        server.ask("room", "lock", "coffee")
        server.ask("room", "create", "gone")
        server.ask("room", "close", "gone")
        wait_for_rooms(server, [("coffee", 1), ("tea", 0)])
        server.process.kill()
        server.process.wait()
        server.process = None
    again = Signal(*TURN, store=True, folder=server.folder)
    with again:
        deadline = time.monotonic() + 5
        rooms = {}
        while len(rooms) < 2 and time.monotonic() < deadline:
            rooms = {room["name"]: room for room in again.ask("room", "list")["rooms"]}
        tap.expect_equal(sorted(rooms), ["coffee", "tea"], "rooms")
        tap.expect_equal((rooms["tea"]["capacity"], rooms["tea"]["pin"], rooms["coffee"]["locked"]),
                         (3, True, True), "what they were")
        for given, wanted in (("4712", "Error"), ("4711", "Welcome")):
            with again.connect("/ws") as one:
                one.receive()
                one.send({"Type": "Hello", "Iid": "1",
                          "Hello": {"Name": "tea", "Credentials": {"PIN": given}}})
                answer = one.receive_until(lambda message: message.get("Iid") == "1", "an answer")
                tap.expect_equal(answer["Data"]["Type"], wanted, "PIN " + given)


def asks_in(server, room, user=None):
    """The answer's type to Hello, of this user or of nobody in particular."""
    with server.connect("/ws", headers=[("Authorization", "Bearer " + token(user))] if user else []) as one:
        one.receive()
        one.send({"Type": "Hello", "Iid": "1", "Hello": {"Name": room}})
        return one.receive_until(lambda message: message.get("Iid") == "1", "an answer")["Data"]["Type"]


def kicks(server):
    """Who is kept as removed: [(room, JSON)]. The tables are made with the first room that is written."""
    with sqlite3.connect(os.path.join(server.folder, "turndb")) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'turnstone_room_kicks'").fetchall():
            return []
        return database.execute("SELECT name, kicked FROM turnstone_room_kicks").fetchall()


def test_cold_boot_kicked():
    """after kill -9, twice, who was removed from a room stays out; when it is closed nothing is kept of them"""
    options = (*TURN, "--jwt-secret=" + SECRET)
    server = Signal(*options, store=True)
    with server:
        server.ask("room", "create", "tea")
        server.ask("room", "kick", "tea", "mallory", "--reason", "noise")
        tap.expect('room order: order=kick tenant=default room="tea" participant="mallory" reason="noise"' in server.log(),
                   "the log says who was removed")
        tap.wait_until(lambda: kicks(server), "it is kept")
        server.process.kill()
        server.process.wait()
        server.process = None
    again = Signal(*options, store=True, folder=server.folder)
    with again:
        tap.wait_until(lambda: again.ask("room", "list"), "the room is there")
        tap.expect_equal(asks_in(again, "tea", "mallory"), "Error", "who was removed")
        tap.expect_equal(asks_in(again, "tea", "anna"), "Welcome", "another")
        again.ask("room", "kick", "tea", "eve")
        tap.wait_until(lambda: "eve" in kicks(again)[0][1] and "mallory" in kicks(again)[0][1], "both are kept")
        again.process.kill()
        again.process.wait()
        again.process = None
    third = Signal(*options, store=True, folder=server.folder)
    with third:
        tap.wait_until(lambda: third.ask("room", "list"), "the room is there")
        tap.expect_equal([asks_in(third, "tea", user) for user in ("mallory", "eve", "anna")],
                         ["Error", "Error", "Welcome"], "who was removed")
        third.ask("room", "close", "tea")
        tap.wait_until(lambda: not kicks(third), "nobody is kept")
        tap.expect_equal(asks_in(third, "tea", "mallory"), "Welcome", "another room of that name")


def wait_for_rooms(server, wanted):
    """Rooms are written by a thread of their own, which makes the table with the first."""
    deadline = time.monotonic() + 5
    found = []
    while time.monotonic() < deadline:
        with sqlite3.connect(os.path.join(server.folder, "turndb")) as database:
            is_made = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'turnstone_room'").fetchall()
            found = database.execute("SELECT name, is_locked FROM turnstone_room ORDER BY name").fetchall() if is_made else []
        if found == wanted:
            return
        time.sleep(0.02)
    raise tap.Failure("the store has the rooms %r" % found)


def test_reload():
    """a reload applies what may change, names what may not, and refuses a wrong file; no connection ends"""
    ports = free_ports(2)
    path = write_file("turnsignal.conf", "stun-uri=stun:192.0.2.1:3478\nroom-capacity=7\n")
    server = Signal(*TURN, ports=ports)
    server.arguments = ["-c", path] + server.arguments[1:]
    with server:
        one, _ = hello(server, "tea")
        with one:
            write_file("turnsignal.conf", "stun-uri=stun:192.0.2.2:3478\nroom-capacity=9\n")
            answer = server.ask("signal", "reload")
            tap.expect_equal((answer["applied"], [change["name"] for change in answer["changed"]],
                              [change["name"] for change in answer["restart"]]),
                             (True, ["stun-uri"], ["room-capacity"]), "what became of it")
            with server.connect("/ws") as other:
                tap.expect_equal(other.receive()["Data"]["Stun"], ["stun:192.0.2.2:3478"], "the new option")
            write_file("turnsignal.conf", "signaling-anybody=perhaps\n")
            code, out, _ = server.admin("signal", "reload")
            tap.expect_equal(code, 1, "exit code of a refused reload")
            tap.expect("signaling-anybody" in out, out)
            one.send({"Type": "Users", "Iid": "2"})
            one.receive_until(lambda message: message.get("Iid") == "2", "an answer over the old connection")


def test_certificate():
    """a certificate that is replaced is served by all threads, without a signal; who is connected stays"""
    served = lambda server: ssl.get_server_certificate(server.tls_address)
    with Signal(*TURN) as server:
        options = dict(option[2:].split("=", 1) for option in server.arguments if "=" in option)
        one, _ = hello(server, "tea", tls=True)
        with one:
            before = served(server)
            cert, key = make_certificate("renewed")
            for new, old in ((key, options["pkey"]), (cert, options["cert"])):
                shutil.copy(new, old + ".new")
                os.rename(old + ".new", old)
            deadline = time.monotonic() + 10
            while served(server) == before:
                tap.expect(time.monotonic() < deadline, "the new certificate")
                time.sleep(0.05)
            with open(cert) as file:
                wanted = file.read().split()
            for _ in range(8):
                tap.expect_equal(served(server).split(), wanted, "what any thread serves")
            one.send({"Type": "Users", "Iid": "2"})
            one.receive_until(lambda message: message.get("Iid") == "2", "an answer over the old connection")


def test_log_is_opened_anew():
    """SIGHUP has the log file opened anew after logrotate moved it"""
    with Signal(*TURN) as server:
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 5
        while "configuration applied" not in server.log():
            tap.expect(time.monotonic() < deadline, "the reload")
            time.sleep(0.02)


def test_check():
    """--check reads all and opens nothing; what cannot be served is refused with the option's name"""
    for option, warnings, word in (("--signaling-anybody=yes", 0, b""), ("--signaling-anybody=auto", 1, b"nobody may join")):
        result = subprocess.run([turnsignal(), "-n", "--check", "--signaling-plain-port=1", option],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10, check=False)
        told = b"no errors, %d warning%s\n" % (warnings, b"" if warnings == 1 else b"s")
        tap.expect_equal((result.returncode, result.stdout), (0, told), "check")
        tap.expect(word in result.stderr, result.stderr)
    for way in ("--signaling-control-socket=off", "--check"):
        result = subprocess.run([turnsignal(), "-n", way], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=10, check=False)
        tap.expect_equal(result.returncode, 1, way + " without a port")
        tap.expect(b"signaling-plain-port" in result.stderr, result.stderr)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = subprocess.run([turnsignal(), "-n", "--signaling-ip=127.0.0.1", "--signaling-control-socket=off",
                                 "--signaling-plain-port=%d" % taken.getsockname()[1]],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10, check=False)
    tap.expect_equal(result.returncode, 1, "a start on a port that is taken")


if __name__ == "__main__":
    tap.main()
