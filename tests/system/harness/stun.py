"""STUN messages (RFC 8489) with TURN's methods and attributes (RFC 8656): encode and decode."""
import hashlib
import hmac
import ipaddress
import os
import struct
import zlib

MAGIC = 0x2112A442
HEADER = 20

BINDING, ALLOCATE, REFRESH, SEND, DATA, CREATE_PERMISSION, CHANNEL_BIND = 1, 3, 4, 6, 7, 8, 9
CONNECT, CONNECTION_BIND, CONNECTION_ATTEMPT = 10, 11, 12
REQUEST, INDICATION, SUCCESS, ERROR = 0, 1, 2, 3

MAPPED_ADDRESS = 0x0001
USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
CHANNEL_NUMBER = 0x000C
LIFETIME = 0x000D
XOR_PEER_ADDRESS = 0x0012
DATA_ATTRIBUTE = 0x0013
REALM = 0x0014
NONCE = 0x0015
XOR_RELAYED_ADDRESS = 0x0016
REQUESTED_ADDRESS_FAMILY = 0x0017
EVEN_PORT = 0x0018
REQUESTED_TRANSPORT = 0x0019
DONT_FRAGMENT = 0x001A
ACCESS_TOKEN = 0x001B
ICMP = 0x8004
MESSAGE_INTEGRITY_SHA256 = 0x001C
PASSWORD_ALGORITHM = 0x001D
USERHASH = 0x001E
XOR_MAPPED_ADDRESS = 0x0020
RESERVATION_TOKEN = 0x0022
CONNECTION_ID = 0x002A
ADDITIONAL_ADDRESS_FAMILY = 0x8000
PASSWORD_ALGORITHMS = 0x8002
ALTERNATE_DOMAIN = 0x8003
BANDWIDTH = 0x8010
SOFTWARE = 0x8022
ALTERNATE_SERVER = 0x8023
FINGERPRINT = 0x8028
THIRD_PARTY_AUTHORIZATION = 0x802E
ORIGIN = 0x802F

UDP_TRANSPORT, TCP_TRANSPORT = b"\x11\0\0\0", b"\x06\0\0\0"
IPV4_FAMILY, IPV6_FAMILY = b"\x01\0\0\0", b"\x02\0\0\0"


class Malformed(Exception):
    """Bytes that are no STUN message."""


def message_type(method, cls):
    return ((method & 0xF80) << 2 | (method & 0x070) << 1 | (method & 0x00F)
            | (cls & 2) << 7 | (cls & 1) << 4)


def split_type(value):
    method = (value & 0x3E00) >> 2 | (value & 0x00E0) >> 1 | (value & 0x000F)
    return method, (value & 0x100) >> 7 | (value & 0x010) >> 4


def xor_mask(tid):
    return struct.pack("!I", MAGIC) + tid


def encode_address(address, tid):
    packed = ipaddress.ip_address(address[0]).packed
    family = 1 if len(packed) == 4 else 2
    hidden = bytes(a ^ b for a, b in zip(packed, xor_mask(tid)))
    return struct.pack("!BBH", 0, family, address[1] ^ (MAGIC >> 16)) + hidden


def decode_address(value, tid):
    if len(value) not in (8, 20):
        raise Malformed("an address of %d bytes" % len(value))
    plain = bytes(a ^ b for a, b in zip(value[4:], xor_mask(tid)))
    return str(ipaddress.ip_address(plain)), struct.unpack("!H", value[2:4])[0] ^ (MAGIC >> 16)


def encode_attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def long_term_key(user, realm, password, algorithm="md5"):
    text = ("%s:%s:%s" % (user, realm, password)).encode()
    return hashlib.new(algorithm, text).digest()


def userhash(user, realm):
    return hashlib.sha256(("%s:%s" % (user, realm)).encode()).digest()


class Message:
    """attributes is a list of (type, value); a value (ip, port) is an XOR address."""

    def __init__(self, method, cls=REQUEST, attributes=(), tid=None):
        self.method, self.cls = method, cls
        self.tid = tid or os.urandom(12)
        self.attributes = list(attributes)

    def body(self):
        return b"".join(
            encode_attribute(kind, encode_address(value, self.tid) if isinstance(value, tuple)
                             else value) for kind, value in self.attributes)

    def header(self, length):
        return struct.pack("!HHI", message_type(self.method, self.cls), length, MAGIC) + self.tid

    def encode(self, key=None, integrity=MESSAGE_INTEGRITY, after=b"", fingerprint=False):
        """after is what follows the integrity: bytes that a server must not obey."""
        body = self.body()
        if key is not None:
            size, digest = (32, "sha256") if integrity == MESSAGE_INTEGRITY_SHA256 else (20, "sha1")
            mac = hmac.new(key, self.header(len(body) + 4 + size) + body, digest).digest()
            body += encode_attribute(integrity, mac)
        body += after
        if fingerprint:
            crc = zlib.crc32(self.header(len(body) + 8) + body) ^ 0x5354554E
            body += encode_attribute(FINGERPRINT, struct.pack("!I", crc))
        return self.header(len(body)) + body

    def get(self, kind):
        return next((value for k, value in self.attributes if k == kind), None)

    def address(self, kind):
        value = self.get(kind)
        return decode_address(value, self.tid) if value is not None else None

    def addresses(self, kind):
        return [decode_address(value, self.tid) for k, value in self.attributes if k == kind]

    def plain_addresses(self, kind):
        """Addresses that are not XORed, as in ALTERNATE-SERVER."""
        return [(str(ipaddress.ip_address(value[4:])), struct.unpack("!H", value[2:4])[0])
                for k, value in self.attributes if k == kind]

    @property
    def error(self):
        """The error code; 0 of a success response."""
        value = self.get(ERROR_CODE)
        return (value[2] & 7) * 100 + value[3] if value else 0


def decode(data):
    if len(data) < HEADER or data[0] & 0xC0:
        raise Malformed("no STUN header")
    kind, length, magic = struct.unpack("!HHI", data[:8])
    if magic != MAGIC or length != len(data) - HEADER or length % 4:
        raise Malformed("magic cookie or length")
    method, cls = split_type(kind)
    message = Message(method, cls, tid=bytes(data[8:20]))
    at = HEADER
    while at < len(data):
        kind, length = struct.unpack("!HH", data[at:at + 4])
        if at + 4 + length > len(data):
            raise Malformed("attribute beyond the end")
        message.attributes.append((kind, bytes(data[at + 4:at + 4 + length])))
        at += 4 + length + (-length % 4)
    return message


def has_integrity(data, key, integrity=MESSAGE_INTEGRITY):
    """True when the message carries an integrity of this kind and it is right."""
    size, digest = (32, "sha256") if integrity == MESSAGE_INTEGRITY_SHA256 else (20, "sha1")
    at = HEADER
    while at + 4 <= len(data):
        kind, length = struct.unpack("!HH", data[at:at + 4])
        if kind == integrity:
            covered = data[:2] + struct.pack("!H", at + 4 + size - HEADER) + data[4:at]
            return hmac.compare_digest(hmac.new(key, covered, digest).digest(),
                                       data[at + 4:at + 4 + length])
        at += 4 + length + (-length % 4)
    return False


def channel_data(number, payload, padded=False):
    return struct.pack("!HH", number, len(payload)) + payload + (
        bytes(-len(payload) % 4) if padded else b"")
