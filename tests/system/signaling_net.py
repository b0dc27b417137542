#!/usr/bin/env python3
"""Worker threads over real sockets of the loopback device: HTTP, the upgrade, WebSocket, plain and by TLS, and clients that
do not behave. The server is signaling_echo.c: worker threads around a dialect of its own. TAP."""
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

ALONE = "its timers are of one second"
PROGRAM = os.path.join(os.environ.get("BUILD", "."), "tests", "system", "signaling_echo")
PATIENCE = 20
count = failures = 0


def ok(condition, name, detail=None):
    global count, failures
    count += 1
    print(f'{"ok" if condition else "not ok"} {count} - {name}')
    if not condition:
        failures += 1
        if detail is not None:
            print(f'# {detail!r}'[:2000])
    sys.stdout.flush()


def equal(got, want, name):
    ok(got == want, name, (got, 'instead of', want))


class Server:
    def __init__(self, *settings, limit=None):
        command = [PROGRAM, *settings]
        if limit is not None:
            command = ['sh', '-c', f'ulimit -n {limit}; exec "$0" "$@"', *command]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.ports = {}
        for line in self.process.stdout:
            if line == 'ready\n':
                break
            kind, port = line.split()
            self.ports[kind] = int(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = 'hangs'
        self.process.stdout.close()
        equal(status, 0, 'the server ends in order')

    def connect(self, tls=False, buffer=None):
        sock = socket.socket()
        sock.settimeout(PATIENCE)
        if buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.connect(('127.0.0.1', self.ports['tls' if tls else 'plain']))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not tls:
            return sock
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(['http/1.1'])
        return context.wrap_socket(sock)

    def http(self, request, tls=False):
        """The answer to one request, or to what is none."""
        with self.connect(tls) as sock:
            sock.sendall(request)
            return Answer(sock)

    def get(self, path, *headers, method='GET', body=b''):
        head = [f'{method} {path} HTTP/1.1', 'Host: localhost', *headers]
        if body:
            head.append(f'Content-Length: {len(body)}')
        return self.http('\r\n'.join(head).encode() + b'\r\n\r\n' + body)

    def counter(self, name):
        text = self.get('/counters').body.decode()
        return int(dict(line.split() for line in text.splitlines())[name])

    def wait_for(self, name, value):
        """Counters have no event to wait for; they are asked until the deadline."""
        deadline = time.monotonic() + PATIENCE
        got = self.counter(name)
        while got != value and time.monotonic() < deadline:
            got = self.counter(name)
        return got

    def websocket(self, path='/echo', tls=False, headers=(), buffer=None):
        return WebSocket(self.connect(tls, buffer), path, headers)


class Answer:
    def __init__(self, sock, rest=b'', has_body=True):
        data = rest
        while b'\r\n\r\n' not in data:
            more = receive(sock)
            if not more:
                break
            data += more
        head, _, body = data.partition(b'\r\n\r\n')
        lines = head.decode('latin-1').split('\r\n')
        self.status = int(lines[0].split()[1]) if data else 0
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(': ')
            self.headers[name.lower()] = value
        length = int(self.headers.get('content-length', 0)) if has_body else 0
        while len(body) < length:
            more = receive(sock)
            if not more:
                break
            body += more
        self.body, self.rest = body[:length], body[length:]


def receive(sock):
    try:
        return sock.recv(65536)
    except (ConnectionResetError, BrokenPipeError):
        return b''


def is_closed(sock):
    try:
        while receive(sock):
            pass
        return True
    except socket.timeout:
        return False


def upgrade(path, headers=()):
    return '\r\n'.join([f'GET {path} HTTP/1.1', 'Host: localhost', 'Upgrade: websocket',
                        'Connection: keep-alive, Upgrade', 'Sec-WebSocket-Version: 13',
                        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', *headers, '',
                        '']).encode()


def frame(opcode, data=b'', fin=True, mask=b'\x12\x34\x56\x78'):
    data = data.encode() if isinstance(data, str) else data
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(data) < 126:
        head += bytes([0x80 | len(data)])
    elif len(data) < 65536:
        head += b'\xfe' + struct.pack('!H', len(data))
    else:
        head += b'\xff' + struct.pack('!Q', len(data))
    repeated = mask * (len(data) // 4 + 1)
    masked = (int.from_bytes(data, 'big') ^
              int.from_bytes(repeated[:len(data)], 'big')).to_bytes(len(data), 'big')
    return head + mask + masked


class WebSocket:
    def __init__(self, sock, path, headers=()):
        self.sock = sock
        sock.sendall(upgrade(path, headers))
        self.answer = Answer(sock, has_body=False)
        self.data = self.answer.rest

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data, opcode=1):
        self.sock.sendall(frame(opcode, data))

    def take(self, size):
        while len(self.data) < size:
            more = receive(self.sock)
            if not more:
                raise EOFError
            self.data += more
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def receive(self):
        """(opcode, payload) of one frame, or (None, b'') at the end."""
        try:
            first, length = self.take(2)
            if length == 126:
                length, = struct.unpack('!H', self.take(2))
            elif length == 127:
                length, = struct.unpack('!Q', self.take(8))
            return first & 15, self.take(length)
        except EOFError:
            return None, b''

    def text(self):
        opcode, payload = self.receive()
        return payload.decode() if opcode == 1 else (opcode, payload)

    def close_code(self):
        """Of the Close that comes next, pings left aside."""
        while True:
            opcode, payload = self.receive()
            if opcode == 8:
                return struct.unpack('!H', payload[:2])[0] if payload else 1005
            if opcode is None:
                return None


def requests(server):
    answer = server.get('/describe?q=a%20b+c&q=2', 'User-Agent: tester')
    equal(answer.status, 200, 'a route answers')
    ok(b'"query":"a b c"' in answer.body and b'"agent":"tester"' in answer.body,
       'with the query decoded and headers found', answer.body)
    equal(answer.headers.get('access-control-allow-origin'), '*', 'other origins may read it')
    ok(b'"name":"a/b"' in server.get('/rooms/a%2Fb/participants').body,
       'a segment may hold a slash that was encoded')
    ok(b'"path":"/below/x"' in server.get('/below/../below/./y/..//x').body,
       'dots lead nowhere')
    equal(server.get('/../etc/passwd').status, 400, 'a path above the root is refused')
    equal(server.get('/below/%00').status, 400, 'so is one with a zero')
    equal(server.get('/below/%zz').status, 400, 'and one whose % is none')
    equal(server.get('/nothing').status, 404, 'nothing is there')
    answer = server.get('/put')
    equal((answer.status, answer.headers.get('allow')), (405, 'PUT, OPTIONS'),
          'another method is told which there are')
    answer = server.get('/describe', 'Origin: https://page', 'Access-Control-Request-Method: POST',
                        method='OPTIONS')
    equal((answer.status, answer.headers.get('access-control-allow-methods')),
          (204, 'GET, HEAD, POST, OPTIONS'), 'a page may ask first')
    with server.connect() as sock:
        sock.sendall(b'HEAD /describe HTTP/1.1\r\nHost: h\r\n\r\n')
        answer = Answer(sock, has_body=False)
        sock.sendall(b'GET /release HTTP/1.1\r\nHost: h\r\n\r\n')
        equal((answer.rest, Answer(sock).body), (b'', b'none'), 'HEAD has no body, and keeps alive')
    answer = server.get('/describe', 'Content-Type: application/x-www-form-urlencoded',
                        method='POST', body=b'x=1&f=%C3%BC')
    ok('"form":"ü"'.encode() in answer.body, 'a form is decoded', answer.body)
    equal(server.get('/echo').status, 426, 'a path of WebSocket asks for it')
    equal(server.get('/describe', method='BREW').status in (400, 501), True,
          'a method that nobody knows is refused')
    equal(server.get('/describe', method='PROPFIND').status, 501, 'so is one that others know')


def heads_and_bodies(server):
    equal(server.http(b'GET / HTTP/1.1\r\n\r\n').status, 400, 'a request without Host is refused')
    equal(server.http(b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n').status, 400,
          'and one with two')
    equal(server.http(b'GET /describe HTTP/1.0\r\n\r\n').headers.get('connection'), 'close',
          'HTTP/1.0 needs none, and ends the connection')
    equal(server.http(b'GET / HTTP/2.0\r\nHost: a\r\n\r\n').status, 505, 'no other version')
    equal(server.http(b'\x16\x03\x01\x02\x00\x01').status, 400, 'TLS on the plain port is refused')
    equal(server.http(b'GET / HTTP/1.1\r\nHost: h\r\nX: ' + b'x' * 17000).status, 431,
          'a head above 16 KB')
    equal(server.http(b'GET / HTTP/1.1\r\nHost: h\r\n' + b'a: b\r\n' * 120 + b'\r\n').status, 431,
          'and one of too many headers')
    equal(server.http(b'GET /' + b'x' * 17000 + b' HTTP/1.1\r\nHost: h\r\n\r\n').status, 431,
          'and a path that long')
    head = b'POST /describe HTTP/1.1\r\nHost: h\r\n'
    equal(server.http(head + b'Content-Length: 262145\r\n\r\n').status, 413,
          'a body above 256 KB is refused before it comes')
    ok(b'"body":262144' in server.http(head + b'Content-Length: 262144\r\n\r\n' +
                                       b'b' * 262144).body, 'one of 256 KB is taken')
    equal(server.http(head + b'Transfer-Encoding: chunked\r\n\r\n' +
                      b'20000\r\n' + b'c' * 0x20000 + b'\r\n' +
                      b'20001\r\n' + b'c' * 0x20001 + b'\r\n0\r\n\r\n').status, 413,
          'so is one in chunks')
    ok(b'"body":7' in server.http(head + b'Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n'
                                  b'4\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n').body,
       'chunks are put together')
    equal(server.http(head + b'Transfer-Encoding: gzip, chunked\r\n\r\n').status, 501,
          'no other coding is known')
    equal(server.http(head + b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n').status,
          400, 'a body of two lengths is refused')
    equal(server.http(head + b'Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd').status, 400,
          'and one of two Content-Lengths')
    equal(server.http(head + b'Content-Length: -1\r\n\r\n').status, 400, 'and a negative one')
    with server.connect() as sock:
        sock.sendall(head + b'Content-Length: 4\r\nExpect: 100-continue\r\n\r\n')
        equal(sock.recv(100), b'HTTP/1.1 100 Continue\r\n\r\n', 'who waits for 100 gets it')
        sock.sendall(b'body')
        ok(b'"body":4' in Answer(sock).body, 'and then the answer')
    equal(server.http(head + b'Expect: miracles\r\n\r\n').status, 417, 'nothing else is expected')


def order(server):
    with server.connect() as sock:
        sock.sendall(b''.join(f'GET /describe?q={i} HTTP/1.1\r\nHost: h\r\n\r\n'.encode()
                              for i in range(500)))
        rest, answers = b'', []
        for _ in range(500):
            answer = Answer(sock, rest)
            rest = answer.rest
            answers.append(answer.body)
        ok(all(f'"query":"{i}"'.encode() in body for i, body in enumerate(answers)),
           '500 requests in one go are answered in order')
    with server.connect() as sock:
        for octet in b'GET /describe HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n':
            sock.send(bytes([octet]))
        equal(Answer(sock).status, 200, 'a request octet by octet')
        ok(is_closed(sock), 'which asked for a close gets it')


def one_thread(server):
    """Requests that are answered by each other's need one thread."""
    with server.connect() as parked, server.connect() as other:
        parked.sendall(b'GET /park HTTP/1.1\r\nHost: h\r\n\r\n'
                       b'GET /describe?q=behind HTTP/1.1\r\nHost: h\r\n\r\n')
        answer = b'none'
        while answer == b'none':
            other.sendall(b'GET /release HTTP/1.1\r\nHost: h\r\n\r\n')
            answer = Answer(other).body
        first = Answer(parked)
        second = Answer(parked, first.rest)
        equal(first.body, b'released', 'a request is answered later')
        ok(b'"query":"behind"' in second.body, 'and what was sent behind it after it')
    with server.connect() as parked:
        parked.sendall(b'GET /park HTTP/1.1\r\nHost: h\r\n\r\n')
        now = server.counter('connections_now')
        parked.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        equal(now, 2, 'another request is parked')
    answer = b'none'
    while answer == b'none':
        answer = server.get('/release').body
    equal(answer, b'one', 'it is answered although nobody waits any more')
    server.connect().sendall(b'GET /park HTTP/1.1\r\nHost: h\r\n\r\n')


def identity(server):
    for name, headers, path in (('a Bearer token', ['Authorization: bearer  good'], ''),
                                ('an API key', ['Authorization: ApiKey good'], ''),
                                ('X-API-Key', ['X-API-Key: good'], ''),
                                ('token=', [], '?token=good'), ('jwt=', [], '?jwt=good'),
                                ('access_token=', [], '?access_token=good'),
                                ('key=', [], '?key=good')):
        equal(server.get('/identify' + path, *headers).body, b'someone', f'{name} proves who asks')
    answer = server.get('/identify', 'Authorization: Bearer bad')
    equal((answer.status, answer.headers.get('www-authenticate')), (401, 'Bearer'),
          'a proof that does not hold is refused')
    equal(server.get('/identify').status, 200, 'without any it is anybody')


def upgrades(server, tls):
    kind = 'TLS' if tls else 'plain'
    with server.websocket(tls=tls, headers=['Sec-WebSocket-Protocol: chat, echo']) as client:
        equal((client.answer.status, client.answer.headers.get('sec-websocket-accept'),
               client.answer.headers.get('sec-websocket-protocol')),
              (101, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'echo'), f'{kind}: the handshake of RFC 6455')
        client.send('hello')
        equal(client.text(), 'hello', f'{kind}: a message comes back')
        for size in (0, 1, 125, 126, 127, 65535, 65536, 200000, 1 << 20):
            client.send(b'x' * size)
            opcode, payload = client.receive()
            equal((opcode, len(payload)), (1, size), f'{kind}: {size} bytes')
        whole = frame(1, 'in pieces ü')
        for octet in whole:
            client.sock.send(bytes([octet]))
        equal(client.text(), 'in pieces ü', f'{kind}: octet by octet')
        client.sock.sendall(frame(1, 'a', fin=False) + frame(9, 'p') + frame(0, 'b', fin=False) +
                            frame(0, 'c'))
        equal((client.receive(), client.text()), ((10, b'p'), 'abc'),
              f'{kind}: fragments with a ping between them')
        client.sock.sendall(b''.join(frame(1, str(i)) for i in range(3000)))
        equal([client.text() for _ in range(3000)], [str(i) for i in range(3000)],
              f'{kind}: 3000 messages in one go')
        client.send('flood')
        equal([client.text() for _ in range(1000)], [f'flood {i}' for i in range(1000)],
              f'{kind}: 1000 messages back')
        client.send(struct.pack('!H', 1000) + b'bye', 8)
        equal((client.close_code(), client.receive()[0]), (1000, None),
              f'{kind}: a Close is answered, then TCP closed')
    with server.websocket(tls=tls) as client:
        client.send('close')
        equal(client.receive(), (8, struct.pack('!H', 4001) + b'as you wish'),
              f'{kind}: the server closes')
        client.send('too late')
        client.send(struct.pack('!H', 4001), 8)
        equal(client.receive()[0], None, f'{kind}: and is answered')
    with server.connect(tls) as sock:
        sock.sendall(upgrade('/echo') + frame(1, 'ahead'))
        data = b''
        while not data.endswith(b'\x81\x05ahead'):
            more = receive(sock)
            if not more:
                break
            data += more
        ok(data.endswith(b'\x81\x05ahead'), f'{kind}: frames sent ahead of the answer are read')


def refused_upgrades(server):
    plain = upgrade('/echo').decode()
    for name, old, new, status in (
            ('another version', 'Version: 13', 'Version: 8', 426),
            ('no key', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n', '', 400),
            ('a key that is too short', 'dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZQ==', 400),
            ('a key that is no base64', 'dGhlIHNhbXBsZSBub25jZQ==', '*' * 24, 400),
            ('another path', '/echo', '/nothing', 404),
            ('what the dialect does not like', '/echo', '/echo?refuse=1', 418),
            ('a proof that does not hold', '/echo', '/echo?token=bad', 401),
            ('no Upgrade in Connection', 'keep-alive, Upgrade', 'keep-alive', 426),
            ('another protocol', 'Upgrade: websocket', 'Upgrade: h2c', 426),
            ('POST', 'GET', 'POST', 426)):
        equal(server.http(plain.replace(old, new).encode()).status, status, f'refused: {name}')
    for name, path, headers in (
            ('in the query', '/echo/a%20b/signal?token=good', []),
            ('in a header', '/echo', ['Authorization: Bearer good']),
            ('among the subprotocols', '/echo', ['Sec-WebSocket-Protocol: Bearer, good'])):
        with server.websocket(path, headers=headers) as client:
            client.send('user')
            equal(client.text(), 'someone', f'a proof {name} is the session\'s')
    equal(server.http(upgrade('/echo', ['Sec-WebSocket-Protocol: Bearer, bad'])).status, 401,
          'and has to hold')


def broken_protocol(server):
    for name, data, code in (
            ('a frame without a mask', b'\x81\x02hi', 1002),
            ('a reserved bit', b'\xc1\x80abcd', 1002),
            ('a reserved opcode', frame(3), 1002),
            ('binary', frame(2, b'x'), 1003),
            ('bad UTF-8', frame(1, b'\xff'), 1007),
            ('a ping that is too long', b'\x89\xfe\x00\x7eabcd', 1002),
            ('a continuation of nothing', frame(0, b'x'), 1002)):
        with server.websocket() as client:
            client.sock.sendall(data)
            equal(client.close_code(), code, f'{name} closes with {code}')
    with server.websocket('/strict') as client:
        client.send('x' * 65)
        equal(client.close_code(), 1009, 'a message above the bound of the dialect: 1009')


def rooms(server):
    clients = [server.websocket() for _ in range(20)]
    for client in clients:
        client.send('join hall')
        client.text()
    for i in range(100):
        clients[0].send(f'all message {i}')
    got = [[client.text() for _ in range(100)] for client in clients[1:]]
    ok(all(one == [f'message {i}' for i in range(100)] for one in got),
       '100 messages reach 19 others, over threads, each once and in order')
    for client in clients:
        client.sock.close()


def resumes(server, tls):
    """A connection breaks while messages come: the next one gets what the broken one has not, and nothing twice."""
    kind = 'TLS' if tls else 'plain'
    sender, reader = server.websocket(tls=tls), server.websocket(tls=tls)
    for client in (sender, reader):
        client.send(f'join resumes {tls}')
        client.text()
    reader.send('token')
    token = reader.text()
    for i in range(30):
        sender.send(f'all {i}')
    got = [reader.text() for _ in range(30)]
    # What a client says acknowledges what it has read; the answer is one that it may get twice.
    reader.send('who')
    reader.text()
    now = server.counter('websockets_now')
    reader.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    os.close(reader.sock.detach())
    sender.send('all 30')
    ok(server.wait_for('websockets_now', now - 1) == now - 1, f'{kind}: a connection breaks')
    for i in range(31, 60):
        sender.send(f'all {i}')
    with server.websocket(tls=tls) as again:
        again.send('resume ' + token)
        equal(again.text(), 'resumed', f'{kind}: another takes its place')
        sender.send('all 60')
        while not got or got[-1] != '60':
            got.append(again.text())
        got = [text for text in got if text != '127.0.0.1']
    equal(got, [str(i) for i in range(61)], f'{kind}: and gets what it missed, once')
    sender.sock.close()


def late_readers(server, tls):
    """Writes that have to wait, and more that is queued meanwhile."""
    kind = 'TLS' if tls else 'plain'
    sent = [chr(ord('a') + i % 26) * (60000 + i) for i in range(60)]
    with server.websocket(tls=tls, buffer=4096) as client:
        for text in sent:
            client.send(text)
        client.send('flood')
        ok([client.text() for _ in sent] == sent, f'{kind}: who reads late gets all in order')
        equal([client.text() for _ in range(1000)], [f'flood {i}' for i in range(1000)],
              f'{kind}: and what was queued behind it')
    with server.connect(tls, buffer=4096) as sock:
        sock.sendall(b'GET /much HTTP/1.1\r\nHost: h\r\n\r\n' * 2)
        first = Answer(sock)
        second = Answer(sock, first.rest)
        ok(first.body == second.body == b'm' * (4 << 20), f'{kind}: two answers of 4 MB')


def slow_readers(server, tls):
    fast, slow = server.websocket(tls=tls), server.websocket(tls=tls, buffer=4096)
    sender = server.websocket(tls=tls)
    for client in (fast, slow, sender):
        client.send(f'join queue {tls}')
        client.text()
    big = 'all ' + 'b' * 65536
    for i in range(200):
        sender.send(big)
        equal(len(fast.text()), 65536, 'who reads gets it') if i == 199 else fast.text()
    got, (opcode, payload) = 0, slow.receive()
    while opcode == 1:
        got += 1
        opcode, payload = slow.receive()
    equal(opcode, 8, 'who does not read is closed')
    ok(got < 200, 'and its queue was bounded', got)
    equal(struct.unpack('!H', payload[:2])[0], 1013, 'with a code that says why')
    with server.connect() as sock:
        sock.sendall(b'GET /much HTTP/1.1\r\nHost: h\r\n\r\n' * 50)
        fast.send('there?')
        equal(fast.text(), 'there?', 'a client that reads no answers keeps nobody waiting')
    for client in (fast, slow, sender):
        client.sock.close()


def impatience(server):
    """What does not come in time. The server's times are one second."""
    silent, begun, tls, strict, partial = (server.connect(), server.connect(),
                                           socket.create_connection(('127.0.0.1',
                                                                     server.ports['tls'])),
                                           server.websocket('/strict'), server.websocket())
    begun.sendall(b'GET / HT')
    partial.sock.sendall(frame(1, 'never whole')[:-1])
    patient = server.websocket('/patient')
    equal(Answer(begun).status, 408, 'half a request is told that it is late')
    ok(is_closed(silent), 'who says nothing is closed')
    ok(is_closed(tls), 'so is half a handshake')
    equal(strict.close_code(), 1008, 'so is who sends no first message')
    equal(partial.close_code(), 1008, 'and half a message')
    pings = 0
    opcode, payload = patient.receive()
    while opcode == 9 and pings < 2:
        patient.send(payload, 10)
        pings += 1
        opcode, payload = patient.receive()
    equal((opcode, pings), (9, 2), 'who answers pings stays')
    while opcode is not None:
        opcode, payload = patient.receive()
    ok(True, 'who does not is closed')
    for sock in (silent, begun, tls, strict.sock, partial.sock, patient.sock):
        sock.close()


def tls_edges(server):
    with socket.create_connection(('127.0.0.1', server.ports['tls']), PATIENCE) as sock:
        sock.sendall(b'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
        answer = Answer(sock)
        equal(answer.status, 400, 'clear text on the port of TLS is answered')
        ok(b'https://' in answer.body, 'in words', answer.body)
    with server.connect(tls=True) as sock:
        equal(sock.selected_alpn_protocol(), 'http/1.1', 'ALPN is http/1.1')
    ok(b'https://localhost' in server.http(b'GET /describe HTTP/1.1\r\nHost: localhost\r\n\r\n',
                                           tls=True).body, 'the base URL says so')
    with socket.create_connection(('127.0.0.1', server.ports['tls']), PATIENCE) as sock:
        sock.sendall(b'\x16\x03\x01\xff\xff' + b'nonsense' * 100)
        ok(is_closed(sock), 'a broken handshake is closed')


def resets(server):
    for i in range(50):
        client = server.websocket()
        client.sock.sendall(frame(1, 'flood')[:(i % 12) + 1])
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.sock.close()
    equal(server.wait_for('websockets_now', 0), 0, 'nothing is left of 50 that were reset')


def limits():
    with Server('connections=4', 'threads=1') as server:
        held = [server.websocket() for _ in range(4)]
        with server.connect() as sock:
            ok(is_closed(sock), 'the process has as many connections as it may')
        held.pop().sock.close()
        while True:
            with server.connect() as sock:
                sock.sendall(b'GET /describe HTTP/1.1\r\nHost: h\r\n\r\n')
                if Answer(sock).status == 200:
                    break
        ok(True, 'where one goes another may come')
        for client in held:
            client.sock.close()
    with Server('address-connections=3') as server:
        held = [server.connect() for _ in range(3)]
        with server.connect() as sock:
            ok(is_closed(sock), 'an address has as many connections as it may')
        for sock in held:
            sock.close()
    with Server('address-requests=5', 'threads=1') as server:
        with server.connect() as sock:
            sock.sendall(b'GET /describe HTTP/1.1\r\nHost: h\r\n\r\n' * 20)
            statuses, rest = [], b''
            for _ in range(20):
                answer = Answer(sock, rest)
                rest = answer.rest
                statuses.append(answer.status)
        equal(statuses[:5], [200] * 5, 'an address has five requests at once')
        ok(429 in statuses, 'and no more', statuses)
    with Server('address-failures=3') as server:
        equal([server.get('/identify', 'X-API-Key: bad').status for _ in range(5)],
              [401, 401, 401, 429, 429], 'three wrong proofs a minute')
        equal(server.get('/identify', 'X-API-Key: good').status, 429, 'then none is looked at')
        equal(server.http(upgrade('/echo?token=good')).status, 429, 'not with an upgrade either')
        equal(server.get('/identify').status, 200, 'who offers none may go on')
    with Server('incomplete=100000', 'threads=1') as server:
        whole = frame(1, 'x' * 60000)
        with server.websocket() as first, server.websocket() as second:
            first.sock.sendall(whole[:-1])
            equal(server.counter('messages_in'), 0, 'a message is incomplete')
            second.sock.sendall(whole[:-1])
            equal(second.close_code(), 1013, 'and another that there is no room for')
            first.sock.sendall(whole[-1:])
            equal(first.text(), 'x' * 60000, 'the first is taken')
            for _ in range(3):
                first.sock.sendall(whole)
                first.text()
            ok(True, 'and there is room again')
    with Server('sessions=1', 'threads=1') as server:
        with server.websocket() as client:
            client.send('in')
            client.text()
            equal(server.http(upgrade('/echo')).status, 503, 'the hub has as many as it may')


def proxied():
    with Server('proxy=127.0.0.1', 'address-connections=1', 'threads=1') as server:
        ok(b'"address":"192.0.2.7"' in server.get(
            '/describe', 'X-Forwarded-For: 203.0.113.9, 192.0.2.7, 127.0.0.1').body,
           'the last hop that is no proxy is the client')
        ok(b'"address":"2001:db8::1"' in server.get('/describe', 'X-Real-Ip: 2001:db8::1').body,
           'X-Real-Ip is believed where there is no other')
        ok(b'"base":"https://' in server.get('/describe', 'X-Forwarded-Proto: https').body,
           'so is X-Forwarded-Proto')
        with server.websocket(headers=['X-Forwarded-For: 192.0.2.1']) as first:
            first.send('who')
            equal(first.text(), '192.0.2.1', 'a session has its client\'s address')
            with server.websocket(headers=['X-Forwarded-For: 192.0.2.2']) as second:
                equal(second.answer.status, 101, 'others behind the proxy are others')
            equal(server.http(upgrade('/echo', ['X-Forwarded-For: 192.0.2.1'])).status, 429,
                  'and each has its own bounds')
    with Server() as server:
        ok(b'"address":"127.0.0.1"' in server.get('/describe', 'X-Forwarded-For: 192.0.2.7').body,
           'nobody else is believed')


def origins():
    with Server('origin=https://page.example') as server:
        equal(server.http(upgrade('/echo', ['Origin: https://other.example'])).status, 403,
              'a page of another origin is not let in')
        for name, headers in (('its own', ['Origin: https://page.example']), ('no page', [])):
            with server.websocket(headers=headers) as client:
                equal(client.answer.status, 101, f'{name} is')


def files():
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, 'call'))
        for name, text in (('index.html', 'root'), ('call/index.html', 'page'),
                           ('call/page.js', 'code'), ('.secret', 'no')):
            with open(os.path.join(folder, name), 'w', encoding='ascii') as file:
                file.write(text)
        os.symlink('/etc/passwd', os.path.join(folder, 'link'))
        with Server(f'files={folder}') as server:
            answer = server.get('/call/page.js')
            equal((answer.body, answer.headers.get('content-type')),
                  (b'code', 'text/javascript; charset=utf-8'), 'a file with its type')
            equal(answer.headers.get('permissions-policy'), 'camera=(self), microphone=(self)',
                  'that may use camera and microphone')
            equal(server.get('/call/page.js', f'If-None-Match: {answer.headers["etag"]}').status,
                  304, 'and is not sent twice')
            equal(server.get('/').body, b'root', 'a folder is its index')
            answer = server.get('/call?x=1')
            equal((answer.status, answer.headers.get('location')), (301, './call/'),
                  'whose path ends in a slash')
            equal(server.get('/call/').body, b'page', 'of any depth')
            equal([server.get(path).status for path in ('/.secret', '/link', '/call/none',
                                                        '/call/%2e%2e/%2e%2e/etc/passwd')],
                  [404, 404, 404, 400], 'nothing else is given')
            equal(server.get('/call/page.js', method='POST').status, 404, 'nor by POST')


def shortage():
    with Server('threads=1', limit=40) as server:
        held = []
        for _ in range(60):
            held.append(server.connect())
        for sock in held:
            sock.close()
        equal(server.get('/describe').status, 200,
              'after a shortage of descriptors connections are accepted again')
        pauses = server.counter('accept_pauses')
        ok(0 < pauses < 60, 'and the loop did not spin', pauses)


def drain():
    with Server('threads=2') as server:
        with server.websocket() as client:
            client.send('in')
            client.text()
            server.process.stdin.write('drain\n')
            server.process.stdin.flush()
            equal((client.text(), client.close_code()), ('draining', 1001),
                  'who is there is told, and closed')


def unanswered():
    """The server ends in order while the hub is still asked: __exit__ looks, and a sanitizer."""
    with Server('threads=1', 'find=never') as server:
        with server.connect() as sock:
            sock.sendall(b'GET /show HTTP/1.1\r\nHost: h\r\n\r\n')
            equal(server.process.stdout.readline(), 'asked\n', 'a request waits for the hub')


def main():
    with tempfile.TemporaryDirectory() as folder:
        cert, key = os.path.join(folder, 'cert.pem'), os.path.join(folder, 'key.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
                        '-subj', '/CN=localhost', '-keyout', key, '-out', cert], check=True,
                       stderr=subprocess.DEVNULL)
        with Server(f'cert={cert}', f'key={key}') as server:
            for test in (requests, heads_and_bodies, order, identity, refused_upgrades,
                         broken_protocol, rooms, tls_edges, impatience, resets):
                test(server)
            for tls in (False, True):
                upgrades(server, tls)
                resumes(server, tls)
                late_readers(server, tls)
                slow_readers(server, tls)
    with Server('threads=1') as server:
        one_thread(server)
    for test in (limits, proxied, origins, files, shortage, drain, unanswered):
        test()
    print(f'1..{count}')
    return failures != 0


if __name__ == '__main__':
    sys.exit(main())
