#!/usr/bin/env python3
"""The end of the server while all its parts are at work."""
import os
import signal
import subprocess

from harness import stun, tap
from harness.server import Folder, Server, program

REQUESTS = 400


def make_store(name):
    """A store without users; every name has to be asked for."""
    path = os.path.join(Folder.get(), name)
    admin = os.path.join(os.path.dirname(program()), "turnadmin")
    subprocess.run([admin, "user", "add", "--userdb", path, "--realm", "example.org", "known"],
                   input=b"p\n", check=True, stdout=subprocess.DEVNULL)
    return path


def requests_of_strangers(client, count):
    """Allocate requests with names that no one has asked for."""
    for number in range(count):
        client.user = "stranger%d" % number
        client.key = bytes(16)
        yield client.message(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)])


@tap.limit_s(120)
def test_answers_under_way():
    """SIGTERM while the store still owes answers to UDP clients and streams are open"""
    path = make_store("ending.db")
    for _ in range(8):
        with Server("--lt-cred-mech", "--realm=example.org", "--userdb=" + path,
                    "--relay-threads=2", credentials=False) as server:
            streams = [server.client("tcp") for _ in range(8)]
            for stream in streams:
                tap.expect(stream.binding(), "a Binding answer over TCP")
            with server.client() as client:
                client.learn(client.exchange(client.message(stun.ALLOCATE, [
                    (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)])))
                for request in list(requests_of_strangers(client, REQUESTS)):
                    client.path.send(request)
                tap.expect_equal(server.end(signal.SIGTERM, 10), 0, "exit code")
            for stream in streams:
                stream.close()


if __name__ == "__main__":
    tap.main()
