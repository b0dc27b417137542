#!/usr/bin/env python3
"""TURN credentials of turnsignal: turnserver takes them; REST in each shape; tenants; a kick takes them back; a remote service that is
away, slow, refuses or talks nonsense; and the same service offered."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import threading
import time
import urllib.parse

from harness import tap
from harness.server import Server, make_certificate, write_file
from harness.signal_server import Signal
from harness.store import Store

REALM, SECRET = "example.org", "a-secret-of-the-relay"
URI = "turn:127.0.0.1:3478?transport=udp"
TURN = ("--realm=" + REALM, "--static-auth-secret=" + SECRET, "--turn-uri=" + URI)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def get(server, path, status=200, headers=None, body=None, method="GET"):
    got, answered, text = server.request(method, path, body, headers)
    tap.expect_equal((got, text if got != status else ""), (status, ""), "%s %s" % (method, path))
    return answered, json.loads(text) if text[:1] == "{" else text


def post(server, path, fields, status=200, headers=None):
    return get(server, path, status, {**FORM, **(headers or {})}, urllib.parse.urlencode(fields), "POST")


def test_turnserver_takes_them():
    """Credentials of each REST call relay at turnserver; so do a tenant's, by the secrets of its realm"""
    store = Store()
    store.admin("tenant", "add", "acme", "--realm", "acme.example")
    store.admin("secret", "add", "--realm", "acme.example", text="secret of acme\n")
    store.admin("secret", "add", "--realm", REALM, text="of the store\n")
    key = store.admin("token", "add", "backend", "--tenant", "acme").strip()
    with Server("--use-auth-secret", "--realm=" + REALM, "--realm-from-username", store.option, credentials=False) as relay:
        with Signal("--realm=" + REALM, "--turn-uri=" + URI, store.option, "--signaling-anybody=yes") as server:
            def relays(made, name):
                tap.expect(name in made["username"], made["username"])
                with relay.client(user=made["username"], password=made["password"]) as client:
                    client.allocate()

            _, made = get(server, "/turn?service=turn")
            relays(made, ":default")
            tap.expect_equal(made["uris"], [URI], "URIs")
            _, made = get(server, "/turn?service=turn&username=anna&key=" + key)
            relays(made, ":anna@acme.example")
            with relay.client(user=made["username"], password=made["password"]) as client:
                client.allocate()
                line = next(line for line in relay.log().splitlines()[::-1] if "allocation created" in line)
                tap.expect("realm=acme.example" in line, "it is of the tenant's realm: " + line)


def test_shapes():
    """TURN REST, Matrix and v1/webrtc in their own words, with and without a proof"""
    with Signal(*TURN, "--api-key=backend:key-of-the-backend", "--turn-credentials-lifetime=900") as server:
        key = {"Authorization": "Bearer key-of-the-backend"}
        answered, rest = get(server, "/turn/credentials?service=turn&username=anna", headers=key)
        tap.expect_equal((sorted(rest), rest["ttl"]), (["password", "ttl", "uris", "username"], 900), "TURN REST")
        tap.expect_equal(answered.get("Cache-Control"), "no-store", "it is kept by nobody")
        tap.expect(rest["username"].endswith(":anna"), "in the name of the user")
        right = base64.b64encode(hmac.new(SECRET.encode(), rest["username"].encode(), hashlib.sha1).digest()).decode()
        tap.expect_equal(rest["password"], right, "the password")
        _, posted = post(server, "/turn", {"service": "turn", "username": "bert"}, headers=key)
        tap.expect(posted["username"].endswith(":bert"), "by a form")
        for name in ("key", "api"):  # which of them it is called depends on the client's age
            _, made = get(server, "/turn?service=turn&username=carl&%s=key-of-the-backend" % name)
            tap.expect(made["username"].endswith(":carl"), "by the query's " + name)
            _, made = post(server, "/turn", {"service": "turn", "username": "carl", name: "key-of-the-backend"})
            tap.expect(made["username"].endswith(":carl"), "by the form's " + name)
        post(server, "/turn", {"service": "turn", "api": "another-key-than-that"}, 401)
        get(server, "/turn?service=turn", headers={"X-Authorization": "Bearer key-of-the-backend"})
        get(server, "/turn?service=stun", 400, key)
        get(server, "/turn?service=turn", 401)
        get(server, "/turn?service=turn&key=another-key-than-that", 401)
        matrix = "/_matrix/client/v3/voip/turnServer"
        _, made = get(server, matrix, headers=key)
        tap.expect_equal(sorted(made), ["password", "ttl", "uris", "username"], "Matrix")
        tap.expect_equal(get(server, matrix, 401)[1]["errcode"], "M_MISSING_TOKEN", "without a token")
        tap.expect_equal(get(server, matrix + "?access_token=a.b.c", 401)[1]["errcode"], "M_UNKNOWN_TOKEN", "a bad one")
        _, made = get(server, "/v1/webrtc/turn/credentials", headers=key, method="POST")
        tap.expect_equal(sorted(made), ["credential", "password", "ttl", "uris", "urls", "username"], "v1/webrtc")
        tap.expect_equal((made["credential"], made["urls"]), (made["password"], made["uris"]), "by both names")
        get(server, "/v1/webrtc/turn/credentials", 405)
        get(server, "/v1/webrtc/turn/credentials", 401, method="POST")
    with Signal(*TURN, "--api-key=lister:key-of-who-lists-rooms:list") as server:
        key = {"Authorization": "Bearer key-of-who-lists-rooms"}
        get(server, "/turn", 403, key)
        tap.expect_equal(get(server, matrix, 403, key)[1]["errcode"], "M_FORBIDDEN", "who may not join gets none")
        get(server, "/v1/webrtc/turn/credentials", 403, key, method="POST")
        token = base64.b64encode(b"key-of-who-lists-rooms:").decode()
        form = urllib.parse.urlencode({"nonce": "n", "client_id": "c"})
        status = server.request("POST", "/api/v1/turn/credentials", form, dict(FORM, Authorization="Bearer " + token))[0]
        tap.expect_equal(status, 403, "nor by the protocol of services")
    with Signal("--signaling-anybody=yes") as server:
        tap.expect_equal(get(server, matrix)[1], {}, "Matrix says so when there are none")
        tap.expect_equal(get(server, "/v1/webrtc/turn/credentials", 503, method="POST")[1],
                         {"error": "TURN not configured"}, "and v1/webrtc")
        get(server, "/turn", 503)


def test_too_many():
    """Whose proofs do not hold is told when to come again: v1/webrtc by its own number of seconds, once"""
    with Signal(*TURN, "--signaling-address-failures=2") as server:
        for path, seconds in (("/v1/webrtc/rooms", "10"), ("/v1/webrtc/turn/credentials", "1")):
            def ask():
                return server.request("POST", path, "{}", {"Authorization": "Bearer wrong"})
            tap.wait_until(lambda: ask()[0] == 429, "429 of " + path)
            tap.expect_equal(ask()[1].get("Retry-After"), seconds, "Retry-After of " + path)


def test_pushed():
    """In each protocol who joins is told credentials that turnserver takes, and that end with a kick"""
    store = Store()
    store.admin("secret", "add", "--realm", REALM, text="of the store\n")
    rpc = {"a": "join", "d": {"roomId": "tea"}}
    first = {"/api": rpc, "/v1/webrtc/signal": {"type": "join", "data": {"roomId": "tea"}}, "/peerjs?key=tea&id=anna&token=t": None}

    def pushed(client):
        """Those of the first message that has some."""
        while True:
            message = client.receive()
            data = message.get("d") or message.get("data") or message.get("payload") or {}
            if "iceServers" in data:
                return data["iceServers"][-1]
            if message.get("type") == "turn-credentials":
                return data

    with Server("--use-auth-secret", "--realm=" + REALM, store.option, credentials=False) as relay, \
            Signal("--realm=" + REALM, "--turn-uri=" + URI, store.option, "--signaling-anybody=yes") as server:
        for path, hello in first.items():
            with server.connect(path) as client:
                if hello is not None:
                    client.send(hello)
                made = pushed(client)
                tap.expect_equal(made["urls"], [URI], "URLs by " + path)
                with relay.client(user=made["username"], password=made["credential"]) as allocates:
                    allocates.allocate()
                    who, = server.ask("room", "show", "tea")["participants"]
                    ends = relay.log().count("its credentials were revoked")
                    tap.expect_equal(server.admin("room", "kick", "tea", who["id"])[0], 0, "the kick")
                    tap.wait_until(lambda: relay.log().count("its credentials were revoked") > ends, "the end of the allocation by " + path)
            server.admin("room", "close", "tea")


def test_anybody():
    """Nobody joins without a proof until the tenant says so; the log says so once, whatever else changes"""
    store = Store()
    store.admin("secret", "add", "--realm", REALM, text="first secret\n")
    with Signal("--realm=" + REALM, "--turn-uri=" + URI, store.option) as server:
        get(server, "/turn", 401)
        store.admin("tenant", "add", "default")
        store.admin("tenant", "set", "default", "anybody", "yes")
        tap.wait_until(lambda: server.request("GET", "/turn")[0] == 200, "anybody is let in")
        for lifetime in (77, 78):
            store.admin("tenant", "set", "default", "credentials-lifetime", str(lifetime))
            tap.wait_until(lambda wanted=lifetime: get(server, "/turn")[1]["ttl"] == wanted, "a lifetime")
        tap.expect_equal(server.log().count("anybody may join rooms"), 1, "lines that say so")


def test_changes():
    """Tenants, tokens and secrets that turnadmin changes count within a second, without a restart"""
    store = Store()
    store.admin("secret", "add", "--realm", REALM, text="first secret\n")
    with Signal("--realm=" + REALM, "--turn-uri=" + URI, "--signaling-anybody=no", store.option) as server:
        def status(key):
            return server.request("GET", "/turn?service=turn&key=" + key)[0]

        store.admin("tenant", "add", "acme")
        key = store.admin("token", "add", "backend", "--tenant", "acme").strip()
        began = time.monotonic()
        tap.wait_until(lambda: status(key) == 200, "the token is known")
        tap.expect(time.monotonic() - began < 1.5, "it took %.1f s" % (time.monotonic() - began))
        store.admin("tenant", "set", "acme", "credentials-lifetime", "77")
        tap.wait_until(lambda: get(server, "/turn?service=turn&key=" + key)[1]["ttl"] == 77, "its lifetime")
        store.admin("token", "delete", "backend", "--tenant", "acme")
        tap.wait_until(lambda: status(key) == 401, "the token is gone")


def test_kick():
    """Who is kicked from a room relays no more: his allocation ends within a second or so, and others' go on"""
    store = Store()
    store.admin("secret", "add", "--realm", REALM, text="of the store\n")
    with Server("--use-auth-secret", "--realm=" + REALM, store.option, credentials=False) as relay, \
            Signal("--realm=" + REALM, "--turn-uri=" + URI, store.option, "--signaling-anybody=yes") as server, \
            server.connect("/ws") as kicked, server.connect("/ws") as stays:
        who = [client.receive()["Data"] for client in (kicked, stays)]
        for client in (kicked, stays):
            client.send({"Type": "Hello", "Hello": {"Name": "tea"}, "Iid": "1"})
            client.receive_until(lambda message: message.get("Iid") == "1", "a welcome")
        clients = [relay.client(user=me["Turn"]["username"], password=me["Turn"]["password"]) for me in who]
        for client in clients:
            client.allocate()
        code, _, said = server.admin("room", "kick", "tea", who[0]["Id"])
        began = time.monotonic()
        tap.expect_equal((code, said), (0, ""), "the kick")
        tap.wait_until(lambda: "its credentials were revoked" in relay.log(), "the end of the allocation")
        tap.expect(time.monotonic() - began < 2, "after %.1f s" % (time.monotonic() - began))
        with relay.client(user=who[0]["Turn"]["username"], password=who[0]["Turn"]["password"]) as again:
            tap.expect_equal(again.try_allocate(), 401, "a new one is refused")
        clients[1].refresh(600)
        for client in clients:
            client.close()


class Service:
    """A remote TURN service, which does what mode says."""

    def __init__(self, certificate=None):
        service = self
        self.mode, self.requests, self.ttl = "right", [], 600

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                fields = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                bearer = base64.b64decode(self.headers["Authorization"].split(" ")[1]).decode()
                service.requests.append((self.path, fields, bearer))
                status, body = service.answer(fields["nonce"][0])
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.handler = Handler
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        if certificate:
            import ssl
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, nonce):
        number = len(self.requests)
        turn = {"ttl": self.ttl, "username": "remote%d" % number, "password": "p%d" % number,
                "geo_uri": "https://geo.example.org/",
                "servers": [{"id": "far", "urns": ["turn:far.example.org"], "prio": 20, "label": "Far"},
                            {"id": "near", "urns": ["turn:near.example.org", "odd:thing"], "prio": 10,
                             "i18n": {"de": "nah"}}]}
        right = {"success": True, "nonce": nonce, "session": "S%d" % number, "turn": turn}
        return {
            "right": lambda: (200, json.dumps(right)),
            "forbidden": lambda: (403, "forbidden"),
            "broken": lambda: (500, "no"),
            "nonsense": lambda: (200, "<html>"),
            "nonce": lambda: (200, json.dumps({**right, "nonce": "another"})),
            "failure": lambda: (200, json.dumps({**right, "success": False})),
            "script": lambda: (200, json.dumps({**right, "turn": {**turn, "geo_uri": "javascript:alert(1)"}})),
            "no servers": lambda: (200, json.dumps({**right, "turn": {**turn, "servers": []}})),
            "huge": lambda: (200, json.dumps({**right, "more": "x" * 100000})),
        }[self.mode]()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def remote(service, *options):
    return Signal("--turn-service-url=http://127.0.0.1:%d/base" % service.port, "--turn-service-token=the token/+",
                  "--turn-service-client-id=client & one", "--signaling-anybody=yes", *options)


def test_remote():
    """A remote service: its credentials and zones reach clients, and are fetched again at 80 % of their time"""
    service = Service()
    service.ttl = 15
    with remote(service) as server:
        made = tap.wait_until(lambda: server.get("/turn")[0] == 200 and get(server, "/turn")[1], "credentials")
        tap.expect_equal((made["username"], made["password"], made["uris"]),
                         ("remote1", "p1", ["turn:near.example.org"]), "of the zone with the lowest number")
        path, fields, bearer = service.requests[0]
        tap.expect_equal((path, fields["client_id"], bearer), ("/base/api/v1/turn/credentials", ["client & one"], "the token/+:"),
                         "the request")
        tap.expect_equal(len(fields["nonce"][0]), 64, "a nonce")
        with server.connect("/ws") as client:
            turn = client.receive()["Data"]["Turn"]
            tap.expect_equal(([zone["id"] for zone in turn["servers"]], turn["geo_uri"]),
                             (["near", "far"], "https://geo.example.org/"), "zones for the channelling dialect")
            tap.expect_equal((turn["servers"][0]["i18n"], turn["servers"][1]["label"]), ({"de": "nah"}, "Far"), "labels")
            began = time.monotonic()
            tap.wait_until(lambda: len(service.requests) == 2, "the second request", 14)
            tap.expect(9 < time.monotonic() - began < 13, "at 80 %% of 15 s: after %.1f s" % (time.monotonic() - began))
            tap.expect_equal(service.requests[1][2], "the token/+:S1", "with the session of the first answer")
            update = client.receive_until(lambda message: message["Data"]["Type"] == "TurnUpdate", "an update")
            tap.expect_equal(update["Data"]["Turn"]["username"], "remote2", "clients are told")
    service.close()


def test_remote_faults():
    """403, 500, nonsense, another nonce, an answer without servers or of any size: none counts, and each is got over"""
    for mode in ("forbidden", "broken", "nonsense", "nonce", "failure", "no servers", "huge"):
        service = Service()
        service.mode = mode
        with remote(service) as server:
            tap.wait_until(lambda: "TURN credentials not fetched" in server.log(), "the log says so: " + mode)
            tap.expect_equal(server.get("/turn")[0], 503, "there are none: " + mode)
            service.mode = "script"
            made = tap.wait_until(lambda: server.get("/turn")[0] == 200 and get(server, "/turn")[1], "then there are")
            tap.expect(made["username"].startswith("remote"), "of the service")
            tap.expect(len(service.requests) < 8, "it is not asked in haste: %d" % len(service.requests))
            with server.connect("/ws") as client:
                tap.expect("geo_uri" not in client.receive()["Data"]["Turn"], "no page is sent to a script")
            tap.expect("the token/+" not in server.log(), "no secret is in the log")
        service.close()


def test_remote_goes_away():
    """While the service is away what was fetched is given on, until 10 seconds are left"""
    service = Service()
    service.ttl = 16
    with remote(service) as server:
        tap.wait_until(lambda: server.get("/turn")[0] == 200, "credentials")
        service.close()
        began = time.monotonic()
        tap.expect_equal(server.get("/turn")[0], 200, "they are given on")
        tap.wait_until(lambda: server.get("/turn")[0] == 503, "and then no more", 14)
        tap.expect(3 < time.monotonic() - began < 9, "after %.1f s" % (time.monotonic() - began))


def test_remote_tls():
    """The certificate of a service is checked: a chain that is trusted, and the name"""
    certificate = make_certificate("service")
    service = Service(certificate)
    for trusted, host, works in ((True, "localhost", True), (False, "localhost", False), (True, "127.0.0.2", False)):
        os.environ["SSL_CERT_FILE"] = own_authority(certificate) if trusted else "/nonexistent"
        try:
            with Signal("--turn-service-url=https://%s:%d" % (host, service.port), "--turn-service-token=t",
                        "--signaling-anybody=yes") as server:
                if works:
                    tap.wait_until(lambda: server.get("/turn")[0] == 200, "credentials over TLS")
                else:
                    tap.wait_until(lambda: "TURN credentials not fetched" in server.log(), "it is refused")
                    tap.expect_equal(server.get("/turn")[0], 503, "there are none")
        finally:
            del os.environ["SSL_CERT_FILE"]
    service.close()


def own_authority(certificate):
    names = subprocess.run(["openssl", "x509", "-in", certificate[0], "-noout", "-ext", "subjectAltName", "-subject"],
                           capture_output=True, check=True, timeout=30).stdout.decode()
    if "localhost" not in names:
        raise tap.Skip("the harness's certificate is not one of localhost: " + names)
    return certificate[0]


def test_offered():
    """The service offered: derived tokens and API keys, zones by network, geo; and another turnsignal that fetches from it"""
    secret = "secret of the service"
    token = "h" + hmac.new(secret.encode(), b"their id", hashlib.sha256).hexdigest()
    networks = write_file("networks", "127.0.0.0/8 eu\n")
    options = ("--realm=" + REALM, "--static-auth-secret=" + SECRET, "--turn-service-secret=" + secret,
               "--api-key=peer:key-of-another-server", "--zone-networks=" + networks,
               "--turn-geo-uri=https://geo.example.org/api/v1/turn/geo",
               "--turn-uri=zone=us prio=1 turn:us.example.org", "--turn-uri=zone=eu prio=2 label=Europe turn:eu.example.org")

    def ask(server, bearer, client_id="their id", status=200):
        authorization = "Bearer " + base64.b64encode(bearer.encode()).decode()
        return post(server, "/api/v1/turn/credentials", {"nonce": "abc", "client_id": client_id}, status,
                    {"Authorization": authorization})[1]

    with Signal(*options) as server:
        told = ask(server, token + ":session 7")
        tap.expect_equal((told["success"], told["nonce"], told["session"]), (True, "abc", "session 7"), "the answer")
        tap.expect_equal([zone["id"] for zone in told["turn"]["servers"]], ["eu", "us"], "the near zone first")
        tap.expect(told["turn"]["servers"][0]["prio"] < told["turn"]["servers"][1]["prio"], "by its number as well")
        tap.expect_equal(told["turn"]["geo_uri"], "https://geo.example.org/api/v1/turn/geo", "where to ask")
        tap.expect(told["turn"]["username"].endswith(":their id"), "in whose name")
        tap.expect_equal(ask(server, "key-of-another-server:", "x")["success"], True, "by an API key")
        tap.expect(ask(server, token)["session"] != "", "a session is made where there is none")
        for bearer, client_id in ((token, "another id"), ("h" + "0" * 64, "their id"), ("", "their id"), (token[:-1], "their id")):
            ask(server, bearer + ":", client_id, 403)
        get(server, "/api/v1/turn/credentials", 403, FORM, "nonce=a&client_id=their+id", "POST")
        geo = {"nonce": "n", "username": told["turn"]["username"], "password": told["turn"]["password"]}
        answered, where = post(server, "/api/v1/turn/geo", geo, headers={"Origin": "https://page.example.org"})
        tap.expect_equal(where, {"success": True, "nonce": "n", "geo": {"prefer": ["eu"]}}, "which zone is near")
        tap.expect_in(answered.get("Access-Control-Allow-Origin"), ("*", "https://page.example.org"), "for pages of others")
        post(server, "/api/v1/turn/geo", {**geo, "password": "x"}, 403)
        post(server, "/api/v1/turn/geo", {"nonce": "n"}, 403)
        with Signal("--turn-service-url=http://127.0.0.1:%d" % server.port, "--turn-service-token=" + token,
                    "--turn-service-client-id=their id", "--signaling-anybody=yes") as other:
            made = tap.wait_until(lambda: other.get("/turn")[0] == 200 and get(other, "/turn")[1], "credentials")
            tap.expect_equal(made["uris"], ["turn:eu.example.org"], "another turnsignal fetches from it")


if __name__ == "__main__":
    tap.main()
