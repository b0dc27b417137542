#!/usr/bin/env python3
"""NAT behaviour discovery (RFC 5780), clients of RFC 3489, and who is served what: on two addresses
behind real NATs, further listeners, and network devices.

    client ── 10.1.0.0/24 ── nat ── 192.0.2.0/24, 2001:db8::/64 ── server (two addresses of each)

nftables makes of the middle each kind of NAT that RFC 4787 tells apart."""
import collections
import contextlib
import socket
import struct
import subprocess

from harness import stun, tap
from harness.client import (Client, Closed, Datagrams, Peer, Stream, connect, exchange_both_ways,
                            readable)
from harness.network import Namespace, inside, wire
from harness.server import Server, free_ports, start_and_fail

PORT, OTHER_PORT = 3478, 3479
FIRST, SECOND = "192.0.2.1", "192.0.2.2"
FIRST_V6, SECOND_V6 = "2001:db8::1", "2001:db8::2"
OUTSIDE = "192.0.2.5"
CHANGE_IP, CHANGE_PORT = 4, 2
CHANGE_REQUEST, SOURCE_ADDRESS, CHANGED_ADDRESS = 0x0003, 0x0004, 0x0005
PADDING, RESPONSE_PORT, RESPONSE_ORIGIN, OTHER_ADDRESS = 0x0026, 0x0027, 0x802B, 0x802C
ENGINES = ("sharded", "paired", "dedicated")

# Endpoint-independent mapping: Linux keeps the port where it can. Only what answers comes back in.
MASQUERADE = """
table ip nat {
	chain out { type nat hook postrouting priority srcnat; oifname "out" masquerade; }
	%s
}"""
PORT_RESTRICTED = MASQUERADE % ""
# What anybody sends to the outside goes to the client.
FULL_CONE = MASQUERADE % """
	chain in { type nat hook prerouting priority dstnat; iifname "out" meta l4proto udp dnat to 10.1.0.2; }"""
# What comes from an address goes to the client once the client has sent there, from whatever port.
ADDRESS_RESTRICTED = MASQUERADE % """
	set seen { type ipv4_addr; flags dynamic; }
	chain note { type filter hook forward priority filter; oifname "out" meta l4proto udp add @seen { ip daddr }; }
	chain in { type nat hook prerouting priority dstnat; iifname "out" ip saddr @seen meta l4proto udp dnat to 10.1.0.2; }"""
# Another port for every server, or for every address of one.
SYMMETRIC = """
table ip nat {
	chain out { type nat hook postrouting priority srcnat; oifname "out" masquerade fully-random; }
}"""
ADDRESS_DEPENDENT_MAPPING = """
table ip nat {
	chain out {
		type nat hook postrouting priority srcnat;
		oifname "out" ip daddr 192.0.2.1 meta l4proto udp snat to 192.0.2.5:40001
		oifname "out" ip daddr 192.0.2.2 meta l4proto udp snat to 192.0.2.5:40002
	}
}"""


class Internet:
    """with Internet() as net: net.client behind net.nat, net.host with two addresses of each family."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.client, self.nat, self.host = (stack.enter_context(Namespace(name))
                                                for name in ("client", "nat", "host"))
            wire(self.client, "eth0", ["10.1.0.2/24"], self.nat, "in", ["10.1.0.1/24"])
            wire(self.nat, "out", [OUTSIDE + "/24", "2001:db8::5/64"],
                 self.host, "eth0", [FIRST + "/24", SECOND + "/24", FIRST_V6 + "/64", SECOND_V6 + "/64"])
            self.client.add_route("default", "10.1.0.1")
            self.nat.sysctl("net.ipv4.ip_forward=1")
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def server(self, *options, ips=(FIRST, SECOND, FIRST_V6, SECOND_V6), relay_ips=None):
        return Server("--rfc5780", *options, ips=ips, relay_ips=relay_ips, namespace=self.host,
                      ports=(PORT, 5349))


def discover(net, *options):
    """What coturn's turnutils_natdiscovery says from behind the NAT."""
    program = tap.need_program("turnutils_natdiscovery", "coturn")
    result = subprocess.run(["ip", "netns", "exec", net.client.name, program, *options, FIRST],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=False)
    return result.stdout.decode(errors="replace")


def expect_discovered(net, option, wanted):
    said = discover(net, option)
    if wanted not in said:
        tap.diagnose(said)
    tap.expect(wanted in said, "natdiscovery %s says %s" % (option, wanted))


def test_port_restricted_nat():
    """turnutils_natdiscovery behind a masquerading NAT: mapping independent, filtering by address and port"""
    with Internet() as net, net.server():
        net.nat.firewall(PORT_RESTRICTED)
        expect_discovered(net, "-m", "NAT with Endpoint Independent Mapping!")
        expect_discovered(net, "-f", "NAT with Address and Port Dependent Filtering!")


def test_full_cone_nat():
    """turnutils_natdiscovery behind a NAT that lets everybody in: mapping and filtering independent"""
    with Internet() as net, net.server():
        net.nat.firewall(FULL_CONE)
        expect_discovered(net, "-m", "NAT with Endpoint Independent Mapping!")
        expect_discovered(net, "-f", "NAT with Endpoint Independent Filtering!")
        expect_discovered(net, "-Pf", "NAT with Endpoint Independent Filtering!")


def test_address_restricted_nat():
    """turnutils_natdiscovery behind a NAT that filters by address alone"""
    with Internet() as net, net.server():
        net.nat.firewall(ADDRESS_RESTRICTED)
        expect_discovered(net, "-f", "NAT with Address Dependent Filtering!")


def test_symmetric_nat():
    """turnutils_natdiscovery behind a NAT that maps by address and port"""
    with Internet() as net, net.server():
        net.nat.firewall(SYMMETRIC)
        expect_discovered(net, "-m", "NAT with Address and Port Dependent Mapping!")


def test_address_dependent_mapping():
    """RFC 5780 section 4.3 behind a NAT that maps by address

    turnutils_natdiscovery sends its third test to the OTHER-ADDRESS of the second answer, which is the
    first address again, and not to that of the first."""
    with Internet() as net, net.server():
        net.nat.firewall(ADDRESS_DEPENDENT_MAPPING)
        with Prober(net.client) as prober:
            response, _source = prober.ask((FIRST, PORT))
            one = response.address(stun.XOR_MAPPED_ADDRESS)
            other_ip, other_port = plain_address(response.get(OTHER_ADDRESS))
            two, three = (prober.ask((other_ip, port))[0].address(stun.XOR_MAPPED_ADDRESS)
                          for port in (PORT, other_port))
            tap.expect(one != two and two == three, "mapped as %r, %r, %r" % (one, two, three))


def test_stunclient():
    """turnutils_stunclient with RFC 5780: other address, other origin, other port"""
    program = tap.need_program("turnutils_stunclient", "coturn")
    with Internet() as net, net.server():
        net.nat.firewall(FULL_CONE)
        said = subprocess.run(["ip", "netns", "exec", net.client.name, program, "-f", FIRST],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
                              check=False).stdout.decode(errors="replace")
        for wanted in ("RFC 5780 response 3", "Response origin: : %s:%d" % (SECOND, OTHER_PORT),
                       "Other addr: : %s:%d" % (SECOND, OTHER_PORT), "reflexive addr: %s:" % OUTSIDE):
            tap.expect(wanted in said, "%r in:\n%s" % (wanted, said))


def plain_address(value):
    return (socket.inet_ntop(socket.AF_INET if len(value) == 8 else socket.AF_INET6, value[4:]),
            struct.unpack("!H", value[2:4])[0]) if value else None


class Prober:
    """A UDP socket that is not connected: it sees where answers come from."""

    def __init__(self, namespace, ip="0.0.0.0"):
        with inside(namespace):
            self.peer = Peer(ip)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.socket.close()

    def ask(self, server, *attributes, listener=None, timeout=5):
        """The response and its source; the request is repeated. (None, None): there was none."""
        request = stun.Message(stun.BINDING, attributes=attributes)
        wait = timeout / 5
        for _ in range(5):
            self.peer.send(request.encode(), server)
            while True:
                data, source = (listener or self).peer.receive(wait)
                if data is None:
                    break
                message = stun.decode(data)
                if message.tid == request.tid:
                    return message, source
        return None, None


def change(flags):
    return CHANGE_REQUEST, struct.pack("!I", flags)


def response_port(port):
    return RESPONSE_PORT, struct.pack("!HH", port, 0)


def check_origins(prober, first, second):
    """RFC 5780 section 6.1, table 1, asked of all four addresses."""
    for ip, other_ip in ((first, second), (second, first)):
        for port, other_port in ((PORT, OTHER_PORT), (OTHER_PORT, PORT)):
            for flags in (0, CHANGE_PORT, CHANGE_IP, CHANGE_IP | CHANGE_PORT):
                response, source = prober.ask((ip, port), change(flags))
                what = "asked %s:%d with flags %d" % (ip, port, flags)
                wanted = (other_ip if flags & CHANGE_IP else ip,
                          other_port if flags & CHANGE_PORT else port)
                tap.expect_equal(source, wanted, what + ": answered from")
                tap.expect_equal(plain_address(response.get(RESPONSE_ORIGIN)), wanted,
                                 what + ": RESPONSE-ORIGIN")
                tap.expect_equal(plain_address(response.get(OTHER_ADDRESS)), (other_ip, other_port),
                                 what + ": OTHER-ADDRESS")
                tap.expect_equal(plain_address(response.get(stun.MAPPED_ADDRESS)),
                                 response.address(stun.XOR_MAPPED_ADDRESS), "both forms of the address")


def test_every_origin():
    """CHANGE-REQUEST on each of four addresses, both families, with each engine and two threads"""
    for engine in ENGINES:
        with Internet() as net, net.server("--relay-threads=2", "--network-engine=" + engine):
            with Prober(net.nat) as prober:
                check_origins(prober, FIRST, SECOND)
            with Prober(net.nat, "::") as prober:
                check_origins(prober, FIRST_V6, SECOND_V6)


def test_other_transports():
    """OTHER-ADDRESS can be asked over TCP and TLS, and a connection is not answered from elsewhere"""
    with Internet() as net, Server("--rfc5780", "--alt-listening-port=5000", "--alt-tls-listening-port=5001",
                                   ips=(FIRST, SECOND), tls=True, namespace=net.host,
                                   ports=(PORT, 5349)):
        for transport, port, other_port in (("tcp", PORT, 5000), ("tls", 5349, 5001)):
            for server, other in (((FIRST, port), (SECOND, other_port)),
                                  ((SECOND, other_port), (FIRST, port))):
                with inside(net.nat), contextlib.closing(connect(transport, server)) as path:
                    path.send(stun.Message(stun.BINDING).encode())
                    response = stun.decode(path.receive(5))
                    tap.expect_equal(plain_address(response.get(OTHER_ADDRESS)), other, transport)
                    path.send(stun.Message(stun.BINDING, attributes=[change(CHANGE_PORT)]).encode())
                    tap.expect_equal(stun.decode(path.receive(5)).error, 400, "CHANGE-REQUEST")


def test_response_port():
    """RESPONSE-PORT tells whether a mapping still lives, and only so many answers a second go that way"""
    with Internet() as net, net.server("--unauthorized-ratelimit-rps=5"):
        net.nat.firewall(PORT_RESTRICTED)
        with Prober(net.client) as mapped, Prober(net.client) as asking:
            response, _source = mapped.ask((FIRST, PORT))
            port = response.address(stun.XOR_MAPPED_ADDRESS)[1]
            response, source = asking.ask((FIRST, PORT), response_port(port), listener=mapped)
            tap.expect_equal(source, (FIRST, PORT), "the mapping lives: answered from")
            tap.expect(response.address(stun.XOR_MAPPED_ADDRESS)[1] != port, "it tells the asker's address")
            response, _source = asking.ask((FIRST, PORT), response_port(22))
            tap.expect_equal(response.error, 400, "a port of the system")
            flood = [stun.Message(stun.BINDING, attributes=[response_port(port)]) for _ in range(200)]
            for message in flood:
                asking.peer.send(message.encode(), (FIRST, PORT))
            tids = {message.tid for message in flood}
            response, _source = asking.ask((FIRST, PORT))
            tap.expect(response, "a plain Binding is answered all the same")
            count = 0
            while readable(mapped.peer.socket, 0.2):
                count += stun.decode(mapped.peer.receive(0)[0]).tid in tids
            tap.expect(0 < count < 60, "of 200 at once a few are answered: %d" % count)


def test_padding():
    """PADDING comes back in fragments, no longer than it was sent; not together with RESPONSE-PORT"""
    with Internet() as net, net.server():
        with Prober(net.nat) as prober:
            for sent, wanted in ((1500, 1500), (4000, 1500), (200, 200)):
                response, source = prober.ask((FIRST, PORT), (PADDING, bytes(sent)), change(CHANGE_IP))
                tap.expect_equal(source, (SECOND, PORT), "answered from")
                tap.expect_equal(len(response.get(PADDING)), wanted, "padding for %d bytes" % sent)
            response, _source = prober.ask((FIRST, PORT), (PADDING, bytes(100)), response_port(5000))
            tap.expect_equal(response.error, 400, "PADDING and RESPONSE-PORT")


def test_one_address():
    """With one address the server says so at its start and refuses CHANGE-REQUEST"""
    with Internet() as net, net.server(ips=(FIRST, FIRST_V6)) as server:
        tap.expect("no second address" in server.log(), "a warning in: " + server.log())
        with Prober(net.nat) as prober:
            response, _source = prober.ask((FIRST, PORT))
            tap.expect(response.get(OTHER_ADDRESS) is None, "no OTHER-ADDRESS")
            tap.expect_equal(plain_address(response.get(RESPONSE_ORIGIN)), (FIRST, PORT), "RESPONSE-ORIGIN")
            response, _source = prober.ask((FIRST, PORT), change(CHANGE_PORT))
            tap.expect_equal(response.error, 420, "CHANGE-REQUEST")
            tap.expect_equal(prober.ask((FIRST, OTHER_PORT), timeout=0.2), (None, None), "the other port")


def test_more_addresses():
    """Of three addresses each has the next as its other one; those of loopback are no clients' second"""
    third = "192.0.2.3"
    with Internet() as net:
        net.host.add_address("eth0", third + "/24")
        # 0.0.0.0 stands for them all, 127.0.0.1 among them.
        with net.server(ips=("0.0.0.0",), relay_ips=(FIRST,)) as server:
            others = {}
            for ip in (FIRST, SECOND, third):
                with Prober(net.nat) as prober:
                    response, _source = prober.ask((ip, PORT))
                    others[ip] = plain_address(response.get(OTHER_ADDRESS))
                    _response, source = prober.ask((ip, PORT), change(CHANGE_IP | CHANGE_PORT))
                    tap.expect_equal(source, others[ip], "asked %s: answered from" % ip)
            tap.expect_equal(sorted(others.values()),
                             [(ip, OTHER_PORT) for ip in (FIRST, SECOND, third)], "the others of %r" % others)
            tap.expect(all(other[0] != ip for ip, other in others.items()), "none is its own")
            with inside(net.host), Client(("127.0.0.1", PORT)) as client:
                response = client.exchange(stun.Message(stun.BINDING).encode())
                tap.expect(response.get(OTHER_ADDRESS) is None, "loopback has no other address")
            tap.expect("ip=127.0.0.1 other_ip" not in server.log(), "nor does the log say so")


def test_public_addresses():
    """A server behind a NAT of its own tells its public addresses, each with an external-ip of its own"""
    with Internet() as net, net.server("--external-ip=203.0.113.1/" + FIRST, "--external-ip=203.0.113.2/" + SECOND,
                                       ips=(FIRST, SECOND)):
        with Prober(net.nat) as prober:
            response, source = prober.ask((FIRST, PORT), change(CHANGE_IP))
            tap.expect_equal(source, (SECOND, PORT), "answered from")
            tap.expect_equal(plain_address(response.get(RESPONSE_ORIGIN)), ("203.0.113.2", PORT), "origin")
            tap.expect_equal(plain_address(response.get(OTHER_ADDRESS)), ("203.0.113.2", OTHER_PORT), "other")
    with Internet() as net, net.server("--external-ip=203.0.113.1", ips=(FIRST, SECOND)) as server:
        tap.expect("no second address" in server.log(), "one public address for both is one")


def test_old_clients():
    """A client of RFC 3489, by hand, gets MAPPED-ADDRESS, SOURCE-ADDRESS and CHANGED-ADDRESS"""
    tid = bytes.fromhex("00112233445566778899aabbccddeeff")

    def ask(namespace, server, attributes=b""):
        with inside(namespace), Peer("0.0.0.0") as peer:
            peer.send(struct.pack("!HH", 1, len(attributes)) + tid + attributes, server)
            data, source = peer.receive(1)
            return data, source, peer.address[1]

    with Internet() as net:
        with net.server("--rfc3489-compatibility"):
            data, source, port = ask(net.nat, (FIRST, PORT))
            tap.expect_equal(source, (FIRST, PORT), "answered from")

            def address(kind, ip, number):
                return struct.pack("!HHBBH", kind, 8, 0, 1, number) + socket.inet_aton(ip)
            tap.expect_equal(data.hex(), (
                struct.pack("!HH", 0x0101, 36) + tid + address(stun.MAPPED_ADDRESS, OUTSIDE, port) +
                address(SOURCE_ADDRESS, FIRST, PORT) +
                address(CHANGED_ADDRESS, SECOND, OTHER_PORT)).hex(), "the response")
            _data, source, _port = ask(net.nat, (FIRST, PORT), struct.pack("!HHI", CHANGE_REQUEST, 4, 6))
            tap.expect_equal(source, (SECOND, OTHER_PORT), "CHANGE-REQUEST: answered from")
            # RESPONSE-ADDRESS would have the server send to whomever one likes.
            data, _source, _port = ask(net.nat, (FIRST, PORT), address(2, SECOND, 9))
            tap.expect_equal(data[:2].hex(), "0111", "RESPONSE-ADDRESS is an error")
        with net.server() as server:
            tap.expect_equal(ask(net.nat, (FIRST, PORT))[0], None, "without the option")
            with inside(net.nat), Client((FIRST, PORT)) as client:
                tap.expect(client.binding(), "others are served")
        with net.server("--no-rfc5780", "--stun-backward-compatibility"):
            with Prober(net.nat) as prober:
                response, _source = prober.ask((FIRST, PORT))
                tap.expect_equal(plain_address(response.get(stun.MAPPED_ADDRESS)),
                                 response.address(stun.XOR_MAPPED_ADDRESS), "MAPPED-ADDRESS beside the other")
                tap.expect(response.get(RESPONSE_ORIGIN) is None, "nothing of RFC 5780")


class ServerWithoutStun(Server):
    """One that is ready when it asks for credentials."""

    def answers(self):
        try:
            with self.entered(), Client(self.address) as client:
                response = client.exchange(client.message(stun.ALLOCATE, [
                    (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)]), 0.2)
                return response is not None and response.error == 401
        except OSError:
            return False


def test_what_is_served():
    """stun-only ignores TURN, no-stun ignores Binding, secure-stun asks for credentials"""
    with Server("--stun-only", credentials=False) as server, server.client() as client:
        tap.expect(client.binding(), "stun-only: Binding")
        request = stun.Message(stun.ALLOCATE, attributes=[(stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)])
        tap.expect_equal(client.exchange(request.encode(), 0.6), None, "stun-only: Allocate")
    with ServerWithoutStun("--no-stun") as server, server.client() as client:
        tap.expect_equal(client.binding(0.6), None, "no-stun: Binding")
        client.allocate()
    with ServerWithoutStun("--secure-stun") as server, server.client() as client:
        tap.expect_equal(client.exchange(stun.Message(stun.BINDING).encode()).error, 401, "secure-stun: Binding")
        response = client.succeed(stun.BINDING)
        tap.expect(response.address(stun.XOR_MAPPED_ADDRESS), "an address for a user")
        tap.expect(stun.has_integrity(client.raw_response, client.key), "a signed answer")
        client.allocate()
    code, said = start_and_fail("-n", "--no-stun", "--stun-only")
    tap.expect(code == 1 and "nothing to serve" in said, "both are refused: " + said)


def test_default_family():
    """allocation-default-address-family and -K: which family clients get that name none"""
    def family(server, ip):
        with Client((ip, server.port)) as client:
            client.allocate()
            return "IPv6" if ":" in client.relayed[0] else "IPv4"

    for option, wanted in (("--allocation-default-address-family=ipv4", "IPv4 IPv4"),
                           ("--allocation-default-address-family=ipv6", "IPv6 IPv6"),
                           ("--allocation-default-address-family=keep", "IPv4 IPv6"), ("-K", "IPv4 IPv6")):
        with Server(option, ips=("127.0.0.1", "::1")) as server:
            got = family(server, "127.0.0.1") + " " + family(server, "::1")
            tap.expect_equal(got, wanted, option)


def test_aux_server():
    """aux-server is a listener like the others, with each engine, and no peer may be one"""
    for engine in ENGINES:
        port = free_ports(1)[0]
        with Server("--aux-server=127.0.0.2:%d" % port, "--network-engine=" + engine, "--allow-loopback-peers",
                    ips=("127.0.0.1",)) as server:
            for transport in ("udp", "tcp"):
                with Client(("127.0.0.2", port), transport) as client, Peer() as peer:
                    client.allocate()
                    tap.expect(exchange_both_ways(client, peer), "relaying over " + transport)
                    response = client.request(stun.CHANNEL_BIND, [
                        (stun.CHANNEL_NUMBER, b"\x40\x09\0\0"), (stun.XOR_PEER_ADDRESS, ("127.0.0.2", port))])
                    tap.expect_equal(response.error, 403, "the listener as a peer")
            server.serves()


def probes(port):
    """Binding requests of a stranger, with all that discovery knows, in each combination."""
    extras = [(), ((CHANGE_REQUEST, bytes(3) + bytes([CHANGE_IP | CHANGE_PORT])),), ((0x7ABC, b""),)]
    extras += [((RESPONSE_PORT, struct.pack("!HH", to, 0)),) for to in (port, 0, 1023)]
    extras += [((PADDING, bytes(size)),) for size in (0, 4, 96, 1400, 20000)]
    for extra in extras:
        for more in (), ((CHANGE_REQUEST, bytes(3) + bytes([CHANGE_PORT])),), ((0x8022, b"me"),):
            for fingerprint in False, True:
                yield stun.Message(stun.BINDING, attributes=[*extra, *more]).encode(fingerprint=fingerprint)
        request = stun.Message(stun.BINDING, attributes=extra).encode()
        yield request[:4] + b"\0\0\0\1" + request[8:]


def take_answers(peer, timeout, sizes, headers):
    """Adds what came to the sizes of the transactions that it answers, until nothing comes any more."""
    while (data := peer.receive(timeout)[0]) is not None:
        sizes[data[4:20]] += len(data) + headers


def test_reflection():
    """Nobody is sent more than two and a half times what was sent in his name, whatever it asked for"""
    with Server("--rfc5780", "--stun-backward-compatibility", ips=("127.0.0.1", "127.0.0.2", "::1")) as server:
        for ip, headers in (("127.0.0.1", 28), ("::1", 48)):
            requests, sizes = [], collections.Counter()
            with Peer(ip) as spoofed:
                for request in probes(spoofed.address[1]):
                    requests.append(request)
                    spoofed.send(request, (ip, server.port))
                    take_answers(spoofed, 0.02, sizes, headers)
                take_answers(spoofed, 1, sizes, headers)
            worst = max((sizes[r[4:20]] / (len(r) + headers), r[:32]) for r in requests)
            tap.diagnose("%s: worst factor %.2f, by %s; %d answered" % (ip, worst[0], worst[1].hex(), len(sizes)))
            tap.expect(set(sizes) <= {r[4:20] for r in requests}, "no answer to what nobody sent")
            tap.expect(len(sizes) > 20, "%d are answered" % len(sizes))
            tap.expect(worst[0] <= 2.5, "a factor of %.2f" % worst[0])


def test_other_ports_are_no_peers():
    """The ports that RFC 5780 adds are listeners, and no peer may be one"""
    with Server("--rfc5780", "--allow-loopback-peers", ips=("127.0.0.1", "127.0.0.2")) as server:
        with server.client() as client:
            client.allocate()
            for ip in server.ips:
                response = client.request(stun.CHANNEL_BIND, [
                    (stun.CHANNEL_NUMBER, b"\x40\x09\0\0"), (stun.XOR_PEER_ADDRESS, (ip, server.port + 1))])
                tap.expect_equal(response.error, 403, ip)


def test_devices():
    """listening-device and relay-device: clients come by the one, peers by the other, and by no third"""
    with contextlib.ExitStack() as stack:
        host, outer = (stack.enter_context(Namespace(name)) for name in ("host", "outer"))
        for device, number in (("clients", 1), ("peers", 2)):
            wire(host, device, ["10.%d.0.1/24" % number], outer, "to-" + device, ["10.%d.0.2/24" % number])
        # An address of the host that is reached by the device of peers, and one of the outer host
        # that is reached by the device of clients alone.
        outer.add_route("10.9.0.1/32", "10.2.0.1")
        outer.sysctl("net.ipv4.conf.all.arp_ignore=1")
        host.add_address("lo", "10.9.0.1/32")
        for options, engine in [((), "sharded")] + [
                (("-d", "clients", "--relay-device=peers"), engine) for engine in ENGINES]:
            with Server(*options, "--allowed-peer-ip=10.0.0.0/8", "--network-engine=" + engine,
                        ips=("10.1.0.1", "10.9.0.1"), relay_ips=("10.2.0.1",), namespace=host) as server:
                with inside(outer):
                    check_devices(server, not options, "%s %s" % (engine, " ".join(options)))


def devices_of_sockets(namespace):
    """The devices that UDP sockets with these local addresses are bound to; "": none."""
    shown = subprocess.run(["ip", "netns", "exec", namespace.name, "ss", "-Huna"], check=True,
                           stdout=subprocess.PIPE).stdout.decode()
    local = [line.split()[3].rsplit(":", 1)[0].partition("%") for line in shown.splitlines()]
    return {ip: {device for other, _sign, device in local if other == ip} for ip, _sign, _device in local}


def check_devices(server, reaches_all, how):
    with Client(server.address) as client:
        client.allocate()
        # The socket of a client that a door has handed over is among them.
        wanted = ("", "") if reaches_all else ("clients", "peers")
        for ip, device in zip(("10.1.0.1", "10.2.0.1"), wanted):
            tap.expect_equal(devices_of_sockets(server.namespace)[ip], {device}, how + ": sockets of " + ip)
        with Peer("10.2.0.2") as peer:
            tap.expect(exchange_both_ways(client, peer), how + ": from the one device to the other")
        with Peer("10.1.0.2") as peer:
            client.bind_channel(0x4001, peer.address)
            client.send_channel(0x4001, b"this way?")
            got = peer.receive(3 if reaches_all else 0.3)[0] is not None
            tap.expect_equal(got, reaches_all, how + ": a peer by another device")
    for transport in ("udp", "tcp"):
        tap.expect_equal(reaches(("10.9.0.1", server.port), transport), reaches_all,
                         how + ": a listener by another device, " + transport)


def reaches(address, transport):
    try:
        path = Stream(address, timeout=0.5) if transport == "tcp" else Datagrams(address)
        with contextlib.closing(path):
            path.send(stun.Message(stun.BINDING).encode())
            return path.receive(0.5) is not None
    except (OSError, Closed):
        return False


def test_no_such_device():
    """A device that is not there ends the start with one line that says where it was set"""
    for option in ("listening-device", "relay-device"):
        code, said = start_and_fail("-n", "--listening-ip=127.0.0.1", "--%s=none7" % option, "--stun-only")
        line = next((line for line in said.splitlines() if "error" in line), "")
        tap.expect(code == 1 and option + ": none7: No such device" in line, "%d: %s" % (code, said))


def test_lifetimes():
    """max-allocate-lifetime, permission-lifetime and channel-lifetime set what they say"""
    with Server("--max-allocate-lifetime=700", "--permission-lifetime=1", "--channel-lifetime=2",
                "--allow-loopback-peers") as server:
        with server.client() as client, Peer() as peer:
            response = client.allocate((stun.LIFETIME, struct.pack("!I", 3000)))
            tap.expect_equal(struct.unpack("!I", response.get(stun.LIFETIME))[0], 700, "lifetime")
            client.permit(peer.address[0])
            peer.send(b"early", client.relayed)
            tap.expect_equal(client.receive(), ("data", peer.address, b"early"), "a permission")

            def is_over(wanted):
                peer.send(b"late", client.relayed)
                got = client.receive(0.1)
                return got is None or got[0] != wanted
            tap.wait_until(lambda: is_over("data"), "the permission ends", 4)
            client.bind_channel(0x4000, peer.address)
            tap.wait_until(lambda: is_over("channel"), "the channel ends", 5)


def test_channel_numbers():
    """rfc5766-channel-numbers: up to 0x7FFE"""
    for option, wanted in (([], 400), (["--rfc5766-channel-numbers"], 0)):
        with Server("--allow-loopback-peers", *option) as server, server.client() as client, Peer() as peer:
            client.allocate()
            response = client.request(stun.CHANNEL_BIND, [
                (stun.CHANNEL_NUMBER, b"\x7f\xfe\0\0"), (stun.XOR_PEER_ADDRESS, peer.address)])
            tap.expect_equal(response.error, wanted, " ".join(option) or "without the option")


if __name__ == "__main__":
    tap.main()
