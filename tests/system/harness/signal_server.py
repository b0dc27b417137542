"""A turnsignal under test: started on free ports in a private folder, awaited by /readyz, stopped by its pid."""
import http.client
import os
import signal
import ssl
import subprocess
import time

from . import tap
from .server import Folder, Server, free_ports, is_sanitized, make_certificate, program
from .websocket import WebSocket


def turnsignal():
    path = os.path.join(os.path.dirname(program()), "turnsignal")
    if not os.access(path, os.X_OK):
        raise tap.Skip("needs turnsignal: it was not built")
    return path


class Signal(Server):
    """with Signal("--option=value", ...) as server: ...

    folder, userdb: of another that was before, to go on with what it left."""

    # pylint: disable=super-init-not-called
    def __init__(self, *options, tls=True, store=False, folder=None, ports=None):
        Server.count += 1
        self.folder = folder or os.path.join(Folder.get(), "signal%d" % Server.count)
        os.makedirs(self.folder, exist_ok=True)
        self.ips, self.namespace, self.files = ("127.0.0.1",), None, 65536
        self.port, self.tls_port = ports or free_ports(2)
        self.process = None
        self.sanitized = is_sanitized()
        self.control_socket = os.path.join(self.folder, "control")
        self.arguments = ["-n", "--signaling-ip=127.0.0.1", "--log-file=stdout",
                          "--signaling-plain-port=%d" % self.port,
                          "--signaling-threads=2", "--signaling-control-socket=" + self.control_socket]
        if tls:
            cert, key = make_certificate()
            self.arguments += ["--signaling-port=%d" % self.tls_port, "--cert=" + cert, "--pkey=" + key]
        if store:
            self.arguments += ["--userdb=" + os.path.join(self.folder, "turndb")]
        self.arguments += options

    def launch(self):
        command = [turnsignal()] + self.arguments
        environment = dict(os.environ)
        for sanitizer in ("ASAN", "UBSAN", "TSAN", "LSAN"):
            environment[sanitizer + "_OPTIONS"] = "%s:log_path=%s/report:exitcode=99" % (
                environment.get(sanitizer + "_OPTIONS", ""), self.folder)
        with open(self.folder + "/stdout", "wb") as out, open(self.folder + "/stderr", "wb") as err:
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=out,
                                            stderr=err, stdin=subprocess.DEVNULL,
                                            preexec_fn=self.set_limits)

    def answers(self):
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            time.sleep(0.01)
            return False

    def stop(self, seconds=20):
        """A clean end: SIGINT, which waits for nobody."""
        if self.process.poll() is not None:
            self.check_reports()
            raise tap.Failure("the server ended by itself with %d" % self.process.returncode)
        self.process.send_signal(signal.SIGINT)
        code = self.wait(seconds)
        self.check_reports()
        tap.expect_equal(code, 0, "exit code on SIGINT")

    def request(self, method, path, body=None, headers=None, tls=False):
        """(status, headers, body)"""
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = http.client.HTTPSConnection("127.0.0.1", self.tls_port, timeout=10,
                                                     context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read().decode()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from None
        finally:
            connection.close()

    def get(self, path, tls=False):
        """(status, body)"""
        status, _headers, body = self.request("GET", path, tls=tls)
        return status, body

    def connect(self, path, tls=False, **how):
        return WebSocket(self.tls_address if tls else self.address, path, tls, **how)


class Configured(Signal):
    """One that lets anybody in, and whose further options are in a file that can change."""

    def __init__(self, *options):
        super().__init__("--signaling-anybody=yes")
        self.arguments.remove("-n")
        self.arguments = ["-c", os.path.join(self.folder, "turnsignal.conf")] + self.arguments
        self.write(*options)

    def write(self, *options):
        with open(os.path.join(self.folder, "turnsignal.conf"), "w", encoding="ascii") as file:
            file.write("".join(option.lstrip("-") + "\n" for option in options))

    def reload(self, *options):
        """The names of options that changed, and of those that need a restart."""
        self.write(*options)
        told = self.ask("reload")
        return tuple(sorted(change["name"] for change in told[which]) for which in ("changed", "restart"))


def join(server, room):
    """A client of the channelling dialect that is in a room."""
    one = server.connect("/ws")
    one.receive()
    one.send({"Type": "Hello", "Hello": {"Name": room}, "Iid": "1"})
    one.receive_until(lambda message: message.get("Iid") == "1", "an answer")
    return one
