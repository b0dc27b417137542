#!/usr/bin/env python3
"""Zones by the client's address: a file of networks, and a MaxMind database, which the harness makes, as turnsignal reads it."""
import functools
import json
import os
import shutil
import signal
import urllib.parse

from harness import mmdb, tap
from harness.server import Folder, write_file
from harness.signal_server import Signal

ZONES = ("eu", "de", "us", "as")
PLACES = ("DE=de", "US=us", "continent:EU=eu", "continent:AS=as", "JP=as")
WORLD = {
    "192.0.2.0/24": mmdb.country("DE", "EU"),
    "192.0.2.128/25": mmdb.country("FR", "EU"),
    "198.51.100.0/24": mmdb.country("US", "NA"),
    "203.0.113.0/24": mmdb.country("JP", "AS"),
    "100.64.0.0/10": mmdb.country(None, "EU"),
    "172.32.0.0/11": mmdb.country(None),
    "172.64.0.0/13": mmdb.country("DE" * 20, "E" * 300),
    "172.72.0.0/13": {"country": "DE", "continent": {"code": 7}},
}
WORLD6 = {
    "2001:db8::/32": mmdb.country("US", "NA"),
    "2001:db8:8000::/33": mmdb.country("DE", "EU"),
    "2a00::/12": mmdb.country(None, "AS"),
}
# The best zone without a place is that of the lowest number: eu.
NEAR = (
    ("192.0.2.1", "de eu"), ("192.0.2.200", "eu"), ("198.51.100.7", "us"), ("203.0.113.9", "as"), ("100.65.0.1", "eu"),
    ("172.33.1.1", ""), ("172.64.0.1", ""), ("172.72.0.1", ""), ("8.8.8.8", ""), ("10.1.2.3", ""), ("127.0.0.1", ""),
)
NEAR6 = (
    ("2001:db8::1", "us"), ("2001:db8:8000::1", "de eu"), ("2a01::1", "as"), ("2001:4860::8888", ""), ("fe80::1", ""), ("fd00::1", ""),
    ("::ffff:192.0.2.1", "de eu"),
)


@functools.cache
def has_library():
    return not any("built without it" in line for line in refused("--geo-database=/nonexistent"))


def database(name="world.mmdb", networks=None, **how):
    if not has_library():
        raise tap.Skip("needs libmaxminddb: turnsignal was built without it")
    return mmdb.write(os.path.join(Folder.get(), name), networks or {**WORLD, **WORLD6}, **how)


def options(*more):
    return ("--realm=example.org", "--static-auth-secret=a-secret", "--signaling-anybody=yes", "--trusted-proxy=127.0.0.1",
            "--turn-geo-uri=https://geo.example.org/api/v1/turn/geo",
            *("--turn-uri=zone=%s prio=%d turn:%s.example.org" % (zone, i, zone) for i, zone in enumerate(ZONES)),
            *("--geo-zone=" + place for place in PLACES), *more)


def best(server, address):
    """The zone whose server a client at this address is given."""
    status, _, text = server.request("GET", "/turn", headers={"X-Forwarded-For": address})
    tap.expect_equal(status, 200, "credentials for " + address)
    made = json.loads(text)
    return made["uris"][0].removeprefix("turn:").removesuffix(".example.org"), made


def near(server, address):
    """The zones that the geo service prefers for this address."""
    _, made = best(server, address)
    form = {"nonce": "n", "username": made["username"], "password": made["password"]}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": address}
    status, _, text = server.request("POST", "/api/v1/turn/geo", urllib.parse.urlencode(form), headers)
    tap.expect_equal(status, 200, "the geo service for " + address)
    return " ".join(json.loads(text)["geo"]["prefer"])


def expect_near(server, rows):
    for address, zones in rows:
        tap.expect_equal(near(server, address), zones, "zones near " + address)
        tap.expect_equal(best(server, address)[0], (zones or "eu").split()[0], "the best zone of " + address)


def test_database():
    """Country, then continent; longer prefixes first; no record, half a record, odd records, private addresses; IPv4 and IPv6"""
    for record_size in (24, 28, 32):
        with Signal(*options("--geo-database=" + database(record_size=record_size)), tls=False) as server:
            expect_near(server, NEAR + NEAR6)


def test_database_of_ipv4():
    """A database of IPv4 alone finds those, and nothing for IPv6"""
    with Signal(*options("--geo-database=" + database(networks=WORLD, ip_version=4)), tls=False) as server:
        expect_near(server, NEAR + tuple((address, "") for address, _ in NEAR6[:-1]))


def test_networks():
    """A file of networks: the longest prefix, over the database, whose zones come after it; and without one"""
    networks = write_file("networks", "192.0.2.0/24 us # Frankfurt's office, by way of Boston\n\n192.0.2.64/26 as\n"
                                      "2001:db8::/32\teu\n8.8.8.0/24 de\n")
    rows = (("192.0.2.1", "us"), ("192.0.2.65", "as"), ("2001:db8::1", "eu"), ("8.8.8.8", "de"), ("198.51.100.7", ""))
    with Signal(*options("--zone-networks=" + networks), tls=False) as server:
        expect_near(server, rows)
    with_both = (("192.0.2.1", "us de eu"), ("192.0.2.65", "as de eu"), ("2001:db8::1", "eu us"), ("8.8.8.8", "de"), ("198.51.100.7", "us"))
    with Signal(*options("--zone-networks=" + networks, "--geo-database=" + database()), tls=False) as server:
        expect_near(server, with_both)


def broken():
    """What a file may be like: name, bytes, and what is said of it."""
    whole = mmdb.make({**WORLD, **WORLD6})
    tree = bytearray(whole)
    tree[3:6] = b"\xff\xff\xf0"  # a record far behind the end
    return (
        ("empty", b"", "MaxMind"),
        ("cut off", whole[:len(whole) // 2], "MaxMind"),
        ("no metadata", whole.replace(mmdb.MARKER, b"\0" * len(mmdb.MARKER)), "MaxMind"),
        ("tree cut off", whole[whole.rindex(mmdb.MARKER):], "MaxMind"),
        ("damaged", bytes(tree), "its search tree is damaged"),
        ("of another kind", mmdb.make({"192.0.2.0/24": {"autonomous_system_number": 64496}}, kind="Test-ASN"),
         "no record in it names a country or a continent"),
        ("text", b"192.0.2.0/24 eu\n" * 100, "MaxMind"),
    )


def refused(*more):
    """The lines of a start that is refused."""
    server = Signal(*options(*more), tls=False)
    server.launch()
    code = server.wait(10)
    tap.expect(code not in (0, None) and code > 0, "exit code %s" % code)
    server.check_reports()
    return [line for line in server.read("stdout").splitlines() if "ERROR" in line]


def test_broken_database():
    """A database that is missing, cut off, damaged, of another kind, or none at all: one line, and no start"""
    path = database("broken.mmdb")
    for name, data, why in broken():
        with open(path, "wb") as file:
            file.write(data)
        said = refused("--geo-database=" + path)
        tap.expect_equal(len(said), 1, "lines about one that is %s: %s" % (name, said))
        tap.expect_in(why, said[0], "why one that is %s is refused" % name)
        tap.expect_in(path, said[0], "which file")
    for path, why in (("/nonexistent/world.mmdb", "No such file"), (Folder.get(), "Is a directory")):
        said = refused("--geo-database=" + path)
        tap.expect(len(said) == 1 and why in said[0], "%s: %s" % (path, said))


def test_broken_networks():
    """A line of networks that cannot be read: its number is said, and there is no start"""
    for text in ("192.0.2.0/24 eu\n192.0.2.0/33 eu\n", "# fine\n192.0.2.0/24\n", "\n192.0.2.0/24 eu us\n"):
        said = refused("--zone-networks=" + write_file("networks", text))
        tap.expect(len(said) == 1 and ":2: give a network" in said[0], str(said))


def reload(server, outcome):
    lines = server.log().count(outcome)
    server.process.send_signal(signal.SIGHUP)
    tap.wait_until(lambda: server.log().count(outcome) > lines, "the reload: " + outcome)


def test_reload():
    """A new database and new networks count from the reload on; a broken one changes nothing; one written over in place harms nobody"""
    path, networks = database(), write_file("networks", "8.8.8.0/24 de\n")
    with Signal(*options("--geo-database=" + path, "--zone-networks=" + networks), tls=False) as server:
        expect_near(server, NEAR[:4] + (("8.8.8.8", "de"),))
        for name, data, _ in broken():
            with open(path, "wb") as file:  # in place: what is mapped loses its pages
                file.write(data)
            expect_near(server, NEAR[:4])
            reload(server, "configuration not applied")
            tap.expect(path in server.log().splitlines()[-1] or path in server.log(), "the file is named: " + name)
            expect_near(server, NEAR[:4])
        other = database("new.mmdb", {"192.0.2.0/24": mmdb.country("US", "NA"), "2001:db8::/32": mmdb.country("DE", "EU")})
        shutil.move(other, path)
        write_file("networks", "8.8.8.0/24 us\n")
        reload(server, "configuration applied")
        expect_near(server, (("192.0.2.1", "us"), ("203.0.113.9", ""), ("2001:db8::1", "de eu"), ("8.8.8.8", "us")))
        write_file("networks", "8.8.8.0/99 us\n")
        reload(server, "configuration not applied")
        expect_near(server, (("192.0.2.1", "us"), ("8.8.8.8", "us")))


if __name__ == "__main__":
    tap.main()
