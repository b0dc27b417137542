// A call of two ends in this page, both through the relay: a data channel whose messages come back, so that what is measured is the way there
// and back twice through the relay. Everything shown is from getStats() and from the messages.

import { createLiveChart } from "../live_chart.js";
import { chosenPair, describeCandidate, median, relayUris } from "../ice.js";
import { h, replace, setText } from "../lib/dom.js";
import { bitRate, bytes, decimal, duration, number } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { field, notice } from "../lib/parts.js";

const PATIENCE_MS = 20000;
const LOOK_MS = 1000;
const POINTS = 60;
const WAITING_MAX = 1000; // messages that have not come back; older ones are lost
const BUFFERED_MAX = 256 * 1024; // what waits in the browser: more is a queue, and not the relay
const LOADS = [ // how often, and how long each
    { name: "light", every_ms: 200, size: 100 },
    { name: "voice", every_ms: 20, size: 160 },
    { name: "video", every_ms: 8, size: 1100 },
];

export function callPanel({ signal }) {
    const panel = { signal, credentials: null, call: null };
    build(panel);
    return {
        element: panel.element,
        use(credentials) {
            panel.credentials = credentials;
            const uris = relayUris(credentials.uris);
            replace(panel.uri, uris.length > 1 && h("option", { value: "" }, t("call.any_uri")), uris.map((uri) => h("option", { value: uri }, uri)));
            panel.begin.disabled = uris.length === 0;
            panel.uri.disabled = uris.length === 0;
        },
        end: () => end(panel),
    };
}

function build(panel) {
    panel.begin = h("button", { type: "submit", class: "primary", disabled: true }, t("call.begin"));
    panel.stop = h("button", { type: "button", hidden: true, onclick: () => {
        end(panel);
        setText(panel.state, t("call.ended"));
        panel.begin.focus();
    } }, t("call.stop"));
    panel.uri = h("select", { name: "uri", disabled: true }, h("option", { value: "" }, t("call.no_credentials")));
    panel.load = h("select", { name: "load" }, LOADS.map(({ name, size, every_ms }) => h("option", { value: name }, t(`call.load_${name}`, { rate: bitRate(size * 1000 / every_ms) }))));
    panel.state = h("p", { role: "status", class: "quiet-text" });
    panel.problem = h("div");
    panel.figures = h("dl", { class: "figures" });
    panel.pair = h("div", { class: "panels" });
    panel.measured = h("div", { class: "measured", hidden: true });
    panel.element = h("section", { class: "panel", id: "call" }, h("h2", {}, t("call.title")), h("p", { class: "hint" }, t("call.text")),
        h("form", { class: "inline-form", onsubmit: (event) => {
            event.preventDefault();
            begin(panel);
        } }, field(t("call.uri"), panel.uri), field(t("call.load"), panel.load), panel.begin, panel.stop), panel.state, panel.problem, panel.measured);
}

// ---- the call -----------------------------------------------------------------------------------------

function begin(panel) {
    end(panel);
    const { uris, username, password } = panel.credentials;
    const urls = panel.uri.value === "" ? relayUris(uris) : [panel.uri.value];
    const settings = { iceServers: [{ urls, username, credential: password }], iceTransportPolicy: "relay" };
    const call = panel.call = { waiting: new Map(), next: 0, lost: 0, lastRtt: null, rtts: [], errors: new Map(), began: performance.now() };
    panel.begin.hidden = true;
    panel.stop.hidden = false;
    replace(panel.problem);
    setText(panel.state, t("call.connecting"));
    try {
        connect(panel, call, settings);
    } catch (problem) {
        failed(panel, call, problem.message);
    }
}

function connect(panel, call, settings) {
    call.ends = [new RTCPeerConnection(settings), new RTCPeerConnection(settings)];
    const [caller, callee] = call.ends;
    call.patience = setTimeout(() => failed(panel, call, t("call.too_long")), PATIENCE_MS);
    for (const [from, to] of [[caller, callee], [callee, caller]]) {
        from.onicecandidate = ({ candidate }) => to.addIceCandidate(candidate).catch(() => {}); // one that came too late
        from.onicecandidateerror = ({ errorCode, errorText }) => call.errors.set(errorCode, errorText);
        from.onconnectionstatechange = () => from.connectionState === "failed" && failed(panel, call, t("call.failed"));
    }
    callee.ondatachannel = ({ channel }) => {
        channel.binaryType = "arraybuffer";
        channel.onmessage = ({ data }) => channel.readyState === "open" && channel.send(data);
    };
    call.channel = caller.createDataChannel("measure", { ordered: false, maxRetransmits: 0 });
    call.channel.binaryType = "arraybuffer";
    call.channel.onopen = () => connected(panel, call);
    call.channel.onmessage = ({ data }) => cameBack(call, data);
    negotiate(caller, callee).catch((problem) => failed(panel, call, problem.message));
}

async function negotiate(caller, callee) {
    await caller.setLocalDescription(await caller.createOffer());
    await callee.setRemoteDescription(caller.localDescription);
    await callee.setLocalDescription(await callee.createAnswer());
    await caller.setRemoteDescription(callee.localDescription);
}

function connected(panel, call) {
    clearTimeout(call.patience);
    setText(panel.state, t("call.connected", { ms: decimal(performance.now() - call.began) }));
    call.chart = createLiveChart({ label: t("call.rtt"), points: POINTS, format: milliseconds, series: [t("call.rtt")], span: duration(POINTS) });
    replace(panel.measured, panel.figures, h("h3", {}, t("call.rtt")), call.chart.element, h("h3", {}, t("call.pair")), panel.pair);
    panel.measured.hidden = false;
    const load = LOADS.find(({ name }) => name === panel.load.value);
    call.sending = setInterval(() => send(call, load.size), load.every_ms);
    call.looking = setInterval(() => look(panel, call), LOOK_MS);
}

const milliseconds = (value) => (Number.isFinite(value) ? `${decimal(value)} ms` : "–");

function failed(panel, call, text) {
    if (panel.call !== call)
        return;
    const errors = [...call.errors].map(([code, said]) => `${code}${said ? ` ${said}` : ""}`);
    end(panel);
    setText(panel.state, "");
    replace(panel.problem, notice("bad", text, errors.length > 0 && ` ${t("call.errors", { errors: errors.join(", ") })}`));
}

function end(panel) {
    const { call } = panel;
    panel.call = null;
    panel.begin.hidden = false;
    panel.stop.hidden = true;
    if (call === null)
        return;
    clearTimeout(call.patience);
    clearInterval(call.sending);
    clearInterval(call.looking);
    call.ends?.forEach((one) => one.close());
}

// ---- messages -----------------------------------------------------------------------------------------

// The first eight bytes are the message's number. Nothing is sent again, so that what is lost is seen.
function send(call, size) {
    if (call.channel.readyState !== "open" || call.channel.bufferedAmount > BUFFERED_MAX)
        return;
    const message = new DataView(new ArrayBuffer(size));
    message.setFloat64(0, call.next);
    call.waiting.set(call.next++, performance.now());
    call.channel.send(message.buffer);
    if (call.waiting.size > WAITING_MAX) {
        call.waiting.delete(call.waiting.keys().next().value);
        call.lost++;
    }
}

function cameBack(call, data) {
    const index = new DataView(data).getFloat64(0), sent = call.waiting.get(index);
    if (sent === undefined)
        return;
    call.waiting.delete(index);
    call.rtts.push(performance.now() - sent);
}

// ---- what is seen -------------------------------------------------------------------------------------

async function look(panel, call) {
    const report = await call.ends[0].getStats();
    if (panel.call !== call)
        return;
    forgetLost(call);
    const rtt = median(call.rtts);
    call.rtts = [];
    call.chart.add([rtt]);
    const chosen = chosenPair(report);
    if (chosen !== null)
        showFigures(panel, call, chosen, rtt);
}

const LOST_AFTER_MS = 3000;

function forgetLost(call) {
    const before = performance.now() - LOST_AFTER_MS;
    for (const [index, sent] of call.waiting) {
        if (sent > before)
            break;
        call.waiting.delete(index);
        call.lost++;
    }
}

function showFigures(panel, call, { pair, local, remote }, rtt) {
    const rows = [
        [t("call.rtt_now"), milliseconds(rtt)],
        [t("call.rtt_ice"), milliseconds(pair.currentRoundTripTime * 1000)],
        [t("call.sent"), bytes(pair.bytesSent)],
        [t("call.received"), bytes(pair.bytesReceived)],
        [t("call.messages"), number(call.next)],
        [t("call.lost"), number(call.lost)],
    ];
    if (panel.figures.children.length === 0)
        panel.figures.append(...rows.map(() => h("div", {}, h("dt"), h("dd", { class: "big" }))));
    rows.forEach(([label, text], index) => {
        setText(panel.figures.children[index].firstChild, label);
        setText(panel.figures.children[index].lastChild, text);
    });
    const ends = [[t("call.local"), local], [t("call.remote"), remote]].map(([label, candidate]) => endOf(label, candidate));
    const fresh = h("div", { class: "panels" }, ends);
    if (!fresh.isEqualNode(panel.pair)) {
        panel.pair.replaceWith(fresh);
        panel.pair = fresh;
    }
}

function endOf(label, candidate) {
    if (candidate === undefined)
        return null;
    const { address, type, relayProtocol, url } = describeCandidate(candidate);
    const parts = [type, relayProtocol && t("call.to_relay", { transport: relayProtocol.toUpperCase() }), url].filter(Boolean);
    return h("div", { class: "checked good" }, h("strong", {}, label), h("code", {}, address), h("p", { class: "detail" }, parts.join(" · ")));
}
