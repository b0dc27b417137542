"""Proxies between clients and the server that speak the PROXY protocol: Debian's haproxy and nginx over
TCP, and one of our own over UDP, which neither of them can carry with a header."""
import os
import select
import socket
import struct
import subprocess
import threading
import time

from . import tap
from .client import family_of
from .server import Folder, free_ports, write_file

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
STREAM, DATAGRAM = 1, 2


def header(client, server, protocol=STREAM, command=PROXY, tlvs=b""):
    """A header of version 2."""
    family = family_of(client[0])
    addresses = (socket.inet_pton(family, client[0]) + socket.inet_pton(family, server[0]) +
                 struct.pack("!HH", client[1], server[1]))
    kind = (1 if family == socket.AF_INET else 2) << 4 | protocol
    return SIGNATURE + struct.pack("!BBH", command, kind, len(addresses + tlvs)) + addresses + tlvs


def line(client, server):
    """A header of version 1."""
    return ("PROXY %s %s %s %d %d\r\n" % ("TCP6" if ":" in client[0] else "TCP4", client[0],
                                          server[0], client[1], server[1])).encode()


def form(address):
    return ("[%s]:%d" if ":" in address[0] else "%s:%d") % tuple(address[:2])


class Program:
    """A proxy that is a program of its own: with Program(...) as proxy: proxy.address"""

    def __init__(self, command, address):
        self.command, self.address = command, address

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        tap.wait_until(self.listens, "a proxy that listens")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def listens(self):
        tap.expect(self.process.poll() is None, "a proxy that starts")
        with socket.socket(family_of(self.address[0]), socket.SOCK_STREAM) as probe:
            return probe.connect_ex(self.address) == 0


def haproxy(ip, server, version):
    """Passes TCP and TLS on, with a header of version 1 or 2."""
    tap.need_program("haproxy", "haproxy")
    address = (ip, free_ports(1, ip)[0])
    path = write_file("haproxy%d.cfg" % address[1], """
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen turn
    bind %s
    server one %s %s
""" % (form(address), form(server), "send-proxy" if version == 1 else "send-proxy-v2"))
    return Program(["haproxy", "-db", "-f", path], address)


def nginx(ip, server):
    """Passes TCP on, with a header of version 1."""
    tap.need_program("nginx", "nginx libnginx-mod-stream")
    module = "/usr/lib/nginx/modules/ngx_stream_module.so"
    if not os.path.exists(module):
        raise tap.Skip("libnginx-mod-stream is not installed")
    address = (ip, free_ports(1, ip)[0])
    path = write_file("nginx%d.conf" % address[1], """
load_module %s;
daemon off; master_process off; user root; pid %s/nginx.pid; error_log /dev/null;
events {}
stream { server { listen %s; proxy_pass %s; proxy_protocol on; } }
""" % (module, Folder.get(), form(address), form(server)))
    return Program(["nginx", "-c", path, "-p", Folder.get(), "-e", "/dev/null"], address)


class DatagramProxy:
    """Passes UDP on from a thread of its own, each datagram with a header of version 2. Answers come
    without one. With one_socket all clients share a socket towards the server."""

    def __init__(self, ip, server, source=None, one_socket=False):
        self.server, self.source, self.one_socket = server, source or ip, one_socket
        self.front = self.open(ip)
        self.address = self.front.getsockname()[:2]
        self.backs, self.clients = {}, {}
        self.answers = 0
        self.wake, self.end = socket.socketpair()

    @staticmethod
    def open(ip):
        one = socket.socket(family_of(ip), socket.SOCK_DGRAM)
        one.bind((ip, 0))
        return one

    def __enter__(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.close()
        self.thread.join(10)
        for one in [self.front, self.wake, *self.clients]:
            one.close()

    def run(self):
        while True:
            ready = select.select([self.front, self.wake, *self.clients], [], [])[0]
            if self.wake in ready:
                return
            for one in ready:
                if one is self.front:
                    self.pass_on()
                else:
                    self.pass_back(one)

    def back_for(self, client):
        key = None if self.one_socket else client
        if key not in self.backs:
            self.backs[key] = self.open(self.source)
        self.clients[self.backs[key]] = client
        return self.backs[key]

    def pass_on(self):
        data, client = self.front.recvfrom(65536)
        self.back_for(client[:2]).sendto(
            header(client, self.server, DATAGRAM, tlvs=b"\4\0\1x") + data, self.server)

    def pass_back(self, back):
        self.answers += 1
        self.front.sendto(back.recv(65536), self.clients[back])


class Spoken:
    """A connection on which the test itself is the proxy."""

    def __init__(self, server, first, source=None):
        self.socket = socket.create_connection(server, 5, (source, 0) if source else None)
        self.name = self.socket.getsockname()[:2]
        self.began = time.monotonic()
        self.socket.sendall(first)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def receive(self, timeout=5):
        """What comes; b"" when the server closes; None when neither does in time."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(65536)
        except socket.timeout:
            return None
        except ConnectionError:
            return b""

    def is_closed(self, timeout=5):
        return self.receive(timeout) == b""
