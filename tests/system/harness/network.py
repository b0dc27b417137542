"""Network namespaces joined by veth pairs, and firewalls in them. All of it needs root and is
taken away again; the namespaces' names carry this process's id."""
import contextlib
import ctypes
import os
import subprocess

from . import tap

CLONE_NEWNET = 0x40000000


def run(*command, text=None):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            input=text and text.encode(), check=False)
    if result.returncode:
        raise tap.Failure("%s: %s" % (" ".join(command), result.stdout.decode().strip()))


def set_namespace(path):
    with open(path) as file:
        if tap.LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + path)


@contextlib.contextmanager
def inside(namespace):
    """Sockets made within belong to the namespace, and stay there."""
    if namespace is None:
        yield
        return
    with open("/proc/thread-self/ns/net") as home:
        set_namespace("/run/netns/" + namespace.name)
        try:
            yield
        finally:
            if tap.LIBC.setns(home.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """with Namespace("relay") as relay: ..."""

    def __init__(self, name):
        tap.need_root()
        tap.need_program("ip", "iproute2")
        self.name = "ts%d-%s" % (os.getpid(), name)

    def __enter__(self):
        run("ip", "netns", "add", self.name)
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        run("ip", "netns", "del", self.name)

    def add_address(self, device, address):
        flags = ["nodad"] if ":" in address else []
        run("ip", "-n", self.name, "address", "add", address, "dev", device, *flags)

    def add_route(self, prefix, via):
        family = "-6" if ":" in via else "-4"
        run("ip", family, "-n", self.name, "route", "add", prefix, "via", via)

    def sysctl(self, setting):
        run("ip", "netns", "exec", self.name, "sysctl", "-qw", setting)

    def firewall(self, rules):
        """Rules of nftables, in place of those before."""
        run("ip", "netns", "exec", self.name, tap.need_program("nft", "nftables"), "-f", "-",
            text="flush ruleset\n" + rules)


def wire(one, one_device, one_addresses, other, other_device, other_addresses):
    """Joins two namespaces by a veth pair with these addresses (with prefix lengths)."""
    run("ip", "-n", one.name, "link", "add", "name", one_device, "type", "veth", "peer", "name",
        other_device, "netns", other.name)
    for namespace, device, addresses in ((one, one_device, one_addresses),
                                         (other, other_device, other_addresses)):
        run("ip", "-n", namespace.name, "link", "set", "dev", device, "up")
        for address in addresses:
            namespace.add_address(device, address)
