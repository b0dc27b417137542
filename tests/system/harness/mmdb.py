"""MaxMind DB files (format 2.0) for tests: a binary search tree over the bits of addresses, the records, and the metadata.

    write("file", {"192.0.2.0/24": country("DE", "EU"), "2001:db8::/32": {...}}, ip_version=6, record_size=28)
"""
import ipaddress
import struct

SEPARATOR = bytes(16)  # between tree and records
MARKER = b"\xab\xcd\xefMaxMind.com"
MAP, STRING, UINT16, UINT32, UINT64, ARRAY = 7, 2, 5, 6, 9, 11


class Sized(int):
    """A number of so many bits in the file; others have 32."""
    bits = 32

    def __new__(cls, value, bits):
        number = super().__new__(cls, value)
        number.bits = bits
        return number


def country(code, continent=None):
    """A record as the databases of countries and of cities have it; None leaves a part out."""
    record = {"registered_country": {"iso_code": "ZZ", "geoname_id": 1}}
    if code is not None:
        record["country"] = {"iso_code": code, "names": {"en": "the country of " + code}}
    if continent is not None:
        record["continent"] = {"code": continent}
    return record


def control(kind, size):
    """The byte or bytes before a value: its type in three bits, where that is enough, and its size in five, where that is."""
    first, more = (kind << 5, b"") if kind < 8 else (0, bytes([kind - 7]))
    if size < 29:
        return bytes([first | size]) + more
    if size < 29 + 256:
        return bytes([first | 29]) + more + bytes([size - 29])
    return bytes([first | 30]) + more + struct.pack(">H", size - 285)


def encode(value):
    if isinstance(value, dict):
        return control(MAP, len(value)) + b"".join(encode(name) + encode(item) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return control(ARRAY, len(value)) + b"".join(map(encode, value))
    if isinstance(value, str):
        text = value.encode()
        return control(STRING, len(text)) + text
    bits = getattr(value, "bits", 32)
    number = int(value).to_bytes(8, "big").lstrip(b"\0")  # as short as it is
    return control({16: UINT16, 32: UINT32, 64: UINT64}[bits], len(number)) + number


def bits_of(network, ip_version):
    """IPv4 lies at ::/96 of a tree for both."""
    network = ipaddress.ip_network(network)
    number, width, length = int(network.network_address), network.max_prefixlen, network.prefixlen
    if network.version == 4 and ip_version == 6:
        width, length = 128, length + 96
    return [number >> width - 1 - i & 1 for i in range(length)]


def make_tree(networks, ip_version):
    """Nodes, each a list of two: the number of a node, the record of a network, or None. Shorter prefixes first: longer ones split them."""
    nodes = [[None, None]]
    for network in sorted(networks, key=lambda name: ipaddress.ip_network(name).prefixlen):
        bits, node = bits_of(network, ip_version), 0
        for bit in bits[:-1]:
            if not isinstance(nodes[node][bit], int):
                nodes.append([nodes[node][bit]] * 2)
                nodes[node][bit] = len(nodes) - 1
            node = nodes[node][bit]
        nodes[node][bits[-1]] = networks[network]
    return nodes


def encode_node(left, right, record_size):
    if record_size == 28:  # the high four bits of both share a byte
        middle = (left >> 24) << 4 | right >> 24
        return left.to_bytes(4, "big")[1:] + bytes([middle]) + right.to_bytes(4, "big")[1:]
    size = record_size // 8
    return left.to_bytes(size, "big") + right.to_bytes(size, "big")


def make(networks, ip_version=6, record_size=24, kind="Test-Country"):
    nodes, records, places = make_tree(networks, ip_version), b"", {}

    def number_of(value):
        nonlocal records
        if value is None:
            return len(nodes)
        if isinstance(value, int):
            return value
        encoded = encode(value)
        if encoded not in places:
            places[encoded] = len(records)
            records += encoded
        return len(nodes) + len(SEPARATOR) + places[encoded]

    tree = b"".join(encode_node(number_of(left), number_of(right), record_size) for left, right in nodes)
    metadata = {
        "node_count": len(nodes), "record_size": Sized(record_size, 16), "ip_version": Sized(ip_version, 16), "database_type": kind,
        "languages": ["en"], "binary_format_major_version": Sized(2, 16), "binary_format_minor_version": Sized(0, 16),
        "build_epoch": Sized(1767225600, 64), "description": {"en": "made by a test"},
    }
    return tree + SEPARATOR + records + MARKER + encode(metadata)


def write(path, networks, **how):
    with open(path, "wb") as file:
        file.write(make(networks, **how))
    return path
