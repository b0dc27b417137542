"""A server under test: started with given options on free ports in a private folder, awaited by its
first Binding answer, stopped by its pid. It fails the test when it leaves a core or a sanitizer's
report, or does not exit with 0.

SERVER names the program; without it, it is turnserver in BUILD, the build folder (or the current
one). SERVER=/usr/bin/turnserver runs the tests against an installed coturn."""
import atexit
import glob
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import tap
from .client import Client

REALM, USER, PASSWORD = "example.org", "u", "p"


def program():
    path = os.environ.get("SERVER") or os.path.join(os.environ.get("BUILD", "."), "turnserver")
    return os.path.abspath(path)


def version():
    result = subprocess.run([program(), "--version"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, timeout=10, check=False)
    return result.stdout.decode(errors="replace").strip()


def is_coturn():
    return version().startswith("4.")


def is_sanitized():
    """Sanitizers keep freed memory and slow the server down: bounds on both are wider then."""
    with open(program(), "rb") as file:
        image = file.read()
    return b"__asan_init" in image or b"__tsan_init" in image



def free_ports(count, ip="127.0.0.1"):
    """Ports that are free for UDP and TCP; held all at once, so that they differ. They are even, and none that the kernel
    gives to clients: what listens on them may be opened again later, and the port behind each with it."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    held, ports = [], []
    while len(ports) < count:
        udp = socket.socket(family, socket.SOCK_DGRAM)
        tcp = socket.socket(family, socket.SOCK_STREAM)
        held += [udp, tcp]
        port = random.randrange(10000, 20000, 2)
        try:
            udp.bind((ip, port))
            tcp.bind((ip, port))
        except OSError:
            continue
        ports.append(port)
    for one in held:
        one.close()
    return ports


class Folder:
    """A temporary folder that goes with the process; KEEP=1 keeps it."""
    path = None

    @classmethod
    def get(cls):
        if cls.path is None:
            cls.path = tempfile.mkdtemp(prefix="turnstone-test-")
            os.chmod(cls.path, 0o755)
            if not os.environ.get("KEEP"):
                atexit.register(shutil.rmtree, cls.path, True)
        return cls.path


def write_file(name, text):
    path = os.path.join(Folder.get(), name)
    with open(path, "w") as file:
        file.write(text)
    return path


def make_certificate(name="turn"):
    """A self-signed certificate and its key: two paths."""
    folder = Folder.get()
    cert, key = (os.path.join(folder, name + end) for end in (".crt", ".key"))
    if not os.path.exists(cert):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=turn.example",
             "-addext", "subjectAltName=DNS:turn.example,DNS:localhost,IP:127.0.0.1",
             "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    return cert, key


class Server:
    """with Server("--option=value", ...) as server: ...

    ips: where to listen and relay; tls: serve TLS and DTLS with a certificate of its own;
    credentials: False leaves all of authentication to the options; namespace: where to run."""
    count = 0
    program = None  # another than the server under test

    def __init__(self, *options, ips=("127.0.0.1",), relay_ips=None, tls=False, credentials=True,
                 namespace=None, files=65536, ports=None):
        Server.count += 1
        self.folder = os.path.join(Folder.get(), "server%d" % Server.count)
        os.mkdir(self.folder)
        self.ips, self.namespace, self.files = ips, namespace, files
        self.port, self.tls_port = ports or free_ports(2)
        self.process = None
        self.sanitized = is_sanitized()
        self.arguments = ["-n", "--listening-port=%d" % self.port,
                          "--tls-listening-port=%d" % self.tls_port, "--log-file=stdout"]
        self.arguments += ["--listening-ip=%s" % ip for ip in ips]
        self.arguments += ["--relay-ip=%s" % ip for ip in relay_ips or ips]
        self.arguments += self.transport_options(tls)
        if credentials:
            self.arguments += ["--lt-cred-mech", "--user=%s:%s" % (USER, PASSWORD),
                               "--realm=%s" % REALM]
        self.control_socket = os.path.join(self.folder, "control")
        if is_coturn():
            self.arguments += ["--no-cli", "--pidfile=%s/pid" % self.folder, "--simple-log"]
        else:
            self.arguments += ["--control-socket=" + self.control_socket]
        self.arguments += options

    @staticmethod
    def transport_options(tls):
        if not tls:
            return ["--no-tls", "--no-dtls"]
        cert, key = make_certificate()
        return ["--cert=" + cert, "--pkey=" + key] + ([] if is_coturn() else ["--dtls"])

    @property
    def address(self):
        return (self.ips[0], self.port)

    @property
    def tls_address(self):
        return (self.ips[0], self.tls_port)

    def __enter__(self):
        self.launch()
        try:
            self.wait_until_ready()
        except BaseException:
            self.kill()
            tap.diagnose(self.last_words())
            raise
        return self

    def __exit__(self, kind, _value, _trace):
        if kind is not None:
            tap.diagnose(self.last_words())
            self.kill()
            self.check_reports(quiet=True)
        elif self.process is not None:
            self.stop()

    # Start

    def launch(self):
        environment = dict(os.environ)
        for sanitizer in ("ASAN", "UBSAN", "TSAN", "LSAN"):
            given = environment.get(sanitizer + "_OPTIONS", "")
            environment[sanitizer + "_OPTIONS"] = "%s:log_path=%s/report:exitcode=99" % (
                given, self.folder)
        # Freed memory that is kept looks like a leak to the tests that watch the resident size.
        environment["ASAN_OPTIONS"] += ":quarantine_size_mb=4"
        command = [self.program or program()] + self.arguments
        if self.namespace:
            command = ["ip", "netns", "exec", self.namespace.name] + command
        with open(self.folder + "/stdout", "wb") as out, open(self.folder + "/stderr", "wb") as err:
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=out,
                                            stderr=err, stdin=subprocess.DEVNULL,
                                            preexec_fn=self.set_limits)

    def set_limits(self):
        hard = max(self.files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, hard))
        except (ValueError, OSError):
            pass
        core = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (core, core))

    def wait_until_ready(self):
        deadline = time.monotonic() + (60 if self.sanitized else 20)
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise tap.Failure("the server ended at its start with %d: %s" % (
                    self.process.returncode, self.log()[-600:]))
            if self.answers() and self.says_ready():
                return
        raise tap.Failure("the server answers no Binding request")

    def says_ready(self):
        """Clients are answered before the pidfile and the control socket are there."""
        logs = [option for option in self.arguments if option.startswith("--log-file")]
        return is_coturn() or logs[-1:] != ["--log-file=stdout"] or " ready: " in self.log()

    def answers(self):
        """One Binding request over the first transport that is served."""
        transport = "tcp" if "--no-udp" in self.arguments else "udp"
        try:
            with self.entered():
                client = Client(self.address, transport)
            with client:
                return client.binding(timeout=0.1) is not None
        except OSError:
            time.sleep(0.01)
            return False

    def entered(self):
        from .network import inside
        return inside(self.namespace)

    # End

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def wait(self, seconds):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise tap.Failure("the server did not end within %g s" % seconds) from None

    def stop(self, seconds=20):
        if self.process.poll() is not None:
            tap.diagnose(self.last_words())
            self.check_reports()
            raise tap.Failure("the server ended by itself with %d" % self.process.returncode)
        self.process.send_signal(signal.SIGTERM)
        code = self.wait(seconds)
        self.check_reports()
        # coturn 4.6 leaves the signal to its default action.
        tap.expect_in(code, (0, -signal.SIGTERM) if is_coturn() else (0,), "exit code on SIGTERM")

    def end(self, number, seconds):
        """Sends a signal that ends the server within seconds; its exit code."""
        self.process.send_signal(number)
        code = self.wait(seconds)
        self.process = None
        self.check_reports()
        return code

    def check_reports(self, quiet=False):
        left = glob.glob(self.folder + "/report*") + glob.glob(self.folder + "/core*")
        for path in left:
            if "/core" not in path:
                with open(path, errors="replace") as file:
                    tap.diagnose(file.read()[:6000])
        if left and not quiet:
            raise tap.Failure("the server left " + ", ".join(map(os.path.basename, left)))

    # What can be seen of it

    def read(self, name):
        try:
            with open(os.path.join(self.folder, name), errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def log(self):
        return self.read("stdout") + self.read("stderr")

    def last_words(self):
        lines = [line[:300] for line in self.log().splitlines()[-12:]]
        return "\n".join(["the server's last words:"] + lines)

    def admin(self, *words, user=None):
        """Asks the server with turnadmin, as another user if told: (exit code, output, problem)."""
        path = os.path.join(os.path.dirname(program()), "turnadmin")
        result = subprocess.run([path, "--control-socket", self.control_socket, *words],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=30, check=False,
                                preexec_fn=(lambda: os.setuid(user)) if user else None)
        return result.returncode, result.stdout.decode(), result.stderr.decode()

    def ask(self, *words):
        """What turnadmin --json says; fails when it has a problem."""
        code, out, problem = self.admin(*words, "--json")
        tap.expect_equal((code, problem), (0, ""), "turnadmin " + " ".join(words))
        return json.loads(out)

    @property
    def pid(self):
        return self.process.pid

    def rss_kb(self):
        with open("/proc/%d/status" % self.pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def open_files(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def cpu_s(self):
        with open("/proc/%d/stat" % self.pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def client(self, transport="udp", **how):
        return Client(self.address, transport, **how)

    def serves(self):
        """Fails unless the server still answers and still relays."""
        with self.client() as client:
            tap.expect(client.binding(), "a Binding answer afterwards")
            client.allocate()
            client.refresh(0)


def start_and_fail(*options, seconds=5, user=None, prepare=None):
    """Starts the server, as another user or prepared if told, with options that it must refuse: (exit
    code, its stderr)."""
    Server.count += 1
    folder = os.path.join(Folder.get(), "server%d" % Server.count)
    os.mkdir(folder)
    process = subprocess.Popen([program(), *options], cwd=folder, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                               preexec_fn=(lambda: os.setuid(user)) if user else prepare)
    try:
        _out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise tap.Failure("the start with %s was not refused within %d s" % (
            " ".join(options), seconds)) from None
    return process.returncode, err.decode(errors="replace")
