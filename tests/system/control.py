#!/usr/bin/env python3
"""A running server is asked and changed through its control socket, by turnadmin and by whatever else
finds the socket."""
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading

from harness import stun, tap
from harness.client import Client, exchange_both_ways, Peer
from harness.server import Folder, Server, free_ports, program, start_and_fail, write_file

NOBODY = 65534
ELSEWHERE, FARTHER = ("192.0.2.7", 3478), ("192.0.2.8", 5000)
CLONE_NEWNS = 0x00020000


def stranger_answer(server, transport="udp", address=None):
    """What an Allocate without credentials is told: (error, alternate servers)."""
    with Client(address or server.address, transport) as client:
        response = client.exchange(client.message(stun.ALLOCATE, [
            (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)]))
        tap.expect(response, "an answer over " + transport)
        return response.error, response.plain_addresses(stun.ALTERNATE_SERVER)


def raw(server):
    path = socket.socket(socket.AF_UNIX)
    path.connect(server.control_socket)
    path.settimeout(10)
    return path


def receive_all(path):
    data = b""
    while True:
        more = path.recv(65536)
        if not more:
            return data
        data += more


def test_status_and_counters():
    """turnadmin status and counters: for people and for programs, the threads add up to the sum"""
    with Server("--relay-threads=3") as server:
        clients = [server.client() for _ in range(12)]
        for client in clients:
            client.allocate()
        status = server.ask("status")
        tap.expect_equal((status["pid"], status["threads"], status["allocations"],
                          status["draining"]), (server.pid, 3, 12, None), "status")
        tap.expect("\nallocations\t12\n" in server.admin("status")[1], "status as text")
        answer = server.ask("counters", "--by-thread")
        tap.expect_equal(len(answer["threads"]), 3, "threads")
        for name, value in answer["counters"].items():
            tap.expect_equal(sum(thread[name] for thread in answer["threads"]), value, name)
        tap.expect_equal(answer["counters"]["allocations_created"], 12, "allocations")
        tap.expect("threads" not in server.ask("counters"), "no threads without --by-thread")
        line = next(line for line in server.admin("counters", "--by-thread")[1].splitlines()
                    if line.startswith("allocations_now\t"))
        numbers = [int(field) for field in line.split("\t")[1:]]
        tap.expect_equal((numbers[0], len(numbers)), (sum(numbers[1:]), 4), "counters as text")
        for client in clients:
            client.close()


def test_alternates_live():
    """Alternate servers come and go while clients come: when turnadmin returns each thread obeys"""
    with Server("--relay-threads=4") as server:
        stop, seen, faults = threading.Event(), set(), []

        def keep_coming():
            while not stop.is_set():
                try:
                    seen.add((stranger_answer(server)[0]))
                except tap.Failure as failure:
                    faults.append(str(failure))

        coming = threading.Thread(target=keep_coming)
        coming.start()
        try:
            for _ in range(3):
                tap.expect_equal(server.ask("alternate-server", "add", "%s:%d" % ELSEWHERE)["all"],
                                 ["192.0.2.7:3478"], "the list")
                answers = [stranger_answer(server) for _ in range(40)]
                tap.expect_equal(set(map(repr, answers)), {repr((300, [ELSEWHERE]))}, "answers")
                tap.expect_equal(server.ask("alternate-server", "delete", ELSEWHERE[0])["all"], [],
                                 "the list")
                answers = [stranger_answer(server) for _ in range(40)]
                tap.expect_equal({error for error, _ in answers}, {401}, "answers afterwards")
        finally:
            stop.set()
            coming.join()
        tap.expect_equal(faults, [], "requests without an answer")
        tap.expect(seen <= {300, 401}, "nothing else was answered: %r" % seen)
        redirected = [thread["redirected"] for thread in
                      server.ask("counters", "--by-thread")["threads"]]
        tap.expect(all(redirected), "each thread sent clients away: %r" % redirected)


def test_options_by_transport():
    """Each transport has its list, from the options; in turn; Binding is answered here"""
    with Server("--alternate-server=192.0.2.10", "--udp-alternate-server=192.0.2.11:1111",
                "--udp-alternate-server=192.0.2.12", "--tcp-alternate-server=192.0.2.13",
                "--tls-alternate-server=192.0.2.14", "--relay-threads=1", tls=True) as server:
        in_turn = [stranger_answer(server)[1][0] for _ in range(4)]
        tap.expect_equal(in_turn, [("192.0.2.11", 1111), ("192.0.2.12", 3478)] * 2, "over UDP")
        for transport, wanted in (("tcp", ("192.0.2.13", 3478)), ("tls", ("192.0.2.14", 5349)),
                                  ("dtls", ("192.0.2.11", 1111))):
            tap.expect_equal(stranger_answer(server, transport), (300, [wanted]), transport)
            with server.client(transport) as client:
                tap.expect(client.binding(), "a Binding answer over " + transport)
        code, _, problem = server.admin("alternate-server", "add", "turn.example.org")
        tap.expect((code, "give IP:PORT" in problem) == (1, True), "a name: %r" % problem)
        code, _, problem = server.admin("alternate-server", "add", "192.0.2.1", "--kind", "sctp")
        tap.expect((code, "all, udp, tcp, tls" in problem) == (1, True), "a kind: %r" % problem)
        code, _, problem = server.admin("alternate-server", "delete", "192.0.2.99")
        tap.expect((code, "not among" in problem) == (1, True), "one too many: %r" % problem)


def test_options_refused():
    """A name, and more servers than there is room for, end the start with a line that says so"""
    code, err = start_and_fail("-n", "--no-auth", "--alternate-server=turn.example.org")
    tap.expect(code == 1 and "alternate-server" in err and "not a name" in err, err)
    code, err = start_and_fail("-n", "--no-auth", *["--tcp-alternate-server=192.0.2.1"] * 65)
    tap.expect(code == 1 and "65 servers are more than 64" in err, err)


def test_redirected_to_another_server():
    """A client that is sent on makes its allocation there, and one that was here first keeps its own"""
    with Server() as here, Server() as there, Peer() as peer, here.client() as first:
        for server in (here, there):
            server.stop()
            server.arguments += ["--allow-loopback-peers"]
            server.launch()
            server.wait_until_ready()
        first.allocate()
        here.ask("alternate-server", "add", "127.0.0.1:%d" % there.port)
        with here.client() as second:
            response = second.request(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT,
                                                       stun.UDP_TRANSPORT)])
            tap.expect_equal(response.error, 300, "the first server")
            alternate = response.plain_addresses(stun.ALTERNATE_SERVER)[0]
        with Client(alternate) as second:
            second.allocate()
            tap.expect(exchange_both_ways(second, peer), "data through the second server")
        first.refresh(600)
        tap.expect(exchange_both_ways(first, peer), "data through the first server")


def test_signed_redirection():
    """Who knows realm and nonce already is authenticated, and gets a signed 300"""
    with Server() as server, server.client(sha256=True) as client:
        client.allocate()
        client.refresh(0)
        client.relayed = None
        server.ask("alternate-server", "add", "%s:%d" % FARTHER)
        response = client.request(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)])
        tap.expect_equal((response.error, response.plain_addresses(stun.ALTERNATE_SERVER)),
                         (300, [FARTHER]), "the answer")
        tap.expect(stun.has_integrity(client.raw_response, client.key,
                                      stun.MESSAGE_INTEGRITY_SHA256), "its integrity")


def test_alternate_domain():
    """Over TLS, who authenticates with SHA-256 is told the other certificate's name"""
    with Server("--alternate-server=192.0.2.7", "--alternate-domain=turn2.example.org",
                tls=True) as server:
        for transport, sha256, domain in (("tls", True, b"turn2.example.org"),
                                          ("dtls", True, b"turn2.example.org"),
                                          ("tls", False, None)):
            with server.client(transport, sha256=sha256) as client:
                response = client.request(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT,
                                                           stun.UDP_TRANSPORT)])
                tap.expect_equal((response.error, response.get(stun.ALTERNATE_DOMAIN)),
                                 (300, domain), transport)


def test_self_balance():
    """udp-self-balance: clients over UDP are sent on to the aux-servers in turn, and served there"""
    ports = free_ports(2)
    with Server("--udp-self-balance", "--relay-threads=1",
                *["--aux-server=127.0.0.1:%d" % port for port in ports]) as server:
        addresses = [("127.0.0.1", port) for port in ports]
        in_turn = [stranger_answer(server)[1][0] for _ in range(4)]
        tap.expect_equal(in_turn, addresses * 2, "over UDP")
        for address in addresses:
            with Client(address) as client:
                client.allocate()
        with server.client("tcp") as client:
            client.allocate()
        lists = server.ask("alternate-server", "list")
        tap.expect_equal(lists["self"], ["127.0.0.1:%d" % port for port in ports], "the list")
        code, _, problem = server.admin("alternate-server", "add", "192.0.2.1", "--kind", "self")
        tap.expect((code, "all, udp, tcp, tls" in problem) == (1, True), "no change: %r" % problem)


def test_garbage():
    """Garbage, floods and crowds on the socket are refused in a line, and clients are served on"""
    with Server() as server:
        with raw(server) as path:
            path.sendall(b"GET / HTTP/1.1\r\n\0\xff\xfe\n{}\n[]\n{\"request\":\"status\"}\n")
            path.shutdown(socket.SHUT_WR)
            lines = [json.loads(line) for line in receive_all(path).splitlines()]
            tap.expect_equal(["problem" in line for line in lines],
                             [True, True, True, True, False], "lines")
        with raw(server) as path:
            try:
                path.sendall(b"x" * 1000000)
            except (BrokenPipeError, ConnectionResetError):
                pass
            tap.expect(b"too long" in path.recv(1000), "a line without an end")
        crowd = [raw(server) for _ in range(32)]
        with raw(server) as path:
            tap.expect(b"too many clients" in receive_all(path), "one too many")
        code, _, problem = server.admin("status")
        tap.expect((code, "too many" in problem) == (1, True), "turnadmin says so: %r" % problem)
        for path in crowd:
            path.sendall(b'{"request":"counters"')
            path.close()
        tap.wait_until(lambda: server.admin("status")[0] == 0, "an answer when they have gone")
        server.serves()


def test_others_are_refused():
    """The socket is its owner's: another user cannot connect, and is refused where the mode was changed"""
    tap.need_root()
    with Server() as server:
        mode = os.stat(server.control_socket)
        tap.expect_equal((stat.S_IMODE(mode.st_mode), mode.st_uid), (0o600, os.getuid()), "mode")
        code, _, problem = server.admin("status", user=NOBODY)
        tap.expect((code, "be root, or the user" in problem) == (1, True), "%r" % problem)
        os.chmod(server.control_socket, 0o666)
        code, _, problem = server.admin("drain", user=NOBODY)
        tap.expect((code, "only root and the user" in problem) == (1, True), "%r" % problem)
        tap.expect_equal(server.ask("status")["draining"], None, "the server")
        tap.expect("control socket refused: uid=65534" in server.log(), "a line in the log")


def test_another_user():
    """As another user the server gives the socket to that user; root may ask as well"""
    tap.need_root()
    folder = os.path.join(Folder.get(), "theirs")
    os.mkdir(folder)
    shutil.chown(folder, "nobody")
    server = Server("--proc-user=nobody", "--control-socket=%s/s" % folder)
    server.control_socket = folder + "/s"
    with server:
        tap.expect_equal(os.stat(server.control_socket).st_uid, NOBODY, "its owner")
        tap.expect_equal(server.admin("status")[0], 0, "root asks")
        tap.expect_equal(server.admin("status", user=NOBODY)[0], 0, "the user asks")
    tap.expect(not os.path.exists(server.control_socket), "no file is left")


def test_file():
    """A stale file is replaced, a live one and what is no socket are refused, and none is left"""
    with Server() as server:
        code, err = start_and_fail("-n", "--no-auth", "--listening-ip=127.0.0.1",
                                   "--listening-port=%d" % free_ports(1)[0],
                                   "--control-socket=" + server.control_socket)
        tap.expect(code == 1 and "another server listens there" in err, "a live one: " + err)
        tap.expect_equal(server.admin("status")[0], 0, "the first one")
        server.end(signal.SIGKILL, 5)
        code, _, problem = server.admin("status")
        tap.expect((code, "no server listens there" in problem) == (1, True), "%r" % problem)
        tap.expect(os.path.exists(server.control_socket), "a stale file")
        server.launch()
        server.wait_until_ready()
        tap.expect_equal(server.admin("status")[0], 0, "after a new start")
    tap.expect(not os.path.exists(server.control_socket), "no file is left")
    plain = write_file("plain", "kept\n")
    code, err = start_and_fail("-n", "--no-auth", "--listening-ip=127.0.0.1",
                               "--listening-port=%d" % free_ports(1)[0],
                               "--control-socket=" + plain)
    tap.expect(code == 1 and "no socket" in err, "a plain file: " + err)
    with open(plain) as file:
        tap.expect_equal(file.read(), "kept\n", "what was in it")


def test_off():
    """control-socket=off: there is none, and turnadmin says how to mend it"""
    with Server("--control-socket=off") as server:
        tap.expect(not os.path.exists(server.control_socket), "no socket")
        code, _, problem = server.admin("status")
        tap.expect((code, "--control-socket FILE" in problem) == (1, True), "%r" % problem)


def test_default():
    """Without the option the socket is in /run/turnstone; a second server goes without and says so"""
    tap.need_root()
    if tap.LIBC.unshare(CLONE_NEWNS) != 0:
        raise tap.Skip("needs mount namespaces")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    path = "/run/turnstone/turnserver.sock"
    admin = os.path.join(os.path.dirname(program()), "turnadmin")
    first, second = Server(), Server()
    for server in (first, second):
        server.arguments.remove("--control-socket=" + server.control_socket)
    with first:
        tap.expect_equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode")
        with second:
            tap.expect("no control socket: reason=" in second.log() and
                       "another server listens there" in second.log(), "a line in the log")
            second.serves()
        answer = subprocess.run([admin, "status", "--json"], stdout=subprocess.PIPE, check=True)
        tap.expect_equal(json.loads(answer.stdout)["pid"], first.pid, "who answers")
    tap.expect(not os.path.exists(path), "no file is left")


if __name__ == "__main__":
    tap.main()
