#!/usr/bin/env python3
"""The text console of a running server: who may come, coturn's verbs, and what they do to clients."""
import os
import pty
import re
import signal
import socket
import subprocess
import termios
import time

from harness import stun, tap
from harness.client import readable
from harness.server import Server, free_ports, start_and_fail, write_file

PASSWORD = "open sesame"
SLOWEST = "$scrypt$ln=20,r=2,p=8$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"
TURNADMIN = os.path.abspath(os.path.join(os.environ.get("BUILD", "."), "turnadmin"))
HIDE, SHOW = b"\xff\xfb\x01", b"\xff\xfc\x01"


class Console:
    """with Console(port) as console: console.say("ps")"""

    def __init__(self, port, password=PASSWORD, ip="127.0.0.1"):
        self.socket = socket.create_connection((ip, port), 10)
        self.hear(b"Enter password: ")
        if password is not None:
            self.send(password)
            self.greeting = self.hear(b"> ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def hear(self, until):
        data = b""
        while not data.endswith(until):
            more = self.socket.recv(65536)
            if not more:
                raise tap.Failure("closed after %r" % data[-300:])
            data += more
        return data

    def hear_all(self):
        data = b""
        while True:
            more = self.socket.recv(65536)
            if not more:
                return data.decode()
            data += more

    def say(self, line):
        """The answer to a line, without the prompt."""
        self.send(line)
        data = b""
        while data != b"> " and not data.endswith(b"\r\n> "):
            more = self.socket.recv(65536)
            tap.expect(more, "an answer to " + line)
            data += more
        return data.decode()[:-2].replace("\r\n", "\n")


class ConsoleServer(Server):
    def __init__(self, *options, password=PASSWORD, **how):
        self.console_port = free_ports(1)[0]
        path = write_file("conf%d" % self.console_port,
                          "cli\ncli-password=%s\ncli-port=%d\n" % (password, self.console_port))
        super().__init__(*options, **how)
        self.arguments[self.arguments.index("-n")] = "-c"
        self.arguments.insert(self.arguments.index("-c") + 1, path)

    def console(self, **how):
        return Console(self.console_port, **how)


def test_off_by_default():
    """Without cli nothing listens; without a password the server refuses to start, wherever it would listen"""
    port = free_ports(1)[0]
    with Server("--cli-port=%d" % port, "--cli-password=x"):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            raise tap.Failure("something listens")
        except ConnectionRefusedError:
            pass
    for words in ((), ("--cli-ip=::1",), ("--cli-password=",)):
        code, err = start_and_fail("-n", "--no-auth", "--cli", *words)
        tap.expect((code, "cli needs cli-password" in err) == (1, True), err)
    for words, said in ((("--cli-password=$5$abc",), "begins like a hash"),
                        (("--cli-password=" + SLOWEST.replace("ln=20", "ln=21"),), "takes too long"),
                        (("--cli-password=x", "--cli-ip=localhost"), "not an IP address")):
        code, err = start_and_fail("-n", "--no-auth", "--cli", *words)
        tap.expect((code, said in err) == (1, True), err)


def test_port_taken():
    """A port that is taken ends the start with a line that names it, and no file is left"""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = Server("--cli", "--cli-password=x", "--cli-port=%d" % port)
        server.launch()
        tap.expect_equal(server.process.wait(10), 1, "exit code")
        tap.expect("cli-port %d at 127.0.0.1: Address already in use" % port in server.log(),
                   server.log()[-300:])
        tap.expect(not os.path.exists(server.control_socket), "no control socket is left")


def test_password():
    """The password is asked for without echo; wrong ones are refused, logged, and not written down"""
    with ConsoleServer() as server:
        with server.console(password=None) as console:
            console.send("wrong password")
            said = console.hear(b"Enter password: ")
            tap.expect(b"Wrong password." in said and said.count(HIDE) == 1, said)
            console.send(PASSWORD)
            said = console.hear(b"> ")
            tap.expect(SHOW in said and b"turnstone " in said, said)
        log = server.log()
        tap.expect("operator refused: client=127.0.0.1:" in log, "a line in the log")
        tap.expect("operator let in: client=127.0.0.1:" in log, "and one of who was let in")
        tap.expect("wrong password\n" not in log and PASSWORD not in log, "no password")


def test_coturns_hash():
    """cli-password as coturn's turnadmin -P wrote it"""
    hashed = ("$5$363a338a7976a0f7$"
              "a45d9f2f07691cbb8af1fec1194b60cdbc12b993ef09e119903e75b9d2d7b93a")
    with ConsoleServer(password=hashed) as server:
        with server.console(password="secret") as console:
            tap.expect("version: " in console.say("status"), "let in")


@tap.limit_s(120)
def test_slow_hash():
    """cli-password as turnadmin password hash prints it; guesses at it leave the server time for all else"""
    path = write_file("password", "secret\n")
    hashed = subprocess.run([TURNADMIN, "password", "hash", "--password-file", path],
                            stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    tap.expect(hashed.startswith("$scrypt$"), hashed)
    with ConsoleServer(password=hashed) as server:
        with server.console(password="secret") as console:
            tap.expect("version: " in console.say("status"), "let in")
        guessers = [server.console(password=None) for _ in range(2 if server.sanitized else 4)]
        for guesser in guessers:
            guesser.socket.settimeout(60)
            guesser.send("wrong")
        guessers[0].hear(b"Enter password: ")
        tap.expect(server.ask("status"), "an answer")
        tap.expect(not readable(guessers[-1].socket, 0), "the last guess is not looked at yet")
        for guesser in guessers[1:]:
            guesser.hear(b"Enter password: ")
        for guesser in guessers:
            guesser.socket.close()
        tap.expect("secret" not in server.log(), "nothing in the log")


def test_not_utf8():
    """A name that is not UTF-8 is no filter that lets all through, and no option is lost for its value"""
    with ConsoleServer(password=PASSWORD) as server, server.client() as client:
        client.allocate()
        with server.console() as console:
            for line in (b"ps \xe9", b"sr caf\xe9", b"pc \xe9", b"cs \xe9"):
                console.socket.sendall(line + b"\r\n")
                said = console.hear(b"> ")
                tap.expect_equal(said, b"  Error: that is not UTF-8\r\n> ", line)
            console.socket.sendall(b"cc user-quota 7\r\n")
            console.hear(b"> ")
        for words in (("session", "list", "--realm", b"\xff"),
                      ("session", "cancel", "--user", "alice", "--realm", b"\xff")):
            code, _, problem = server.admin(*words)
            tap.expect(code == 1 and "realm: give a text in UTF-8" in problem, problem)
        code, _, problem = server.admin("get", "help")
        tap.expect(code == 1 and 'there is no option "help"' in problem, problem)


def test_verbs():
    """Each verb of coturn is known and answered, wrong ones say how they are used"""
    with ConsoleServer("--relay-threads=2") as server, server.console() as console:
        text = console.say("?")
        for verb in ("quit", "drain", "stop", "pc", "sr", "ur", "so", "uo", "tc", "cc", "ps", "psp",
                     "pu", "lr", "aas", "das", "atas", "dtas", "atcpas", "dtcpas", "audpas", "dudpas",
                     "cs"):
            tap.expect(re.search(r"^  ([^-]* )?%s " % verb, text + " ", re.M), "help of " + verb)
        tap.expect_equal(console.say("help"), text, "help")
        tap.expect("Unknown command" in console.say("psx"), "no verb")
        tap.expect("usage: cs <session>" in console.say("cs"), "a verb without its argument")
        tap.expect("usage: lr" in console.say("lr now"), "one too many")
        tap.expect("Error: " in console.say("cs 1.99"), "no such session")
        tap.expect("opened anew" in console.say("lr"), "lr")
        text = console.say("pc")
        tap.expect("  user-quota: 0 (*)" in text and "cli-password: (secret)" in text, "pc: " + text)
        tap.expect(PASSWORD not in text, "no secret is shown")
        tap.expect(console.say("pc realm").startswith("  realm: example.org"), "an option")
        tap.expect("there is no option" in console.say("pc nothing"), "no option")
        with server.client() as client:
            client.allocate()
            text = console.say("ps")
            for part in ("user <u>:", "realm: example.org", "client protocol UDP, relay protocol UDP",
                         "server addr 127.0.0.1:%d" % server.port, "relay addr %s:%d" % client.relayed,
                         "mobile: OFF", "usage: rp=0, rb=0", "Total sessions: 1"):
                tap.expect(part in text, "%s in %s" % (part, text))
            tap.expect("Total sessions: 1" in console.say("ps u"), "a user")
            tap.expect("Total sessions: 0" in console.say("ps U"), "another")
            tap.expect("Total sessions: 1" in console.say("psp u"), "a part")
            tap.expect("user: <u>, 1 sessions" in console.say("pu udp"), "users over UDP")
            tap.expect("Total sessions: 0" in console.say("pu tls"), "and TLS")
            console.say("sr elsewhere")
            tap.expect("Total sessions: 0" in console.say("ps"), "of another realm")
            console.say("ur")
            console.say("so https://example.org")
            tap.expect("Total sessions: 0" in console.say("ps"), "of an origin")
            console.say("uo")
            session = re.search(r"id=(\S+),", console.say("ps")).group(1)
            tap.expect("peers:" in console.say("show " + session), "show")
            tap.expect("cancelled: 1" in console.say("cs " + session), "cs")
            response = client.request(stun.REFRESH, [(stun.LIFETIME, b"\0\0\2\x58")])
            tap.expect_equal(response.error, 437, "the client")
            client.relayed = None


def test_alternates():
    """aas and its kin change what new clients are told, of each transport"""
    with ConsoleServer() as server, server.console() as console:
        for kind, add, delete in (("all", "aas", "das"), ("udp", "audpas", "dudpas"),
                                  ("tcp", "atcpas", "dtcpas"), ("tls", "atas", "dtas")):
            tap.expect("  %s: 192.0.2.7:3478" % kind in console.say(add + " 192.0.2.7:3478"), add)
            if kind == "all":
                with server.client() as client:
                    tap.expect_equal(client.exchange(client.message(stun.ALLOCATE, [
                        (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)])).error, 300, "a client")
            tap.expect("192.0.2.7" not in console.say(delete + " 192.0.2.7:3478"), delete)
            tap.expect("Error: " in console.say(delete + " 192.0.2.7:3478"), "twice")
            tap.expect("Error: " in console.say(add + " turn.example.org"), "a name")


def serves_binding(server):
    with server.client() as client:
        return client.binding(timeout=0.3) is not None


def serves_allocate(server):
    """Whether a stranger's Allocate is answered at all."""
    with server.client() as client:
        return client.exchange(client.message(stun.ALLOCATE, [
            (stun.REQUESTED_TRANSPORT, stun.UDP_TRANSPORT)]), timeout=0.3) is not None


def binding_error(server):
    with server.client() as client:
        return client.exchange(stun.Message(stun.BINDING).encode()).error or 0


def allocate_error(server, transport="udp", *attributes):
    with server.client(transport) as client:
        relays = stun.UDP_TRANSPORT if transport == "udp" else stun.TCP_TRANSPORT
        response = client.request(stun.ALLOCATE, [(stun.REQUESTED_TRANSPORT, relays), *attributes])
        client.relayed = response.address(stun.XOR_RELAYED_ADDRESS)
        return response.error or 0


def loopback_error(server):
    with server.client() as client:
        client.allocate()
        return client.request(stun.CREATE_PERMISSION,
                              [(stun.XOR_PEER_ADDRESS, ("127.0.0.9", 0))]).error or 0


def test_toggles():
    """Each toggle of coturn changes what clients are told, at once and back again, on every thread"""
    rows = (("allow-loopback-peers", loopback_error, 403, 0),
            ("no-udp-relay", allocate_error, 0, 403),
            ("no-tcp-relay", lambda server: allocate_error(server, "tcp"), 0, 442),
            ("mobility", lambda server: allocate_error(server, "udp", (stun.MOBILITY_TICKET, b"")),
             405, 0),
            ("secure-stun", binding_error, 0, 401),
            ("no-stun", serves_binding, True, False),
            ("stun-only", serves_allocate, True, False))
    with ConsoleServer("--relay-threads=3") as server, server.console() as console:
        for name, ask, off, on in rows:
            for wanted, then in ((off, "on"), (on, "off"), (off, None)):
                answers = {ask(server) for _ in range(4)}
                tap.expect_equal(answers, {wanted}, name)
                if then:
                    text = console.say("tc " + name)
                    tap.expect("(was " in text, "tc %s: %s" % (name, text))
        tap.expect("neither on nor off" in console.say("tc user-quota"), "no flag")
        tap.expect("no option" in console.say("tc nothing"), "nothing")
        tap.expect("multicast peers are always refused" in console.say("tc no-multicast-peers"),
                   "what there is nothing left to do for")


def test_changes():
    """cc and turnadmin set change limits for all threads; get tells value and source; errors change nothing"""
    with ConsoleServer("--relay-threads=3") as server, server.console() as console:
        def get(name):
            option = server.ask("get", name)["options"][0]
            return option["value"], option["source"]

        tap.expect_equal(get("user-quota"), ("0", "default"), "at first")
        tap.expect_equal(get("realm"), ("example.org", "command line"), "from the command line")
        tap.expect(get("cli-port")[1].endswith(":3"), "from the file: %r" % (get("cli-port"),))
        tap.expect_equal(get("cli-password")[0], "(secret)", "a secret")
        clients = [server.client() for _ in range(5)]
        for client in clients[:3]:
            client.allocate()
        tap.expect("user-quota: 3 (was 0)" in console.say("cc user-quota 3"), "cc")
        tap.expect_equal(get("user-quota"), ("3", "control socket"), "by the operator")
        tap.expect_equal(clients[3].try_allocate(), 486, "one beyond it")
        tap.expect("It is so already" in console.say("cc user-quota 3"), "again")
        changed = server.ask("set", "user-quota", "4")
        tap.expect_equal([(one["name"], one["from"], one["to"]) for one in changed["changed"]],
                         [("user-quota", "3", "4")], "turnadmin set")
        tap.expect_equal(clients[3].try_allocate(), 0, "room")
        tap.expect_equal(clients[4].try_allocate(), 486, "and no more")
        for words, problem in ((("user-quota", "many"), "is not a number"),
                               (("nothing", "1"), "no option"),
                               (("min-port", "50000"), "takes a restart"),
                               (("log-min-level", "loud"), "debug info warning error")):
            code, out, said = server.admin("set", *words)
            tap.expect((code, out, problem in said) == (1, "", True), "%r: %r" % (words, said))
        tap.expect_equal(get("min-port"), ("49152", "default"), "nothing has changed")
        for name in ("max-bps", "bps-capacity", "total-quota", "max-pps"):
            server.ask("set", name, "100000")
            tap.expect_equal(get(name)[0], "100000", name)
        tap.expect("DEBUG" not in server.log(), "no line at level debug yet")
        server.ask("set", "log-min-level", "debug")
        clients[0].refresh(600)
        tap.wait_until(lambda: "DEBUG" in server.log(), "a line at level debug")
        text = console.say("cc cli-max-output-sessions 2")
        tap.expect("The first 2" in console.say("ps"), text)
        server.ask("set", "cli-password", "another")
        with server.console(password="another") as other:
            tap.expect("version" in other.say("status"), "the new password")
        tap.expect("another" not in server.log(), "which is not logged")
        tap.expect("cli-password" in server.admin("get")[1], "all options")
        for client in clients:
            client.close()


def test_many_sessions():
    """Long lists are cut at cli-max-output-sessions, and come page by page in order"""
    with ConsoleServer("--cli-max-output-sessions=150", "--relay-threads=2") as server:
        clients = [server.client() for _ in range(200)]
        for client in clients:
            client.allocate()
        with server.console() as console:
            text = console.say("ps")
            numbers = [int(number) for number in re.findall(r"^    (\d+)\) id=", text, re.M)]
            tap.expect_equal(numbers, list(range(1, 151)), "sessions")
            tap.expect_equal(len(set(re.findall(r"id=(\S+),", text))), 150, "each once")
            tap.expect("The first 150" in text and "Total sessions: 200" in text, text[-200:])
            tap.expect("user: <u>, 150 sessions" in console.say("pu"), "users")
        with server.console() as leaver:
            leaver.send("ps")
        tap.expect_equal(server.ask("status")["allocations"], 200, "the server")
        for client in clients:
            client.close()


def test_drain_and_stop():
    """drain begins one, stop ends the server at once"""
    with ConsoleServer() as server, server.console() as console:
        with server.client() as client:
            client.allocate()
            tap.expect("draining: yes" in console.say("drain"), "drain")
            with server.client() as other:
                tap.expect_equal(other.try_allocate(), 508, "a new client")
            tap.expect("draining: no" in console.say("undrain"), "undrain")
            console.send("stop")
            console.hear_all()
            tap.expect_equal(server.wait(10), 0, "exit code")
            tap.expect('stopping: reason="control socket"' in server.log(), "why")
            client.relayed = None
        server.process = None


def test_end_while_connected():
    """Clients of the console do not keep the server from ending"""
    with ConsoleServer() as server, server.console() as one, server.console(password=None) as other:
        one.say("status")
        tap.expect_equal(server.end(signal.SIGTERM, 5), 0, "exit code")
        for console in (one, other):
            console.hear_all()


def test_telnet():
    """telnet on a terminal hides the password, and shows what is typed behind it"""
    telnet = tap.need_program("telnet", "telnet")
    with ConsoleServer() as server:
        terminal, inside = pty.openpty()
        with subprocess.Popen([telnet, "127.0.0.1", str(server.console_port)], stdin=inside,
                              stdout=inside, stderr=inside, start_new_session=True) as process:
            os.close(inside)

            def hear(until):
                data = b""
                while until not in data:
                    tap.expect(readable(terminal, 10), "%r behind %r" % (until, data))
                    data += os.read(terminal, 4096)
                return data

            hear(b"Enter password: ")
            # What telnet makes of the offer to echo is done when the terminal is told.
            tap.wait_until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, "no echo")
            os.write(terminal, PASSWORD.encode() + b"\r")
            tap.expect(PASSWORD.encode() not in hear(b"> "), "the password is not shown")
            os.write(terminal, b"status\r")
            tap.expect(b"status" in hear(b"version: "), "what is typed is shown")
            os.write(terminal, b"quit\r")
            hear(b"Bye")
            process.wait(10)
        os.close(terminal)


def test_ipv6():
    """It listens on an IPv6 address as well"""
    port = free_ports(1, "::1")[0]
    with Server("--cli", "--cli-ip=::1", "--cli-port=%d" % port, "--cli-password=" + PASSWORD):
        with Console(port, ip="::1") as console:
            tap.expect("version: " in console.say("status"), "an answer")


if __name__ == "__main__":
    tap.main()
