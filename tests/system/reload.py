#!/usr/bin/env python3
"""A running server is given another configuration: by SIGHUP, by turnadmin reload, and certificates by
nothing but their files. No call ends by it, and with an error nothing changes."""
import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

from harness import stun, tap
from harness.client import Client, Closed, Peer, exchange_both_ways, meet, tls_context
from harness.server import Folder, Server, free_ports, make_certificate

RATE = 200  # packets a second
ENGINES = ("sharded", "paired", "dedicated")
CHANGE_REQUEST = 0x0003  # RFC 5780 section 7.2


class Filed(Server):
    """A server whose configuration is a file of these lines, which a test writes anew."""

    def __init__(self, *lines, options=(), tls=False, **how):
        Server.__init__(self, tls=tls, **how)
        self.path = os.path.join(self.folder, "turnserver.conf")
        self.fixed = ["listening-ip=127.0.0.1", "relay-ip=127.0.0.1", "realm=example.org",
                      "listening-port=%d" % self.port, "tls-listening-port=%d" % self.tls_port,
                      "allow-loopback-peers", "log-file=stdout"]
        if tls:
            self.cert, self.key = (os.path.join(self.folder, name) for name in ("c.pem", "k.pem"))
            install_pair("turn", self.cert, self.key)
            self.fixed += ["cert=" + self.cert, "pkey=" + self.key]
        else:
            self.fixed += ["no-tls", "no-dtls"]
        self.arguments = ["-c", self.path, "--control-socket=" + self.control_socket, *options]
        self.write("user=u:p", *lines)

    def says_ready(self):
        return " ready: " in self.log()

    def write(self, *lines, fixed=None):
        with open(self.path + ".new", "w", errors="surrogateescape") as file:
            file.write("\n".join((self.fixed if fixed is None else fixed) + list(lines)) + "\n")
        os.rename(self.path + ".new", self.path)

    def reload(self, *lines, fixed=None):
        """Writes the file and has it read; what turnadmin says."""
        self.write(*lines, fixed=fixed)
        answer = self.ask("reload")
        tap.expect(answer["applied"], "applied: %r" % answer)
        return answer

    def refuse(self, *lines, fixed=None):
        """Writes a file that is refused; the errors."""
        self.write(*lines, fixed=fixed)
        code, _, problem = self.admin("reload")
        tap.expect_equal((code, problem), (1, ""), "turnadmin reload")
        code, out, _ = self.admin("reload", "--json")
        answer = json.loads(out)
        tap.expect_equal((code, answer["applied"], answer["changed"], answer["restart"]),
                         (1, False, [], []), "a refused reload")
        return [problem for problem in answer["problems"] if problem["severity"] == "error"]

    def hang_up(self, *lines):
        """The same by SIGHUP; waits until the log says that it is done."""
        self.write(*lines)
        done = self.log().count("configuration applied") + self.log().count("not applied")
        self.process.send_signal(signal.SIGHUP)
        tap.wait_until(lambda: self.log().count("configuration applied") +
                       self.log().count("not applied") > done, "the end of a reload")

    def try_user(self, user="u", password="p", transport="udp", address=None):
        """The error code of an Allocate, 0 when it succeeds."""
        with Client(address or self.address, transport, user, password) as client:
            return client.try_allocate()


def names(changes):
    return [change["name"] for change in changes]


def install_pair(name, cert, key):
    """Puts a certificate and its key there, each by a rename."""
    for made, path in zip(make_certificate(name), (cert, key)):
        shutil.copy(made, path + ".new")
        os.rename(path + ".new", path)


def fingerprint_of(name):
    with open(make_certificate(name)[0]) as file:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


def tls_fingerprint(server):
    with socket.create_connection(server.tls_address, 5) as plain:
        with tls_context().wrap_socket(plain, server_hostname="turn.example") as path:
            return hashlib.sha256(path.getpeercert(True)).hexdigest()


def dtls_fingerprint(server):
    shown = subprocess.run(["openssl", "s_client", "-dtls1_2", "-connect",
                            "%s:%d" % server.tls_address], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20, check=False)
    pem = shown.stdout.decode(errors="replace")
    begin, end = pem.find("-----BEGIN CERT"), pem.find("-----END CERTIFICATE-----")
    tap.expect(begin >= 0, "a certificate over DTLS")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[begin:end + 25])).hexdigest()


class Call:
    """A client and a peer that send each other packets, RATE a second; counts what is lost."""

    def __init__(self, server, transport, address=None, user="u", password="p"):
        self.client = Client(address or server.address, transport, user, password)
        self.peer = Peer()
        self.client.allocate()
        self.client.bind_channel(0x4000, self.peer.address)
        self.stop = threading.Event()
        self.sent = 0
        self.to_peer, self.to_client = set(), set()
        self.threads = [threading.Thread(target=run) for run in (self.talk, self.hear_at_peer)]
        for thread in self.threads:
            thread.start()

    def talk(self):
        """All that the client does: a TLS connection is not for two threads."""
        began = time.monotonic()
        while not self.stop.is_set():
            data = struct.pack("!I", self.sent) * 40
            self.client.send_channel(0x4000, data)
            self.peer.send(data, self.client.relayed)
            self.sent += 1
            self.hear_until(began + self.sent / RATE)
        deadline = time.monotonic() + 5
        while len(self.to_client) < self.sent and time.monotonic() < deadline:
            self.hear_until(time.monotonic() + 0.1)

    def hear_until(self, deadline):
        while True:
            got = self.client.receive(max(deadline - time.monotonic(), 0))
            if got:
                self.to_client.add(got[2])
            elif time.monotonic() >= deadline:
                return

    def hear_at_peer(self):
        deadline = None
        while len(self.to_peer) < self.sent or not self.stop.is_set():
            data, _ = self.peer.receive(0.1)
            if data:
                self.to_peer.add(data)
            if self.stop.is_set():
                deadline = deadline or time.monotonic() + 5
                if time.monotonic() > deadline:
                    return

    def end(self):
        """(sent, lost to the peer, lost to the client)"""
        for thread in self.threads:
            thread.join()
        self.client.close()
        self.peer.socket.close()
        return self.sent, self.sent - len(self.to_peer), self.sent - len(self.to_client)


def test_no_packet_is_lost():
    """Calls over UDP, TCP, TLS and DTLS of 200 packets a second each way go through reloads without loss"""
    with Filed(options=["--relay-threads=2"], tls=True) as server:
        calls = [Call(server, transport, server.tls_address if "tls" in transport else None)
                 for transport in ("udp", "udp", "tcp", "tls", "dtls")]
        try:
            for i in range(12):
                install_pair("turn" if i % 2 else "other", server.cert, server.key)
                server.reload("user=u:p", "user=v%d:p" % i, "user-quota=%d" % (20 + i),
                              "denied-peer-ip=198.51.100.%d" % i, "max-bps=%d" % (10**7 + i),
                              "listening-ip=127.0.0.%d" % (2 + i % 2))
            tap.wait_until(lambda: all(call.sent > 2 * RATE for call in calls), "two seconds of calls")
        finally:
            for call in calls:
                call.stop.set()
            ended = [call.end() for call in calls]
        # Of DTLS one direction is counted: openssl's client, when it is slow, reads two messages at once
        # and puts them into one record, of which the server takes the first.
        tap.expect_equal([(to_peer, to_client) for _, to_peer, to_client in ended[:-1]],
                         [(0, 0)] * (len(calls) - 1), "packets lost of %r" % [e[0] for e in ended])
        tap.expect_equal(ended[-1][2], 0, "packets lost over DTLS")


def test_users_and_secrets():
    """Users and secrets of the file come and go; who is none any more keeps the call that there is"""
    def secret_user(secret, name="tester"):
        user = "%d:%s" % (time.time() + 600, name)
        mac = hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()
        return user, base64.b64encode(mac).decode()

    with Filed("user=old:p") as server, Peer() as peer:
        with Client(server.address, user="old") as old:
            old.allocate()
            tap.expect_equal((server.try_user("old"), server.try_user("new")), (0, 401), "before")
            answer = server.reload("user=u:p", "user=new:p2", "static-auth-secret=first")
            tap.expect_equal(names(answer["changed"]), ["user", "use-auth-secret",
                                                        "static-auth-secret"], "changed")
            tap.expect("p2" not in str(answer) and "first" not in str(answer), "no secret in %r" % answer)
            tap.expect_equal((server.try_user("old"), server.try_user("new", "p2"),
                              server.try_user(*secret_user("first"))), (401, 0, 0), "after")
            old.refresh(600)
            tap.expect(exchange_both_ways(old, peer), "the old user's call")
        server.reload("user=u:p", "static-auth-secret=second", "static-auth-secret=first")
        tap.expect_equal([server.try_user(*secret_user(secret)) for secret in ("first", "second")],
                         [0, 0], "while the secret is rotated")
        server.reload("user=u:p", "static-auth-secret=second")
        tap.expect_equal([server.try_user(*secret_user(secret)) for secret in ("first", "second")],
                         [401, 0], "afterwards")
        tap.expect("p2" not in server.log() and "first" not in server.log(), "no secret in the log")


def test_limits():
    """Quotas, rates and bounds hold from the reload on, for allocations that there are as well"""
    with Filed() as server, server.client() as client, Peer() as peer:
        client.allocate()
        server.reload("user=u:p", "user-quota=1")
        tap.expect_equal(server.try_user(), 486, "user-quota")
        server.reload("user=u:p", "total-quota=1")
        tap.expect_equal(server.try_user(), 486, "total-quota")
        server.reload("user=u:p", "user-quota=2", "total-quota=3")
        tap.expect_equal(server.try_user(), 0, "larger quotas")
        tap.wait_until(lambda: server.ask("status")["allocations"] == 1, "its end")
        server.reload("user=u:p", "max-permissions=1")
        client.permit(peer.address[0])
        response = client.request(stun.CREATE_PERMISSION, [(stun.XOR_PEER_ADDRESS, ("8.8.8.8", 0))])
        tap.expect_equal(response.error, 508, "max-permissions")
        server.reload("user=u:p", "max-pps=5")
        client.bind_channel(0x4000, peer.address)
        for i in range(50):
            client.send_channel(0x4000, b"%d" % i)
        tap.wait_until(lambda: server.ask("counters")["counters"]["drop_packet_rate"] >= 40, "max-pps")
        server.reload("user=u:p", "max-allocate-lifetime=700")
        lifetime = struct.unpack("!I", client.refresh(3600).get(stun.LIFETIME))[0]
        tap.expect_equal(lifetime, 700, "max-allocate-lifetime")
        server.reload("user=u:p", "max-bps=1000", "bps-capacity=1000")
        tap.expect_equal(server.try_user(), 0, "one")
        tap.wait_until(lambda: server.ask("status")["allocations"] == 1, "its end")
        with server.client() as second:
            second.allocate()
            tap.expect_equal(server.try_user(), 486, "bps-capacity")


def test_peers():
    """What denied-peer-ip comes to name ends at once; what it no longer names can be had again"""
    with Filed() as server, server.client() as client, Peer() as peer:
        client.allocate()
        tap.expect(exchange_both_ways(client, peer), "before")
        answer = server.reload("user=u:p", "denied-peer-ip=127.0.0.0/8")
        tap.expect_equal([change["to"] for change in answer["changed"]],
                         ["127.0.0.0-127.255.255.255"], "the new value")
        client.send_channel(0x4000, b"too late")
        response = client.request(stun.CREATE_PERMISSION, [(stun.XOR_PEER_ADDRESS, peer.address)])
        tap.expect_equal(response.error, 403, "a permission")
        tap.expect_equal(peer.receive(0.1)[0], None, "data to a denied peer")
        server.reload("user=u:p")
        tap.expect(exchange_both_ways(client, peer), "afterwards")


def test_toggles():
    """What the core does is toggled: SOFTWARE, stun-only, no-stun, mobility, TCP relaying, redirection"""
    with Filed() as server:
        def software():
            with server.client() as client:
                return client.exchange(stun.Message(stun.BINDING).encode()).get(stun.SOFTWARE)

        tap.expect_equal(software(), None, "SOFTWARE before")
        server.reload("user=u:p", "software-attribute")
        tap.expect(software().startswith(b"turnstone"), "SOFTWARE after")
        server.reload("user=u:p", "no-stun")
        with server.client() as client:
            tap.expect_equal(client.binding(timeout=0.3), None, "Binding with no-stun")
            tap.expect_equal(client.try_allocate(), 0, "Allocate with no-stun")
        server.reload("user=u:p", "stun-only")
        with server.client() as client:
            tap.expect(client.binding(), "Binding with stun-only")
            tap.expect_equal(client.exchange(client.message(stun.ALLOCATE), 0.3), None, "Allocate")
        server.reload("user=u:p", "mobility", "no-tcp-relay")
        with server.client() as client:
            tap.expect(client.allocate((stun.MOBILITY_TICKET, b"")).get(stun.MOBILITY_TICKET),
                       "a mobility ticket")
        with server.client("tcp") as client:
            response = client.request(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.TCP_TRANSPORT)])
            tap.expect_equal(response.error, 442, "no-tcp-relay")
        server.reload("user=u:p", "alternate-server=192.0.2.7:3478")
        tap.expect_equal(server.try_user(), 300, "alternate-server")
        server.reload("user=u:p")
        tap.expect_equal(server.try_user(), 0, "without alternate-server")


def test_alternates_of_turnadmin_stay():
    """Lists that turnadmin changed stay as long as the options for them do"""
    with Filed("alternate-server=192.0.2.1") as server:
        server.ask("alternate-server", "add", "192.0.2.2")
        server.reload("user=u:p", "alternate-server=192.0.2.1", "user-quota=7")
        tap.expect_equal(server.ask("alternate-server", "list")["all"],
                         ["192.0.2.1:3478", "192.0.2.2:3478"], "the list")
        server.reload("user=u:p", "alternate-server=192.0.2.3")
        tap.expect_equal(server.ask("alternate-server", "list")["all"], ["192.0.2.3:3478"],
                         "the list of the new file")


def test_broken_file():
    """With an error nothing changes: answer and log name file, line and mend"""
    with Filed("user-quota=5") as server:
        errors = server.refuse("user=u:p", "user-quota=many", "user=v:p", "denied-peer-ip=10.0.0.0/33")
        tap.expect_equal([(os.path.basename(error["source"]), error["line"]) for error in errors],
                         [("turnserver.conf", 11), ("turnserver.conf", 13)], "where")
        tap.expect("is not a number" in errors[0]["text"] and "10.0.0.0/33" in errors[1]["text"],
                   "what: %r" % errors)
        code, out, _ = server.admin("reload")
        tap.expect("turnserver.conf:11: error: user-quota: \"many\" is not a number" in out and
                   "nothing has changed" in out, "for people: " + out)
        tap.expect_equal((server.try_user("v"), server.try_user()), (401, 0), "users as before")
        tap.expect("line=11 reason=\"user-quota: " in server.log() and
                   "configuration not applied: by=\"control socket\" errors=2" in server.log(), "log")
        for lines, words in (
                (["min-port=60000", "max-port=50000"], "is above max-port"),
                (["cert=/no/such/file", "pkey=/no/such/file"], "cannot be found"),
                (["log-file=/no/such/folder/log"], "cannot be written"),
                (["aux-server=192.0.2.1:5000"], "not an address of this machine")):
            errors = server.refuse("user=u:p", *lines)
            tap.expect(words in str(errors), "%r: %r" % (lines, errors))
        os.unlink(server.path)
        code, out, _ = server.admin("reload")
        tap.expect(code == 1 and "cannot be opened" in out, "no file: " + out)
        server.hang_up("user=u:p", "user-quota=many")
        tap.expect("not applied: by=\"SIGHUP\"" in server.log(), "by SIGHUP")
        server.hang_up("user=v:p")
        tap.expect_equal((server.try_user("v"), server.try_user()), (0, 401), "mended")


def test_bytes_that_are_no_text():
    """An error or a value with bytes that are not UTF-8 is told all the same, without them"""
    with Filed() as server:
        errors = server.refuse("user=u:p", "user-quota=m\udcffny")
        tap.expect("is not a number" in str(errors), "the error: %r" % errors)
        answer = server.reload("user=u:p", "server-name=caf\udce9.example")
        tap.expect_equal([(change["name"], change["to"]) for change in answer["changed"]],
                         [("server-name", "caf?.example")], "the change")


def test_needs_a_restart():
    """What cannot change stays, is named with both values, and is named again; secrets are not shown"""
    with Filed() as server:
        for _ in range(2):
            answer = server.reload("user=u:p", "min-port=50000", "relay-threads=3",
                                   "stateless-nonce-secret=0123456789abcdef", "max-pps=7000")
            tap.expect_equal([(change["name"], change["from"], change["to"])
                              for change in answer["restart"]],
                             [("min-port", "49152", "50000"),
                              ("stateless-nonce-secret", "(none)", "(secret)"),
                              ("relay-threads", "0", "3")], "what needs a restart")
        tap.expect("option needs a restart: name=min-port from=\"49152\" to=\"50000\"" in server.log(),
                   "a line in the log")
        _, out, _ = server.admin("reload")
        tap.expect("needs a restart\tmin-port: 49152 -> 50000\n" in out, "for people: " + out)
        answer = server.reload("user=u:p", "max-pps=7000")
        tap.expect_equal((answer["changed"], answer["restart"]), ([], []), "taken back")
    with Filed() as server:
        server.write("no-auth")
        server.stop()
        server.launch()
        server.wait_until_ready()
        errors = server.refuse("user=u:p")
        tap.expect("no-auth cannot go together" in str(errors) and "until the restart" in str(errors),
                   "what goes on and what comes do not fit: %r" % errors)


def test_relay_ips_stay():
    """Without relay-ip a new listening-ip is listened on, and relayed from after a restart: it is said"""
    with Filed() as server:
        server.fixed = [line for line in server.fixed if not line.startswith("relay-ip")]
        server.write("user=u:p")
        server.stop()
        server.launch()
        server.wait_until_ready()
        answer = server.reload("user=u:p", "listening-ip=127.0.0.2")
        tap.expect("addresses of the start" in str(answer["problems"]), str(answer["problems"]))
        with Client(("127.0.0.2", server.port)) as client:
            client.allocate()
            tap.expect_equal(client.relayed[0], "127.0.0.1", "where it is relayed from")


def test_command_line_wins():
    """Environment and command line are read again as well, and win over the file"""
    with Filed("user-quota=3", options=["--user-quota=1"]) as server, server.client() as client:
        client.allocate()
        tap.expect_equal(server.try_user(), 486, "before")
        tap.expect_equal(server.reload("user=u:p", "user-quota=9")["changed"], [], "changes")
        tap.expect_equal(server.try_user(), 486, "after")


def dtls_hello():
    """The first datagram of a DTLS client."""
    with Peer() as peer:
        client = subprocess.Popen(["openssl", "s_client", "-dtls1_2", "-connect", "%s:%d" % peer.address],
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        try:
            return peer.receive(10)[0]
        finally:
            client.kill()
            client.communicate()


def test_certificates_at_the_door():
    """Who was met before a certificate was renewed, and comes in afterwards, sees the new one"""
    with Filed(tls=True) as server:
        hello = dtls_hello()
        strangers = [Peer() for _ in range(32)]
        for stranger in strangers:
            stranger.send(hello, server.tls_address)
            tap.expect(stranger.receive()[0], "a cookie")
        install_pair("renewed", server.cert, server.key)
        tap.wait_until(lambda: tls_fingerprint(server) == fingerprint_of("renewed"), "over TLS")
        tap.expect_equal({dtls_fingerprint(server) for _ in range(6)}, {fingerprint_of("renewed")},
                         "over DTLS")
        for stranger in strangers:
            stranger.socket.close()


def test_certificates_by_rename():
    """A pair that is renamed into place is taken without a signal; half a pair is not, and is told once"""
    with Filed(tls=True) as server:
        old, new = fingerprint_of("turn"), fingerprint_of("renewed")
        with Client(server.tls_address, "tls") as tls, Client(server.tls_address, "dtls") as dtls, \
                Peer() as peer:
            tls.allocate()
            dtls.allocate()
            tap.expect_equal((tls_fingerprint(server), dtls_fingerprint(server)), (old, old), "before")
            install_pair("renewed", server.cert, server.key)
            tap.wait_until(lambda: tls_fingerprint(server) == new, "the new one over TLS")
            tap.expect_equal(dtls_fingerprint(server), new, "over DTLS")
            tap.expect(exchange_both_ways(tls, peer) and exchange_both_ways(dtls, peer),
                       "connections with the old one")
        shutil.copy(make_certificate("turn")[0], server.cert)
        tap.wait_until(lambda: "certificates not taken" in server.log(), "half a pair is refused")
        os.utime(server.path)
        tap.expect_equal(tls_fingerprint(server), new, "with half a pair")
        shutil.copy(make_certificate("turn")[1], server.key)
        tap.wait_until(lambda: tls_fingerprint(server) == old, "the other half")
        tap.expect_equal(server.log().count("certificates not taken"), 1, "told once")
        tap.expect("files changed" in server.log(), "a line in the log")


def test_certificates_by_symlink():
    """Links to each file (certbot) and to their folder (Kubernetes) are followed when they change"""
    with Filed(tls=True) as server:
        folder = os.path.join(server.folder, "secret")
        for version, name in (("v1", "turn"), ("v2", "renewed"), ("v3", "turn")):
            os.makedirs(os.path.join(folder, version))
            for made, end in zip(make_certificate(name), ("crt", "key")):
                shutil.copy(made, os.path.join(folder, version, "tls." + end))

        def point(link, target):
            os.symlink(target, link + ".tmp")
            os.rename(link + ".tmp", link)

        os.symlink("v1", os.path.join(folder, "..data"))
        for end in ("crt", "key"):
            os.symlink("..data/tls." + end, os.path.join(folder, "tls." + end))
        fixed = [line for line in server.fixed if not line.startswith(("cert", "pkey"))]
        server.reload("user=u:p", "cert=%s/tls.crt" % folder, "pkey=%s/tls.key" % folder, fixed=fixed)
        for version, name in (("v2", "renewed"), ("v3", "turn")):
            point(os.path.join(folder, "..data"), version)
            tap.wait_until(lambda: tls_fingerprint(server) == fingerprint_of(name),
                           "the folder of " + version)
        for end in ("crt", "key"):
            point(os.path.join(folder, "tls." + end), "v2/tls." + end)
        tap.wait_until(lambda: tls_fingerprint(server) == fingerprint_of("renewed"), "other links")
        shutil.rmtree(folder)
        tap.wait_until(lambda: "certificates not taken" in server.log(), "no files")
        tap.expect_equal(tls_fingerprint(server), fingerprint_of("renewed"), "without files")


def test_signal_reads_certificates():
    """SIGUSR2 has certificates read anew, as with coturn"""
    with Filed(tls=True) as server:
        server.process.send_signal(signal.SIGUSR2)
        tap.wait_until(lambda: "certificates read anew: by=\"SIGUSR2\"" in server.log(), "a line")
    with Filed() as server:
        server.process.send_signal(signal.SIGUSR2)
        tap.wait_until(lambda: "no certificate to read" in server.log(), "a line")
        server.serves()


def test_first_certificate():
    """TLS and DTLS begin with a reload that brings the first certificate, and end with the last"""
    for engine in ENGINES:
        first_certificate("--network-engine=" + engine)


def test_first_certificate_without_threads():
    """Where TLS and DTLS would have threads of their own that are not there, the certificate takes a restart"""
    for lacking, served in (("no-udp", "tcp"), ("no-tcp", "udp")):
        with Filed(options=["--network-engine=paired", "--relay-threads=2"]) as server:
            server.fixed = [line for line in server.fixed if not line.startswith("no-")] + [lacking]
            server.write("user=u:p")
            server.stop()
            server.launch()
            tap.wait_until(server.says_ready, "the server")
            cert, key = make_certificate("turn")
            answer = server.reload("user=u:p", "cert=" + cert, "pkey=" + key, "max-pps=6000")
            tap.expect_equal((names(answer["changed"]), names(answer["restart"])),
                             (["max-pps"], ["cert", "pkey"]), lacking)
            tap.expect("no threads for TLS or DTLS" in answer["restart"][0]["reason"], "the reason")
            tap.expect_equal(server.try_user(transport=served), 0, "who is served")


def first_certificate(*options):
    with Filed(options=options) as server:
        tls = [line for line in server.fixed if not line.startswith("no-")]
        tap.expect_equal(names(server.reload("user=u:p", fixed=tls)["restart"]), ["tls", "dtls"],
                         "to turn TLS on")
    with Filed(options=options) as server:
        server.fixed = [line for line in server.fixed if not line.startswith("no-")]
        cert, key = (os.path.join(server.folder, name) for name in ("c.pem", "k.pem"))
        install_pair("turn", cert, key)
        server.write("user=u:p")
        server.stop()
        server.launch()
        server.wait_until_ready()
        server.reload("user=u:p", "cert=" + cert, "pkey=" + key)
        for transport in ("tls", "dtls"):
            for address in (server.address, server.tls_address):
                tap.expect_equal(server.try_user(transport=transport, address=address), 0,
                                 "%s at %r" % (transport, address))
        with Client(server.tls_address, "tls") as client, Peer() as peer:
            client.allocate()
            server.reload("user=u:p")
            tap.expect(exchange_both_ways(client, peer), "a call that there is")
            client.refresh(600)
            try:
                tls_fingerprint(server)
                raise tap.Failure("TLS is still served")
            except OSError:
                pass


def is_heard(address, transport="udp", within=0.3):
    try:
        with Client(address, transport) as client:
            return client.binding(timeout=within) is not None
    except OSError:
        return False


def open_on(port):
    """How many sockets of any process have this port: UDP, and TCP that listen."""
    out = subprocess.run(["ss", "-Hulnt"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return sum(line.split()[4].endswith(":%d" % port) for line in out.splitlines())


@tap.limit_s(120)
def test_listeners_come_and_go():
    """Addresses and ports are opened and drained live: calls there go on, strangers are not heard"""
    tap.need_program("ss", "iproute2")
    for engine in ENGINES:
        listeners_come_and_go(engine)


def listeners_come_and_go(engine):
    port, aux = free_ports(2)
    with Filed(options=["--relay-threads=3", "--network-engine=" + engine]) as server, Peer() as peer:
        there = [("127.0.0.2", server.port), ("127.0.0.1", aux)]
        tap.expect_equal([is_heard(address) for address in there], [False, False], "before")
        lines = ["user=u:p", "listening-ip=127.0.0.2", "aux-server=127.0.0.1:%d" % aux, "mobility"]
        server.reload(*lines)
        tap.expect_equal([is_heard(address, transport, 5) for address in there
                          for transport in ("udp", "tcp")], [True] * 4, "opened")
        calls = [Client(address, transport) for address in there for transport in ("udp", "tcp")]
        calls += [Client(there[1]) for _ in range(6)]
        for call in calls:
            call.allocate()
        moving = Client(there[1])
        ticket = moving.allocate((stun.MOBILITY_TICKET, b"")).get(stun.MOBILITY_TICKET)
        server.reload("user=u:p", "mobility")
        tap.expect_equal([is_heard(address, transport) for address in there
                          for transport in ("udp", "tcp")], [False] * 4, "drained")
        for call in calls:
            call.refresh(600)
            tap.expect(exchange_both_ways(call, peer), "a call on a drained listener")
        moved = Client(there[1])
        moved.realm, moved.nonce, moved.key = moving.realm, moving.nonce, moving.key
        tap.expect_equal(moved.request(stun.REFRESH, [(stun.MOBILITY_TICKET, ticket)]).error, 0,
                         "a client that comes back from another port")
        tap.expect(exchange_both_ways(moved, peer), "its call")
        server.reload(*lines)
        tap.expect_equal([is_heard(address, transport) for address in there
                          for transport in ("udp", "tcp")], [True] * 4, "opened again")
        for call in calls:
            tap.expect(exchange_both_ways(call, peer), "a call through it all")
        server.reload("user=u:p", "mobility")
        tap.expect(open_on(aux) > 0, "a drained socket is open")
        for call in calls + [moving, moved]:
            call.relayed = call.relayed or True
            call.close()
        moved.vanish()
        tap.wait_until(lambda: open_on(aux) == 0, "the sockets of the last client are closed")
        server.reload("user=u:p", fixed=[line.replace("listening-port=%d" % server.port,
                                                      "listening-port=%d" % port)
                                         for line in server.fixed])
        tap.expect(is_heard(("127.0.0.1", port)), "another listening-port")
        tap.wait_until(lambda: open_on(server.port) == 0, "the old one is closed")
        server.port = port


def test_drained_sockets_close_together():
    """A drained address keeps the sockets of all threads while one has a call: the kernel's hash stays"""
    tap.need_program("ss", "iproute2")
    ports = free_ports(9)
    with Filed(options=["--relay-threads=3"]) as server, Peer() as peer:
        server.reload("user=u:p", *["aux-server=127.0.0.1:%d" % port for port in ports])
        calls = [Client(("127.0.0.1", port)) for port in ports[1:] for _ in range(2)]
        for call in calls:
            call.allocate()
        server.reload("user=u:p")
        tap.wait_until(lambda: open_on(ports[0]) == 0, "the one without a call is closed")
        tap.expect_equal([open_on(port) for port in ports[1:]], [3] * 8, "sockets of the others")
        for call in calls:
            tap.expect(exchange_both_ways(call, peer), "a call")
            call.close()
        tap.wait_until(lambda: not any(map(open_on, ports)), "all are closed")


def test_listener_cannot_be_opened():
    """One listener that cannot be opened refuses the whole reload, with the reason"""
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 0))
    with Filed() as server:
        errors = server.refuse("user=v:p", "aux-server=127.0.0.2:5000",
                               "aux-server=127.0.0.1:%d" % taken.getsockname()[1])
        tap.expect("another program has this port" in str(errors), str(errors))
        tap.expect_equal((server.try_user(), is_heard(("127.0.0.2", 5000))), (0, False), "as before")
    taken.close()


def test_low_port_without_privileges():
    """A server that is another user by now says that it cannot open a port below 1024"""
    tap.need_root()
    with Filed("proc-user=nobody", "proc-group=nogroup") as server:
        shutil.chown(server.control_socket, "root")
        errors = server.refuse("user=u:p", "proc-user=nobody", "proc-group=nogroup",
                               "aux-server=127.0.0.1:443")
        tap.expect("ports below 1024" in str(errors) and "restart" in str(errors), str(errors))


def test_engines():
    """In each engine users, certificates and limits are applied by all threads"""
    for engine in ENGINES[1:]:
        with Filed(options=["--network-engine=" + engine, "--relay-threads=2"], tls=True) as server, \
                server.client() as client, Peer() as peer:
            client.allocate()
            install_pair("renewed", server.cert, server.key)
            answer = server.reload("user=u:p", "user=v:p", "max-pps=6000")
            tap.expect_equal((names(answer["changed"]), names(answer["restart"])),
                             (["user", "max-pps"], []), engine)
            for transport in ("udp", "tcp", "tls", "dtls"):
                tap.expect_equal(server.try_user("v", transport=transport), 0,
                                 "%s: the new user over %s" % (engine, transport))
            tap.expect_equal((tls_fingerprint(server), dtls_fingerprint(server)),
                             (fingerprint_of("renewed"),) * 2, engine + ": certificates")
            tap.expect(exchange_both_ways(client, peer), engine + ": a call that there is")


def serve_everything(server, ip):
    """The error codes of Allocates over each transport at an IP."""
    return [server.try_user(transport=transport, address=(ip, address[1]))
            for transport, address in (("udp", server.address), ("tcp", server.address),
                                       ("tls", server.tls_address), ("dtls", server.tls_address))]


def test_ips_share_threads():
    """An IP that is added is served by a thread of those there are, which is said; one that took another's
    place has a thread of its own"""
    for engine in ENGINES[1:]:
        with Filed(options=["--network-engine=" + engine, "--relay-threads=2"], tls=True) as server, \
                Peer() as peer:
            threads = len(os.listdir("/proc/%d/task" % server.pid))
            answer = server.reload("user=u:p", *["listening-ip=127.0.0.%d" % i for i in range(2, 6)])
            tap.expect_equal(names(answer["changed"]), ["listening-ip"], engine)
            tap.expect("has 1 threads of listening IPs: until a restart they share 5 IPs" in
                       str(answer["problems"]), engine + ": %r" % answer["problems"])
            for i in range(1, 6):
                tap.expect_equal(serve_everything(server, "127.0.0.%d" % i), [0] * 4,
                                 "%s: at 127.0.0.%d" % (engine, i))
            with Client(("127.0.0.2", server.port)) as call:
                call.allocate()
                fixed = [line for line in server.fixed if not line.startswith("listening-ip")]
                answer = server.reload("user=u:p", "listening-ip=127.0.0.3", fixed=fixed)
                tap.expect("share" not in str(answer["problems"]), str(answer["problems"]))
                tap.expect_equal(serve_everything(server, "127.0.0.3"), [0] * 4, engine + ": one left")
                tap.expect_equal(is_heard(server.address), False, engine + ": one that went")
                server.reload("user=u:p", "listening-ip=127.0.0.2", fixed=fixed)
                tap.expect_equal(serve_everything(server, "127.0.0.2"), [0] * 4, engine + ": again")
                tap.expect(exchange_both_ways(call, peer), engine + ": a call through it all")
            tap.expect_equal(len(os.listdir("/proc/%d/task" % server.pid)), threads, "threads")


def test_ip_keeps_its_thread():
    """An IP stays with its thread, served or drained, whatever becomes of others: no second socket takes
    clients from the first"""
    for engine in ENGINES[1:]:
        with Filed(options=["--network-engine=" + engine, "--relay-threads=2"]) as server, Peer() as peer:
            one = ["user=u:p"]
            two = one + ["listening-ip=127.0.0.2"]
            other = [line for line in server.fixed if not line.startswith("listening-ip")]
            server.write(*two)
            server.stop()
            server.launch()
            server.wait_until_ready()
            address = ("127.0.0.2", server.port)
            calls = [Client(address) for _ in range(8)]
            for call in calls:
                call.allocate()
            for lines, fixed, heard in ((two, other, 8), (one, None, 0), (two, other, 8), (two, None, 8)):
                server.reload(*lines, fixed=fixed)
                tap.expect_equal(sum(is_heard(address) for _ in range(8)), heard,
                                 "%s: strangers heard with %r" % (engine, lines))
                for call in calls:
                    tap.expect(exchange_both_ways(call, peer), engine + ": a call")
            for call in calls:
                call.close()


def test_answers_from_elsewhere():
    """RFC 5780: whose thread the other address is makes no difference, also when it is a new one"""
    change = stun.Message(stun.BINDING, attributes=[(CHANGE_REQUEST, struct.pack("!I", 6))])
    for engine in ENGINES:
        with Filed(options=["--network-engine=" + engine, "--relay-threads=2"]) as server:
            def other_ip():
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.settimeout(5)
                    client.sendto(change.encode(), server.address)
                    return client.recvfrom(2048)[1][0]

            for other in ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.2"):
                server.reload("user=u:p", "rfc5780", "listening-ip=" + other)
                tap.expect_equal(other_ip(), other, engine + ": the new one")


def test_log():
    """log-file and log-min-level change live; SIGHUP opens the file anew though the rest is refused"""
    with Filed() as server:
        path = os.path.join(server.folder, "log")
        fixed = [line for line in server.fixed if not line.startswith("log-file")]
        server.fixed = fixed + ["log-file=" + path]
        server.reload("user=u:p", "log-min-level=debug")
        tap.wait_until(lambda: "configuration applied" in server.read("log"), "the new file")
        os.rename(path, path + ".1")
        server.write("user-quota=many")
        server.process.send_signal(signal.SIGHUP)
        tap.wait_until(lambda: os.path.exists(path) and "not applied" in server.read("log"),
                       "the file opened anew")


@tap.limit_s(180)
def test_storm():
    """A hundred reloads while clients come and go: each is served, and nothing is left behind"""
    storm("sharded", 100)


@tap.limit_s(180)
def test_storm_with_ip_threads():
    """The same with threads for each listening IP"""
    storm("paired", 50)
    storm("dedicated", 50)


def storm(engine, reloads):
    with Filed(options=["--relay-threads=3", "--network-engine=" + engine], tls=True) as server:
        stop, faults, served = threading.Event(), [], [0]

        def come_and_go(transport):
            while not stop.is_set():
                try:
                    address = server.tls_address if "tls" in transport else server.address
                    with Client(address, transport) as client, Peer() as peer:
                        client.allocate()
                        tap.expect(exchange_both_ways(client, peer), "data over " + transport)
                        served[0] += 1
                except (tap.Failure, OSError, Closed) as fault:
                    faults.append("%s: %r" % (transport, fault))

        threads = [threading.Thread(target=come_and_go, args=(transport,))
                   for transport in ("udp", "udp", "tcp", "tls")]
        for thread in threads:
            thread.start()
        try:
            for i in range(reloads):
                lines = ["user=u:p", "user=w%d:p" % i, "max-pps=%d" % (5000 + i),
                         "allowed-peer-ip=127.0.0.1-127.0.0.%d" % (2 + i)]
                lines += ["listening-ip=127.0.0.2"] if i % 2 else []
                lines += ["user-quota=x"] if i % 10 == 9 else []
                if i % 5 == 0:
                    install_pair("renewed" if i % 2 else "turn", server.cert, server.key)
                if i % 10 == 9:
                    server.refuse(*lines)
                elif i % 3 == 0:
                    server.hang_up(*lines)
                else:
                    server.reload(*lines)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        tap.expect_equal(faults, [], "clients that were not served, of %d" % served[0])
        tap.expect(served[0] > reloads // 5, "clients came: %d" % served[0])
        server.reload("user=u:p")
        tap.wait_until(lambda: server.ask("counters")["counters"]["allocations_now"] == 0, "the last")


if __name__ == "__main__":
    tap.main()
