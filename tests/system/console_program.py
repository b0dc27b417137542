#!/usr/bin/env python3
"""turnconsole as a program: a child of turnserver that comes back after a crash and never outlives it, that follows reloads, and
has no right that it does not need; a service of its own; and its port of metrics."""
import contextlib
import hashlib
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import time

from harness import tap
from harness.client import Peer
from harness.server import Folder, Server, free_ports, is_sanitized, make_certificate, program, write_file
from harness.signal_server import Signal, turnsignal
from logs import Manager, environment
from reload import Filed, fingerprint_of, install_pair

NOBODY = 65534
# chown, dac_override, fowner, kill, setgid, setuid, setpcap, net_bind_service
KEEPER_CAPABILITIES = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def turnconsole():
    path = os.path.join(os.path.dirname(program()), "turnconsole")
    if not os.access(path, os.X_OK):
        raise tap.Skip("needs turnconsole: it was not built")
    return path


def pages():
    folder = os.path.join(Folder.get(), "pages")
    os.makedirs(folder, exist_ok=True)
    write_file("pages/index.html", "<!doctype html><title>pages</title>\n")
    return folder


# ---- what can be seen of it ----

def status_of(pid):
    """/proc/PID/status as a dictionary; None: there is none."""
    try:
        with open("/proc/%d/status" % pid) as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return None


def children_of(pid):
    found = []
    for name in os.listdir("/proc"):
        status = status_of(int(name)) if name.isdigit() else None
        if status and int(status["PPid"]) == pid:
            found.append(int(name))
    return found


def is_gone(pid):
    status = status_of(pid)
    return status is None or status["State"].startswith(("Z", "X"))


def wait_until_gone(*pids):
    for pid in pids:
        tap.wait_until(lambda one=pid: is_gone(one), "the end of %d: %r" % (pid, status_of(pid)))


def keeper_of(server):
    return tap.wait_until(lambda: [pid for pid in children_of(server.pid)
                                   if status_of(pid) and status_of(pid)["Name"] == "console-keeper"],
                          "a keeper")[0]


def console_of(keeper):
    return tap.wait_until(lambda: children_of(keeper), "a console")[0]


def get(port, path="/", tls=False, headers=None, method="GET"):
    """(status, headers, body); None: nobody listens."""
    context = ssl._create_unverified_context()  # pylint: disable=protected-access
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context) if tls else \
        http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        except (ConnectionError, ssl.SSLError, socket.timeout, http.client.HTTPException):
            return None


def wait_for(port, path="/", tls=False, seconds=10):
    return tap.wait_until(lambda: get(port, path, tls), "an answer at %d%s" % (port, path), seconds)


def certificate_at(port):
    context = ssl._create_unverified_context()  # pylint: disable=protected-access
    with socket.create_connection(("127.0.0.1", port), 5) as raw, context.wrap_socket(raw) as one:
        return hashlib.sha256(one.getpeercert(True)).hexdigest()


class Kept(Server):
    """turnserver with a console on a free port, and metrics on another."""

    def __init__(self, *options, **how):
        turnconsole()
        Server.__init__(self, tls=True, **how)
        self.web_port, self.metrics_port = free_ports(2)
        self.arguments += console_options(self) + list(options)

    def __enter__(self):
        Server.__enter__(self)
        try:
            self.wait_for_console()
        except BaseException:
            self.kill()
            tap.diagnose(self.last_words())
            raise
        return self

    def wait_for_console(self):
        wait_for(self.web_port, tls=True)
        wait_for(self.metrics_port, "/metrics")

    def count(self, event):
        return len(re.findall(r"(?:INFO|WARNING|ERROR) %s(?::|$)" % re.escape(event), self.log(), re.M))


def console_options(server):
    return ["--web-admin", "--web-admin-port=%d" % server.web_port, "--web-admin-files=" + pages(),
            "--userdb=" + os.path.join(server.folder, "turndb"),
            "--prometheus", "--prometheus-port=%d" % server.metrics_port, "--prometheus-address=127.0.0.1"]


class FiledConsole(Filed):
    """The same by a file that can change."""

    def __init__(self, *lines):
        turnconsole()
        Filed.__init__(self, tls=True)
        self.web_port, self.metrics_port = free_ports(2)
        self.fixed += [option[2:] for option in console_options(self)]
        self.has_metrics_tls = "prometheus-tls" in lines
        self.write("user=u:p", *lines)

    __enter__ = Kept.__enter__
    count = Kept.count

    def wait_for_console(self):
        wait_for(self.web_port, tls=True)
        wait_for(self.metrics_port, "/metrics", tls=self.has_metrics_tls)

    def put(self, name, value):
        """Has an option another value in the file; None: it is not in it."""
        self.fixed = [line for line in self.fixed if line.split("=")[0] != name]
        self.fixed += [] if value is None else ["%s=%s" % (name, value)]

    def change(self, **options):
        """Gives options other values and has the file read; the names that changed, and that need a restart."""
        for name, value in options.items():
            self.put(name.replace("_", "-"), value)
        answer = self.reload("user=u:p")
        return tuple([change["name"] for change in answer[which]] for which in ("changed", "restart"))


# ---- its life ----

def test_family():
    """A keeper and a console below turnserver, with nothing of its descriptors and of its service manager"""
    with contextlib.closing(Manager()) as manager, environment(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="9000000"), \
            Kept() as server:
        keeper = keeper_of(server)
        console = console_of(keeper)
        tap.expect_equal(status_of(console)["Name"], "turnconsole", "its name")
        for pid in (keeper, console):
            with open("/proc/%d/environ" % pid) as file:
                tap.expect("NOTIFY_SOCKET" not in file.read(), "no service manager for %d" % pid)
            for fd in os.listdir("/proc/%d/fd" % pid):
                with contextlib.suppress(OSError):
                    name = os.readlink("/proc/%d/fd/%s" % (pid, fd))
                    tap.expect(server.folder + "/control" not in name, "%d has %s" % (pid, name))
        tap.expect(len(os.listdir("/proc/%d/fd" % keeper)) <= 8, "few descriptors: %s" % os.listdir("/proc/%d/fd" % keeper))
        tap.expect_equal(os.readlink("/proc/%d/fd/0" % console), "/dev/null", "standard input")
        tap.expect_equal(get(server.web_port, tls=True)[2], "<!doctype html><title>pages</title>\n", "a page")
        server.serves()


def test_crash():
    """A console that crashes is started again, later each time, and nobody else notices"""
    with Kept() as server:
        keeper = keeper_of(server)
        for crashes in (1, 2):
            console = console_of(keeper)
            os.kill(console, signal.SIGSEGV if crashes == 1 and not is_sanitized() else signal.SIGKILL)
            tap.wait_until(lambda n=crashes: server.count("console crashed") == n, "a line in the log")
            tap.wait_until(lambda n=crashes: server.count("console ready") == n + 1, "another console")
            tap.expect_equal(get(server.web_port, tls=True)[0], 200, "a page")
        tap.expect_equal(keeper_of(server), keeper, "the keeper")
        times = [line.split()[0] for line in server.log().splitlines() if "console crashed" in line or "console ready" in line]
        tap.expect_equal(len(times), 5, "starts and crashes")
        tap.expect_equal([pid for pid in children_of(keeper) if is_gone(pid)], [], "zombies")
        server.serves()
        remove_cores(server)


def remove_cores(server):
    """Of the crash that was wished."""
    for name in os.listdir(server.folder):
        if name.startswith("core"):
            os.unlink(os.path.join(server.folder, name))


def test_keeper_killed():
    """Without its keeper the console ends; turnserver says so, has no zombie, and relays on"""
    with Kept() as server:
        keeper = keeper_of(server)
        console = console_of(keeper)
        os.kill(keeper, signal.SIGKILL)
        wait_until_gone(console)
        tap.wait_until(lambda: server.count("console lost") == 1, "a line in the log")
        tap.wait_until(lambda: children_of(server.pid) == [], "no zombie: %r" % children_of(server.pid))
        server.serves()


def test_end():
    """The end of turnserver is the end of both, before it; and when it is killed, soon after"""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        with Kept() as server:
            keeper = keeper_of(server)
            console = console_of(keeper)
            code = server.end(number, 10)
            tap.expect_equal(code, -9 if number == signal.SIGKILL else 0, "exit code")
            if number == signal.SIGKILL:
                wait_until_gone(keeper, console)
            tap.expect(is_gone(keeper) and is_gone(console), "both are gone")
            tap.expect_equal(get(server.web_port, tls=True), None, "its port is free")
            tap.expect_equal(server.count("console stopped"), 1, "a clean end")


def test_group():
    """Signals that end the whole group, as Ctrl-C does, are turnserver's: while it drains, the console shows it"""
    with Kept("--drain-timeout=60", "--allow-loopback-peers") as server, Peer() as peer, server.client() as client:
        client.allocate()
        client.bind_channel(0x4000, peer.address)
        keeper = keeper_of(server)
        console = console_of(keeper)
        for pid in (server.pid, keeper, console):
            os.kill(pid, signal.SIGTERM)
        tap.wait_until(lambda: server.count("draining") == 1, "a drain")
        os.kill(console, signal.SIGTERM)
        tap.expect_equal(get(server.web_port, tls=True)[0], 200, "a page meanwhile")
        tap.expect_equal((console_of(keeper), server.count("console ended")), (console, 0), "the same console")
        for pid in (console, keeper, server.pid):
            os.kill(pid, signal.SIGINT)
        tap.expect_equal(server.wait(10), 0, "exit code")
        server.process = None
        tap.expect(is_gone(keeper) and is_gone(console), "both are gone")
        tap.expect_equal((server.count("console ended"), server.count("console crashed")), (0, 0), "errors")


def test_port_taken():
    """Where its port is taken the server serves; the console comes as soon as it is free"""
    turnconsole()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        server = Kept("--web-admin-port=%d" % taken)
        server.wait_for_console = lambda: tap.wait_until(lambda: server.count("console ended") >= 1, "a failure")
        with server:
            server.serves()
            tap.expect("cannot listen at 127.0.0.1:%d" % taken in server.log(), "a reason")
            other.close()
            wait_for(taken, tls=True)


def test_daemon():
    """A daemon that was started by a relative path, with files named from there, finds its console"""
    console, server = turnconsole(), Kept()
    server.arguments.remove("--log-file=stdout")
    server.arguments += ["-o", "--pidfile=pid", "--log-file=turn.log"]
    path = os.path.relpath(program(), server.folder)
    result = subprocess.run([path, *server.arguments], cwd=server.folder, timeout=20, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.expect_equal(result.returncode, 0, result.stdout.decode())
    pid = int(tap.wait_until(lambda: server.read("pid").strip(), "a pidfile"))
    try:
        wait_for(server.web_port, tls=True)
        keeper = children_of(pid)[0]
        tap.expect_equal(os.readlink("/proc/%d/exe" % keeper), os.path.realpath(console), "the program beside")
        one = console_of(keeper)
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until_gone(pid)
    tap.expect(is_gone(keeper) and is_gone(one), "both are gone")
    tap.expect_equal(server.read("pid"), "", "the pidfile")


def test_without():
    """Without turnconsole beside it turnserver says what is missing, and relays"""
    folder = os.path.join(Folder.get(), "alone")
    os.makedirs(folder, exist_ok=True)
    alone = os.path.join(folder, "turnserver")
    if not os.path.exists(alone):
        with open(program(), "rb") as source, open(alone, "wb") as copy:
            copy.write(source.read())
        os.chmod(alone, 0o755)
    server = Kept()
    server.wait_for_console = lambda: None
    with environment(SERVER=alone):
        server.launch()
    server.wait_until_ready()
    tap.expect_equal((server.count("no console"), children_of(server.pid)), (1, []), "a warning, and no child")
    server.serves()
    server.stop()


# ---- reloads ----

def test_certificate():
    """A certificate that is renewed is the console's too, and the metrics'; connections that there are stay"""
    with FiledConsole("prometheus-tls") as server:
        before = certificate_at(server.web_port)
        kept = http.client.HTTPSConnection("127.0.0.1", server.web_port, timeout=5,
                                           context=ssl._create_unverified_context())  # pylint: disable=protected-access
        kept.request("GET", "/")
        tap.expect_equal((kept.getresponse().read() != b"", before), (True, fingerprint_of("turn")), "the first")
        install_pair("renewed", server.cert, server.key)
        for port in (server.web_port, server.metrics_port):
            tap.wait_until(lambda at=port: certificate_at(at) == fingerprint_of("renewed"), "the new one")
        kept.request("GET", "/")
        tap.expect_equal(kept.getresponse().status, 200, "the connection of before")
        kept.close()
        server.reload("user=u:p", "prometheus-tls")
        tap.wait_until(lambda: server.count("configuration applied") == 1, "a reload")
        tap.expect_equal(server.count("certificate of the console read anew"), 2, "once for each port")


def test_options():
    """Changed options take another console; what turnserver cannot change the console does not either"""
    with FiledConsole() as server:
        keeper = keeper_of(server)
        console = console_of(keeper)
        other = free_ports(1)[0]
        tap.expect_equal(server.change(web_admin_port=other), (["web-admin-port"], []), "changed")
        wait_for(other, tls=True)
        tap.expect_equal((get(server.web_port, tls=True), is_gone(console)), (None, True), "the one of before")
        console = console_of(keeper)
        tap.expect_equal(server.change(userdb="/nowhere/db", max_bps="1000"), (["max-bps"], ["userdb"]), "others")
        time_of_reload = server.count("configuration applied")
        tap.expect_equal(server.change(web_admin="no"), (["web-admin"], ["userdb"]), "off")
        tap.wait_until(lambda: get(other, tls=True) is None, "no console")
        tap.expect_equal((wait_for(server.metrics_port, "/metrics")[0], server.count("configuration applied")),
                         (200, time_of_reload + 1), "metrics")
        server.change(prometheus="no")
        tap.wait_until(lambda: children_of(keeper) == [], "nothing to serve")
        server.change(prometheus="yes", web_admin="yes")
        wait_for(other, tls=True)
        tap.expect_equal((server.count("console crashed"), server.count("console ended")), (0, 0), "errors")


def test_log():
    """A log that was moved away is opened anew by keeper and console as well, whatever becomes of the reload"""
    with FiledConsole() as server:
        keeper = keeper_of(server)
        console = console_of(keeper)
        log = os.path.join(server.folder, "turn.log")
        server.put("log-file", log)
        server.change()
        tap.wait_until(lambda: not is_gone(keeper) and console_of(keeper) != console, "a console with another log")
        console = console_of(keeper)
        tap.wait_until(lambda: has_open(keeper, log) and has_open(console, log), "the log of both")
        wait_for(server.web_port, tls=True)
        os.rename(log, log + ".1")
        server.write("user=u:p", "min-port=nonsense")
        os.kill(server.pid, signal.SIGHUP)
        tap.wait_until(lambda: has_open(keeper, log) and has_open(console, log), "the new one")
        tap.expect_equal((console_of(keeper), has_open(console, log + ".1")), (console, False), "the same console")


def has_open(pid, path):
    found = []
    for fd in os.listdir("/proc/%d/fd" % pid):
        with contextlib.suppress(OSError):
            found.append(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
    return path in found


def test_set():
    """turnadmin option set says that the file is what counts; and of a console that was never started, that it takes a restart"""
    with Kept() as server:
        code, _out, problem = server.admin("set", "web-admin-port", "1234")
        tap.expect(code != 0 and "a reload: the console goes by the configuration file" in problem, problem)
    with Filed(tls=True) as server:
        server.write("user=u:p", "prometheus", "prometheus-port=1234")
        answer = server.ask("reload")
        tap.expect_equal([change["name"] for change in answer["restart"]], ["prometheus", "prometheus-port"], "a restart")
        tap.expect_in("no console was started with the server", [change["reason"] for change in answer["restart"]], "why")


# ---- rights ----

def test_rights():
    """The console is proc-user without a right; its keeper has what it takes to start another, and can execute nothing"""
    tap.need_root()
    if is_sanitized():  # no fence is built then, which is said
        with Kept() as server:
            tap.expect("not fenced: reason=" in server.log(), server.log())
        return
    for mode in ("auto", "strict"):
        server = Kept("--proc-user=nobody", "--fence=" + mode)
        os.chown(server.folder, NOBODY, NOBODY)
        with server:
            keeper = keeper_of(server)
            for again in (False, True):
                console = console_of(keeper)
                expect_rights(keeper, 0, KEEPER_CAPABILITIES)
                expect_rights(console, NOBODY, 0)
                if not again:
                    os.kill(console, signal.SIGKILL)
                    tap.wait_until(lambda: server.count("console ready") == 2, "another console")
            server.wait_for_console()
            tap.expect_in("turnstone_build_info", get(server.metrics_port, "/metrics")[2], "the relay's metrics")


def expect_rights(pid, uid, capabilities):
    for thread in os.listdir("/proc/%d/task" % pid):
        status = status_of(int(thread))
        for which in ("CapPrm", "CapEff", "CapBnd"):
            tap.expect_equal(int(status[which], 16), capabilities, "%s of %s" % (which, status["Name"]))
        tap.expect_equal(status["Uid"].split(), [str(uid)] * 4, "user of " + status["Name"])
        tap.expect_equal((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), "fence of " + status["Name"])


def test_what_the_socket_can():
    """Who has turnserver's end of the socket can have files read anew once a second, whatever it writes, and no more"""
    path, (web, metrics) = turnconsole(), free_ports(2)
    cert, key = make_certificate()
    ours, theirs = socket.socketpair()
    log = os.path.join(Folder.get(), "socket.log")
    with open(log, "wb") as out:
        keeper = subprocess.Popen([path, "--supervised", "-n", "--web-admin", "--web-admin-port=%d" % web,
                                   "--web-admin-files=" + pages(), "--prometheus", "--prometheus-port=%d" % metrics,
                                   "--cert=" + cert, "--pkey=" + key, "--userdb=" + Folder.get() + "/socketdb",
                                   "--log-file=stdout", "--log-min-level=debug", "--listening-port=1"],
                                  stdin=theirs, stdout=out, stderr=subprocess.STDOUT)
    theirs.close()
    try:
        wait_for(web, tls=True)
        console = console_of(keeper.pid)
        before = cpu_ms(keeper.pid)
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            ours.send(b"r" * 40 + b"\0x\xff" * 20)
        spent = cpu_ms(keeper.pid) - before
        tap.expect(spent < 1200, "CPU time of the keeper: %d ms" % spent)
        tap.expect_equal((console_of(keeper.pid), get(web, tls=True)[0]), (console, 200), "the same console")
        ours.close()
        tap.expect_equal(keeper.wait(10), 0, "exit code")
        tap.expect(is_gone(console), "the end of the console")
    finally:
        if keeper.poll() is None:
            keeper.kill()
            keeper.wait()
    with open(log) as file:
        tap.expect("command line: warning" not in file.read(), "warnings are told once, by turnserver")


def cpu_ms(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")


# ---- metrics ----

def names_of(text):
    """Families as they are declared; fails where one is so twice."""
    found = re.findall(r"^# TYPE (\S+) ", text, re.M)
    tap.expect_equal(len(found), len(set(found)), "a family is declared once")
    return set(found)


def test_metrics():
    """Both formats, by Accept; coturn's names; health; nothing else at that port"""
    with Kept("--prometheus-path=/of/turn") as server, server.client() as client:
        client.allocate()
        port = server.metrics_port
        status, headers, text = get(port, "/of/turn")
        tap.expect_equal((status, headers["Content-Type"]), (200, PLAIN_TEXT), "plain text")
        names = names_of(text)
        for name in ("turn_total_allocations", "turn_traffic_rcvp", "turn_traffic_peer_sentb", "stun_binding_request",
                     "turn_total_traffic_rcvb", "turnstone_allocations", "process_cpu_seconds_total"):
            tap.expect(name in names, name)
        tap.expect_in('turn_total_allocations{type="UDP"} 1', text, "an allocation")
        status, headers, text = get(port, "/of/turn", headers={"Accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"})
        tap.expect_equal((status, headers["Content-Type"], text.endswith("# EOF\n")), (200, OPEN_METRICS, True), "OpenMetrics")
        tap.expect_equal(get(port, "/of/turn", method="HEAD")[0], 200, "HEAD")
        tap.expect_equal((get(port, "/of/turn", method="POST")[0], get(port, "/metrics")[0], get(port, "/")[0]),
                         (405, 404, 404), "refused")
        tap.expect_equal(get(port, "/api/v1/users")[0], 404, "the interface is not there")
        tap.expect_in(get(port, "/healthz")[0], (200, 204), "healthz")


def test_metrics_of_both():
    """turnsignal's metrics are on the same page, and no name is there twice; promtool has nothing to say"""
    turnsignal()
    with Signal() as signaling, environment(TURNSTONE_SIGNALING_CONTROL_SOCKET=signaling.control_socket), Kept() as server:
        text = tap.wait_until(lambda: "turnstone_signaling_build_info" in get(server.metrics_port, "/metrics")[2] and
                              get(server.metrics_port, "/metrics")[2], "both")
        names = names_of(text)
        for name in ("process_cpu_seconds_total", "turnstone_signaling_process_cpu_seconds_total",
                     "turnstone_signaling_process_start_time_seconds", "turnstone_signaling_uptime_seconds"):
            tap.expect(name in names, name)
        check_by_promtool(text)


def check_by_promtool(text):
    promtool = tap.need_program("promtool", "--no-install-recommends prometheus")
    result = subprocess.run([promtool, "check", "metrics"], input=text.encode(), timeout=60, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.expect_equal((result.returncode, result.stdout.decode()), (0, ""), "promtool check metrics")


def test_scraped_in_a_loop():
    """However often it is asked, the relay is asked twice a second; and a relay that is away is told by 503"""
    with Kept() as server:
        tap.expect_equal(get(server.metrics_port, "/metrics")[0], 200, "an answer")
        uptimes, count, began = set(), 0, time.monotonic()
        while time.monotonic() - began < 1.0 or count < 10:
            text = get(server.metrics_port, "/metrics")[2]
            uptimes.add(re.search(r"^turnstone_uptime_seconds (\S+)", text, re.M)[1])
            count += 1
        tap.expect(len(uptimes) <= 2 * (time.monotonic() - began) + 2, "%d of %d answers were asked for" % (len(uptimes), count))
    with alone("--prometheus", "--control-socket=" + Folder.get() + "/nobody") as (_process, _web, metrics, _log):
        tap.expect_equal(wait_for(metrics, "/metrics")[0], 503, "nobody there")
        tap.expect_in(get(metrics, "/healthz")[0], (200, 204), "the console itself")


# ---- a service of its own ----

@contextlib.contextmanager
def alone(*options, code=0, by=signal.SIGTERM, files=""):
    """turnconsole on its own, awaited: (process, port of the console, of the metrics, log)."""
    path, (web, metrics) = turnconsole(), free_ports(2)
    cert, key = make_certificate()
    log = os.path.join(Folder.get(), "alone-%d.log" % web)
    shown = [] if files is None else ["--web-admin-files=" + (files or pages())]
    with open(log, "wb") as out:
        process = subprocess.Popen([path, "-n", "--web-admin-port=%d" % web, *shown,
                                    "--prometheus-port=%d" % metrics, "--prometheus-address=127.0.0.1", "--cert=" + cert,
                                    "--pkey=" + key, "--userdb=" + Folder.get() + "/alonedb", "--log-file=stdout", *options],
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)

    def read():
        with open(log, errors="replace") as file:
            return file.read()
    try:
        tap.wait_until(lambda: " ready: " in read() or process.poll() is not None, "a start: " + read())
        yield process, web, metrics, read
        if process.poll() is None:
            process.send_signal(by)
        tap.expect_equal(process.wait(10), code, "exit code: " + read())
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_alone():
    """A service of its own tells its manager, follows SIGHUP, and ends by SIGTERM and SIGINT"""
    with contextlib.closing(Manager()) as manager, environment(NOTIFY_SOCKET=manager.name), \
            alone("--web-admin", by=signal.SIGINT) as (process, web, metrics, log):
        tap.expect_equal(wait_for(web, tls=True)[0], 200, "a page")
        tap.expect_equal(get(metrics, "/metrics"), None, "no metrics")
        manager.hear("READY=1", 5)
        process.send_signal(signal.SIGHUP)
        tap.expect_equal(get(web, tls=True)[0], 200, "a page after SIGHUP")
    tap.expect("console stopped" in log(), "the last line")
    with alone("--web-admin", "--web-admin-plain") as (_process, web, _metrics, log):
        tap.expect_equal(wait_for(web)[0], 200, "in clear text")
        tap.expect("url=http://127.0.0.1:%d" % web in log(), "so it says")


def test_without_pages():
    """Without the pages that are to be installed there is the interface still; without those of a folder that was named nothing is"""
    with alone("--web-admin", "--web-admin-plain", files=None) as (_process, web, _metrics, log):
        if "no pages" not in log():
            raise tap.Skip("they are installed")
        tap.expect_equal((wait_for(web)[0], get(web, "/healthz")[0], get(web, "/api/v1/me")[0]), (404, 200, 401), "answers")
    with alone("--web-admin", files="/nowhere", code=1) as (_process, _web, _metrics, log):
        tap.expect("/nowhere" in log(), log())


def test_nothing_to_serve():
    """With neither on, and with options of another program, it says what is missing"""
    with alone(code=1) as (_process, _web, _metrics, log):
        tap.expect_in("web-admin and prometheus are both off", log(), "a reason")
    with alone("--web-admin", "--listening-port=1", code=1) as (_process, _web, _metrics, log):
        tap.expect_in("--listening-port: no option of turnconsole", log(), "a reason")


def test_coturn_file():
    """A file of coturn's with both on runs as it is, and says where it differs"""
    turnconsole()
    cert, key = make_certificate()
    metrics, web = free_ports(2)
    common = "web-admin\nweb-admin-ip=127.0.0.1\nweb-admin-port=%d\nprometheus\nprometheus-port=%d\n" % (web, metrics)
    common += "prometheus-username-labels\nweb-admin-listen-on-workers\n"
    for more, reason in (("cert=%s\npkey=%s\nuserdb=%s/coturndb\n" % (cert, key, Folder.get()), None),
                         ("cert=%s\npkey=%s\n" % (cert, key), "web-admin needs userdb or redis-userdb"),
                         ("userdb=%s/coturndb\nno-tls\nno-dtls\n" % Folder.get(), "web-admin needs cert and pkey")):
        path = write_file("coturn.conf", common + more)
        with environment(TURNSTONE_WEB_ADMIN_FILES=pages()):
            server = Server("-c", path)
            server.arguments.remove("-n")
            server.arguments = [one for one in server.arguments if not one.startswith("--no-")]
            with server:
                tap.expect_equal(wait_for(metrics, "/metrics")[0], 200, "metrics")
                if reason is None:
                    tap.expect_equal(wait_for(web, tls=True)[0], 200, "a page")
                else:
                    tap.expect_in(reason, server.log(), "a warning")
                tap.expect_in("metrics are at 127.0.0.1 alone", server.log(), "a warning")
                tap.expect_in("prometheus-username-labels: ignored", server.log(), "a warning")


if __name__ == "__main__":
    tap.main()
