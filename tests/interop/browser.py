#!/usr/bin/env python3
"""Two pages of Chromium that may only talk through the relay exchange video, sound and data.

The server runs with its defaults: that two of its clients reach each other's relayed addresses needs
no option."""
import os
import subprocess

from harness import tap
from harness.browser import Browser, give_a_network
from harness.server import PASSWORD, USER, Folder, Server, is_coturn

NAME = "turn.example"

CREATE = """
    const [server, isCaller] = given;
    const pc = window.pc = new RTCPeerConnection({
        iceTransportPolicy: 'relay', iceServers: [server]});
    window.problems = [];
    pc.onicecandidateerror = e => problems.push(e.url + ': ' + e.errorCode + ' ' + e.errorText);
    const media = await navigator.mediaDevices.getUserMedia({audio: true, video: true});
    media.getTracks().forEach(track => pc.addTrack(track, media));
    pc.ontrack = e => {
        const video = document.createElement('video');
        video.autoplay = true; video.muted = true; video.srcObject = e.streams[0];
        document.body.append(video);
    };
    window.received = [];
    const listen = channel => {
        window.channel = channel;
        channel.onmessage = e => {
            received.push(e.data);
            if (!isCaller) channel.send('echo of ' + e.data);
        };
        channel.onopen = () => { if (isCaller) channel.send('hello'); };
    };
    pc.ondatachannel = e => listen(e.channel);
    if (isCaller) listen(pc.createDataChannel('data'));
    window.gathered = new Promise(done => {
        pc.addEventListener('icegatheringstatechange',
                            () => pc.iceGatheringState === 'complete' && done());
    });
"""
OFFER = """
    await pc.setLocalDescription(await pc.createOffer());
    await gathered;
    return pc.localDescription.toJSON();
"""
ANSWER = """
    await pc.setRemoteDescription(given[0]);
    await pc.setLocalDescription(await pc.createAnswer());
    await gathered;
    return pc.localDescription.toJSON();
"""
ACCEPT = "await pc.setRemoteDescription(given[0]);"
LOOK = """
    const stats = [...(await pc.getStats()).values()];
    const byId = id => stats.find(s => s.id === id) || {};
    const transport = stats.find(s => s.type === 'transport') || {};
    const pair = byId(transport.selectedCandidatePairId);
    const local = byId(pair.localCandidateId), remote = byId(pair.remoteCandidateId);
    const bytes = kind => stats.filter(s => s.type === 'inbound-rtp' && s.kind === kind)
        .reduce((sum, s) => sum + s.bytesReceived, 0);
    return {
        state: pc.connectionState, problems, received,
        local: local.candidateType, remote: remote.candidateType,
        relayProtocol: local.relayProtocol, address: local.address,
        audio: bytes('audio'), video: bytes('video'),
        frames: stats.filter(s => s.type === 'inbound-rtp' && s.kind === 'video')
            .reduce((sum, s) => sum + (s.framesDecoded || 0), 0),
    };
"""


def make_authority_and_certificate():
    """A certificate for the server that an authority of the test has signed: three paths."""
    folder = Folder.get()
    ca, ca_key, cert, key, request, names = (os.path.join(folder, name) for name in (
        "ca.crt", "ca.key", "signed.crt", "signed.key", "signed.csr", "signed.names"))
    with open(names, "w") as file:
        file.write("subjectAltName=DNS:%s,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n" % NAME)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for command in (
            ["req", "-x509", *curve, "-days", "2", "-subj", "/CN=authority of the test",
             "-keyout", ca_key, "-out", ca],
            ["req", *curve, "-subj", "/CN=" + NAME, "-keyout", key, "-out", request],
            ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
             "-days", "2", "-extfile", names, "-out", cert]):
        subprocess.run(["openssl", *command], check=True, stderr=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
    return ca, cert, key


class Call:
    """A browser, a server and two pages; each test makes a call over another transport."""

    def __enter__(self):
        give_a_network()
        authority, cert, key = make_authority_and_certificate()
        loopback = ["--allow-loopback-peers"] if is_coturn() else []
        self.server = Server("--cert=" + cert, "--pkey=" + key, *loopback, tls=True)
        self.browser = Browser(authority, {NAME: "127.0.0.1"})
        self.server.__enter__()
        try:
            self.browser.__enter__()
        except BaseException:
            self.server.kill()
            raise
        return self

    def __exit__(self, *exception):
        self.browser.__exit__()
        self.server.__exit__(*exception)

    def connect(self, url, password=PASSWORD):
        server = {"urls": url, "username": USER, "credential": password}
        for window in (0, 1):
            self.browser.run(window, CREATE, server, window == 0)
        answer = self.browser.run(1, ANSWER, self.browser.run(0, OFFER))
        self.browser.run(0, ACCEPT, answer)

    def look(self):
        return [self.browser.run(window, LOOK) for window in (0, 1)]

    def expect_connected(self, protocol):
        tap.wait_until(lambda: all(one["state"] == "connected" and one["local"] for one in self.look()),
                       "both connected", 20)
        for one in self.look():
            tap.expect_equal((one["local"], one["remote"]), ("relay", "relay"), "selected candidates")
            tap.expect_equal(one["relayProtocol"], protocol, "relayProtocol")

    def expect_media(self):
        def plays(window, before):
            now = self.look()[window]
            return all(now[kind] > before[kind] for kind in ("audio", "video", "frames"))
        for window, before in enumerate(self.look()):
            tap.wait_until(lambda w=window, b=before: plays(w, b),
                           "sound and pictures keep arriving in window %d" % window, 20)

    def expect_data(self):
        tap.wait_until(lambda: "echo of hello" in self.look()[0]["received"],
                       "the data channel's echo", 15)
        tap.expect_equal(self.look()[1]["received"], ["hello"], "what the other page got")


def call_over(url, protocol):
    with Call() as call:
        try:
            call.connect(url(call.server))
            call.expect_connected(protocol)
            call.expect_data()
            call.expect_media()
        except tap.Failure:
            tap.diagnose(call.look())
            raise


@tap.limit_s(120)
def test_udp():
    """turn: with transport=udp"""
    call_over(lambda server: "turn:127.0.0.1:%d?transport=udp" % server.port, "udp")


@tap.limit_s(120)
def test_tcp():
    """turn: with transport=tcp"""
    call_over(lambda server: "turn:127.0.0.1:%d?transport=tcp" % server.port, "tcp")


@tap.limit_s(120)
def test_tls():
    """turns: with a certificate that the browser verifies by name"""
    call_over(lambda server: "turns:%s:%d?transport=tcp" % (NAME, server.tls_port), "tls")


@tap.limit_s(120)
def test_wrong_password():
    """With a wrong password there is no candidate and no call: these tests can fail"""
    with Call() as call:
        call.connect("turn:127.0.0.1:%d?transport=udp" % call.server.port, "wrong")
        for one in call.look():
            tap.expect(one["state"] != "connected" and not one["local"], "no candidate pair")
        tap.expect(any("401" in problem or "701" in problem for one in call.look()
                       for problem in one["problems"]), "the browser tells the 401")


if __name__ == "__main__":
    tap.main()
