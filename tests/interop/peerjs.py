#!/usr/bin/env python3
"""The npm client of PeerJS, unmodified, in Chromium: pages find each other by turnsignal, and call.

What npm/package-lock.json names is installed beside the programs when it is not there yet."""
import os

from harness import packages, tap
from harness.browser import Browser, give_a_network
from harness.signal_server import Signal


PEER = """
    const [port, path, id, options] = given;
    const peer = window.peer = new Peer(id || undefined, {
        host: '127.0.0.1', port, path, secure: false, config: {iceServers: []}, ...options});
    window.problems = [];
    window.heard = [];
    peer.on('error', error => problems.push(error.type));
    peer.on('disconnected', () => heard.push('disconnected'));
    peer.on('connection', connection => connection.on('data', data => {
        heard.push(data);
        connection.send('echo of ' + data);
    }));
    peer.on('call', async call => {
        heard.push('call of ' + call.peer);
        show(call);
        call.answer(await media());
    });
    return await new Promise(done => {
        peer.on('open', done);
        peer.on('error', error => done(error.type));
    });
"""
HELPERS = """
    window.media = () => navigator.mediaDevices.getUserMedia({audio: true, video: true});
    window.show = call => call.on('stream', stream => {
        const video = window.video = document.createElement('video');
        video.autoplay = true; video.muted = true; video.srcObject = stream;
        document.body.append(video);
    });
    await media();  // with a camera allowed, Chromium tells its addresses
"""
CONNECT = """
    const connection = peer.connect(given[0]);
    connection.on('open', () => connection.send('hello'));
    connection.on('data', data => heard.push(data));
"""
CALL = "show(peer.call(given[0], await media()));"
FRAMES = "return window.video ? video.getVideoPlaybackQuality().totalVideoFrames : 0;"
# A client of the RPC dialect that calls the one other of the room.
RPC_CALL = """
    const [port] = given;
    const pc = window.pc = new RTCPeerConnection();
    const stream = await media();
    stream.getTracks().forEach(track => pc.addTrack(track, stream));
    const socket = new WebSocket('ws://127.0.0.1:' + port + '/api');
    const send = (a, d) => socket.send(JSON.stringify({a, d}));
    window.answers = [];
    let to;
    pc.onicecandidate = ({candidate}) =>
        candidate && candidate.candidate && send('exchangeCandidate', {to, candidate: candidate.toJSON()});
    socket.onmessage = async ({data}) => {
        const {a, s, d} = JSON.parse(data);
        if (a === 'joinR') {
            to = d.sessions[0].socketId;
            await pc.setLocalDescription(await pc.createOffer());
            send('exchangeSdp', {to, sdp: pc.localDescription.toJSON()});
        } else if (a === 'eventExchangeSdp') {
            answers.push(d.sdp.type);
            await pc.setRemoteDescription(d.sdp);
        } else if (a === 'eventExchangeCandidate') {
            await pc.addIceCandidate(d.candidate);
        }
    };
    socket.onopen = () => send('join', {roomId: 'peerjs'});
"""


def read_client():
    if PACKAGES is None:
        raise tap.Skip(PROBLEM)
    with open(os.path.join(PACKAGES, "node_modules", "peerjs", "dist", "peerjs.min.js")) as file:
        return file.read()


class Pages:
    """turnsignal, and two pages with the client in them."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        client = read_client()
        give_a_network()
        self.signal = Signal("--signaling-anybody=yes", *self.options, tls=False).__enter__()
        try:
            self.browser = Browser().__enter__()
        except BaseException:
            self.signal.kill()
            raise
        try:
            for window in (0, 1):
                self.browser.run(window, "window.eval(given[0]);" + HELPERS, client)
        except BaseException:
            self.browser.__exit__()
            self.signal.kill()
            raise
        return self

    def __exit__(self, *exception):
        self.browser.__exit__()
        self.signal.__exit__(*exception)

    def open(self, window, name=None, path="/", **options):
        """The id that it has, or the type of the error."""
        return self.browser.run(window, PEER, self.signal.port, path, name, options)

    def run(self, window, script, *arguments):
        return self.browser.run(window, script, *arguments)

    def heard(self, window):
        return self.run(window, "return heard;")

    def problems(self, window):
        return self.run(window, "return problems;")

    def expect_heard(self, window, what, seconds=20):
        tap.wait_until(lambda: what in self.heard(window), "%r is heard in page %d" % (what, window), seconds)

    def expect_pictures(self, window):
        before = self.run(window, FRAMES)
        tap.wait_until(lambda: self.run(window, FRAMES) > before, "pictures in page %d" % window, 20)


@tap.limit_s(120)
def test_data_and_call():
    """Two pages, one with an id of the server's, exchange data and see each other"""
    with Pages() as pages:
        anna = pages.open(0)
        tap.expect_equal(len(anna), 36, "length of the id")
        tap.expect_equal(pages.open(1, "bert", path="/peerjs"), "bert", "the id that was asked for")
        pages.run(1, CONNECT, anna)
        pages.expect_heard(0, "hello")
        pages.expect_heard(1, "echo of hello")
        pages.run(0, CALL, "bert")
        pages.expect_heard(1, "call of " + anna)
        for window in (0, 1):
            pages.expect_pictures(window)
            tap.expect_equal(pages.problems(window), [], "errors of page %d" % window)


# What turnsignal(1) tells pages to do with credentials that are pushed.
TAKE = """
    peer.socket.on('message', ({type, payload}) => {
        if (type === 'ICE-SERVERS')
            peer.options.config.iceServers = payload.iceServers;
    });
"""
OPEN = "const opened = await new Promise(done => { peer.on('open', done); peer.on('error', error => done(error.type)); });"


@tap.limit_s(120)
def test_credentials():
    """Credentials that are pushed are passed over by the client, all messages logged, and are its own in a page that takes them"""
    uri = "turn:127.0.0.1:9?transport=udp"
    with Pages("--turn-uri=" + uri, "--static-auth-secret=a-secret", "--realm=example.org") as pages:
        for window, name in enumerate(("anna", "bert")):
            begin = PEER.split("return await")[0]
            pages.run(window, begin + (TAKE if window else "") + OPEN, pages.signal.port, "/", name, {"debug": 3})
        taken = "return peer.options.config.iceServers;"
        tap.wait_until(lambda: pages.run(1, taken), "credentials in the page that takes them")
        server, = pages.run(1, taken)
        tap.expect_equal((server["urls"], sorted(server)), ([uri], ["credential", "urls", "username"]), "what it has")
        tap.expect_equal(pages.run(0, taken), [], "the other page's own")
        for caller, called in ((0, "bert"), (1, "anna")):
            pages.run(caller, CONNECT, called)
            pages.expect_heard(caller, "echo of hello")
            tap.expect_equal(pages.problems(caller), [], "errors of page %d" % caller)
        used = "return Object.values(peer.connections)[0][0].peerConnection.getConfiguration().iceServers[0].urls;"
        tap.expect_equal(pages.run(1, used), [uri], "what its connections use")


@tap.limit_s(120)
def test_ids():
    """An id has one owner, for each key; who is told nothing but the id of someone else is unavailable"""
    with Pages() as pages:
        tap.expect_equal(pages.open(0, "anna"), "anna", "the first")
        tap.expect_equal(pages.open(1, "anna"), "unavailable-id", "the second")
        tap.expect_equal(pages.open(1, "anna", key="other"), "anna", "under another key")
        pages.run(0, CONNECT, "nobody")
        tap.wait_until(lambda: "peer-unavailable" in pages.problems(0), "an EXPIRE", 15)
        tap.expect_equal(pages.run(0, "return peer.open;"), True, "it is still open")


@tap.limit_s(120)
def test_waiting():
    """An offer reaches a page that opens a moment later"""
    with Pages() as pages:
        pages.open(0, "anna")
        pages.run(0, CONNECT, "bert")
        pages.open(1, "bert")
        pages.expect_heard(1, "hello")
        pages.expect_heard(0, "echo of hello")


@tap.limit_s(120)
def test_reconnect():
    """A page that lost the server comes back with its id, and with a token also before the server knows"""
    with Pages() as pages:
        pages.open(0, "anna", token="t1")
        pages.open(1, "bert")
        pages.run(0, "peer.disconnect();")
        tap.expect_equal(pages.run(0, "peer.reconnect(); return await new Promise("
                                      "done => peer.on('open', done));"), "anna", "the id")
        pages.run(1, CONNECT, "anna")
        pages.expect_heard(1, "echo of hello")
        tap.expect_equal(pages.open(1, "anna", token="t1"), "anna", "the same token elsewhere")
        pages.expect_heard(0, "disconnected")


@tap.limit_s(120)
def test_mixed_call():
    """A page that speaks RPC calls one that has PeerJS's client"""
    with Pages() as pages:
        pages.open(0, "anna")
        pages.run(1, RPC_CALL, pages.signal.port)
        tap.wait_until(lambda: any(one.startswith("call of ") for one in pages.heard(0)), "a call", 20)
        tap.wait_until(lambda: pages.run(1, "return pc.connectionState;") == "connected", "connected", 20)
        tap.expect_equal(pages.run(1, "return answers;"), ["answer"], "answers")
        pages.expect_pictures(0)


if __name__ == "__main__":
    PACKAGES, PROBLEM = packages.install()
    tap.main()
