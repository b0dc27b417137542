// The call page: joins a room, meets the other window through the signaling of serve.py, and calls it
// through the TURN server. Everything the page shows comes from getStats() and the browser's events.

const SECONDS_SHOWN = 60;
const MAX_CHAT_LINES = 200;

const element = (id) => document.getElementById(id);
const setText = (id, text) => { element(id).textContent = text; };
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;

let room = null;      // what this window knows of the room it is in: name, member, events
let call = null;      // the call of this meeting
let stream = null;    // what this window sends
let turn = null;      // credentials and addresses of the TURN server

// ---- the room -------------------------------------------------------------------------------------

async function post(path, body) {
    let answer;
    try {
        answer = await fetch(path, {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify(body),
        });
    } catch {
        throw new Error("The page's own server does not answer. Is ./quickstart run still running?");
    }
    const value = await answer.json();
    if (!answer.ok)
        throw new Error(value.error);
    return value;
}

async function join() {
    const name = element("room").value.trim().toLowerCase();
    clearProblems();
    setState("waiting", "joining …");
    await openMedia();
    const { member } = await post("/join", { room: name });
    history.replaceState(null, "", `#${name}`);
    room = { name, member, events: new EventSource(`/events?${name}/${member}`) };
    room.events.onmessage = (event) => onRoomEvent(JSON.parse(event.data));
    room.events.onerror = onEventsLost;
    showRoom();
}

function leave() {
    if (room === null)
        return;
    room.events.close();
    const body = JSON.stringify({ room: room.name, member: room.member });
    navigator.sendBeacon("/leave", new Blob([body], { type: "application/json" }));
    room = null;
    endCall();
    showRoom();
}

function onRoomEvent(event) {
    if (event.type === "ready")
        startCall(event);
    else if (event.type === "left")
        onOtherLeft();
    else if (event.type === "signal" && event.message.meeting === call?.meeting)
        queueSignal(call, event.message);
}

function onEventsLost() {
    if (room !== null && room.events.readyState === EventSource.CLOSED) {
        showProblem("The page's own server closed the room. Join again.");
        leave();
    }
}

function onOtherLeft() {
    endCall();
    setState("waiting", "waiting for the other window");
}

// ---- the call -------------------------------------------------------------------------------------

function startCall({ meeting, calls }) {
    endCall();
    clearProblems();
    setState("connecting", "connecting …");
    const mine = call = {
        meeting, transport: chosen("transport"), history: [], last: null, errors: new Map(), sent: Promise.resolve(),
    };
    mine.signals = prepare(mine, calls).catch(showProblem); // what the other sends waits for this
}

async function prepare(mine, calls) {
    turn = await post("/credentials", {});
    if (mine !== call)
        return;
    mine.connection = newConnection(mine);
    for (const track of stream.getTracks())
        mine.connection.addTrack(track, stream);
    openChannel(mine);
    mine.timer = setInterval(() => attempt(() => measure(mine)), 1000);
    if (calls)
        await describe(mine, "offer");
}

function newConnection(mine) {
    const connection = new RTCPeerConnection({
        iceServers: [{ urls: turn.servers[mine.transport], username: turn.username, credential: turn.credential }],
        iceTransportPolicy: element("relay-only").checked ? "relay" : "all",
    });
    connection.onicecandidate = ({ candidate }) => signal(mine, { candidate });
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
    signal(mine, { description: connection.localDescription });
}

function queueSignal(mine, message) {
    mine.signals = mine.signals.then(() => onSignal(mine, message)).catch(showProblem);
}

async function onSignal(mine, { description, candidate }) {
    const { connection } = mine;
    if (mine !== call || connection === undefined)
        return;
    if (description !== undefined) {
        await connection.setRemoteDescription(description);
        if (description.type === "offer")
            await describe(mine, "answer");
    } else if (candidate !== undefined && candidate !== null) {
        await connection.addIceCandidate(candidate);
    }
}

// One after the other: two requests on their way at once may arrive in either order.
function signal(mine, message) {
    mine.sent = mine.sent.then(() => {
        if (mine === call && room !== null)
            return post("/send", { room: room.name, member: room.member, message: { meeting: mine.meeting, ...message } });
    }).catch(showProblem);
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
        setState("connecting", "the other window does not answer at the moment …");
    else if (state === "failed")
        onFailed(mine);
}

function onConnected(mine) {
    clearProblems();
    setState("connected", "connected");
    attempt(() => measure(mine));
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
    const url = turn.servers[mine.transport];
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
    stream ??= drawnStream();
    element("local").srcObject = stream;
    applyMute();
}

function closeMedia() {
    stream?.getTracks().forEach((track) => track.stop());
    stream?.stop?.();
    stream = null;
}

// A moving picture and a quiet tone: proof that media flows where there is no camera.
function drawnStream() {
    const canvas = document.createElement("canvas");
    canvas.width = 640;
    canvas.height = 360;
    const pen = canvas.getContext("2d");
    const hue = Math.floor(Math.random() * 360);
    const timer = setInterval(() => draw(pen, hue), 1000 / 25); // requestAnimationFrame rests in hidden windows
    draw(pen, hue);
    const audio = new AudioContext();
    const drawn = new MediaStream([...canvas.captureStream(25).getVideoTracks(), ...tone(audio).getAudioTracks()]);
    drawn.stop = () => {
        clearInterval(timer);
        audio.close();
    };
    setText("local-caption", "this window: a drawing and a tone");
    return drawn;
}

function draw(pen, hue) {
    const { width, height } = pen.canvas;
    const seconds = performance.now() / 1000;
    pen.fillStyle = `hsl(${hue} 40% 14%)`;
    pen.fillRect(0, 0, width, height);
    for (let i = 0; i < 7; i++) {
        const angle = seconds * (0.4 + i * 0.07) + i * 0.9;
        pen.fillStyle = `hsl(${(hue + i * 14) % 360} 70% ${38 + i * 5}% / 0.75)`;
        pen.beginPath();
        pen.arc(width / 2 + Math.cos(angle) * 190, height / 2 + Math.sin(angle * 1.3) * 105, 44 - i * 4, 0, 2 * Math.PI);
        pen.fill();
    }
    pen.fillStyle = "white";
    pen.font = "600 34px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText(new Date().toLocaleTimeString(), width / 2, height / 2 + 12);
}

function tone(audio) {
    const oscillator = audio.createOscillator();
    const gain = audio.createGain();
    oscillator.frequency.value = 330;
    gain.gain.value = 0.02;
    const destination = audio.createMediaStreamDestination();
    oscillator.connect(gain).connect(destination);
    oscillator.start();
    return destination.stream;
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

// ---- figures ----------------------------------------------------------------------------------------

async function measure(mine) {
    const report = await mine.connection.getStats();
    if (mine !== call)
        return;
    const rows = [...report.values()];
    const pair = chosenPair(report, rows);
    if (pair === undefined)
        return;
    const video = rows.find((row) => row.type === "inbound-rtp" && row.kind === "video");
    const now = {
        at: pair.timestamp,
        bytesIn: pair.bytesReceived,
        bytesOut: pair.bytesSent,
        rtt: pair.currentRoundTripTime,
        local: report.get(pair.localCandidateId),
        remote: report.get(pair.remoteCandidateId),
        lost: rows.filter((row) => row.type === "inbound-rtp").reduce((sum, row) => sum + (row.packetsLost ?? 0), 0),
        picture: video?.frameWidth ? `${video.frameWidth}×${video.frameHeight}, ${Math.round(video.framesPerSecond ?? 0)}/s` : "–",
    };
    addRates(mine, now);
    showFigures(now);
    drawChart(mine.history);
}

// Chromium names the pair in the transport's row; Firefox marks it.
function chosenPair(report, rows) {
    const transport = rows.find((row) => row.type === "transport" && row.selectedCandidatePairId);
    return transport ? report.get(transport.selectedCandidatePairId)
        : rows.find((row) => row.type === "candidate-pair" && row.selected);
}

function addRates(mine, now) {
    const { last } = mine;
    if (last !== null && now.at <= last.at)
        return;
    const rate = (bytes, before) => Math.max(0, (bytes - before) * 8000 / (now.at - last.at));
    now.rateIn = last === null ? undefined : rate(now.bytesIn, last.bytesIn);
    now.rateOut = last === null ? undefined : rate(now.bytesOut, last.bytesOut);
    mine.last = now;
    if (last === null)
        return;
    mine.history.push({ in: now.rateIn, out: now.rateOut, rtt: (now.rtt ?? 0) * 1000 });
    if (mine.history.length > SECONDS_SHOWN)
        mine.history.shift();
}

function showFigures(now) {
    setText("rtt", now?.rtt === undefined ? "–" : `${(now.rtt * 1000).toFixed(now.rtt < 0.01 ? 1 : 0)} ms`);
    setText("rate-in", formatRate(now?.rateIn));
    setText("rate-out", formatRate(now?.rateOut));
    setText("lost", now === null ? "–" : String(now.lost));
    setText("picture", now === null ? "–" : now.picture);
    showPath(now);
    if (now === null)
        drawChart([]);
}

function showPath(now) {
    const local = now?.local, remote = now?.remote;
    const isRelayed = local?.candidateType === "relay";
    const protocol = isRelayed ? local.relayProtocol : local?.protocol;
    setText("path-client", local ? isRelayed ? `to the relay by ${String(protocol).toUpperCase()}` : `direct, by ${protocol}` : "–");
    setText("path-local", formatCandidate(local));
    setText("path-remote", formatCandidate(remote));
    setText("path-type", remote ? remote.candidateType === "relay" ? "by its relay" : "direct" : "–");
    document.body.dataset.local = local?.candidateType ?? "";
    document.body.dataset.remote = remote?.candidateType ?? "";
    document.body.dataset.relayProtocol = isRelayed ? protocol ?? "" : "";
}

function formatCandidate(candidate) {
    if (!candidate)
        return "–";
    const address = candidate.address ?? candidate.ip ?? "hidden";
    return `${candidate.candidateType} ${address.includes(":") ? `[${address}]` : address}:${candidate.port}`;
}

function formatRate(bits) {
    if (bits === undefined)
        return "–";
    return bits < 1e6 ? `${Math.round(bits / 1000)} kbit/s` : `${(bits / 1e6).toFixed(2)} Mbit/s`;
}

function drawChart(history) {
    const canvas = element("chart");
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
    const topRate = niceTop(Math.max(1e5, ...history.flatMap((row) => [row.in, row.out])));
    const topRtt = niceTop(Math.max(1, ...history.map((row) => row.rtt)));
    drawGrid(pen, { width, height, colour, left: formatRate(topRate), right: `${topRtt} ms` });
    const line = (key, top, name) => drawLine(pen, history.map((row) => row[key] / top), { width, height, stroke: colour(name) });
    line("rtt", topRtt, "--rtt");
    line("out", topRate, "--out");
    line("in", topRate, "--in");
}

function niceTop(value) {
    const unit = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].map((step) => step * unit).find((top) => top >= value);
}

function drawGrid(pen, { width, height, colour, left, right }) {
    pen.strokeStyle = colour("--line");
    pen.lineWidth = 1;
    for (let i = 0; i <= 4; i++) {
        const y = Math.round((height - 20) * i / 4) + 18.5;
        pen.beginPath();
        pen.moveTo(0, y);
        pen.lineTo(width, y);
        pen.stroke();
    }
    pen.fillStyle = colour("--quiet");
    pen.font = "12px system-ui, sans-serif";
    pen.fillText(left, 0, 12);
    pen.textAlign = "right";
    pen.fillText(right, width, 12);
    pen.textAlign = "left";
}

function drawLine(pen, values, { width, height, stroke }) {
    const step = width / (SECONDS_SHOWN - 1);
    pen.strokeStyle = stroke;
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.beginPath();
    values.forEach((value, i) => {
        const x = width - (values.length - 1 - i) * step;
        const y = 18.5 + (height - 20) * (1 - Math.min(1, value));
        i === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y);
    });
    pen.stroke();
}

// ---- what the page says -------------------------------------------------------------------------------

function setState(state, text) {
    document.body.dataset.state = state;
    setText("state-text", text);
}

function showRoom() {
    const isIn = room !== null;
    setText("join", isIn ? "Leave" : "Join");
    element("room").readOnly = isIn;
    setText("remote-empty", isIn ? "Open this page in a second window" : "Nobody is here yet");
    if (!isIn)
        setState("idle", "not in a room");
    else if (document.body.dataset.state === "waiting")
        setState("waiting", "waiting for the other window");
}

function showProblem(problem) {
    const text = problem instanceof Error ? problem.message : String(problem);
    const known = [...element("problems").children].some((line) => line.textContent === text);
    if (known)
        return;
    const line = document.createElement("p");
    line.textContent = text;
    element("problems").append(line);
}

function clearProblems() {
    element("problems").replaceChildren();
}

async function attempt(action) {
    try {
        await action();
    } catch (problem) {
        showProblem(problem);
    }
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
    if (room === null)
        return;
    attempt(async () => {
        await openMedia();
        await post("/again", { room: room.name, member: room.member });
    });
}

async function showTransports() {
    const { servers } = await post("/credentials", {});
    for (const input of document.querySelectorAll("input[name=transport]"))
        input.disabled = !(input.value in servers);
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
setText("hint", "Open this address in two windows and press Join in both: they will call each other through the relay.");
drawChart([]);
attempt(showTransports);
