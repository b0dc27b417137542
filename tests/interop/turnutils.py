#!/usr/bin/env python3
"""coturn's own clients, unmodified, against this server: every transport, relayed address family, way
to send, and kind of credential that they have."""
import re
import subprocess

from harness import tap
from harness.server import Server, free_ports, is_coturn

ALONE = "coturn's client loses packets when it has to wait for a CPU"

CLIENTS, MESSAGES = 2, 50
LIMIT_S = 40


def server_for_uclient(*options, credentials=True):
    """turnutils_uclient 4.6 takes channel numbers from RFC 5766's range."""
    old_range = [] if is_coturn() else ["--rfc5766-channel-numbers"]
    return Server("--allow-loopback-peers", *old_range, *options, tls=True,
                  credentials=credentials, relay_ips=("127.0.0.1", "::1"))


def run(command):
    return finish(start(command))


def start(command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(process):
    """What it wrote; it is killed when it takes too long."""
    try:
        output = process.communicate(timeout=LIMIT_S)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        output = process.communicate()[0]
        raise tap.Failure("%s: not done in %d s: %s" % (
            " ".join(process.args), LIMIT_S, output.decode(errors="replace")[-600:])) from None
    return output.decode(errors="replace")


def number(pattern, text):
    found = re.findall(pattern, text)
    if not found:
        raise tap.Failure("no %r in: %s" % (pattern, text[-800:]))
    return int(found[-1])


def uclient(server, flags, user):
    program = tap.need_program("turnutils_uclient", "coturn")
    port = server.tls_port if "-S" in flags else server.port
    # uclient misses messages that come together over TLS: they are kept apart.
    interval_ms = 50 if "-S" in flags and "-t" in flags else 5
    return start([program, "-n", str(MESSAGES), "-m", str(CLIENTS), "-z", str(interval_ms),
                  "-l", "200", *user, "-p", str(port), *flags, server.ips[0]])


def expect_all_came_back(text, flags):
    # Without -c there is an RTCP connection beside each client's.
    wanted = MESSAGES * CLIENTS * (1 if "-c" in flags else 2)
    what = " of uclient " + " ".join(flags)
    tap.expect_equal(number(r"tot_send_msgs=(\d+)", text), wanted, "messages sent" + what)
    tap.expect_equal(number(r"tot_recv_msgs=(\d+)", text), wanted, "messages that came back" + what)
    tap.expect_equal(number(r"Total lost packets (\d+)", text), 0, "lost packets" + what)


def relays_all(server, *runs, user=("-u", "u", "-w", "p")):
    """Every message of each run comes back to its sender. The runs, which mostly wait, go side by
    side."""
    processes = [uclient(server, flags, user) for flags in runs]
    try:
        for process, flags in zip(processes, runs):
            expect_all_came_back(finish(process), flags)
    finally:
        for process in processes:
            process.kill()
            process.communicate()


class EchoPeer:
    """turnutils_peer sends back what it gets."""

    def __init__(self, ip="127.0.0.1"):
        self.ip, self.port = ip, free_ports(1, ip)[0]

    def __enter__(self):
        program = tap.need_program("turnutils_peer", "coturn")
        self.process = subprocess.Popen([program, "-L", self.ip, "-p", str(self.port)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_until_it_echoes()
        return ["-e", self.ip, "-r", str(self.port)]

    def wait_until_it_echoes(self):
        from harness.client import Peer
        with Peer(self.ip) as asker:
            def echoes():
                asker.send(b"are you there", (self.ip, self.port))
                try:
                    return asker.receive(0.1)[0]
                except ConnectionRefusedError:
                    return None
            tap.wait_until(echoes, "turnutils_peer answers")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def over_each_transport(*flags):
    with server_for_uclient() as server:
        relays_all(server, *([*transport, *flags] for transport in (
            ["-t"], [], ["-t", "-S"], ["-S"])))


def test_channels():
    """Client to client by channels, over UDP, TCP, TLS and DTLS"""
    over_each_transport("-y", "-c")


@tap.beside
def test_reserved_ports():
    """The same with an RTCP connection beside each, on a reserved port"""
    over_each_transport("-y")


@tap.beside
def test_indications():
    """Client to client by Send and Data indications, over the same"""
    over_each_transport("-y", "-s", "-c")


@tap.beside
def test_peer():
    """turnutils_peer as the peer, over the same"""
    with EchoPeer() as peer:
        over_each_transport("-c", *peer)


@tap.beside
def test_ipv6_relay():
    """Relayed IPv6 addresses, client to client and with an IPv6 peer"""
    # Not -Z: uclient 4.6 asks for a second family by a number that RFC 8656 did not keep.
    with server_for_uclient() as server, EchoPeer("::1") as peer:
        relays_all(server, ["-y", "-x", "-c"], ["-y", "-x", "-c", "-t"], ["-x", "-c", *peer])


@tap.beside
def test_time_limited_credentials():
    """-W: a shared secret's time-limited credentials"""
    with server_for_uclient("--use-auth-secret", "--static-auth-secret=logen",
                            "--realm=example.org", credentials=False) as server:
        relays_all(server, ["-y", "-c"], user=("-u", "alice", "-W", "logen"))


@tap.beside
def test_extra_requests():
    """-G, -D and -g: repeated permissions and bindings, padded channel data, DONT-FRAGMENT"""
    with server_for_uclient() as server:
        relays_all(server, *(["-y", "-c", flag] for flag in ("-G", "-D", "-g")))


def test_wrong_password():
    """The same client with a wrong password gets nothing: these tests can fail"""
    with server_for_uclient() as server:
        try:
            relays_all(server, ["-y", "-c"], user=("-u", "u", "-w", "wrong"))
        except tap.Failure:
            return
    raise tap.Failure("it was served")


def test_stunclient():
    """turnutils_stunclient learns its address"""
    with Server() as server:
        text = run([tap.need_program("turnutils_stunclient", "coturn"), "-p", str(server.port),
                    "127.0.0.1"])
        tap.expect(re.search(r"UDP reflexive addr: 127\.0\.0\.1:\d+", text), text[-600:])


def test_natdiscovery():
    """turnutils_natdiscovery's basic Binding, from a server with one address"""
    with Server() as server:
        text = run([tap.need_program("turnutils_natdiscovery", "coturn"), "-m", "-p",
                    str(server.port), "127.0.0.1"])
        tap.expect(re.search(r"127\.0\.0\.1:\d+", text), text[-600:])


if __name__ == "__main__":
    tap.main()
