"""The console of a server under test: turnserver that starts turnconsole, or turnconsole on its own, with a store and
administrators in it; and a client of it that does what a page does."""
import base64
import collections
import hmac
import http.client
import json
import os
import re
import shutil
import ssl
import struct
import time
import urllib.parse

from . import tap
from .server import Folder, Server, free_ports, is_sanitized, make_certificate, program
from .store import Store

OWN, OTHER = "own.example", "other.example"  # realms
ROOT, ROOT_PASSWORD = "root-admin", "correct horse 1"
REALM_ADMIN, REALM_PASSWORD = "realm-admin", "correct horse 2"
COOKIE = "__Host-turnstone"
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "src", "admin")

Route = collections.namedtuple("Route", "function method path who area")


def routes():
    """The rows of routes.def."""
    with open(os.path.join(SOURCES, "routes.def")) as file:
        rows = re.findall(r'^ROUTE\((\w+),\s*(\w+),\s*"([^"]+)",\s*(\w+),\s*"([^"]*)"', file.read(), re.MULTILINE)
    return [Route(*row) for row in rows]


def turnconsole():
    path = os.path.join(os.path.dirname(program()), "turnconsole")
    if not os.access(path, os.X_OK):
        raise tap.Skip("needs turnconsole: it was not built")
    return path


def quote(text):
    return urllib.parse.quote(text, safe="")


def code_of(secret, moment=None):
    """RFC 6238: the code of a secret in base32, of now or another moment."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = struct.pack("!Q", int(time.time() if moment is None else moment) // 30)
    digest = hmac.new(key, step, "sha1").digest()
    at = digest[-1] & 15
    return "%06d" % ((struct.unpack("!I", digest[at:at + 4])[0] & 0x7fffffff) % 1000000)


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.bytes = response.read()

    @property
    def json(self):
        return json.loads(self.bytes) if self.bytes else None

    @property
    def code(self):
        """Of a problem, for programs."""
        is_problem = self.headers.get("Content-Type", "").startswith("application/problem+json")
        return self.json["code"] if is_problem else None

    def __repr__(self):
        return "%d %s" % (self.status, self.bytes[:300].decode(errors="replace"))


class Web:
    """A client that keeps its connection and the cookie, and shows the CSRF token with what changes something. token: it is a
    machine's; source: the address that it comes from."""

    def __init__(self, port, token=None, source=None):
        self.context = ssl.create_default_context(cafile=make_certificate()[0])
        self.port, self.token, self.source = port, token, source
        self.cookie = self.csrf = self.connection = None
        self.cookie_line = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def headers(self, method):
        given = {}
        if self.token:
            given["Authorization"] = "Bearer " + self.token
        elif self.cookie:
            given["Cookie"] = "%s=%s" % (COOKIE, self.cookie)
        if self.csrf and method not in ("GET", "HEAD"):
            given["X-CSRF-Token"] = self.csrf
        return given

    def request(self, method, path, body=None, headers=None, data=None):
        """headers: in place of those that it would send; None as a value leaves one out. data: bytes instead of JSON."""
        given = self.headers(method)
        if body is not None:
            given["Content-Type"], data = "application/json", json.dumps(body).encode()
        given.update(headers or {})
        given = {name: value for name, value in given.items() if value is not None}
        for is_last in (False, True):
            is_new = self.connection is None
            if is_new:
                self.connection = http.client.HTTPSConnection(
                    "127.0.0.1", self.port, timeout=30, context=self.context,
                    source_address=(self.source, 0) if self.source else None)
            try:
                self.connection.request(method, path, data, given)
                return self.keep(Answer(self.connection.getresponse()))
            except (http.client.HTTPException, OSError):
                self.close()
                if is_new or is_last:  # else the server has closed a connection that was idle
                    raise
        return None

    def keep(self, answer):
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            if name.strip() == COOKIE:
                self.cookie, self.cookie_line = value, line
        return answer

    def get(self, path, **query):
        """What it says; fails when it is no 200."""
        answer = self.request("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))
        tap.expect_equal(answer.status, 200, "GET %s: %r" % (path, answer))
        return answer.json

    def change(self, method, path, body=None):
        """What it says; fails when it is refused."""
        answer = self.request(method, path, body)
        tap.expect_in(answer.status, (200, 201, 202, 204), "%s %s: %r" % (method, path, answer))
        return answer.json

    def try_sign_in(self, name, password, code=None):
        self.cookie = self.csrf = None
        body = {"name": name, "password": password}
        return self.request("POST", "/api/v1/sign-in", dict(body, code=code) if code else body)

    def sign_in(self, name=ROOT, password=ROOT_PASSWORD, code=None):
        answer = self.try_sign_in(name, password, code)
        tap.expect_equal(answer.status, 200, "sign-in of %s: %r" % (name, answer))
        self.csrf = self.get("/api/v1/me")["csrf"]
        return self

    def is_signed_in(self):
        return self.request("GET", "/api/v1/me").status == 200


class Administered:
    """What both kinds of console have: a store with an administrator of all realms, and one of a realm."""

    template = None

    def prepare_store(self, store):
        """A store like the first one: hashes of passwords take their time."""
        self.store = store or Store()
        if store is None and Administered.template is None:
            Administered.template = self.store.path + ".first"
            self.store.admin("admin", "add", ROOT, text=ROOT_PASSWORD + "\n")
            self.store.admin("admin", "add", REALM_ADMIN, "--realm", OWN, text=REALM_PASSWORD + "\n")
            shutil.copy(self.store.path, Administered.template)
        elif store is None:
            shutil.copy(Administered.template, self.store.path)

    def web(self, name=None, password=None, **how):
        """A client, signed in where a name is given."""
        web = Web(self.web_port, **how)
        return web.sign_in(name, password) if name else web

    def root(self):
        return self.web(ROOT, ROOT_PASSWORD)

    def realm_admin(self):
        return self.web(REALM_ADMIN, REALM_PASSWORD)

    def console_pid(self):
        """The process that serves, which is a grandchild of turnserver."""
        return descendant(self.pid, "turnconsole")


class Console(Administered, Server):
    """with Console("--option=value") as server: server.root().get("/api/v1/me")

    turnserver with its console, and metrics. shared: options that are in their configuration file, as those of the console or
    of turnsignal alone have to be; ports: four that are free."""

    def __init__(self, *options, store=None, shared=("signaling-control-socket=off",), web_files=None, ports=None, **how):
        turnconsole()
        self.prepare_store(store)
        *own, self.web_port, self.metrics_port = ports or free_ports(4)
        given = ["--web-admin", "--web-admin-port=%d" % self.web_port, "--prometheus",
                 "--prometheus-port=%d" % self.metrics_port, "--prometheus-address=127.0.0.1", self.store.option,
                 "--web-admin-files=" + (web_files or pages())]
        super().__init__(*given, *options, tls=True, ports=own, **how)
        self.shared = shared
        at = self.arguments.index("-n")
        self.arguments[at:at + 1] = ["-c", os.path.join(self.folder, "turnserver.conf")]

    def launch(self):
        with open(os.path.join(self.folder, "turnserver.conf"), "w", encoding="utf-8") as file:
            file.write("".join(option + "\n" for option in self.shared))
        super().launch()

    def says_ready(self):
        return super().says_ready() and "console ready" in self.log()


class OwnConsole(Administered, Server):
    """turnconsole as a service of its own, over the control sockets of others."""

    # pylint: disable=super-init-not-called
    def __init__(self, relay_socket, *options, store=None):
        Server.count += 1
        self.folder = os.path.join(os.path.dirname(relay_socket), "console%d" % Server.count)
        os.mkdir(self.folder)
        self.ips, self.namespace, self.files = ("127.0.0.1",), None, 65536
        self.program, self.process, self.sanitized = turnconsole(), None, is_sanitized()
        self.prepare_store(store)
        self.web_port, = free_ports(1)
        cert, key = make_certificate()
        self.arguments = ["-n", "--web-admin", "--web-admin-port=%d" % self.web_port, self.store.option,
                          "--control-socket=" + relay_socket, "--log-file=stdout", "--cert=" + cert, "--pkey=" + key,
                          "--web-admin-files=" + pages(), "--signaling-control-socket=off", *options]

    def answers(self):
        if "console ready" in self.log():
            return True
        time.sleep(0.01)
        return False

    def says_ready(self):
        return True

    def console_pid(self):
        return self.pid


def pages():
    """The built pages; without them a page of a line, for tests that look at the interface alone."""
    built = os.path.join(os.path.abspath(os.environ.get("BUILD", ".")), "console")
    if os.path.exists(os.path.join(built, "index.html")):
        return built
    return plain_page()


def plain_page():
    folder = os.path.join(Folder.get(), "web")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "index.html"), "w") as file:
        file.write("<!doctype html><title>turnstone</title>")
    return folder


def parents():
    """{pid: (parent, name)} of all processes."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as file:
                name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        found[int(pid)] = (int(rest.split()[1]), name)
    return found


def descendant(pid, name):
    known = parents()

    def is_below(one):
        while one in known and one != pid:
            one = known[one][0]
        return one == pid
    return next((one for one in known if known[one][1] == name and is_below(one)), None)


def rss_kb(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
