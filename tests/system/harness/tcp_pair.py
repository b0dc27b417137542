"""Both ends of relayed TCP connections (RFC 6062)."""
import socket
import ssl

from . import tap
from .client import readable


class TcpPeer:
    """A TCP socket that listens and is no TURN client."""

    def __init__(self, ip="127.0.0.1", backlog=4096):
        self.socket = socket.socket()
        self.socket.bind((ip, 0))
        self.socket.listen(backlog)
        self.address = self.socket.getsockname()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def accept(self):
        tap.expect(readable(self.socket, 5), "a connection at the peer")
        connection, address = self.socket.accept()
        connection.settimeout(10)
        return connection, address


class Pair:
    """A client data connection and the peer data connection that it is joined with."""

    def __init__(self, client, peer, source):
        self.client, self.peer, self.source = client, peer, source

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.peer.close()


def bind(server, transport, connection_id, **how):
    data = server.client(transport, **how)
    connection, early = data.bind_connection(connection_id)
    tap.expect_equal(early, b"", "bytes behind the answer")
    connection.settimeout(10)
    return connection


def join(server, control, peer, transport="tcp"):
    """A pair by Connect."""
    connection_id = control.connect_peer(peer.address)
    accepted, source = peer.accept()
    return Pair(bind(server, transport, connection_id), accepted, source)


def read_all(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise tap.Failure("the end after %d of %d bytes" % (len(data), size))
        data += more
    return data


def expect_echo(one, other, data=b"data both ways"):
    for sender, receiver in ((one, other), (other, one)):
        sender.sendall(data)
        tap.expect_equal(read_all(receiver, len(data)), data, "what arrived")


def expect_end(connection, what, timeout=5):
    """The other side is gone: by an end or by a reset."""
    connection.settimeout(timeout)
    try:
        tap.expect_equal(connection.recv(1), b"", what)
    except (ConnectionResetError, ssl.SSLError):
        pass
    except socket.timeout:
        raise tap.Failure(what + ": still open") from None
