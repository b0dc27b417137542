"""A console with everything to see in it: users, secrets, origins, peers, keys and live allocations of two realms, rooms with
participants of two tenants. Names can be hostile: what a client chooses is shown to an administrator."""
import base64
import contextlib
import hashlib
import hmac
import json
import shutil
import time
import urllib.parse

from . import stun, tap
from .client import Peer
from .console import OTHER, OWN, REALM_ADMIN, REALM_PASSWORD, ROOT, ROOT_PASSWORD, Console
from .server import free_ports
from .signal_server import Signal
from .store import Store

PASSWORD = "a user's password"
OTHERS_MARK = "zz-of-the-other"  # in every name of the other realm


def encode(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def token(tenant, user):
    """A JWT of a tenant's user, signed with the tenant's secret (see World.fill)."""
    body = b".".join(encode(json.dumps(part).encode()) for part in (
        {"alg": "HS256", "typ": "JWT"}, {"sub": user, "tenant": tenant, "exp": int(time.time()) + 600}))
    return (body + b"." + encode(hmac.new(tenant_secret(tenant).encode(), body, hashlib.sha256).digest())).decode()


def tenant_secret(tenant):
    return "a secret of thirty-two bytes of " + tenant


class Names:
    """Plain ones. user, room and participant are clients' own; realm, origin and kid are what other programs may have written."""
    user, others_user = "anna", OTHERS_MARK + "-user"
    origin, others_origin = "https://app.own.example", "https://%s.example" % OTHERS_MARK
    kid, others_kid = "own-key", OTHERS_MARK + "-key"
    room, others_room = "tea", OTHERS_MARK + "-room"
    participant = "bert"
    realm = OWN


class World:
    """with World() as world: world.console, world.signal"""
    filled = {}

    def __init__(self, *options, names=Names, web_files=None):
        self.names, self.options, self.web_files = names, options, web_files
        self.clients = []

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.store = self.fill(Store()) if self.names not in World.filled else Store()
            shutil.copy(*self.copies())
            self.signal = stack.enter_context(Signal(
                "--signaling-anybody=yes", "--realm=" + OWN, "--turn-uri=turn:127.0.0.1:3478?transport=udp",
                self.store.option, tls=False))
            ports = free_ports(4)
            self.console = stack.enter_context(Console(
                "--lt-cred-mech", "--use-auth-secret", "--realm=" + OWN, "--allow-loopback-peers", "--relay-threads=2", *self.options, ports=ports,
                shared=("turn-uri=turn:127.0.0.1:%d?transport=udp" % ports[0], "turn-uri=turn:127.0.0.1:%d?transport=tcp" % ports[0],
                        "signaling-control-socket=" + self.signal.control_socket),
                store=self.store, credentials=False, web_files=self.web_files))
            self.peer = stack.enter_context(Peer())
            stack.callback(self.leave)
            self.meet_in_rooms()
            self.allocate_all()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def copies(self):
        """From where to where the database is copied: a second world is like the first, and hashes of passwords take their time."""
        if self.names in World.filled:
            return World.filled[self.names], self.store.path
        World.filled[self.names] = self.store.path + ".first"
        return self.store.path, World.filled[self.names]

    def fill(self, store):
        """As operators and other programs have it."""
        names, admin = self.names, store.admin
        admin("admin", "add", ROOT, text=ROOT_PASSWORD + "\n")
        admin("admin", "add", REALM_ADMIN, "--realm", names.realm, text=REALM_PASSWORD + "\n")
        for realm, user, origin, kid, tenant, net in (
                (names.realm, names.user, names.origin, names.kid, "own", "192.0.2.0/24"),
                (OTHER, names.others_user, names.others_origin, names.others_kid, "other", "198.51.100.0/24")):
            admin("user", "add", user, "--realm", realm, text=PASSWORD + "\n")
            admin("secret", "add", "--realm", realm, text="a secret of %s\n" % tenant)
            admin("origin", "add", origin, "--realm", realm)
            admin("oauth", "add", kid, "--realm", realm, "--generate")
            admin("peer", "deny", net, "--realm", realm)
            admin("realm", "set", realm, "user-quota", "50")
            admin("tenant", "add", tenant, "--realm", realm)
            admin("tenant", "secret", tenant, text=tenant_secret(tenant) + "\n")
        return store

    def allocate_all(self):
        names = self.names
        for user, origin, transport in ((names.user, names.origin, "udp"), (names.user, names.origin, "tls"),
                                        (names.others_user, names.others_origin, "udp")):
            client = self.console.client(transport, user=user, password=PASSWORD)
            self.clients.append(client)
            client.allocate((stun.ORIGIN, origin.encode()))
            client.bind_channel(0x4000, self.peer.address)
            client.send_channel(0x4000, bytes(100))

    def meet_in_rooms(self):
        names = self.names
        self.people = [self.join("own", names.room, names.participant), self.join("own", names.room, "clara"),
                       self.join("other", names.others_room, "dora")]

    def join(self, tenant, room, name):
        one = self.signal.connect("/ws?token=" + urllib.parse.quote(token(tenant, name)))
        one.receive()
        one.send({"Type": "Hello", "Hello": {"Name": room}, "Iid": "1"})
        answer = one.receive_until(lambda message: message.get("Iid") == "1", "an answer")
        tap.expect_equal(answer["Data"]["Type"], "Welcome", "the answer to Hello: %r" % answer)
        return one

    def leave(self):
        for client in self.clients:
            client.close()

    def session_ids(self, realm):
        return [one["id"] for one in self.console.ask("session", "list", "--realm", realm)["sessions"]]
