#!/usr/bin/env python3
"""Starting and stopping: what cannot work is refused at once, with one line that an operator can act
on; what works ends cleanly when it is asked to."""
import os
import re
import signal
import socket
import time

from harness import tap
from harness.client import Peer, exchange_both_ways
from harness.server import (Server, free_ports, is_coturn, make_certificate, start_and_fail,
                            write_file)


def refused(options, *named, user=None):
    """The start fails with exit code 1 and, beside warnings, one line on stderr in which all of named
    appear."""
    code, err = start_and_fail(*options, user=user)
    lines = [line for line in err.splitlines() if line.strip() and " warning: " not in line]
    tap.expect_equal(code, 1, "exit code; stderr: %.300r" % err)
    tap.expect_equal(len(lines), 1, "lines on stderr: %.600r" % lines)
    for word in named:
        tap.expect(re.search(word, lines[0], re.IGNORECASE), "%r in %r" % (word, lines[0]))


def base(**replaced):
    """Options with which the server starts, but for those given."""
    options = {"listening-ip": "127.0.0.1", "relay-ip": "127.0.0.1",
               "listening-port": str(free_ports(1)[0]), "user": "u:p", "realm": "example.org"}
    options.update({name.replace("_", "-"): value for name, value in replaced.items()})
    return ["-n", "--lt-cred-mech", "--no-tls", "--no-dtls"] + [
        "--%s=%s" % item for item in options.items()]


def with_tls(cert, key):
    return [o for o in base(cert=cert, pkey=key) if o not in ("--no-tls", "--no-dtls")]


def test_signals():
    """SIGTERM and SIGINT end the server within 3 seconds with exit code 0, allocations or none"""
    for number in (signal.SIGTERM, signal.SIGINT):
        with Server("--allow-loopback-peers") as server:
            with server.client() as client, Peer() as peer:
                client.allocate()
                tap.expect(exchange_both_ways(client, peer), "data both ways")
                tap.expect_equal(server.end(number, 3), 0, "exit code after %s" % number.name)


def test_restart():
    """A server that was stopped with clients on TCP starts again on the same ports at once"""
    ports = free_ports(2)
    for _ in range(3):
        with Server(ports=ports) as server:
            clients = [server.client("tcp") for _ in range(5)]
            for client in clients:
                client.allocate()
        for client in clients:
            client.close()


def test_many_starts():
    """Ten starts and stops in a row leave nothing behind"""
    for _ in range(10):
        with Server() as server:
            server.serves()


def test_stop_while_starting():
    """SIGTERM at any time of the start ends it"""
    for delay_ms in range(0, 40, 4):
        server = Server()
        server.launch()
        time.sleep(delay_ms / 1000)  # the point is to hit any moment, not to wait for one
        # Before the handler is there, the signal's default action is the right end, too.
        tap.expect_in(server.end(signal.SIGTERM, 10), (0, -signal.SIGTERM), "exit code")


def test_values():
    """A value that an option cannot have is refused by name"""
    for name, value in (("listening-port", "70000"), ("listening-port", "http"),
                        ("min-port", "-1"), ("max-port", "65536"), ("relay-threads", "many"),
                        ("max-allocate-lifetime", "10min?"), ("listening-ip", "127.0.0"),
                        ("relay-ip", "300.1.1.1"), ("external-ip", "not/an/ip"),
                        ("user", "nopassword")):
        refused(base(**{name: value}), "%s" % name)


def test_port_range():
    """min-port above max-port is refused"""
    refused(base(min_port="50000", max_port="49000"), "min-port", "max-port|49000")


def test_peer_ranges():
    """A peer range that is none is refused with what is wrong in it"""
    for value in ("10.0.0.1-", "10.0.0.9-10.0.0.1", "10.0.0.0/33", "::/129", "10.0.0.1-::1", "any"):
        refused(base(denied_peer_ip=value), "denied-peer-ip", re.escape(value))
        refused(base(allowed_peer_ip=value), "allowed-peer-ip", re.escape(value))


def test_config_file_errors():
    """An error in a configuration file is told with file and line"""
    port = free_ports(1)[0]
    for number, (line, named) in enumerate((
            ("min-port=abc", "min-port"), ("denied-peer-ip=1.2.3.4/99", "denied-peer-ip"),
            ("listening-ip=nowhere", "listening-ip"))):
        name = "bad%d.conf" % number
        path = write_file(name, "# a comment\n\nlistening-port=%d\nrealm=x\nuser=u:p\n"
                                "lt-cred-mech\n%s\n" % (port, line))
        refused(["-c", path], "%s:7" % re.escape(name), named)


def test_config_file_unreadable():
    """A configuration file that is missing or a folder is refused by its path"""
    refused(["-c", "/nonexistent/turnserver.conf"], "/nonexistent/turnserver.conf", "no such file")
    refused(["-c", "/etc"], "/etc")


def test_config_file_without_permission():
    """A configuration file that may not be read is refused by its path"""
    path = write_file("secret.conf", "realm=x\n")
    os.chmod(path, 0)
    nobody = 65534 if os.geteuid() == 0 else None
    refused(["-c", path], re.escape(path), "permission", user=nobody)


def test_certificates():
    """A certificate or key that is missing, garbage or of another pair is refused by its file"""
    cert, key = make_certificate()
    _, other_key = make_certificate("other")
    garbage = write_file("garbage.pem", "this is no certificate\n" * 9)
    empty = write_file("empty.pem", "")
    refused(with_tls("/nonexistent/cert.pem", key), "/nonexistent/cert.pem", "no such file|not be found")
    refused(with_tls(cert, "/nonexistent/key.pem"), "/nonexistent/key.pem", "no such file|not be found")
    for file in (garbage, empty):
        refused(with_tls(file, key), re.escape(file))
        refused(with_tls(cert, file), re.escape(file))
    refused(with_tls(cert, other_key), re.escape(other_key), "match|belong|not the key of")
    refused(with_tls(key, cert), "turn.(key|crt)")


def test_port_in_use():
    """A port that another program has is refused with the address, for UDP and for TCP"""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as taken:
            taken.bind(("127.0.0.1", 0))
            if kind == socket.SOCK_STREAM:
                taken.listen(1)
            port = taken.getsockname()[1]
            refused(base(listening_port=str(port)), "127.0.0.1:%d" % port, "in use")


def test_second_server():
    """A second server on the ports of the first is refused, and the first goes on"""
    with Server() as server:
        refused(base(listening_port=str(server.port)), "127.0.0.1:%d" % server.port, "in use")
        server.serves()


def test_address_not_local():
    """An address that this host does not have is refused, to listen on or to relay from"""
    refused(base(listening_ip="198.51.100.7"), "198.51.100.7")
    refused(base(relay_ip="198.51.100.8"), "198.51.100.8")


def test_credentials_missing():
    """Without users, secrets or no-auth nobody is relayed for, and the start says so"""
    with Server(credentials=False) as server, server.client() as client:
        tap.expect(client.binding(), "a Binding answer")
        tap.expect_equal(client.try_allocate(), 401, "Allocate")
        tap.expect("no authentication is configured" in server.log(), "a warning")


def test_unknown_options():
    """An option of a file that this version does not know warns, and the start goes on"""
    port = free_ports(2)
    path = write_file("old.conf", "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nno-tls\nno-dtls\n"
                      "no-sslv3\nno-loopback-peers\nnot-an-option=1\nrealm=example.org\n"
                      "user=u:p\nlt-cred-mech\nlistening-port=%d\ntls-listening-port=%d\n"
                      "log-file=stdout\n%s" % (port[0], port[1], "no-cli\n" if is_coturn() else ""))
    server = Server(ports=port)
    server.arguments = ["-c", path]
    with server:
        server.serves()
        tap.expect("not-an-option" in server.log() or is_coturn(), "a warning by name")


if __name__ == "__main__":
    tap.main()
