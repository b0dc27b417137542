#!/usr/bin/env python3
"""What the running server has given up, as the kernel tells of it; and that it goes on doing what it has
to from inside of its fence. What is refused there is tried by tests/unit/test_fence."""
import ctypes
import errno
import os
import platform
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tempfile

from harness import tap
from harness.client import Peer, exchange_both_ways
from harness.server import Server, is_sanitized, make_certificate, program, start_and_fail
from harness.signal_server import Signal, turnsignal
from events import Receiver, webhook
from reload import Filed, fingerprint_of, install_pair, tls_fingerprint
from signaling import TURN, hello

NOBODY = 65534
NET_BIND_SERVICE = 1 << 10
CLONE_NEWNS = 0x00020000


def need_fence():
    tap.need_root()
    if is_sanitized():
        raise tap.Skip("built with a sanitizer")


def threads(pid):
    """/proc/PID/task/*/status, each as a dictionary."""
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, thread)) as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def has_seccomp(server):
    return "not in this kernel or build" not in server.log().split("system_calls=")[1]


def expect_fenced(server, capabilities=0):
    found = list(threads(server.pid))
    tap.expect(len(found) >= 3, "the main thread and two others")
    for status in found:
        name = status["Name"]
        for which in ("CapPrm", "CapEff", "CapBnd"):
            tap.expect_equal(int(status[which], 16), capabilities, "%s of %s" % (which, name))
        for which in ("CapInh", "CapAmb"):
            tap.expect_equal(int(status[which], 16), 0, "%s of %s" % (which, name))
        tap.expect_equal(status["NoNewPrivs"], "1", "NoNewPrivs of " + name)
        if has_seccomp(server):
            tap.expect_equal(status["Seccomp"], "2", "Seccomp of " + name)


def test_every_thread():
    """No thread has a capability, new privileges, or all system calls; the log says what stands"""
    need_fence()
    for options, user in (((), 0), (("--proc-user=nobody",), NOBODY)):
        with Server("--relay-threads=2", "--allow-loopback-peers", *options) as server:
            line = next(text for text in server.log().splitlines() if " fenced: " in text)
            tap.expect("uid=%d capabilities=none" % user in line, line)
            expect_fenced(server)
            with server.client() as client, Peer() as peer:
                client.allocate()
                tap.expect(exchange_both_ways(client, peer), "data both ways")


def test_low_ports():
    """Where a port below 1024 is configured that one capability is kept, for who opens it later"""
    need_fence()
    options = ("--relay-threads=2", "--proc-user=nobody", "--network-engine=dedicated")
    with Server(*options, ports=(999, 998)) as server:
        expect_fenced(server, NET_BIND_SERVICE)
        tap.expect("capabilities=net_bind_service" in server.log(), "a line in the log")
        with server.client() as client:
            client.allocate()


def test_ports_beside():
    """So it is with the ports of the console, of aux-server, and of other addresses"""
    need_fence()
    for options in (("--cli", "--cli-port=999", "--cli-password=p"),
                    ("--aux-server=127.0.0.1:997", "--network-engine=dedicated"),
                    ("--rfc5780", "--alt-listening-port=996", "--network-engine=dedicated")):
        with Server("--proc-user=nobody", *options, ips=("127.0.0.1", "127.0.0.2")) as server:
            tap.expect("capabilities=net_bind_service" in server.log(), "kept for %r" % (options,))


def test_folders_of_another():
    """Root reads a certificate below another's folder again, however far below it is"""
    need_fence()
    with Filed(tls=True) as server:
        server.stop()
        home = os.path.join(server.folder, "home")
        os.makedirs(home + "/tls")
        os.chmod(home, 0o700)
        os.chown(home, 1234, 1234)
        fixed = [line for line in server.fixed if not line.startswith(("cert", "pkey"))]
        server.cert, server.key = home + "/tls/c.pem", home + "/tls/k.pem"
        install_pair("turn", server.cert, server.key)
        server.fixed = fixed + ["cert=" + server.cert, "pkey=" + server.key]
        server.write("user=u:p")
        server.launch()
        server.wait_until_ready()
        install_pair("renewed", server.cert, server.key)
        tap.wait_until(lambda: tls_fingerprint(server) == fingerprint_of("renewed"), "the new one")


def test_off():
    """fence=off: as it was started; the log says so"""
    need_fence()
    with Server("--fence=off") as server:
        tap.expect("not fenced: reason=\"fence=off\"" in server.log(), "a line in the log")
        for status in threads(server.pid):
            tap.expect_equal((status["NoNewPrivs"], status["Seccomp"]), ("0", "0"), status["Name"])


def test_files_are_found_again():
    """Inside, log and database are opened anew after they were moved, and the log-in works on"""
    need_fence()
    folder = tempfile.mkdtemp(prefix="turnstone-fence-")
    try:
        os.mkdir(folder + "/log")
        os.mkdir(folder + "/db")
        admin = os.path.join(os.path.dirname(program()), "turnadmin")
        subprocess.run([admin, "user", "add", "s", "--realm", "example.org", "--db",
                        folder + "/db/turndb"], input=b"p\n", check=True, stdout=subprocess.DEVNULL)
        for path in (folder, folder + "/log", folder + "/db"):
            os.chmod(path, 0o755)
            for name in [path] + [os.path.join(path, one) for one in os.listdir(path)]:
                shutil.chown(name, "nobody")
        for user in ((), ("--proc-user=nobody",)):
            files_are_found_again(folder, user)
    finally:
        shutil.rmtree(folder, True)


def files_are_found_again(folder, user):
    log = folder + "/log/turn.log"
    with Server("--log-file=" + log, "--userdb=%s/db/turndb" % folder, "--verbose", *user) as server:
        with server.client(user="s") as client:
            client.allocate()
        os.rename(log, log + ".1")
        os.kill(server.pid, signal.SIGHUP)
        tap.wait_until(lambda: os.path.exists(log), "a new log")
        for name in os.listdir(folder + "/db"):
            os.rename("%s/db/%s" % (folder, name), "%s/%s" % (folder, name))
        with server.client(user="t") as client:
            tap.expect(client.try_allocate() != 0, "no store, no log-in")
        for name in [one for one in os.listdir(folder) if one.startswith("turndb")]:
            os.rename("%s/%s" % (folder, name), "%s/db/%s" % (folder, name))
        tap.wait_until(lambda: logs_in(server), "a log-in by the store that is back", 15)
    with open(log) as file:
        tap.expect("stopped" in file.read(), "the last line in the new log")


def logs_in(server):
    with server.client(user="s") as client:
        try:
            return client.try_allocate() == 0
        except tap.Failure:
            return False


def test_strict():
    """fence=strict serves every transport, and ends as usual"""
    need_fence()
    with Server("--fence=strict", tls=True) as server:
        if not has_seccomp(server):
            raise tap.Skip("not in this kernel or build")
        for transport in ("udp", "tcp", "tls", "dtls"):
            with server.client(transport) as client:
                client.allocate()
        tap.expect_equal(server.admin("status")[0], 0, "the control socket")


class Without:
    """A kernel that lacks a part, for programs started by it: a filter answers the system call that asks
    for the part, with this first argument or any, as such a kernel or a container around does."""
    LANDLOCK_CREATE_RULESET = 444  # of all architectures
    PRCTL = {"x86_64": 157, "aarch64": 167, "riscv64": 167}.get(platform.machine())
    PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_GET_SECCOMP = 38, 22, 21

    def __init__(self, call, answer, argument=None):
        load, equal, give = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
        number_at, argument_at = 0, 16 if sys.byteorder == "little" else 20
        allow, refuse = 0x7fff0000, 0x00050000 | answer
        tests = [(number_at, call)] + ([(argument_at, argument)] if argument is not None else [])
        steps = []
        for i, (where, value) in enumerate(tests):
            steps += [(load, 0, 0, where), (equal, 0, 2 * (len(tests) - i) - 1, value)]
        steps += [(give, 0, 0, refuse), (give, 0, 0, allow)]
        self.steps = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
        self.program = ctypes.create_string_buffer(struct.pack("@HP", len(steps),
                                                               ctypes.addressof(self.steps)))

    def enter(self):
        for arguments in ((self.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                          (self.PR_SET_SECCOMP, 2, ctypes.c_void_p(ctypes.addressof(self.program)), 0, 0)):
            if tap.LIBC.prctl(*arguments) != 0:
                raise OSError(ctypes.get_errno(), "prctl")

    def server(self, *options):
        server = Server(*options)
        limit = server.set_limits

        def prepare():
            limit()
            self.enter()
        server.set_limits = prepare
        return server


def strict_fails(prepare=None):
    code, text = start_and_fail("-n", "--no-auth", "--listening-ip=127.0.0.1", "--fence=strict",
                                prepare=prepare)
    tap.expect_equal(code, 1, "exit code")
    return text


def test_without_the_fence():
    """A build that has no fence does not start with strict, and says so and does with auto"""
    if not is_sanitized():
        with Server() as server:
            tap.expect(" fenced: " in server.log(), "this one has it")
        return
    with Server() as server:
        tap.expect("not fenced: reason=" in server.log(), "a line in the log")
    text = strict_fails()
    tap.expect("fence=strict: this server was built with a sanitizer" in text, text)


def test_without_a_part():
    """Where a part is missing strict does not start, and auto names it, starts, and has the other"""
    need_fence()
    landlock, seccomp = Without.LANDLOCK_CREATE_RULESET, (Without.PRCTL, Without.PR_GET_SECCOMP)
    for part, without, reason in (
            ("files", Without(landlock, errno.ENOSYS), "not in this kernel or build"),
            ("files", Without(landlock, errno.EOPNOTSUPP), "switched off when the kernel was started"),
            ("files", Without(landlock, errno.EPERM), "Operation not permitted"),
            ("system_calls", Without(seccomp[0], errno.EINVAL, seccomp[1]), "not in this kernel or build")):
        with without.server() as server:
            line = next(text for text in server.log().splitlines() if " fenced: " in text)
            tap.expect('%s="not fenced: %s' % (part, reason) in line, line)
            tap.expect_equal(line.count("not fenced"), 1, "parts that are missing")
            with server.client() as client:
                client.allocate()
        text = strict_fails(without.enter)
        tap.expect("fence=strict: " in text and reason in text and "use fence=auto" in text, text)


def expect_told(told, *words):
    for word in words:
        tap.expect(word in told, "%r in: %s" % (word, told))


def test_reload_outside():
    """A file in a folder that was not known at the start is refused with folder, reason and what mends it"""
    need_fence()
    mend = "outside of the fence: restart the server"
    outside = tempfile.mkdtemp(prefix="turnstone-outside-")
    try:
        with Filed(tls=True) as server:
            if "not fenced" in server.log():
                raise tap.Skip("this kernel has no Landlock")
            cert, key = (os.path.join(outside, name) for name in ("c.pem", "k.pem"))
            install_pair("renewed", cert, key)
            fixed = [line for line in server.fixed if not line.startswith(("cert", "pkey"))]
            told = server.refuse("user=u:p", fixed=fixed + ["cert=" + cert, "pkey=" + key])
            expect_told(told[0]["text"], "cert " + cert, mend, "unlike " + outside)
            log = os.path.join(outside, "turn.log")
            told = server.refuse("user=u:p", "log-file=" + log)
            expect_told(told[0]["text"], "log-file " + log, mend, "unlike " + outside)
            os.symlink(cert, server.cert + ".new")
            os.rename(server.cert + ".new", server.cert)
            tap.wait_until(lambda: "certificates not taken" in server.log(), "the link is followed")
            line = next(one for one in server.log().splitlines() if "certificates not taken" in one)
            expect_told(line, "cert " + server.cert, mend, "unlike " + outside)
            tap.expect_equal(tls_fingerprint(server), fingerprint_of("turn"), "that of before")
    finally:
        shutil.rmtree(outside, True)


def test_unreadable_key():
    """A renewed key that root alone may read is refused with the user and the file that keeps it out"""
    tap.need_root()
    with Filed(options=("--proc-user=nobody",), tls=True) as server:
        install_pair("renewed", server.cert, server.key + ".made")
        os.chmod(server.key + ".made", 0o600)
        os.rename(server.key + ".made", server.key)
        tap.wait_until(lambda: "let user 65534 read it: " + server.key in server.log(), "in the log")


def test_no_core():
    """The memory is nobody else's, unless core-dumps says so"""
    need_fence()
    for option, owner in (((), 0), (("--core-dumps",), NOBODY)):
        with Server("--proc-user=nobody", *option) as server:
            tap.expect_equal(os.stat("/proc/%d/mem" % server.pid).st_uid, owner, "its owner")


# turnsignal

def key_set(name):
    return '{"keys":[{"kty":"oct","kid":"%s","alg":"HS256","k":"%s"}]}' % (name, "YWFh" * 12)


class FiledSignal(Signal):
    """A turnsignal whose configuration, certificate, keys, web files, log, store and spool are files in folders."""

    def __init__(self, *options):
        Signal.__init__(self, *TURN, "--fence=strict", *options)
        self.path = self.folder + "/conf/turnserver.conf"
        for name in ("conf", "tls", "keys", "site", "site/www", "run", "log", "db", "spool"):
            os.mkdir(os.path.join(self.folder, name))
        self.cert, self.key = self.folder + "/tls/c.pem", self.folder + "/tls/k.pem"
        self.renew("turn")
        self.put("keys/jwks.json", key_set("first"))
        self.put("keys/networks", "127.0.0.0/8 here\n")
        self.put("site/www/index.html", "first")
        self.own = ["%s=%s/%s" % (option, self.folder, name) for option, name in (
            ("jwks-file", "keys/jwks.json"), ("zone-networks", "keys/networks"), ("cert", "tls/c.pem"),
            ("pkey", "tls/k.pem"), ("log-file", "log/turnsignal.log"))]
        self.write()
        self.control_socket = self.folder + "/run/control"  # its folder is open, with all that is below it
        left_out = ("-n", "--log-file", "--cert", "--pkey", "--signaling-control-socket")
        self.arguments = ["-c", self.path, *(one for one in self.arguments if not one.startswith(left_out)),
                          "--userdb=%s/db/turndb" % self.folder, "--event-spool=%s/spool/events.db" % self.folder,
                          "--www-root=%s/site/www" % self.folder,
                          "--signaling-control-socket=" + self.control_socket]

    def put(self, name, text):
        """As an editor does: another file in the place of the one that was there."""
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def write(self, *lines):
        self.put("conf/turnserver.conf", "\n".join([*self.own, *lines]) + "\n")

    def renew(self, name):
        for new, old in zip(make_certificate(name), (self.cert, self.key)):
            shutil.copy(new, old + ".new")
            os.rename(old + ".new", old)

    def log(self):
        with open(self.folder + "/log/turnsignal.log", errors="replace") as file:
            return file.read()

    def refuse(self, *lines):
        self.write(*lines)
        code, out, _ = self.admin("signal", "reload")
        tap.expect_equal(code, 1, "exit code of a reload that is refused: " + out)
        return out


def test_signal_threads():
    """No thread of turnsignal has a capability, new privileges, or all system calls; it serves from inside"""
    need_fence()
    for options, user in (((), 0), (("--proc-user=nobody",), NOBODY)):
        with Signal(*TURN, *options) as server:
            line = next(text for text in server.log().splitlines() if " fenced: " in text)
            tap.expect("uid=%d capabilities=none" % user in line, line)
            expect_fenced(server)
            for tls in (False, True):
                one, _ = hello(server, "tea", tls)
                one.socket.close()


def test_signal_off():
    """fence=off: turnsignal as it was started; the log says so"""
    need_fence()
    with Signal(*TURN, "--fence=off") as server:
        tap.expect("not fenced: reason=\"fence=off\"" in server.log(), "a line in the log")
        for status in threads(server.pid):
            tap.expect_equal((status["NoNewPrivs"], status["Seccomp"]), ("0", "0"), status["Name"])


def test_signal_without_the_fence():
    """A turnsignal that was built without a fence does not start with strict, and says so and does with auto"""
    if not is_sanitized():
        with Signal(*TURN) as server:
            tap.expect(" fenced: " in server.log(), "this one has it")
        return
    with Signal(*TURN) as server:
        tap.expect("not fenced: reason=" in server.log(), "a line in the log")
    result = subprocess.run([turnsignal(), "-n", "--signaling-ip=127.0.0.1", "--signaling-plain-port=1",
                             "--signaling-control-socket=off", "--fence=strict"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=20, check=False)
    tap.expect_equal(result.returncode, 1, "exit code")
    tap.expect(b"fence=strict: this server was built with a sanitizer" in result.stderr, result.stderr)


def test_signal_connects():
    """With fence=strict turnsignal looks up a name, connects, and keeps events in its spool"""
    need_fence()
    with Receiver() as receiver, FiledSignal(*webhook(receiver)) as server:
        expect_fenced(server)
        for tls in (False, True):
            with hello(server, "tea", tls)[0]:
                receiver.wait_taken(1 + tls)
        tap.expect(os.path.getsize(server.folder + "/spool/events.db") > 0, "a spool")
    tap.expect(not os.path.exists(server.control_socket), "no socket is left")


def test_signal_certificate():
    """With fence=strict turnsignal serves a certificate that was renewed"""
    need_fence()
    with FiledSignal() as server:
        before = ssl.get_server_certificate(server.tls_address)
        server.renew("renewed")
        tap.wait_until(lambda: ssl.get_server_certificate(server.tls_address) != before, "another certificate")


def test_signal_files():
    """With fence=strict turnsignal reads files that were replaced, follows its store, and opens its log anew"""
    need_fence()
    with FiledSignal() as server:
        server.put("site/www/index.html", "second")
        server.put("keys/jwks.json", key_set("second"))
        server.write("stun-uri=stun:192.0.2.2:3478")
        tap.expect(server.ask("signal", "reload")["applied"], "a reload")
        tap.expect_equal(server.get("/"), (200, "second"), "a file of the web")
        log = server.folder + "/log/turnsignal.log"
        os.rename(log, log + ".1")
        os.kill(server.pid, signal.SIGHUP)
        tap.wait_until(lambda: os.path.exists(log), "a new log")
        admin = os.path.join(os.path.dirname(program()), "turnadmin")
        for words in (("tenant", "add", "acme"), ("token", "add", "backend", "--tenant", "acme")):
            key = subprocess.run([admin, *words, "--db", server.folder + "/db/turndb"], check=True,
                                 stdout=subprocess.PIPE).stdout.decode().strip()
        tap.expect_equal(server.get("/turn?service=turn&key=wrong")[0], 401, "a key of nobody's")
        tap.wait_until(lambda: server.get("/turn?service=turn&key=" + key)[0] == 200, "one of the store")
        tap.expect("error" not in server.log().lower(), server.log())
    tap.expect("stopped" in server.log(), "the last line in the new log")


def test_signal_outside():
    """What a reload of turnsignal names in a folder that was not known is refused with folder and what mends it"""
    need_fence()
    mend = "outside of the fence: restart the server"
    outside = tempfile.mkdtemp(prefix="turnstone-outside-")
    try:
        with FiledSignal() as server:
            for option in ("jwt-key-file", "jwks-file", "zone-networks", "geo-database"):
                path = os.path.join(outside, option)
                shutil.copy(make_certificate()[0], path)
                own = server.own
                server.own = [one for one in own if not one.startswith(option)]
                expect_told(server.refuse("%s=%s" % (option, path)), option, mend, "unlike " + outside)
                server.own = own
            server.write("log-file=" + outside + "/log")
            tap.expect_equal(server.admin("signal", "reload")[0], 0, "exit code")
            expect_told(server.log(), "log not reopened", "log-file %s/log" % outside, mend)
            server.write()
            shutil.copy(make_certificate("renewed")[0], outside + "/c.pem")
            os.symlink(outside + "/c.pem", server.cert + ".new")
            os.rename(server.cert + ".new", server.cert)
            tap.wait_until(lambda: "certificates not taken" in server.log(), "the link is followed")
            expect_told(server.log(), "cert " + server.cert, "unlike " + outside)
            os.rename(server.folder + "/site/www", server.folder + "/site/old")
            os.mkdir(server.folder + "/site/www")
            expect_told(server.refuse(), "www-root", mend)
            with hello(server, "tea")[0]:
                tap.expect_equal(server.get("/"), (200, "first"), "what was there before")
    finally:
        shutil.rmtree(outside, True)


# The control socket's folder

def in_private_run():
    tap.need_root()
    if tap.LIBC.unshare(CLONE_NEWNS) != 0:
        raise tap.Skip("needs mount namespaces")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)


def default_server(*options):
    server = Server(*options)
    server.arguments.remove("--control-socket=" + server.control_socket)
    server.control_socket = "/run/turnstone/turnserver.sock"
    return server


@tap.beside
def test_folder_of_another():
    """The default folder of a former user is given to this one, with the stale socket in it"""
    in_private_run()
    os.mkdir("/run/turnstone")
    os.chmod("/run/turnstone", 0o777)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind("/run/turnstone/turnserver.sock")
    for path in ("/run/turnstone", "/run/turnstone/turnserver.sock"):
        os.chown(path, 1234, 1234)
    with default_server("--proc-user=nobody") as server:
        status = os.stat("/run/turnstone")
        tap.expect_equal((status.st_uid, stat.S_IMODE(status.st_mode)), (NOBODY, 0o755), "folder")
        tap.expect_equal(os.stat(server.control_socket).st_uid, NOBODY, "the socket's owner")
        tap.expect_equal(server.admin("status")[0], 0, "it is asked")
    tap.expect(not os.path.exists(server.control_socket), "no file is left")


@tap.beside
def test_folder_that_others_write():
    """Who is not root does not trust a default folder that others may write to, and says so"""
    in_private_run()
    os.mkdir("/run/turnstone")
    os.chmod("/run/turnstone", 0o777)
    server = default_server()
    server.arguments.remove("--log-file=stdout")  # which is root's: standard error serves
    os.chown(server.folder, NOBODY, NOBODY)
    launch = server.set_limits

    def become_nobody():
        launch()
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    server.set_limits = become_nobody
    with server:
        tap.wait_until(lambda: " ready: " in server.log(), "a line in the log")
        tap.expect("no control socket: reason=" in server.log() and
                   "others may write to it" in server.log(), "a line in the log")
        server.serves()


@tap.beside
def test_file_of_another():
    """A stale socket that may not be removed is named with its owner"""
    in_private_run()
    folder = "/run/shared"
    os.mkdir(folder)
    os.chmod(folder, 0o1777)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(folder + "/s")
    code, text = start_and_fail("-n", "--no-auth", "--listening-ip=127.0.0.1", "--no-tls", "--no-dtls",
                                "--control-socket=%s/s" % folder, user=NOBODY)
    tap.expect(code == 1 and "it is of user 0" in text, text)


if __name__ == "__main__":
    tap.main()
