#!/usr/bin/env python3
"""turnadmin doctor: each check finds what it is for, and nothing where there is nothing."""
import json
import os
import shutil
import subprocess
import tempfile

from harness import tap
from harness.network import Namespace, wire
from harness.server import Folder, Server, program, write_file

ADMIN = os.path.join(os.path.dirname(program()), "turnadmin")
EXIT_FINE, EXIT_WARNING, EXIT_ERROR = 0, 3, 4
NOBODY = 65534

# A machine on which there is nothing to change.
GOOD = {
    "/proc/sys/net/core/rmem_max": "8388608",
    "/proc/sys/net/core/wmem_max": "8388608",
    "/proc/sys/net/ipv4/udp_mem": "98304 131072 196608",
    "/proc/net/sockstat": "sockets: used 100\nTCP: inuse 9 orphan 0 tw 0 alloc 9 mem 1\n"
                          "UDP: inuse 3 mem 2\n",
    "/proc/net/snmp": "Ip: Forwarding\nIp: 1\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors\n"
                      "Udp: 1000000 0 0 1000000 0\n",
    "/proc/sys/net/ipv4/ip_local_port_range": "32768 49151",
    "/proc/sys/net/ipv4/ip_local_reserved_ports": "",
    "/proc/sys/fs/nr_open": "1048576",
    "/proc/sys/kernel/seccomp/actions_avail": "kill errno allow",
}


class Machine:
    """A folder with /proc and /sys of a machine that is good but for changes, and a configuration."""

    def __init__(self, changes=None, config="", socket="/nowhere"):
        self.folder = tempfile.mkdtemp(dir=Folder.get())
        for path, text in {**GOOD, **(changes or {})}.items():
            os.makedirs(self.folder + os.path.dirname(path), exist_ok=True)
            with open(self.folder + path, "w") as file:
                file.write(text + "\n")
        self.config = os.path.join(self.folder, "conf")
        with open(self.config, "w") as file:
            file.write("realm=example.org\nlt-cred-mech\nuse-auth-secret\n"
                       "static-auth-secret=north\nlistening-ip=127.0.0.1\n" + config)
        self.socket = socket

    def doctor(self, *options, root=True):
        """(exit code, findings)"""
        command = [ADMIN, "doctor", "--config", self.config, "--json", "--control-socket", self.socket]
        command += ["--root", self.folder] if root else []
        result = subprocess.run(command + list(options), stdout=subprocess.PIPE, check=False)
        return result.returncode, json.loads(result.stdout)["findings"]


def findings(check, changes=None, config="", **how):
    """What one check finds, as (level, text, mend), fine ones left out."""
    _, found = Machine(changes, config, **how).doctor()
    tap.expect(any(one["check"] == check for one in found) or not found, "the check " + check)
    return [(one["level"], one["text"], one["mend"]) for one in found
            if one["check"] == check and one["level"] != "fine"]


def expect_one(found, level, *parts):
    tap.expect_equal(len(found), 1, "findings in %r" % (found,))
    tap.expect_equal(found[0][0], level, "level of " + found[0][1])
    for part in parts:
        tap.expect(part in found[0][1] + " " + found[0][2], "%r in %r" % (part, found[0]))


def test_good_machine():
    """A machine with nothing to change has no warnings but of what this one lacks"""
    code, found = Machine().doctor()
    allowed = {"external-ip", "certificate", "clock", "server", "cpus", "configuration", "firewall"}
    left = [one for one in found if one["level"] != "fine" and one["check"] not in allowed]
    tap.expect_equal(left, [], "what is left")
    tap.expect_equal(code, EXIT_WARNING, "exit code, as 127.0.0.1 is nobody's to reach")


def test_lines():
    """For people: level, check, what, and the command that mends it, one a line; the worst is the code"""
    machine = Machine({"/proc/sys/net/ipv4/ip_local_port_range": "32768 60999"})
    result = subprocess.run([ADMIN, "doctor", "--config", machine.config, "--root", machine.folder,
                             "--control-socket", "/nowhere"], stdout=subprocess.PIPE, check=False)
    lines = result.stdout.decode().splitlines()
    tap.expect_equal(result.returncode, EXIT_WARNING, "exit code")
    tap.expect("warning\tports\t11848 of the relayed ports 49152-65535 may be taken by connections of this "
               "machine (ip_local_port_range 32768-60999): sysctl -w "
               "net.ipv4.ip_local_reserved_ports=49152-65535" in lines, "a line in %r" % lines)


def test_configuration():
    """A configuration that the server refuses is an error, and where it is"""
    code, found = Machine(config="min-port=9\nmax-port=5\n").doctor()
    tap.expect_equal(code, EXIT_ERROR, "exit code")
    tap.expect(any("min-port" in one["text"] and one["level"] == "error" for one in found), found)


def test_ports():
    """Ports that the machine takes for itself: all of them, none where they are reserved"""
    low = {"/proc/sys/net/ipv4/ip_local_port_range": "32768 60999"}
    expect_one(findings("ports", low), "warning", "11848 of the relayed ports")
    low["/proc/sys/net/ipv4/ip_local_reserved_ports"] = "100-200,49152-60998"
    expect_one(findings("ports", low), "warning", "1 of the relayed ports")
    low["/proc/sys/net/ipv4/ip_local_reserved_ports"] = "7,49152-65535"
    tap.expect_equal(findings("ports", low), [], "reserved")


def test_buffers():
    """Buffers that are too small for bursts, smaller than sock-buf-size, or that overflowed"""
    small = {"/proc/sys/net/core/rmem_max": "212992"}
    expect_one(findings("socket-buffers", small), "note", "rmem_max is 212992",
               "sysctl -w net.core.rmem_max=8388608")
    expect_one(findings("socket-buffers", small, "sock-buf-size=1M\n"), "warning",
               "sock-buf-size asks for 1048576")
    lossy = {"/proc/net/snmp": GOOD["/proc/net/snmp"].replace("1000000 0\n", "1000000 5000\n")}
    expect_one(findings("socket-buffers", lossy), "warning", "5000 of 1005000 datagrams", "sock-buf-size=8388608")
    large = {**lossy, "/proc/sys/net/core/rmem_max": "33554432"}
    found = findings("socket-buffers", large, "sock-buf-size=8M\n")
    tap.expect_equal([one[2] for one in found], ["sock-buf-size=16777216"], "a mend that makes nothing smaller")


def test_udp_memory():
    """UDP may hold too little, or holds nearly all it may"""
    expect_one(findings("udp-memory", {"/proc/sys/net/ipv4/udp_mem": "100 200 300"}), "warning",
               "may hold 1 MB", "sysctl -w net.ipv4.udp_mem=")
    full = {"/proc/net/sockstat": GOOD["/proc/net/sockstat"].replace("mem 2\n", "mem 190000\n")}
    expect_one(findings("udp-memory", full), "error", "hold 742 MB of the 768 MB")


def test_tracking():
    """A table of connections that is too small, or nearly full"""
    folder = "/proc/sys/net/netfilter/nf_conntrack_"
    expect_one(findings("connection-tracking", {folder + "max": "16384", folder + "count": "5"}),
               "warning", "16384 connections can be tracked", "nf_conntrack_max=131072")
    expect_one(findings("connection-tracking", {folder + "max": "65536", folder + "count": "60000"}),
               "error", "60000 of 65536")
    tap.expect_equal(findings("connection-tracking", {folder + "max": "65536", folder + "count": "5"}),
                     [], "a table that is large enough")


def test_open_files():
    """Fewer files than relayed ports, of a server to come and of the one that runs"""
    expect_one(findings("open-files", {"/proc/sys/fs/nr_open": "1024"}), "warning", "may open 1024",
               "LimitNOFILE=1048576")
    with Server() as server:
        limits = "Limit                     Soft Limit           Hard Limit           Units\n" \
                 "Max open files            2048                 4096                 files"
        expect_one(findings("open-files", {"/proc/%d/limits" % server.pid: limits},
                            socket=server.control_socket), "warning", "the server may open 2048")


def test_cpus():
    """More threads than CPUs, fewer, and CPUs that save power"""
    expect_one(findings("cpus", config="relay-threads=128\n"), "warning", "128 relay threads share")
    if len(os.sched_getaffinity(0)) > 1:
        expect_one(findings("cpus", config="relay-threads=1\n"), "note", "1 relay threads use 1 of")
    governor = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    expect_one(findings("cpus", {governor: "powersave"}), "note", "save power")


def test_kernel():
    """A kernel without seccomp"""
    machine = Machine()
    os.remove(machine.folder + "/proc/sys/kernel/seccomp/actions_avail")
    found = [one for one in machine.doctor()[1] if one["check"] == "kernel"]
    tap.expect("there is no seccomp" in found[-1]["text"], found)


def certificate(name, *options):
    folder = Folder.get()
    cert, key = os.path.join(folder, name + ".crt"), os.path.join(folder, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=turn.example", "-keyout", key,
                    "-out", cert, *options], check=True, stderr=subprocess.DEVNULL)
    os.chmod(key, 0o600)
    return cert, key


def expired():
    """A certificate that ended long ago: openssl req has no such days, openssl ca does."""
    cert, key = certificate("expired")
    folder = Folder.get()
    conf = write_file("ca.conf", "[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index\nserial=%s/serial\n"
                      "new_certs_dir=%s\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n" % (
                          folder, folder, folder))
    write_file("index", "")
    write_file("serial", "01\n")
    subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=turn.example", "-out",
                    folder + "/csr"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "ca", "-batch", "-config", conf, "-selfsign", "-keyfile", key, "-in",
                    folder + "/csr", "-out", cert, "-startdate", "200101000000Z", "-enddate",
                    "200201000000Z", "-notext"], check=True, stderr=subprocess.DEVNULL)
    return cert, key


def with_pair(cert, key):
    return "cert=%s\npkey=%s\n" % (cert, key)


def test_certificate():
    """A certificate that ends soon, has ended, or is none; and none at all"""
    expect_one(findings("certificate", config=with_pair(*certificate("soon", "-days", "3"))), "warning",
               "expires in", "certbot renew")
    expect_one(findings("certificate", config=with_pair(*expired())), "error", "has expired")
    cert, key = certificate("fine", "-days", "90")
    tap.expect_equal(findings("certificate", config=with_pair(cert, key)), [], "a good one")
    expect_one(findings("certificate", config=with_pair(key, key)), "error", "no certificate")
    expect_one(findings("certificate"), "note", "there is no certificate")


def test_key():
    """A key of another certificate, one that everyone reads, and none"""
    cert, key = certificate("one", "-days", "90")
    other = certificate("other", "-days", "90")[1]
    tap.expect_equal(findings("key", config=with_pair(cert, key)), [], "a good one")
    expect_one(findings("key", config=with_pair(cert, other)), "error", "another certificate's key")
    os.chmod(cert, 0o600)
    expect_one(findings("key", config=with_pair(cert, cert)), "error", "no key")
    os.chmod(key, 0o644)
    expect_one(findings("key", config=with_pair(cert, key)), "error", "mode 0644", "chmod o= " + key)
    os.chmod(key, 0o660)
    expect_one(findings("key", config=with_pair(cert, key)), "warning", "by its group", "chmod g-w " + key)


def test_database():
    """A database that is missing, for everyone to read, another user's, or none of ours"""
    folder = tempfile.mkdtemp(dir=Folder.get())
    path = folder + "/turndb"
    conf = "userdb=%s\n" % path
    tap.expect("no such file" in findings("database", config=conf)[0][1], "a missing one")
    subprocess.run([ADMIN, "user", "add", "s", "--realm", "example.org", "--db", path], input=b"p\n",
                   check=True, stdout=subprocess.DEVNULL)
    tap.expect_equal(findings("database", config=conf), [], "a good one")
    os.chmod(path, 0o644)
    expect_one(findings("database", config=conf), "error", "mode 0644")
    os.chmod(path, 0o600)
    if os.geteuid() == 0:
        found = findings("database", config=conf + "proc-user=nobody\n")
        tap.expect_equal([one[2] for one in found], ["chown %d %s" % (NOBODY, path),
                                                     "chown %d %s" % (NOBODY, folder)], "to whom")
    shutil.copyfile("/dev/null", path)
    with open(path, "w") as file:
        file.write("this is no database, and long enough to be looked at" * 20)
    expect_one(findings("database", config=conf), "error", path)


def test_addresses():
    """Addresses that this machine does not have, and public ones that are private"""
    found = findings("addresses", config="relay-ip=192.0.2.77\n")
    expect_one(found, "error", "relay-ip 192.0.2.77 is of no interface")
    expect_one(findings("external-ip", config="external-ip=198.51.100.1/192.0.2.77\n"), "error",
               "the second is of no interface")
    expect_one(findings("external-ip", config="external-ip=10.1.2.3\n"), "warning",
               "reached from a private network alone")
    expect_one(findings("external-ip"), "warning", "all addresses are private")
    tap.expect_equal(findings("external-ip", config="external-ip=198.51.100.1/127.0.0.1\n"), [],
                     "a good one")


def test_listeners():
    """The running server answers a Binding request at each address, or is told to be silent"""
    with Server(ips=("127.0.0.1", "127.0.0.2")) as server:
        config = "listening-ip=127.0.0.2\nlistening-port=%d\n" % server.port
        machine = Machine(config=config, socket=server.control_socket)
        found = [one for one in machine.doctor()[1] if one["check"] == "listeners"]
        tap.expect_equal([one["level"] for one in found], ["fine"] * 4, "two by UDP, two by TCP")
        tap.expect("runs as process %d" % server.pid in str(machine.doctor()[1]), "its number")
        found = findings("listeners", config=config + "listening-ip=127.0.0.3\n",
                         socket=server.control_socket)
        tap.expect_equal([one[0] for one in found], ["error", "error"], "UDP and TCP of a third")
        tap.expect("127.0.0.3:%d does not answer" % server.port in found[0][1], found)


def test_firewall():
    """A firewall that drops, and names none of the ports; one that names them"""
    with Namespace("doctor") as one, Namespace("far") as far:
        wire(one, "eth0", ["10.9.0.1/24"], far, "eth0", ["10.9.0.2/24"])
        machine = Machine()
        rules = ("table inet filter {\nchain input {\ntype filter hook input priority 0; policy drop;\n"
                 "%s\n}\n}\n")

        def look():
            result = subprocess.run(
                ["ip", "netns", "exec", one.name, ADMIN, "doctor", "--config", machine.config, "--root",
                 machine.folder, "--json", "--control-socket", "/nowhere"], stdout=subprocess.PIPE,
                check=False)
            return [found for found in json.loads(result.stdout)["findings"]
                    if found["check"] == "firewall"]

        tap.expect_equal([found["level"] for found in look()], ["fine"], "no rules")
        one.firewall(rules % "ct state established accept")
        tap.expect_equal([found["level"] for found in look()], ["warning"] * 2, "two ports")
        tap.expect("nft add rule inet filter input udp dport 49152-65535 accept" in
                   [found["mend"] for found in look()], "the command")
        one.firewall(rules % "udp dport { 3478, 49152-65535 } accept")
        tap.expect_equal([found["level"] for found in look()], ["fine"], "rules that name them")


if __name__ == "__main__":
    tap.main()
