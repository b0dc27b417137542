#!/usr/bin/env python3
"""The RPC dialect over real sockets: bearers, large descriptions, connections that are lost and come back, heartbeats, its
REST calls; and PeerJS's ids where connections are lost."""
import base64
import hashlib
import hmac
import json
import os
import socket
import struct
import time

from harness import tap
from harness.signal_server import Signal
from harness.websocket import PING, TEXT

SECRET = "a-secret-of-sixteen-characters"
KEY = "a-key-of-sixteen-characters"
PING_S, PONG_S, AWAY_S = 5, 15, 30
LARGE = 64 * 1024


def encode(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def token(user, secret=SECRET, algorithm="HS256"):
    """A JWT (RFC 7515) as the protocol's clients have them."""
    head = encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    body = encode(json.dumps({"userId": user, "exp": int(time.time()) + 600}).encode())
    mac = hmac.new(secret.encode(), head + b"." + body, hashlib.sha256).digest()
    return b".".join((head, body, encode(mac))).decode()


def ask(client, action, **data):
    """The answer; events before it are passed over."""
    client.send({"a": action, "d": data})
    return client.receive_until(lambda message: message["a"] == action + "R", "an answer to " + action)


def join(server, room="tea", tls=False, bearer=""):
    client = server.connect("/api", tls)
    answer = ask(client, "join", roomId=room, bearer=bearer)
    tap.expect_equal(answer["s"], True, "join: %r" % answer)
    return client, answer["d"]["socketId"]


def event(client, name):
    return client.receive_until(lambda message: message["a"] == name, name)["d"]


def lose(client):
    """The connection ends without a word, as a network does that goes away: by a reset."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()


def test_bearer():
    """a bearer names the user; a wrong one, and one without a signature, are refused by number"""
    with Signal("--jwt-secret=" + SECRET) as server:
        one, _ = join(server, bearer=token("anna"))
        other = server.connect("/api")
        for wrong in (token("bert", "another-secret-of-the-length"), token("bert", algorithm="none"), "x", ""):
            answer = ask(other, "join", roomId="tea", bearer=wrong)
            tap.expect_equal((answer["s"], answer["e"]), (False, 1286), "join with %s" % wrong[:20])
        answer = ask(other, "join", roomId="tea", bearer=token("bert"))
        tap.expect_equal([peer["userId"] for peer in answer["d"]["sessions"]], ["anna"], "who is there")
        tap.expect_equal(answer["d"]["userId"], "bert", "who it is")
        one.socket.close()
        other.socket.close()


def test_large_description():
    """a description of 64 KiB and more passes both ports whole; 512 KiB end the connection with 1009"""
    with Signal("--signaling-anybody=yes") as server:
        for tls in (False, True):
            anna, _ = join(server, tls=tls)
            bert, bert_id = join(server, tls=tls)
            sdp = {"type": "offer", "sdp": "v=0\r\n" + os.urandom(LARGE).hex()}
            tap.expect_equal(ask(anna, "exchangeSdp", to=bert_id, sdp=sdp)["s"], True, "exchangeSdp")
            tap.expect_equal(event(bert, "eventExchangeSdp")["sdp"] == sdp, True, "it is the same")
            try:
                anna.send({"a": "sendMessage", "d": {"to": bert_id, "message": "x" * 512 * 1024}})
            except OSError:
                pass  # the server has seen enough of it
            else:
                while anna.receive() is not None:
                    pass
                tap.expect_equal(anna.closed[0], 1009, "the Close")
            anna.socket.close()
            bert.socket.close()


def test_reconnect():
    """a client whose connection was reset has its place back within 30 s, and what it missed"""
    with Signal("--signaling-anybody=yes", "--signaling-threads=4") as server:
        for _ in range(8):  # the new connection lands on other threads than the old one
            anna, anna_id = join(server)
            bert, _ = join(server)
            lose(anna)
            for number in range(3):
                tap.expect_equal(ask(bert, "sendMessage", to=anna_id, message=number)["s"], True, "sendMessage")
            anna = server.connect("/api")
            tap.wait_until(lambda c=anna, i=anna_id: ask(c, "reconnect", socketId=i)["s"], "it is taken back")
            tap.expect_equal([event(anna, "eventMessage")["message"] for _ in range(3)], [0, 1, 2], "missed")
            tap.expect_equal(ask(anna, "orientationChange", orientation=90)["s"], True, "it is in the room")
            event(bert, "eventOrientationChange")
            anna.close()
            tap.expect_equal(event(bert, "eventLeave")["socketId"], anna_id, "who left")
            bert.close()


@tap.beside
@tap.limit_s(120)
def test_heartbeat():
    """the server pings every 5 s; one that does not answer for 15 s is lost, and gone after 30 s more"""
    with Signal("--signaling-anybody=yes") as server:
        anna, _ = join(server)
        bert, bert_id = join(server)
        begin = time.monotonic()
        opcode, _ = bert.receive_frame()
        while opcode == TEXT:
            opcode, _ = bert.receive_frame()
        tap.expect_equal(opcode, PING, "what comes")
        tap.expect(time.monotonic() - begin < PING_S + 2, "within %d s" % PING_S)
        anna.socket.settimeout(PONG_S + PING_S + AWAY_S + 10)
        tap.expect_equal(event(anna, "eventLeave")["socketId"], bert_id, "who left")
        passed = time.monotonic() - begin
        tap.expect(PONG_S + AWAY_S - 1 < passed < PONG_S + PING_S + AWAY_S + 5, "it was gone after %.1f s" % passed)
        anna.close()


def test_state():
    """/state, /globals and /memstats answer to who may list, over all threads"""
    with Signal("--signaling-anybody=yes", "--signaling-threads=3", "--api-key=boss:" + KEY) as server:
        clients = [join(server, "room-%d" % (i % 4)) for i in range(8)]
        tap.expect_equal(server.get("/state")[0], 401, "without a proof")
        status, _, body = server.request("GET", "/state", headers={"X-API-Key": KEY})
        tap.expect_equal(status, 200, "with a key: " + body[:200])
        rooms = {room["id"]: {one["socketId"] for one in room["connections"]} for room in json.loads(body)["d"]["rooms"]}
        wanted = {"room-%d" % i: {clients[i][1], clients[i + 4][1]} for i in range(4)}
        tap.expect_equal(rooms, wanted, "rooms")
        for path in ("/globals", "/memstats"):
            status, headers, body = server.request("GET", path, headers={"X-API-Key": KEY})
            tap.expect_equal((status, headers["Content-Type"]), (200, "text/plain; charset=utf-8"), path)
            tap.expect("sessions: 8\n" in body, path + ": " + body)
        for client, _ in clients:
            client.socket.close()


def test_peerjs_half_open():
    """an id is its owner's: with its token it comes back while the old connection is still there"""
    with Signal("--signaling-anybody=yes", "--signaling-threads=4") as server:
        old = server.connect("/peerjs?key=peerjs&id=anna&token=t1")
        tap.expect_equal(old.receive(), {"type": "OPEN"}, "the first")
        for _ in range(8):
            thief = server.connect("/peerjs?key=peerjs&id=anna&token=t2")
            tap.expect_equal(thief.receive()["type"], "ID-TAKEN", "without the token")
            thief.socket.close()
            new = server.connect("/peerjs?key=peerjs&id=anna&token=t1")
            tap.expect_equal(new.receive(), {"type": "OPEN"}, "with the token")
            tap.expect_equal((old.receive(), old.closed[0]), (None, 1000), "the old one is closed")
            old.socket.close()
            old = new
        old.close()


def fill(server, count):
    """So many clients of PeerJS's default key, each of whom is let in."""
    clients = [server.connect("/peerjs?key=peerjs&id=c%d&token=t%d" % (i, i)) for i in range(count)]
    tap.expect_equal([client.receive()["type"] for client in clients], ["OPEN"] * count, "who is let in")
    shown = server.ask("room", "show", "peerjs")
    tap.expect_equal((shown["capacity"], shown["count"]), (0, count), "the room")
    return clients


def test_peerjs_unbounded():
    """a key is no room of room-capacity at most, nor is it after kill -9"""
    options = ("--signaling-anybody=yes", "--room-capacity=3")
    server = Signal(*options, store=True)
    with server:
        clients = fill(server, 12)
        server.process.kill()
        server.process.wait()
        server.process = None
        for client in clients:
            client.socket.close()
    with Signal(*options, store=True, folder=server.folder) as again:
        for client in fill(again, 12):
            client.close()


if __name__ == "__main__":
    tap.main()
