#!/usr/bin/env python3
"""Events out: a broker and web servers that stop, block, refuse, hang and die while facts flow, and a program that does. Nothing is
lost, nothing comes twice without a mark, each room's facts come in order."""
import collections
import hashlib
import hmac
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time

from harness import tap
from harness.rabbitmq import RabbitMQ, build_path
from harness.server import Folder, free_ports, make_certificate, write_file
from harness.signal_server import Configured, join

SECRET = "the secret of webhooks"


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Source:
    """put_facts: ROOMS rooms, FACTS facts, RATE a second. A second one with the same spool goes on where it stopped."""

    def __init__(self, spool, rooms, facts, rate, *options):
        program = build_path("tests/system/put_facts")
        if not os.access(program, os.X_OK):
            raise tap.Skip("needs a build with turnsignal")
        self.log_path = spool + ".log"
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [program, str(rooms), str(facts), str(rate), "--event-spool=" + spool, *options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.kept, self.has_put, self.refused = 0, None, 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def read(self):
        for line in self.process.stdout:
            words = line.split()
            if words[0] == b"kept":
                self.kept = int(words[1])
            else:
                self.has_put, self.refused = int(words[1]), int(words[3])

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def wait_kept(self, count):
        tap.wait_until(lambda: self.kept >= count, "%d facts on disk: %d are" % (count, self.kept), 30)

    def hold(self):
        """No more facts; returns how many there were, all of them on disk."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        tap.wait_until(lambda: self.has_put is not None, "the end of facts", 20)
        self.wait_kept(self.has_put)
        return self.has_put

    def stop(self):
        """Lets it send what is left, for three seconds at most."""
        self.process.stdin.close()
        tap.expect_equal(self.process.wait(20), 0, "put_facts ends: " + self.log()[-500:])
        self.reader.join()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join()


def spool(name):
    return os.path.join(Folder.get(), name + ".spool")


def missing(rows, rooms, wanted):
    seen = {row[:2] for row in rows}
    return [n for n in range(wanted) if ("room %d" % (n % rooms), n // rooms + 1) not in seen]


def check(rows, rooms, wanted):
    """rows: (room, sequence, marked), as they came. All of wanted are there, in order, and again only with a mark."""
    last, seen, repeated = collections.Counter(), set(), 0
    for room, sequence, marked in rows:
        tap.expect(sequence <= last[room] + 1, "%s: %d after %d" % (room, sequence, last[room]))
        if (room, sequence) in seen:
            repeated += 1
            tap.expect(marked, "%s: %d came twice, and is not marked" % (room, sequence))
        seen.add((room, sequence))
        last[room] = max(last[room], sequence)
    lost = missing(rows, rooms, wanted)
    tap.expect(not lost, "%d of %d are lost: %s" % (len(lost), wanted, lost[:10]))
    return repeated


def of_queue(rows):
    return [(json.loads(body)["roomId"], int(name.split("/")[-2]), mark == "1") for _key, name, mark, body in rows]


class Flow:
    """A queue that is read again and again until it has all."""

    def __init__(self, broker):
        self.broker, self.rows = broker, []

    def read(self):
        self.rows += self.broker.queue("read")
        return self.rows

    def wait_all(self, wanted, seconds=30):
        def have_all():
            return len({row[1] for row in self.read()}) >= wanted
        tap.wait_until(have_all, "%d facts; %d came" % (wanted, len({row[1] for row in self.rows})), seconds)


@tap.limit_s(90)
def test_of_turnsignal():
    """turnsignal tells a webhook who comes into a room, each with its number"""
    server, load = build_path("turnsignal"), build_path("tests/bench/signaling_load")
    if not (os.access(server, os.X_OK) and os.access(load, os.X_OK)):
        raise tap.Skip("needs a build with turnsignal")
    port, path = free_ports(1)[0], spool("turnsignal")
    with Receiver() as receiver, open(path + ".log", "w") as log:
        config = write_file("events.conf", "\n".join(option.lstrip("-") for option in (
            "signaling-ip=127.0.0.1", "signaling-port=0", "signaling-plain-port=%d" % port, "signaling-anybody=yes",
            "signaling-control-socket=off", "signaling-drain-timeout=1", "event-spool=" + path, *webhook(receiver))) + "\n")
        process = subprocess.Popen([server, "-c", config], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            tap.wait_until(lambda: answers(port), "turnsignal", 20)
            done = subprocess.run([load, "--port", str(port), "--pid", str(process.pid), "--dialect", "rpc", "--mode", "join",
                                   "--clients", "3", "--rate", "1", "--seconds", "1", "--room", "4"],
                                  capture_output=True, timeout=30, check=False)
            tap.expect_equal(done.returncode, 0, done.stderr)
            receiver.wait_taken(4)
            facts = [fact for fact in receiver.facts if fact["event"] == "room.join"]
            tap.expect_equal([fact["sequence"] for fact in facts], [1, 2, 3, 4], "numbers")
            tap.expect_equal([fact["data"]["roomSize"] for fact in facts], [1, 2, 3, 4], "sizes of the room")
            tap.expect_equal({(fact["tenant"], fact["room"], fact["data"]["roomId"]) for fact in facts},
                             {("default", "room0", "room0")}, "the room")
            process.terminate()
            tap.expect_equal(process.wait(20), 0, "turnsignal ends")
        finally:
            process.kill()
            process.wait()


@tap.limit_s(150)
def test_broker_restarts():
    """A broker that is stopped, started, and killed while facts flow; then all is there"""
    rooms, facts = 7, 4200
    with RabbitMQ() as broker:
        broker.queue("bind")
        with Source(spool("restarts"), rooms, facts, 300, "--amqp-url=" + broker.url) as source:
            source.wait_kept(600)
            broker.stop()
            source.wait_kept(1500)
            broker.start()
            source.wait_kept(2700)
            broker.kill()
            broker.start()
            source.wait_kept(facts)
            flow = Flow(broker)
            flow.wait_all(facts)
            repeated = check(of_queue(flow.rows), rooms, facts)
            tap.diagnose("%d facts, %d of them came again, with a mark" % (facts, repeated))
            keys = {row[0] for row in flow.rows}
            tap.expect_equal(keys, {"room.join", "room.leave"}, "routing keys")
            tap.expect("guest:guest" not in source.log(), "no password in the log")
            source.stop()
            tap.expect_equal(flow.broker.queue("read"), [], "nothing comes after all was confirmed")


@tap.limit_s(120)
def test_program_dies():
    """The program is killed with -9 again and again while facts flow; what it had taken comes"""
    rooms, facts, rounds = 5, 6000, 4
    path, kept = spool("dies"), 0
    with RabbitMQ() as broker:
        broker.queue("bind")
        flow = Flow(broker)
        for number in range(rounds):
            with Source(path, rooms, facts, 1500, "--amqp-url=" + broker.url) as source:
                source.wait_kept(1 + 700 * number)
                source.kill()
                kept = source.kept
            with Source(path, rooms, 0, 0, "--amqp-url=" + broker.url) as rest:
                before = {row[1] for row in flow.rows}
                tap.wait_until(lambda: len({row[1] for row in flow.read()} - before) >= kept,
                               "%d facts of round %d" % (kept, number), 30)
                rest.stop()
            rows = [row for row in flow.read() if row[1] not in before]
            again = check(of_queue(rows), rooms, kept)
            tap.diagnose("killed after %d facts: %d came, %d again" % (kept, len(rows), again))


@tap.limit_s(120)
def test_broker_changes():
    """turnsignal is given another exchange, and the first again, while people come: no event is lost, none comes twice without a mark"""
    def options(*more):
        return ("event-spool=" + spool("changes"), *more)

    with RabbitMQ() as broker, Configured(*options()) as server:
        first, other = (options("amqp-url=" + broker.url, "amqp-exchange=" + name) for name in ("live_events", "others"))
        tap.expect_equal(server.reload(*first), (["amqp-url"], []), "a broker")
        tap.wait_until(lambda: server.log().count("event broker connected") == 1, "a connection")
        broker.queue("bind")
        broker.queue("bind", "p", "others")
        clients, ended = [], threading.Event()

        def come():
            while not ended.is_set():
                clients.append(join(server, "tea"))

        thread = threading.Thread(target=come)
        thread.start()
        for number, which in enumerate((other, first, other, first)):
            tap.wait_until(lambda wanted=10 * number + 10: len(clients) >= wanted, "people")
            tap.expect_equal(server.reload(*which), (["amqp-exchange"], []), "another exchange")
        tap.wait_until(lambda: len(clients) >= 60, "people")
        ended.set()
        thread.join()
        rows = []

        def have_all():
            rows.extend(broker.queue("read") + broker.queue("read", "p", "others"))
            return len({name for _key, name, _mark, _body in rows}) >= len(clients)

        tap.wait_until(have_all, "%d events: %d came" % (len(clients), len(rows)), 30)
        seen = collections.Counter()
        for _key, name, mark, _body in rows:
            seen[name] += 1
            tap.expect(seen[name] == 1 or mark == "1" or any(row[1] == name and row[2] == "1" for row in rows),
                       name + " came twice, and is not marked")
        tap.expect_equal({int(name.split("/")[-2]) for name in seen}, set(range(1, len(clients) + 1)), "numbers")
        counters = server.ask("counters")["counters"]
        tap.expect_equal((counters["events_amqp_lost"], counters["events_amqp_waiting_now"]), (0, 0), "nothing is lost")
        for client in clients:
            client.socket.close()


@tap.limit_s(120)
def test_broker_blocks():
    """A broker whose memory is full blocks publishers: they wait, and go on"""
    rooms = 3
    with RabbitMQ() as broker:
        broker.queue("bind")
        with Source(spool("blocks"), rooms, 1000000, 100, "--amqp-url=" + broker.url) as source:
            source.wait_kept(100)
            broker.control("set_vm_memory_high_watermark", "absolute", "1MB")
            tap.wait_until(lambda: "event broker takes nothing" in source.log(), "connection.blocked", 20)
            source.wait_kept(source.kept + 300)
            broker.control("set_vm_memory_high_watermark", "0.6")
            facts = source.hold()
            flow = Flow(broker)
            flow.wait_all(facts)
            repeated = check(of_queue(flow.rows), rooms, facts)
            tap.expect_equal(repeated, 0, "the connection was kept, so nothing came again")
            tap.expect("event broker takes events again" in source.log(), "connection.unblocked")
            source.stop()


@tap.limit_s(90)
def test_broker_over_tls():
    """TLS to the broker; one whose certificate nobody vouches for gets nothing"""
    with RabbitMQ() as broker:
        broker.queue("bind")
        path = spool("tls")
        with Source(path, 2, 100, 0, "--amqp-url=" + broker.tls_url) as source:
            tap.wait_until(lambda: "event broker not reached" in source.log(), "the refusal")
            source.wait_kept(100)
            source.kill()
        tap.expect_equal(broker.queue("read"), [], "nothing came")
        with Source(path, 2, 0, 0, "--amqp-url=" + broker.tls_url, "--event-ca-file=" + make_certificate()[0]) as source:
            flow = Flow(broker)
            flow.wait_all(100)
            check(of_queue(flow.rows), 2, 100)
            source.stop()


class Receiver:
    """A web server. answer(number, room): a status, or None to say nothing until it is stopped."""

    def __init__(self, answer=lambda number, room: 200, port=0, tls=False):
        self.answer, self.rows, self.taken, self.facts, self.errors = answer, [], [], [], []
        self.lock, self.running, self.most = threading.Lock(), 0, 0
        self.busy = collections.Counter()
        self.ended = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.handle(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*make_certificate())
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = "http%s://localhost:%d/in?x=1" % ("s" if tls else "", self.port)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.check_signature(request.headers["Turnstone-Signature"], body)
        fact = json.loads(body)
        room = fact["room"]
        with self.lock:
            number = len(self.rows)
            self.rows.append((room, fact["sequence"], fact["redelivered"]))
            self.running, self.most = self.running + 1, max(self.most, self.running + 1)
            self.busy[room] += 1
            if self.busy[room] > 1:
                self.errors.append("two of %s at one time" % room)
        if fact["id"] != request.headers["Idempotency-Key"] or request.path != "/in?x=1":
            self.errors.append("Idempotency-Key or path")
        if fact["redelivered"] != (request.headers.get("Turnstone-Redelivered") == "true"):
            self.errors.append("Turnstone-Redelivered")
        status = self.answer(number, room)
        with self.lock:
            self.running -= 1
            self.busy[room] -= 1
            if status == 200:
                self.facts.append(fact)
                self.taken.append((room, fact["sequence"], fact["redelivered"]))
        if status is None:
            self.ended.wait(30)
            return
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def check_signature(self, signature, body):
        stamp, macs = re.match(r"t=(\d+)((?:,v1=[0-9a-f]{64})+)$", signature).groups()
        mac = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        if mac not in macs or abs(time.time() - int(stamp)) > 60:
            self.errors.append("signature")

    def wait_taken(self, count, seconds=40):
        tap.wait_until(lambda: len(set(row[:2] for row in self.taken)) >= count,
                       "%d facts taken: %d are" % (count, len(self.taken)), seconds)
        tap.expect_equal(self.errors, [], "errors")


def webhook(receiver, *options):
    return ("--webhook-url=" + receiver.url, "--webhook-secret=" + SECRET, *options)


def test_webhook():
    """Each fact is posted, signed, in order; rooms side by side, at most eight"""
    def slowly(_number, _room):
        time.sleep(0.01)
        return 200
    with Receiver(slowly) as receiver, Source(spool("hook"), 20, 400, 0, *webhook(receiver, "--webhook-secret=next")) as source:
        receiver.wait_taken(400)
        tap.expect_equal(check(receiver.taken, 20, 400), 0, "nothing came twice")
        tap.expect(2 <= receiver.most <= 8, "at one time: %d" % receiver.most)
        source.stop()
        tap.expect(SECRET not in source.log(), "no secret in the log")


def test_webhook_fails():
    """A webhook that fails for one room holds that one up, and no other"""
    state = {"fails": True}

    def answer(number, room):
        if room == "room 3" and state["fails"]:
            return 500
        return 503 if number % 50 == 7 else 200
    with Receiver(answer) as receiver, Source(spool("fails"), 10, 300, 0, *webhook(receiver)) as source:
        others = lambda: sum(row[0] != "room 3" for row in receiver.taken)
        tap.wait_until(lambda: others() >= 270, "the other rooms", 40)
        tap.expect("room 3" not in [row[0] for row in receiver.taken], "room 3 waits")
        state["fails"] = False
        receiver.wait_taken(300)
        check(receiver.taken, 10, 300)
        tap.expect(all(marked for room, sequence, marked in receiver.taken if (room, sequence) == ("room 3", 1)),
                   "what was tried is marked")
        source.stop()


def test_webhook_goes_away():
    """A webhook that goes away gets all when it is back; and so it does when the program dies meanwhile"""
    path = spool("away")
    with Receiver() as receiver:
        with Source(path, 10, 3000, 300, *webhook(receiver)) as source:
            receiver.wait_taken(100)
            receiver.stop()
            source.wait_kept(1500)
            source.kill()
            kept = source.kept
        with Receiver(port=receiver.port) as back, Source(path, 10, 0, 0, *webhook(receiver)) as source:
            tap.wait_until(lambda: not missing(receiver.taken + back.taken, 10, kept), "all of them", 40)
            tap.expect_equal(back.errors, [], "errors")
            check(receiver.taken + back.taken, 10, kept)
            source.stop()


@tap.limit_s(90)
def test_webhook_hangs():
    """A webhook that never answers is left after its time, and asked again"""
    with Receiver(lambda number, room: None if number < 2 else 200) as receiver, \
            Source(spool("hangs"), 1, 5, 0, *webhook(receiver)) as source:
        receiver.wait_taken(5, 60)
        check(receiver.taken, 1, 5)
        source.stop()


def test_webhook_gives_up():
    """410 ends a webhook; what is too old is given up, and the next one is sent"""
    with Receiver(lambda number, room: 410) as gone, Receiver() as other, \
            Source(spool("gone"), 2, 50, 0, *webhook(gone), "--webhook-url=" + other.url) as source:
        other.wait_taken(50)
        tap.wait_until(lambda: "webhook is gone" in source.log(), "the end")
        source.stop()
        tap.expect(len(gone.rows) <= 2, "it was left alone: %d requests" % len(gone.rows))
    with Receiver(lambda number, room: 500 if number < 3 else 200) as old, \
            Source(spool("old"), 1, 2, 0, *webhook(old, "--webhook-give-up=2")) as source:
        tap.wait_until(lambda: (("room 0", 2) in [row[:2] for row in old.taken]) or "event given up" in source.log(),
                       "it is given up", 20)
        source.stop()


def test_webhook_over_tls():
    """HTTPS; a certificate that nobody vouches for gets nothing"""
    with Receiver(tls=True) as receiver:
        with Source(spool("https1"), 1, 5, 0, *webhook(receiver)) as source:
            tap.wait_until(lambda: "event not taken" in source.log(), "the refusal")
            tap.expect_equal(receiver.rows, [], "nothing came")
            source.kill()
        with Source(spool("https2"), 1, 5, 0, *webhook(receiver, "--event-ca-file=" + make_certificate()[0])) as source:
            receiver.wait_taken(5)
            source.stop()


def test_full():
    """A spool that is full refuses facts, counts and logs them, and what it has is not harmed"""
    with Receiver(lambda number, room: 503) as receiver:
        path = spool("full")
        with Source(path, 1, 3000, 0, *webhook(receiver, "--event-spool-size=100K")) as source:
            tap.wait_until(lambda: source.has_put is not None, "all were put")
            tap.expect(0 < source.refused < 3000, "%d were refused" % source.refused)
            kept = 3000 - source.refused
            source.wait_kept(kept)
            tap.expect_equal(source.log().count("event refused"), 1, "it is logged once")
            source.kill()
        receiver.answer = lambda number, room: 200
        with Source(path, 1, 0, 0, *webhook(receiver)) as source:
            receiver.wait_taken(kept)
            check(receiver.taken, 1, kept)
            source.stop()


if __name__ == "__main__":
    tap.main()
