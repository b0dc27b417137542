#!/usr/bin/env python3
"""Which peers are relayed to (RFC 8656 section 21.1.4 and what became of relays that did not mind)."""
import ipaddress
import struct

from harness import stun, tap
from harness.client import Peer, meet
from harness.server import Server

SPECIAL_IPV4 = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
    "127.0.0.2", "127.255.255.254", "169.254.1.1", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.0.1", "192.168.255.255",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255")
SPECIAL_IPV6 = (
    "::", "100::1", "2001:2::1", "2001:db8::1", "fc00::1", "fdff::1", "fe80::1", "febf::1",
    "ff02::1", "ff0e::1")
PUBLIC_IPV4 = ("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
               "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255",
               "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
               "223.255.255.255")
PUBLIC_IPV6 = ("2606:4700::1111", "2a00:1450::1")


def embeddings(ip):
    """The IPv6 addresses in which an IPv4 address hides."""
    packed = ipaddress.IPv4Address(ip).packed
    hidden = bytes(255 - octet for octet in packed)
    forms = {
        "mapped": bytes(10) + b"\xff\xff" + packed,
        "compatible": bytes(12) + packed,
        "6to4": b"\x20\x02" + packed + bytes(10),
        "NAT64": b"\x00\x64\xff\x9b" + bytes(8) + packed,
        "Teredo": b"\x20\x01\0\0" + bytes(8) + hidden,
    }
    return {form: str(ipaddress.IPv6Address(value)) for form, value in forms.items()}


def both_families():
    return Server(ips=("127.0.0.1",), relay_ips=("127.0.0.1", "::1"))


def allocation(server, *attributes):
    client = server.client()
    client.allocate(*attributes)
    return client


def permission_error(client, ip):
    return client.request(stun.CREATE_PERMISSION, [(stun.XOR_PEER_ADDRESS, (ip, 0))]).error


def channel_error(client, peer, number=0x4000):
    return client.request(stun.CHANNEL_BIND, [
        (stun.CHANNEL_NUMBER, struct.pack("!HH", number, 0)),
        (stun.XOR_PEER_ADDRESS, peer)]).error


def expect_refused(client, ip, what):
    tap.expect_equal(permission_error(client, ip), 403, "CreatePermission for %s (%s)" % (ip, what))
    tap.expect_equal(channel_error(client, (ip, 5000)), 403, "ChannelBind to %s (%s)" % (ip, what))


def test_special_ipv4():
    """Every special-purpose IPv4 address is refused with 403, and its neighbours are not"""
    with both_families() as server, allocation(server) as client:
        for ip in SPECIAL_IPV4:
            expect_refused(client, ip, "special")
        for ip in PUBLIC_IPV4:
            tap.expect_equal(permission_error(client, ip), 0, "CreatePermission for %s" % ip)


def test_special_ipv6():
    """Every special-purpose IPv6 address is refused with 403, and public ones are not"""
    with both_families() as server:
        with allocation(server, (stun.REQUESTED_ADDRESS_FAMILY, stun.IPV6_FAMILY)) as client:
            for ip in SPECIAL_IPV6:
                expect_refused(client, ip, "special")
            for ip in PUBLIC_IPV6:
                tap.expect_equal(permission_error(client, ip), 0, "CreatePermission for %s" % ip)


def test_embedded():
    """A special-purpose IPv4 address is refused in every form in which it hides in an IPv6 one"""
    with both_families() as server:
        with allocation(server, (stun.REQUESTED_ADDRESS_FAMILY, stun.IPV6_FAMILY)) as client:
            for ip in SPECIAL_IPV4:
                for form, hidden in embeddings(ip).items():
                    expect_refused(client, hidden, "%s %s" % (form, ip))


def test_one_bad_of_many():
    """A request with one refused peer among good ones installs no permission at all"""
    with both_families() as server, allocation(server) as client:
        response = client.request(stun.CREATE_PERMISSION, [
            (stun.XOR_PEER_ADDRESS, (ip, 0)) for ip in ("1.1.1.1", "10.0.0.1", "8.8.8.8")])
        tap.expect_equal(response.error, 403, "error")


def answers_through_relay(client, listener):
    """True when a Binding request that went out through the relay is answered."""
    permission_error(client, listener[0])
    channel_error(client, listener)
    client.send_to(listener, stun.Message(stun.BINDING).encode())
    client.send_channel(0x4000, stun.Message(stun.BINDING).encode())
    return client.receive(0.3) is not None


def test_own_listener():
    """The server's own listeners get nothing from its relay, even with allow-loopback-peers"""
    for options in ((), ("--allow-loopback-peers",), ("--allowed-peer-ip=127.0.0.0/8",)):
        with Server(*options, tls=True) as server:
            for port in (server.port, server.tls_port):
                with allocation(server) as client:
                    tap.expect(not answers_through_relay(client, ("127.0.0.1", port)),
                               "no answer from port %d with %s" % (port, options))
    with Server("--allow-loopback-peers") as server, Server() as other:
        with allocation(server) as client:
            tap.expect(answers_through_relay(client, other.address), "another server's listener")


def test_not_relayed_ports():
    """A port of the relay's address that is no relayed one gets nothing, by channel or indication"""
    with Server() as server, allocation(server) as client, Peer() as victim:
        channel_error(client, victim.address)
        permission_error(client, victim.address[0])
        client.send_channel(0x4000, b"channel")
        client.send_to(victim.address, b"indication")
        client.refresh(600)  # what was sent before it has been handled when this is answered
        tap.expect_equal(victim.receive(0.3), (None, None), "what arrived")


def test_two_clients():
    """Two clients of one server reach each other's relayed addresses without allow-loopback-peers"""
    with Server() as server, allocation(server) as one, allocation(server) as other:
        tap.expect(meet(one, other), "data both ways")


def test_two_clients_by_indication():
    """The same by permissions, Send and Data indications"""
    with Server() as server, allocation(server) as one, allocation(server) as other:
        one.permit(other.relayed[0])
        other.permit(one.relayed[0])
        one.send_to(other.relayed, b"ping")
        tap.expect_equal(other.receive(), ("data", one.relayed, b"ping"), "what arrived")
        other.send_to(one.relayed, b"pong")
        tap.expect_equal(one.receive(), ("data", other.relayed, b"pong"), "what came back")


def test_no_permission():
    """Without a permission nothing passes, in either direction"""
    with Server("--allow-loopback-peers") as server, allocation(server) as client:
        with Peer() as peer, Peer("127.0.0.2") as stranger:
            client.send_to(peer.address, b"too early")
            peer.send(b"too early", client.relayed)
            for _ in range(2):  # what was sent before an answer has been handled by the one after it
                client.refresh(600)
            client.permit(peer.address[0])
            stranger.send(b"from a stranger", client.relayed)
            peer.send(b"in time", client.relayed)
            tap.expect_equal(client.receive(), ("data", peer.address, b"in time"), "what arrived")
            client.send_to(peer.address, b"in time")
            tap.expect_equal(peer.receive()[0], b"in time", "what the peer got")


def expect_verdicts(options, refused, allowed):
    with Server(*options) as server, allocation(server) as client:
        for ip in refused:
            tap.expect_equal(permission_error(client, ip), 403, "%s: %s" % (options, ip))
        for ip in allowed:
            tap.expect_equal(permission_error(client, ip), 0, "%s: %s" % (options, ip))


def test_denied_peer_ip():
    """denied-peer-ip refuses an address, a range and a CIDR prefix, bounds included"""
    expect_verdicts(("--denied-peer-ip=8.8.8.8",), ["8.8.8.8"], ["8.8.8.7", "8.8.8.9"])
    expect_verdicts(("--denied-peer-ip=8.8.8.8-8.8.9.1",), ["8.8.8.8", "8.8.8.255", "8.8.9.1"],
                    ["8.8.8.7", "8.8.9.2"])
    expect_verdicts(("--denied-peer-ip=8.8.8.0/23",), ["8.8.8.0", "8.8.9.255"],
                    ["8.8.7.255", "8.8.10.0"])


def test_allowed_peer_ip():
    """allowed-peer-ip opens an address, a range and a CIDR prefix that is refused by default"""
    expect_verdicts(("--allowed-peer-ip=10.0.0.7",), ["10.0.0.6", "10.0.0.8"], ["10.0.0.7"])
    expect_verdicts(("--allowed-peer-ip=10.0.0.7-10.0.0.9",), ["10.0.0.6", "10.0.0.10"],
                    ["10.0.0.7", "10.0.0.9"])
    expect_verdicts(("--allowed-peer-ip=192.168.4.0/24",), ["192.168.3.255", "192.168.5.0"],
                    ["192.168.4.0", "192.168.4.255"])


def test_allowed_wins():
    """allowed-peer-ip wins over denied-peer-ip: all but one network can be refused"""
    expect_verdicts(("--denied-peer-ip=0.0.0.0-255.255.255.255", "--allowed-peer-ip=9.9.9.9"),
                    ["8.8.8.8", "9.9.9.8"], ["9.9.9.9"])


def test_allow_loopback_peers():
    """allow-loopback-peers opens loopback and nothing else"""
    expect_verdicts(("--allow-loopback-peers",), ["10.0.0.1", "169.254.169.254"],
                    ["127.0.0.1", "127.0.0.9"])


if __name__ == "__main__":
    tap.main()
