// The figures and the way of the packets: everything comes from getStats().

import { element, setText } from "./page.js";

const SECONDS_SHOWN = 60;

// Looks at a call, whose history and last figures it keeps; isCurrent() says whether the page still shows it.
export async function measure(mine, isCurrent) {
    const report = await mine.connection.getStats();
    if (!isCurrent())
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
        zone: mine.zone?.label,
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

export function showFigures(now) {
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
    const where = now?.zone ? ` in ${now.zone}` : "";
    const protocol = isRelayed ? local.relayProtocol : local?.protocol;
    setText("path-client", local ? isRelayed ? `to the relay${where} by ${String(protocol).toUpperCase()}` : `direct, by ${protocol}` : "–");
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

export function drawChart(history) {
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
