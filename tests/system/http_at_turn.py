#!/usr/bin/env python3
"""HTTP that comes to a port of TURN: closed, answered with 400, or redirected; and TLS without 1.2."""
import socket
import ssl

from harness import tap
from harness.server import Server
from harness.client import Client

TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"
GET = b"GET / HTTP/1.1\r\nHost: turn.example\r\nUser-Agent: test\r\n\r\n"
CHALLENGE = b"GET /.well-known/acme-challenge/" + TOKEN.encode() + b" HTTP/1.1\r\nHost: turn.example\r\n\r\n"


def connect(address, tls=False, latest=None):
    plain = socket.create_connection(address, timeout=10)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if latest:
        context.maximum_version = latest
    return context.wrap_socket(plain)


def rest(connection):
    """All that comes until the server closes."""
    said = b""
    try:
        while True:
            data = connection.recv(4096)
            if not data:
                return said
            said += data
    except ConnectionError:
        return said


def ask(address, *pieces, tls=False):
    """What the server answers to a request in pieces, each seen by the server before the next is sent."""
    with connect(address, tls) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return rest(connection)


def test_closed():
    """Without the options HTTP is closed without a word"""
    with Server() as server:
        tap.expect_equal(ask(server.address, GET), b"", "an answer")
        tap.expect_equal(ask(server.address, CHALLENGE), b"", "an answer to a challenge")
        tap.expect_equal(server.ask("counters")["counters"]["http_answers"], 0, "counted")
        server.serves()


def test_refused():
    """respond-http-unsupported: 400, over TCP and TLS, also when it comes in pieces"""
    with Server("--respond-http-unsupported", tls=True) as server:
        for tls in (False, True):
            for pieces in ((GET,), (GET[:1], GET[1:]), (GET[:20], GET[20:-1], GET[-1:]),
                           tuple(GET[i:i + 1] for i in range(len(GET))), (GET + b"more" * 500,)):
                said = ask(server.address, *pieces, tls=tls)
                head, _, body = said.partition(b"\r\n\r\n")
                tap.expect(head.startswith(b"HTTP/1.1 400 "), "400 over %s: %r" % ("TLS" if tls else "TCP", said))
                tap.expect_equal(len(body), int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]), "its length")
            tap.expect(b" 400 " in ask(server.address, CHALLENGE, tls=tls), "a challenge, too")
        tap.expect_equal(server.ask("counters")["counters"]["http_answers"], 12, "counted")
        server.serves()
        for transport in ("tcp", "tls"):
            with server.client(transport) as client:
                client.allocate()


def test_no_http():
    """What begins like HTTP and is none is closed, and takes no memory for long"""
    with Server("--respond-http-unsupported", "--handshake-timeout=1", "--message-timeout=1") as server:
        for first in (b"GARBAGE\r\n\r\n", b"\x40\x00\x00\x04abcd", b"GET /" + b"x" * 5000, b"get / HTTP/1.1\r\n\r\n"):
            tap.expect_equal(ask(server.address, first), b"", "an answer to %r" % first[:10])
        tap.expect_equal(ask(server.address, b"GET /unfinished"), b"", "an answer to half a request, after a second")
        tap.expect_equal(server.ask("counters")["counters"]["http_answers"], 0, "counted")
        server.serves()


def test_acme():
    """acme-redirect: 301 to the URL with the token, over TCP alone; all else is closed"""
    with Server("--acme-redirect=https://acme.example/challenge/", tls=True) as server:
        said = ask(server.address, CHALLENGE)
        tap.expect(said.startswith(b"HTTP/1.1 301 "), "301: %r" % said)
        tap.expect(b"\r\nLocation: https://acme.example/challenge/" + TOKEN.encode() + b"\r\n" in said, "where")
        tap.expect_equal(ask(server.address, CHALLENGE, tls=True), b"", "an answer over TLS")
        tap.expect_equal(ask(server.address, GET), b"", "an answer to something else")
        bad = CHALLENGE.replace(TOKEN.encode(), b"../../../../etc/passwd")
        tap.expect_equal(ask(server.address, bad), b"", "an answer to what is no token")
        server.serves()


def test_no_tls12():
    """no-tlsv1_2: TLS 1.3 alone"""
    for options, served in (((), True), (("--no-tlsv1_2",), False)):
        with Server(*options, tls=True) as server:
            with connect(server.tls_address, tls=True) as connection:
                tap.expect_equal(connection.version(), "TLSv1.3", "the version that is spoken")
            try:
                connect(server.tls_address, tls=True, latest=ssl.TLSVersion.TLSv1_2).close()
                tap.expect(served, "TLS 1.2 is refused")
            except (ssl.SSLError, ConnectionError):
                tap.expect(not served, "TLS 1.2 is served")
            with Client(server.tls_address, "dtls") as client:
                client.allocate()


if __name__ == "__main__":
    tap.main()
