// The call page: joins a room, meets the other window by one of several signaling protocols, and calls it through the TURN
// server. Everything the page shows comes from getStats() and the browser's events.

import * as channelling from "./channelling.js";
import { drawnStream } from "./drawing.js";
import { drawChart, measure, showFigures } from "./figures.js";
import * as own from "./own.js";
import { attempt, chosen, clearProblems, element, setState, setText, showProblem } from "./page.js";
import * as peerjs from "./peerjs.js";
import * as rpc from "./rpc.js";
import { askGeo, TRANSPORTS } from "./signaling.js";
import * as v1 from "./v1.js";

const protocols = { own, channelling, rpc, v1, peerjs };
const MAX_CHAT_LINES = 200;
const PATIENCE_MS = 1500; // who came later calls; one that cannot know of this window is called after this time
const TURN_WAIT_MS = 10000;

let protocol = "own"; // of serve.py; with turnsignal, what the person chose
let room = null;      // what this window knows of the room it is in: name, link, peers
let call = null;      // the call with one of them
let stream = null;    // what this window sends
let turn = null;      // credentials and addresses of the TURN server

// ---- the room -------------------------------------------------------------------------------------

async function join() {
    const name = element("room").value.trim().toLowerCase();
    clearProblems();
    setState("waiting", "joining …");
    await openMedia();
    const entered = room = { name, link: null, peers: new Map(), isOwn: protocol === "own" };
    entered.turnCame = new Promise((resolve) => { entered.onTurnCame = resolve; });
    try {
        const { connect } = protocols[protocol];
        entered.link = await connect({ room: name, token: element("token").value.trim(), events: eventsOf(entered) });
    } catch (problem) {
        if (room === entered)
            room = null;
        throw problem;
    }
    if (room !== entered) { // lost meanwhile
        entered.link.close();
        return;
    }
    history.replaceState(null, "", `#${name}`);
    showRoom();
}

function leave() {
    if (room === null)
        return;
    room.link?.close();
    room = null;
    endCall();
    showRoom();
}

// What comes from a room that was left means nothing any more.
function eventsOf(entered) {
    const handlers = { onTurn, onPeer, onLeft, onDescription, onCandidate, onLost, onProblem: showProblem };
    const guarded = ([name, handle]) => [name, (...values) => { if (room === entered) handle(...values); }];
    return Object.fromEntries(Object.entries(handlers).map(guarded));
}

function onTurn(value) {
    turn = value;
    showTurn();
    room.onTurnCame();
    if (call?.connection !== undefined)
        renew(call);
}

function onPeer(id, calls) {
    if (room.peers.has(id) && !room.isOwn)
        return;
    room.peers.set(id, calls);
    if (room.isOwn || call === null)
        meet(id, calls);
}

// A window of a protocol that does not tell it who is there cannot call, though it came later.
function meet(id, calls) {
    startCall(id, calls);
    if (calls || room.isOwn)
        return;
    const mine = call;
    setTimeout(() => { if (mine === call && !mine.isDescribed) startCall(id, true); }, PATIENCE_MS);
}

function onLeft(id) {
    room.peers.delete(id);
    if (call === null || call.peer !== id)
        return;
    endCall();
    setState("waiting", "waiting for the other window");
    const [next] = room.peers;
    if (next !== undefined)
        meet(...next);
}

// An offer is a new call, unless it is of the session that is there. When both offer at once, that of who came later counts.
function onDescription(id, description) {
    const isBusy = call !== null && call.peer !== id && document.body.dataset.state === "connected";
    if (isBusy)
        return;
    if (description.type === "offer" && isOfSession(id, description)) {
        queueSignal(call, { description });
        return;
    }
    if (description.type === "offer") {
        const isGlare = call?.peer === id && call.calls && !call.isDescribed;
        if (isGlare && room.peers.get(id) === true)
            return;
        if (call === null || call.peer !== id || call.calls || call.isDescribed)
            startCall(id, false);
    } else if (call?.peer !== id) {
        return;
    } else if (call.wantsAgain) {
        startCall(id, true);
        return;
    }
    call.isDescribed = true;
    queueSignal(call, { description });
}

// RFC 8866 section 5.2: the second word of the line "o=" names the session, whatever is changed in it later.
function sessionOf(description) {
    return description?.sdp.match(/^o=\S+ (\d+) /m)?.[1];
}

function isOfSession(id, description) {
    const mine = call?.peer === id ? sessionOf(call.connection?.remoteDescription) : undefined;
    return mine !== undefined && mine === sessionOf(description);
}

function onCandidate(id, candidate) {
    if (call?.peer === id)
        queueSignal(call, { candidate });
}

function onLost(text) {
    showProblem(text);
    leave();
}

// ---- the call -------------------------------------------------------------------------------------

function startCall(peer, calls) {
    endCall();
    clearProblems();
    setState("connecting", "connecting …");
    const mine = call = {
        peer, calls, link: room.link, isDescribed: false, transport: chosen("transport"), history: [], last: null, errors: new Map(),
    };
    mine.signals = prepare(mine).catch(showProblem); // what the other sends waits for this
}

// An answer does not say which offer it is to: the next offer waits for that to the last one.
function callAgain() {
    if (call.calls && !call.isDescribed)
        call.wantsAgain = true;
    else
        startCall(call.peer, true);
}

async function prepare(mine) {
    const inTime = new Promise((resolve) => { setTimeout(resolve, TURN_WAIT_MS); });
    await Promise.race([room.turnCame, inTime]);
    if (mine !== call)
        return;
    if (turn === null)
        throw new Error("The signaling server has no credentials for the relay.");
    mine.zone = await chooseZone();
    if (mine !== call)
        return;
    mine.connection = newConnection(mine);
    for (const track of stream.getTracks())
        mine.connection.addTrack(track, stream);
    openChannel(mine);
    mine.timer = setInterval(() => attempt(() => look(mine)), 1000);
    if (mine.calls)
        await describe(mine, "offer");
}

// Of the zone that was chosen, or that is the nearest, or that the server likes best.
async function chooseZone() {
    const wanted = element("zone").value;
    const prefer = wanted !== "" ? [wanted] : await nearZones();
    const zone = prefer.map((id) => turn.zones.find((one) => one.id === id)).find((one) => one !== undefined) ?? turn.zones[0];
    document.body.dataset.zone = zone?.id ?? "";
    return zone;
}

async function nearZones() {
    if (!element("geo").checked || !turn.geoUri)
        return [];
    try {
        return await askGeo(turn);
    } catch {
        return []; // the best zone does as well
    }
}

function configurationOf(mine) {
    const zone = turn.zones.find(({ id }) => id === mine.zone?.id) ?? turn.zones[0];
    const urls = mine.uris = zone?.uris.filter(TRANSPORTS[mine.transport]) ?? [];
    return {
        iceServers: urls.length > 0 ? [{ urls, username: turn.username, credential: turn.credential }] : [],
        iceTransportPolicy: element("relay-only").checked ? "relay" : "all",
    };
}

// What is allocated stays; what is allocated from here on, as after a change of network, is by the new credentials.
function renew(mine) {
    mine.connection.setConfiguration(configurationOf(mine));
}

// New candidates within the same session: the one that called asks for them.
function beginAnew(mine) {
    if (!mine.calls)
        return;
    mine.connection.restartIce();
    mine.signals = mine.signals.then(() => describeAnew(mine)).catch(showProblem);
}

async function describeAnew(mine) {
    if (mine === call && mine.connection.signalingState === "stable")
        await describe(mine, "offer");
}

function newConnection(mine) {
    const connection = new RTCPeerConnection(configurationOf(mine));
    connection.onicecandidate = ({ candidate }) => {
        if (mine === call)
            room.link?.sendCandidate(mine.peer, candidate?.toJSON());
    };
    connection.onicecandidateerror = (event) => mine.errors.set(event.errorCode, event.errorText);
    connection.onicegatheringstatechange = () => onGathering(mine);
    connection.onconnectionstatechange = () => onConnection(mine);
    connection.ontrack = ({ streams }) => showRemote(streams[0]);
    return connection;
}

// A browser may refuse to play sound before the person has touched the page; the picture comes anyway.
function showRemote(remote) {
    const video = element("remote");
    if (video.srcObject === remote)
        return;
    video.srcObject = remote;
    video.play().catch((problem) => {
        if (problem.name !== "NotAllowedError")
            return;
        element("deafen").setAttribute("aria-pressed", "true");
        applyMute();
        video.play().catch(showProblem);
    });
}

async function describe(mine, kind) {
    const { connection } = mine;
    await connection.setLocalDescription(kind === "offer" ? await connection.createOffer()
        : await connection.createAnswer());
    if (mine === call)
        room.link.sendDescription(mine.peer, connection.localDescription.toJSON());
}

function queueSignal(mine, message) {
    mine.signals = mine.signals.then(() => onSignal(mine, message)).catch(showProblem);
}

async function onSignal(mine, { description, candidate }) {
    const { connection } = mine;
    if (mine !== call || connection === undefined)
        return;
    if (description !== undefined) {
        await onSession(mine, description);
    } else if (candidate?.candidate && connection.remoteDescription !== null) {
        // One of a call that this one replaced has another ufrag, and is refused.
        await connection.addIceCandidate(candidate).catch(() => {});
    }
}

async function onSession(mine, description) {
    const { connection } = mine;
    if (description.type === "answer" && connection.signalingState !== "have-local-offer")
        return;
    await connection.setRemoteDescription(description);
    if (description.type === "offer")
        await describe(mine, "answer");
}

async function look(mine) {
    await measure(mine, () => mine === call);
}

function endCall() {
    if (call === null)
        return;
    clearInterval(call.timer);
    call.connection?.close();
    call = null;
    element("remote").srcObject = null;
    enableChat(null);
    showFigures(null);
}

function onConnection(mine) {
    const state = mine.connection.connectionState;
    if (mine !== call)
        return;
    if (state === "connected")
        onConnected(mine);
    else if (state === "disconnected")
        onSilence(mine);
    else if (state === "failed")
        onFailed(mine);
}

function onSilence(mine) {
    setState("connecting", "the other window does not answer at the moment …");
    beginAnew(mine);
}

function onConnected(mine) {
    clearProblems();
    setState("connected", "connected");
    attempt(() => look(mine));
}

function onFailed(mine) {
    setState("failed", "the call failed");
    if (element("problems").childElementCount === 0)
        showProblem("The relay gave both windows an address, yet no packet came through. Its log says which "
            + "peer address was refused, or a firewall is between it and its own relay ports.");
}

// The end of gathering is the first moment at which it is sure that the relay gave nothing.
async function onGathering(mine) {
    if (mine !== call || mine.connection.iceGatheringState !== "complete")
        return;
    const found = await localCandidates(mine.connection);
    if (found.some((candidate) => candidate.candidateType === "relay"))
        return;
    if (mine !== call)
        return;
    if (element("relay-only").checked)
        setState("failed", "no relayed address");
    for (const problem of explain(mine))
        showProblem(problem);
}

async function localCandidates(connection) {
    return [...(await connection.getStats()).values()].filter((row) => row.type === "local-candidate");
}

// What onicecandidateerror tells is a code of STUN, or 701 when no answer came.
function explain(mine) {
    const url = mine.uris[0] ?? `the server, which has none for ${mine.transport.toUpperCase()}`;
    const codes = [...mine.errors.keys()];
    const texts = {
        401: `The TURN server at ${url} refused the credentials (401). Is the secret of this page the server's `
            + "(use-auth-secret), and is the time of both machines right?",
        403: `The TURN server at ${url} forbids this (403).`,
        437: `The TURN server at ${url} does not know this allocation any more (437).`,
        438: `The TURN server at ${url} calls every nonce stale (438).`,
        486: `The quota of this user is reached (486): close other windows, or raise user-quota.`,
        508: `The TURN server has no relay port left (508): widen min-port to max-port.`,
    };
    const known = codes.filter((code) => code in texts).map((code) => texts[code]);
    if (known.length > 0)
        return known;
    const rest = codes.filter((code) => code !== 701).map((code) => `${code} ${mine.errors.get(code)}`);
    return rest.length > 0 ? [`The TURN server at ${url} answered: ${rest.join(", ")}.`] : [explainSilence(mine, url)];
}

function explainSilence(mine, url) {
    if (mine.transport === "tls")
        return `No relayed address from ${url}. Either nothing listens there, or this browser does not trust the `
            + "server's certificate: a certificate made by ./quickstart is trusted only after var/tls/cert.pem has "
            + "been imported as an authority.";
    return `No answer from the TURN server at ${url}. Does it run there, and may ${mine.transport.toUpperCase()} pass?`
        + explainLoopback(url);
}

// Browsers keep loopback addresses out of ICE, each in its own way.
function explainLoopback(url) {
    if (!/:(127\.|\[::1\]|localhost)/.test(url))
        return "";
    if (navigator.userAgent.includes("Firefox/"))
        return " Firefox uses a relay on a loopback address only when media.peerconnection.ice.loopback is true in about:config.";
    return element("relay-only").checked ? "" : " Chromium reaches a relay on a loopback address only while relay only is on.";
}

// ---- what this window sends ---------------------------------------------------------------------

async function openMedia() {
    if (stream !== null)
        return;
    if (chosen("source") === "camera") {
        try {
            stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
            setText("local-caption", "this window");
        } catch (problem) {
            setText("hint", `No camera and microphone (${problem.name}): a drawing and a tone are sent instead.`);
        }
    }
    if (stream === null) {
        stream = drawnStream();
        setText("local-caption", "this window: a drawing and a tone");
    }
    element("local").srcObject = stream;
    applyMute();
}

function closeMedia() {
    stream?.getTracks().forEach((track) => track.stop());
    stream?.stop?.();
    stream = null;
}

function toggle(button) {
    button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") === "false");
    applyMute();
}

function applyMute() {
    const isPressed = (id) => element(id).getAttribute("aria-pressed") === "true";
    stream?.getAudioTracks().forEach((track) => { track.enabled = !isPressed("mute"); });
    element("remote").muted = isPressed("deafen");
}

// ---- chat -------------------------------------------------------------------------------------------

function openChannel(mine) {
    const channel = mine.connection.createDataChannel("chat", { negotiated: true, id: 1 });
    channel.onopen = () => enableChat(channel);
    channel.onclose = () => enableChat(null);
    channel.onmessage = ({ data }) => addLine(String(data).slice(0, 1000), false);
    mine.channel = channel;
}

function enableChat(channel) {
    element("chat-text").disabled = element("chat-send").disabled = channel === null;
    element("chat-text").placeholder = channel === null ? "not connected" : "say something";
}

function sendChat(event) {
    event.preventDefault();
    const text = element("chat-text").value.trim();
    if (text === "" || call?.channel?.readyState !== "open")
        return;
    call.channel.send(text);
    addLine(text, true);
    element("chat-text").value = "";
}

function addLine(text, isMine) {
    const line = document.createElement("li");
    line.textContent = text;
    line.className = isMine ? "mine" : "";
    const list = element("messages");
    list.append(line);
    if (list.childElementCount > MAX_CHAT_LINES)
        list.firstElementChild.remove();
    line.scrollIntoView({ block: "nearest" });
}

// ---- what the page says -------------------------------------------------------------------------------

function showRoom() {
    const isIn = room !== null;
    setText("join", isIn ? "Leave" : "Join");
    element("room").readOnly = isIn;
    element("protocol").disabled = element("token").disabled = isIn;
    setText("remote-empty", isIn ? "Open this page in a second window" : "Nobody is here yet");
    if (!isIn)
        setState("idle", "not in a room");
    else if (document.body.dataset.state === "waiting")
        setState("waiting", "waiting for the other window");
}

// Zones and transports that there are; what is chosen stays chosen.
function showTurn() {
    const select = element("zone"), wanted = select.value;
    const zones = turn.zones.filter(({ id, label }) => id !== "" && label !== "hidden");
    select.replaceChildren(new Option("nearest or best", ""), ...zones.map(({ id, label }) => new Option(label, id)));
    select.value = zones.some(({ id }) => id === wanted) ? wanted : "";
    element("zone-row").hidden = zones.length === 0;
    element("geo-row").hidden = !turn.geoUri;
    const uris = turn.zones.flatMap((zone) => zone.uris);
    for (const input of document.querySelectorAll("input[name=transport]"))
        input.disabled = !uris.some(TRANSPORTS[input.value]);
    const transport = document.querySelector("input[name=transport]:checked");
    if (transport.disabled)
        document.querySelector("input[name=transport]:not(:disabled)")?.click();
}

// ---- the start ----------------------------------------------------------------------------------------

function onSubmit(event) {
    event.preventDefault();
    if (room !== null)
        leave();
    else
        attempt(join).then(() => { if (room === null) setState("idle", "not in a room"); });
}

// A change of transport or policy is a new call; of the source, new media as well.
function onSettings(event) {
    if (event.target === element("room"))
        return;
    if (event.target.name === "source") {
        closeMedia();
        setText("hint", "");
    }
    protocol = element("service").hidden ? "own" : element("protocol").value;
    if (room === null || event.target === element("token"))
        return;
    attempt(async () => {
        await openMedia();
        if (room.isOwn)
            await room.link.again();
        else if (call !== null)
            callAgain();
    });
}

// serve.py signals by itself; elsewhere the person chooses how.
async function findService() {
    turn = await own.isServedHere().catch(() => null);
    if (turn !== null) {
        showTurn();
        return;
    }
    element("service").hidden = false;
    const wanted = new URLSearchParams(location.search).get("protocol");
    if (wanted in protocols && wanted !== "own")
        element("protocol").value = wanted;
    protocol = element("protocol").value;
}

function randomRoom() {
    const bytes = crypto.getRandomValues(new Uint8Array(4));
    return `room-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

element("room").value = location.hash.slice(1) || randomRoom();
history.replaceState(null, "", `#${element("room").value}`);
element("room").addEventListener("input", () => history.replaceState(null, "", `#${element("room").value}`));
element("settings").addEventListener("submit", onSubmit);
element("settings").addEventListener("change", onSettings);
element("chat").addEventListener("submit", sendChat);
element("mute").addEventListener("click", (event) => toggle(event.currentTarget));
element("deafen").addEventListener("click", (event) => toggle(event.currentTarget));
window.addEventListener("hashchange", () => { if (room === null) element("room").value = location.hash.slice(1); });
window.addEventListener("pagehide", leave);
window.addEventListener("resize", () => drawChart(call?.history ?? []));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawChart(call?.history ?? []));
setText("hint", "Open this address in two windows and press Join in both: they will call each other through the relay.");
drawChart([]);
attempt(findService).then(() => { document.body.dataset.service = protocol; });
