#!/usr/bin/env python3
"""The channelling dialect over real sockets and several worker threads: users by REST, pictures, resume, rooms with clients of
the other dialects."""
import base64
import hashlib
import hmac
import json
import os
import subprocess
import time

from harness import tap
from harness.redis import Redis
from harness.server import Folder
from harness.signal_server import Signal, turnsignal

SECRET = "a secret of the users"
OPTIONS = ("--realm=example.org", "--static-auth-secret=a-secret-of-the-relay", "--signaling-threads=3",
           "--turn-uri=turn:127.0.0.1:3478?transport=udp", "--signaling-anybody=yes")
CLIENTS = 6  # enough that they are not all on one thread


def connect(server, query="", tls=False):
    one = server.connect("/ws" + query, tls)
    me = one.receive()["Data"]
    tap.expect_equal(me["Type"], "Self", "the first message")
    return one, me


def answer(one, message, iid="1"):
    one.send(dict(message, Iid=iid))
    return one.receive_until(lambda got: got.get("Iid") == iid, "an answer")["Data"]


def hello(server, room, tls=False):
    one, me = connect(server, tls=tls)
    tap.expect_equal(answer(one, {"Type": "Hello", "Hello": {"Name": room}})["Type"], "Welcome", "the answer to Hello")
    return one, me


def nested(kind, body, to=None):
    inner = {"Type": kind, kind: body}
    if to is not None:
        inner["To"] = to
    return {"Type": kind, kind: inner}


def of_type(kind):
    return lambda message: message["Data"]["Type"] == kind


def post(server, method, path, body):
    status, _headers, text = server.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    return status, json.loads(text) if text.startswith("{") else text


def proof(combo, secret=SECRET):
    return base64.b64encode(hmac.new(secret.encode(), combo.encode(), hashlib.sha256).digest()).decode()


def patch(server, me, combo, secret=SECRET):
    return post(server, "PATCH", "/api/v1/sessions/%s/" % me["Id"],
                {"id": me["Id"], "sid": me["Sid"], "useridcombo": combo, "secret": proof(combo, secret)})


def authenticate(one, userid, nonce):
    return answer(one, nested("Authentication", {"Userid": userid, "Nonce": nonce}))


def test_users():
    """a proof of the shared secret becomes a nonce on whichever thread, and the nonce the session's user"""
    with Signal(*OPTIONS, "--user-secret=" + SECRET) as server:
        combo = "%d:erin" % (time.time() + 600)
        for _ in range(CLIENTS):
            one, me = connect(server)
            with one:
                status, got = patch(server, me, combo)
                tap.expect_equal((status, got.get("userid")), (200, "erin"), "PATCH")
                self = authenticate(one, "erin", got["nonce"])
                tap.expect_equal((self["Type"], self.get("Userid"), self["Id"]), ("Self", "erin", me["Id"]), "Self")
                tap.expect(self["Suserid"] != "" and "erin" in self["Turn"]["username"], "credentials of the user")


def test_strangers():
    """who has proved nothing may connect, gets no TURN credentials, and joins nothing; who then proves gets all"""
    options = [one for one in OPTIONS if not one.startswith("--signaling-anybody")]
    with Signal(*options, "--signaling-anybody=no", "--user-secret=" + SECRET) as server:
        config = json.loads(server.get("/api/v1/config")[1])
        tap.expect_equal((config["UsersEnabled"], config["AuthorizeRoomJoin"]), (True, True), "what clients are told")
        one, me = connect(server)
        with one:
            tap.expect_equal(me["Turn"], {"username": "", "password": "", "ttl": 300}, "Turn of a stranger")
            refused = answer(one, {"Type": "Hello", "Hello": {"Name": "tea"}})
            tap.expect_equal(refused["Code"], "room_join_requires_account", "a stranger's Hello")
            status, got = patch(server, me, "%d:erin" % (time.time() + 600))
            tap.expect_equal(status, 200, "PATCH")
            self = authenticate(one, "erin", got["nonce"])
            tap.expect(self["Turn"]["username"] != "", "credentials of a user")
            tap.expect_equal(answer(one, {"Type": "Hello", "Hello": {"Name": "tea"}})["Type"], "Welcome", "a user's Hello")


def test_wrong_proofs():
    """another secret, an old proof, another session's nonce: refused"""
    with Signal(*OPTIONS, "--user-secret=" + SECRET) as server:
        later, earlier = "%d:erin" % (time.time() + 600), "%d:erin" % (time.time() - 600)
        one, me = connect(server)
        other, _ = connect(server)
        with one, other:
            for combo, secret in ((later, "another secret of users"), (earlier, SECRET), ("erin", SECRET)):
                status, got = patch(server, me, combo, secret)
                tap.expect_equal((status, got["code"]), (403, "session_patch_failed"), combo)
            nonce = patch(server, me, later)[1]["nonce"]
            tap.expect_equal(authenticate(other, "erin", nonce)["Code"], "invalid_session_token", "another session's nonce")
            tap.expect_equal(post(server, "POST", "/api/v1/users", {"id": me["Id"], "sid": me["Sid"]})[0], 404,
                             "registration, which is off")


def test_registration():
    """where it is switched on, whoever has a session gets a user, whose proof the authority takes later"""
    with Signal(*OPTIONS, "--user-secret=" + SECRET, "--user-registration") as server:
        one, me = connect(server)
        other, him = connect(server)
        with one, other:
            status, got = post(server, "POST", "/api/v1/users", {"id": me["Id"], "sid": me["Sid"]})
            tap.expect_equal((status, got["success"]), (200, True), "registration")
            tap.expect(got["userid"].endswith("@example.org"), got["userid"])
            tap.expect_equal(got["secret"], proof(got["useridcombo"]), "its proof")
            tap.expect_equal(authenticate(one, got["userid"], got["nonce"])["Userid"], got["userid"], "the user")
            nonce = post(server, "PATCH", "/api/v1/sessions/%s/" % him["Id"],
                         {"id": him["Id"], "sid": him["Sid"], "useridcombo": got["useridcombo"],
                          "secret": got["secret"]})[1]["nonce"]
            tap.expect_equal(authenticate(other, got["userid"], nonce)["Userid"], got["userid"], "the same user again")


def test_pictures():
    """a picture in Status is fetched by URL from every thread, with its ETag, and not twice"""
    picture = b"GIF89a" + b"p" * 3000
    url = "data:image/png;base64," + base64.b64encode(picture).decode()
    with Signal(*OPTIONS) as server:
        anna, _ = hello(server, "tea")
        bert, _ = hello(server, "tea")
        with anna, bert:
            anna.send(nested("Status", {"buddyPicture": url}))
            where = bert.receive_until(of_type("Status"), "Status")["Data"]["Status"]["buddyPicture"]
            tap.expect(where.startswith("img:") and where.endswith("/picture.gif"), where)
            path = "/static/img/buddy/s46/" + where[len("img:"):]
            for _ in range(CLIENTS):
                status, headers, body = server.request("GET", path)
                tap.expect_equal((status, headers.get("Content-Type"), body), (200, "image/gif", picture.decode()), "GET")
            again = server.request("GET", path, headers={"If-None-Match": headers["ETag"]})
            tap.expect_equal((again[0], again[2]), (304, ""), "what the client has already")
            tap.expect_equal(server.request("GET", path.replace("img/buddy/s46/", "img/buddy/s46/x"))[0], 404, "none")


def test_resume():
    """a token shown on a new connection, on whichever thread, is the session again, in its room"""
    with Signal(*OPTIONS) as server:
        anna, me = hello(server, "tea")
        bert, _ = hello(server, "tea")
        with bert:
            for i in range(CLIENTS):
                again, self = connect(server, "?t=" + me["Token"])
                tap.expect_equal((self["Id"], self["Sid"]), (me["Id"], me["Sid"]), "Self of the same session")
                tap.expect("username" in self["Turn"] and self["Turn"]["username"], "with credentials")
                while anna.receive() is not None:
                    pass
                tap.expect_equal(anna.closed[0], 1000, "the end of the old connection")
                anna.socket.close()
                anna = again
                bert.send(nested("Chat", {"Message": "m%d" % i, "NoEcho": True}, me["Id"]))
                anna.receive_until(lambda got, i=i: got["Data"].get("Chat", {}).get("Message") == "m%d" % i,
                                   "what is sent to it then")
            anna.close()
            left = bert.receive_until(of_type("Left"), "Left")["Data"]
            tap.expect_equal((left["Id"], left["Status"]), (me["Id"], "hard"), "Left")
            anna.socket.close()


def test_lookup():
    """an attestation is looked up, and both hear when the other is gone, across threads"""
    with Signal(*OPTIONS) as server:
        for _ in range(CLIENTS):
            anna, her = connect(server)
            bert, him = connect(server)
            with bert:
                anna.send(nested("Bye", {}, him["Id"]))
                token = bert.receive_until(of_type("Bye"), "Bye")["A"]
                found = answer(bert, nested("Sessions", {"Type": "session", "Token": token}))
                tap.expect_equal([user["Id"] for user in found["Users"]], [her["Id"]], "whose it is")
                anna.close()
                anna.socket.close()
                left = bert.receive_until(of_type("Left"), "Left")
                tap.expect_equal((left["From"], left["To"]), (her["Id"], him["Id"]), "Left by unicast")


def test_other_dialects():
    """a call with a client of the RPC dialect, and of v1: each hears its own documents"""
    with Signal(*OPTIONS) as server:
        anna, me = hello(server, "tea")
        with anna, server.connect("/api") as rpc:
            rpc.send({"a": "join", "d": {"roomId": "tea", "bearer": ""}})
            joined = rpc.receive_until(lambda got: got["a"] == "joinR", "joinR")["d"]
            tap.expect_equal([one["socketId"] for one in joined["sessions"]], [me["Id"]], "who is there")
            came = anna.receive_until(of_type("Joined"), "Joined")["Data"]
            tap.expect_equal(came["Id"], joined["socketId"], "Joined")
            tap.expect("displayName" in came["Status"], "a Status")
            rpc.send({"a": "exchangeSdp", "d": {"to": me["Id"], "sdp": {"type": "offer", "sdp": "v=0\r\n"}}})
            offer = anna.receive_until(of_type("Offer"), "Offer")
            tap.expect_equal((offer["From"], offer["Data"]["Offer"]), (came["Id"], {"type": "offer", "sdp": "v=0\r\n"}), "Offer")
            anna.send(nested("Answer", {"type": "answer", "sdp": "v=1\r\n"}, came["Id"]))
            got = rpc.receive_until(lambda got: got["a"] == "eventExchangeSdp", "eventExchangeSdp")["d"]
            tap.expect_equal((got["from"]["socketId"], got["sdp"]), (me["Id"], {"type": "answer", "sdp": "v=1\r\n"}), "the answer")
            rpc.send({"a": "exchangeCandidate", "d": {"to": me["Id"], "candidate": {
                "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ relay", "sdpMid": "0", "sdpMLineIndex": 0}}})
            candidate = anna.receive_until(of_type("Candidate"), "Candidate")["Data"]["Candidate"]
            tap.expect_equal((candidate["candidate"], candidate["sdpMid"], candidate["sdpMLineIndex"]),
                             ("candidate:1 1 udp 1 192.0.2.1 9 typ relay", "0", 0), "Candidate")
            with server.connect("/v1/webrtc/signal") as one:
                one.send({"type": "join", "data": {"roomId": "tea"}})
                welcome = one.receive_until(lambda got: got["type"] == "welcome", "welcome")["data"]
                tap.expect_equal(len(welcome["participants"]), 3, "all three protocols")
                anna.receive_until(lambda got: got["Data"].get("Id") == welcome["peerId"], "Joined")
            left = anna.receive_until(of_type("Left"), "Left")["Data"]
            tap.expect_equal(left["Id"], welcome["peerId"], "Left")


def login(server, user):
    """A session whose user has proved who it is."""
    one, me = connect(server)
    status, got = patch(server, me, "%d:%s" % (time.time() + 600, user))
    tap.expect_equal(status, 200, "PATCH")
    tap.expect_equal(authenticate(one, user, got["nonce"])["Userid"], user, "Self of a user")
    return one, me


def contact_request(request, to):
    return nested("Chat", {"NoEcho": True, "Status": {"ContactRequest": request}}, to)


def hear_request(one):
    got = one.receive_until(lambda got: "ContactRequest" in (got["Data"].get("Chat", {}).get("Status") or {}), "a request")
    return got["Data"]["Chat"]["Status"]["ContactRequest"]


def become_contacts(anna, her, bert, him):
    """Bert asks, Anna says yes: the token."""
    bert.send(contact_request({"Id": "r", "Success": False}, her["Id"]))
    asked = hear_request(anna)
    tap.expect_equal(asked["Userid"], "bert", "who asks")
    anna.send(contact_request(dict(asked, Success=True), him["Id"]))
    answered = hear_request(bert)
    tap.expect_equal((answered["Userid"], answered["Success"], answered["Token"]), ("anna", True, asked["Token"]), "the answer")
    return asked["Token"]


def find_contact(one, token):
    return answer(one, nested("Sessions", {"Type": "contact", "Token": token}))["Users"]


def test_contacts():
    """two users become contacts on whichever threads, and find each other again after the server was started anew"""
    options = OPTIONS + ("--user-secret=" + SECRET,)
    with Signal(*options) as server:
        for _ in range(CLIENTS):
            anna, her = login(server, "anna")
            bert, him = login(server, "bert")
            with anna, bert:
                token = become_contacts(anna, her, bert, him)
                tap.expect(her["Id"] in [user["Id"] for user in find_contact(bert, token)], "her session, for him")
                tap.expect(him["Id"] in [user["Id"] for user in find_contact(anna, token)], "his, for her")
    with Signal(*options) as server:
        bert, _ = login(server, "bert")
        with bert:
            nobody = find_contact(bert, token)
            tap.expect_equal([user["Userid"] for user in nobody], ["anna"], "who is not here")
            anna, her = login(server, "anna")
            with anna:
                tap.expect_equal([user["Id"] for user in find_contact(bert, token)], [her["Id"]], "who is")


def test_contacts_of_another_node():
    """a contact is found at another node, and a token of one is good at the other"""
    with Redis() as redis:
        options = OPTIONS + ("--user-secret=" + SECRET, "--signaling-cluster", "--redis-userdb=" + redis.connection)
        with Signal(*options, "--signaling-node=one", tls=False) as one, Signal(*options, "--signaling-node=two", tls=False) as two:
            for server, other in ((one, "two"), (two, "one")):
                tap.wait_until(lambda s=server, o=other: 'node="%s"' % o in s.log(), "each knows the other")
            anna, her = login(one, "anna")
            bert, him = login(two, "bert")
            with anna, bert:
                token = become_contacts(anna, her, bert, him)
                tap.expect_equal([user["Id"] for user in find_contact(bert, token)], [her["Id"]], "at the other node")
                anna.close()
                left = bert.receive_until(of_type("Left"), "Left")
                tap.expect_equal((left["From"], left["To"]), (her["Id"], him["Id"]), "that she is gone")
                tap.expect(find_contact(bert, token)[0]["Id"] != her["Id"], "nobody, of who is gone")


def test_vouched_users():
    """whom a trusted proxy names is that user from the first message on; nobody else names anybody, and nobody twice"""
    options = OPTIONS + ("--user-secret=" + SECRET, "--user-header=x-userid")
    named = (("X-UserId", "erin"),)
    with Signal(*options, "--trusted-proxy=127.0.0.1") as server:
        with server.connect("/ws", headers=named) as one:
            me = one.receive()["Data"]
            tap.expect_equal((me["Userid"], "erin" in me["Turn"]["username"]), ("erin", True), "Self")
            tap.expect_equal(answer(one, {"Type": "Hello", "Hello": {"Name": "tea"}})["Type"], "Welcome", "the answer to Hello")
        other, him = connect(server)
        with other:
            tap.expect_equal(him["Userid"], "", "who is named by nobody")
            headers = {"Content-Type": "application/json", "x-userid": "erin"}
            status, _, body = server.request("PATCH", "/api/v1/sessions/%s/" % him["Id"],
                                             json.dumps({"id": him["Id"], "sid": him["Sid"]}), headers)
            tap.expect_equal(status, 200, "PATCH without a proof")
            tap.expect_equal(authenticate(other, "erin", json.loads(body)["nonce"])["Userid"], "erin", "Self")
        with server.connect("/ws", headers=named + (("x-userid", "anna"),)) as one:
            tap.expect_equal(one.receive()["Data"]["Userid"], "", "who is named twice")
        with server.connect("/v1/webrtc/signal?room=tea", headers=named) as one:
            one.receive_until(lambda got: got["type"] == "welcome", "a user of another protocol")
    with Signal(*options) as server:
        with server.connect("/ws", headers=named) as one:
            tap.expect_equal(one.receive()["Data"]["Userid"], "", "named by nobody who is trusted")


def test_rooms():
    """the room without a name, types by name, and an expression that is none"""
    with Signal(*OPTIONS, "--room-default=lobby", "--room-type=^conference/.+=Conference", "--room-type=^stage$=Room",
                "--room-type=^stage=Conference") as server:
        anna, _ = hello(server, "")
        with anna, server.connect("/v1/webrtc/signal") as other:
            other.send({"type": "join", "data": {"roomId": "lobby"}})
            anna.receive_until(of_type("Joined"), "who came by the room's name")
            room = answer(anna, {"Type": "Hello", "Hello": {"Name": "Conference/Tea"}})["Room"]
            tap.expect_equal((room["Type"], room["Name"]), ("Conference", "conference/tea"), "a type by the name")
            for name, wanted in (("stage", "Room"), ("stages", "Conference"), ("tea", "Room")):
                room = answer(anna, {"Type": "Hello", "Hello": {"Name": name, "Type": ""}})["Room"]
                tap.expect_equal(room["Type"], wanted, "the first expression that fits " + name)
    for wrong in ("^(=Conference", "=Conference", "tea=", "tea=a:b"):
        result = subprocess.run([turnsignal(), "-n", "--check", "--signaling-plain-port=1", "--room-type=" + wrong],
                                capture_output=True, text=True, check=False)
        tap.expect(result.returncode != 0 and "room-type" in result.stderr + result.stdout, "refused: " + wrong)


def test_page():
    """room-page: files as they are, and the page of the web client at each other path, for who wants one"""
    folder = os.path.join(Folder.get(), "www")
    os.makedirs(os.path.join(folder, "static", "js"))
    with open(os.path.join(folder, "static", "js", "main.js"), "w", encoding="ascii") as file:
        file.write("main")
    browser = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "de,en;q=0.5"}
    with Signal(*OPTIONS, "--room-page", "--www-root=" + folder) as server:
        tap.expect_equal(server.request("GET", "/static/js/main.js", headers=browser)[2], "main", "a file")
        for tls in (False, True):
            status, headers, page = server.request("GET", "/some/room", headers=browser, tls=tls)
            tap.expect_equal((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"), "a room")
            text = page.split('<script id="globalcontext" type="application/json">')[1].split("</script>")[0]
            context = json.loads(text)
            host = server.tls_address if tls else server.address
            tap.expect_equal((context["Ssl"], context["Host"]), (tls, "%s:%d" % host), "where its WebSocket is")
            tap.expect_equal((context["Languages"], context["Cfg"]["B"]), (["de", "en"], "/"), "what it goes by")
        tap.expect("default-src 'self'" in headers["Content-Security-Policy"], "a policy")
        tap.expect_equal(server.request("GET", "/none.js", headers={"Accept": "*/*"})[0], 404, "a script that is not there")
        tap.expect_equal(server.request("GET", "/healthz", headers=browser)[2], '{"status":"ok"}', "what has an answer")


if __name__ == "__main__":
    tap.main()
