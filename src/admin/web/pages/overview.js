// How the relay is: figures of now, the last hour as charts, threads, drops, certificates.

import { askWhether } from "../dialog.js";
import { chart } from "../lib/chart.js";
import { h, replace, setText } from "../lib/dom.js";
import { bitRate, bytes, compact, date, duration, number, percent, rate } from "../lib/format.js";
import { named, t } from "../lib/i18n.js";
import { badge, empty, notice, pageHead } from "../lib/parts.js";

export const title = "overview.title";

const TRANSPORTS = ["udp", "tcp", "tls", "dtls"];
const AWAY = ["not-running", "no-answer"];
const HISTORY_MS = 5000;
const SAMPLES_MAX = 720;
const DAY_S = 86400;
const WARNING_DAYS = 30, ALARM_DAYS = 7;
const DROPS_SHOWN = 8;
const BUSY = 0.8; // of a core

export function render(root, context) {
    const page = { context, tiles: buildTiles(), charts: buildCharts() };
    page.state = h("div", { class: "states" });
    page.actions = h("div", { class: "toolbar" });
    page.threads = h("div");
    page.drops = h("div");
    page.certificates = h("div");
    page.body = h("div", { class: "page" },
        h("div", { class: "tiles" }, page.tiles.map(({ node }) => node)),
        h("div", { class: "panels charts" }, page.charts.map(({ node }) => node)),
        h("div", { class: "panels" },
          panel(t("overview.threads"), page.threads), panel(t("overview.drops"), page.drops), panel(t("overview.certificates"), page.certificates)));
    root.append(pageHead(t("overview.title"), page.actions), page.state, page.body);
    context.poll(() => update(page));
    context.poll(() => updateHistory(page), HISTORY_MS);
    return () => page.charts.forEach(({ destroy }) => destroy());
}

const panel = (heading, content) => h("section", { class: "panel" }, h("h2", {}, heading), content);

// A relay that is away is a state of the page, not a failure of it: the last hour stays to be seen.
async function update(page) {
    const { api } = page.context;
    let overview, threads;
    try {
        [overview, { threads }] = await Promise.all([api.get("/overview"), api.get("/threads")]);
    } catch (problem) {
        if (!AWAY.includes(problem.code))
            throw problem;
        showAway(page);
        return;
    }
    page.body.classList.remove("is-away");
    remember(page, overview, threads);
    showState(page, overview);
    page.tiles.forEach((tile) => tile.show(overview, page.before));
    showThreads(page, threads);
    showDrops(page, overview);
    showCertificates(page, overview);
}

// Rates are between two samples; the relay's counters are sampled less often than they are asked for.
function remember(page, overview, threads) {
    if (page.last?.time !== overview.time)
        page.before = page.last;
    page.last = overview;
    page.threadsBefore = page.threadsLast;
    page.threadsLast = { time: performance.now() / 1000, rows: new Map(threads.map((thread) => [thread.name, thread])) };
}

function showAway(page) {
    if (!page.body.classList.contains("is-away"))
        replace(page.state, notice("bad", h("strong", {}, t("overview.away")), " ", t("overview.away_hint")));
    page.body.classList.add("is-away");
    replace(page.actions);
    page.last = page.before = page.threadsLast = page.threadsBefore = undefined; // who comes back counts from zero
}

// ---- draining -------------------------------------------------------------------------------------

function showState(page, { draining, allocations }) {
    const text = draining === null ? "" : drainText(draining, allocations.now);
    if (page.state.textContent !== text)
        replace(page.state, draining !== null && notice("warning", text));
    if (page.actions.childElementCount === 0 || page.isDraining !== (draining !== null))
        replace(page.actions, draining === null ? drainButton(page) : undrainButton(page));
    page.isDraining = draining !== null;
}

function drainText({ seconds_left: left }, n) {
    return `${t("overview.draining", { n })}${left === null ? "" : ` ${t("overview.draining_ends", { time: duration(left) })}`}`;
}

function drainButton({ context }) {
    return h("button", { type: "button", class: "danger", onclick: () => askWhether({
        title: t("overview.drain"), text: t("overview.drain_what"), action: t("overview.drain"),
        submit: () => context.api.post("/drain"),
    }) }, t("overview.drain"));
}

function undrainButton({ context }) {
    return h("button", { type: "button", onclick: () => context.api.post("/undrain").catch(context.fail) }, t("overview.undrain"));
}

// ---- tiles ----------------------------------------------------------------------------------------

// What describe gives are texts that stay whole where they are wrapped.
function tile(label, describe) {
    const value = h("strong", { class: "figure" }, "–");
    const more = h("p", { class: "small quiet-text" }, "\u00a0");
    return {
        node: h("div", { class: "tile" }, h("h2", {}, label), value, more),
        show(now, before) {
            const [main, rest] = describe(now, before);
            showParts(value, main);
            showParts(more, rest);
        },
    };
}

function showParts(node, texts) {
    const parts = [texts].flat();
    if (parts.length !== node.querySelectorAll("span").length)
        replace(node, parts.map(() => h("span")));
    parts.forEach((text, i) => setText(node.children[i], text));
}

function buildTiles() {
    return [
        tile(t("overview.allocations"), ({ allocations }) => [number(allocations.now), transportsText(allocations.by_transport)]),
        tile(t("overview.clients"), ({ traffic }) => trafficTexts(traffic.client_in, traffic.client_out)),
        tile(t("overview.peers"), ({ traffic }) => trafficTexts(traffic.peer_in, traffic.peer_out)),
        tile(t("overview.drops"), (now, before) => [rate(dropRate(now, before)), t("overview.since_start", { n: compact(dropSum(now)) })]),
        tile(t("overview.setup"), ({ setup_latency: setup }) => (setup.count > 0
            ? [duration(setup.p50), t("overview.setup_p99", { time: duration(setup.p99) })] : ["–", t("overview.setup_none")])),
        tile(t("overview.load"), ({ threads }) => [percent(Math.max(0, ...threads.map(({ load }) => load ?? 0))), t("overview.load_busiest", { n: threads.length })]),
        tile(t("overview.memory"), (now) => [bytes(now.memory), t("overview.files", { n: now.open_files, most: compact(now.max_files) })]),
        tile(t("overview.uptime"), ({ uptime, version, engine }) => [duration(uptime), `turnserver ${version}, ${engine}`]),
    ];
}

function transportsText(counts) {
    return TRANSPORTS.filter((name) => counts[name] > 0).map((name) => `${name.toUpperCase()}\u00a0${number(counts[name])}`);
}

function trafficTexts(from, to) {
    return [[`↓ ${bitRate(from.bytes_s)}`, `↑ ${bitRate(to.bytes_s)}`],
            [t("overview.packets", { n: `↓\u00a0${rate(from.packets_s)}` }), `↑\u00a0${rate(to.packets_s)}`]];
}

const dropSum = ({ drops }) => drops.reduce((sum, { packets }) => sum + packets, 0);

function dropRate(now, before) {
    return before ? perSecond(dropSum(now) - dropSum(before), now.time - before.time) : null;
}

const perSecond = (count, seconds) => (seconds > 0 && count >= 0 ? count / seconds : null);

// ---- charts ---------------------------------------------------------------------------------------

// What each chart shows: series of the history.
const CHARTS = [
    { title: "overview.chart_allocations", format: compact, top: 4, series: [["allocations", "overview.allocations", "--series-1"]] },
    { title: "overview.chart_clients", format: bitRate, top: 1000, series: [
        ["client_bytes_in", "overview.from_clients", "--series-1"], ["client_bytes_out", "overview.to_clients", "--series-2"]] },
    { title: "overview.chart_peers", format: bitRate, top: 1000, series: [
        ["peer_bytes_in", "overview.from_peers", "--series-1"], ["peer_bytes_out", "overview.to_peers", "--series-2"]] },
    { title: "overview.chart_drops", format: rate, top: 1, series: [
        ["drops", "overview.drops", "--series-2"], ["errors", "overview.errors", "--series-3"]] },
    { title: "overview.chart_cpu", format: percent, top: 0.1, series: [["cpu_seconds", "overview.cpu", "--series-3"]] },
    { title: "overview.chart_memory", format: bytes, top: 1e7, series: [["memory", "overview.memory", "--series-4"]] },
];

function buildCharts() {
    return CHARTS.map(({ title: heading, format, top, series }) => {
        const names = series.map(([name]) => name);
        const drawn = chart({ title: t(heading), format, top, series: series.map(([, label, color]) => ({ label: t(label), color })) });
        return { ...drawn, show: (history) => drawn.set(history.times, names.map((name) => history.series[name])) };
    });
}

async function updateHistory(page) {
    const since = Math.floor(page.history?.times.at(-1) ?? 0);
    page.history = joined(page.history, await page.context.api.get("/history", { since }));
    page.charts.forEach((each) => each.show(page.history));
}

function joined(known, { times, series }) {
    if (known === undefined)
        return { times, series };
    const first = times.findIndex((time) => time > (known.times.at(-1) ?? 0)); // since is in whole seconds
    const tail = (before, more) => [...before, ...first < 0 ? [] : more.slice(first)].slice(-SAMPLES_MAX);
    return {
        times: tail(known.times, times),
        series: Object.fromEntries(Object.entries(series).map(([name, more]) => [name, tail(known.series[name] ?? [], more)])),
    };
}

// ---- tables ---------------------------------------------------------------------------------------

const cell = (text) => h("td", { class: "number" }, text);
const heads = (...texts) => h("thead", {}, h("tr", {}, texts.map((text, i) => h("th", { scope: "col", class: i > 0 ? "number" : null }, text))));

function showThreads(page, threads) {
    const { threadsBefore: before, threadsLast: last } = page;
    const seconds = before ? last.time - before.time : 0;
    const packetsOf = (thread) => thread.packets_in + thread.packets_out;
    replace(page.threads, h("table", { class: "tight" },
        heads(t("overview.thread"), t("overview.load"), t("overview.allocations"), t("overview.packets_s")),
        h("tbody", {}, threads.map((thread) => {
            const was = before?.rows.get(thread.name);
            return h("tr", {}, h("th", { scope: "row" }, thread.name, loadBar(thread.load)), cell(percent(thread.load)),
                     cell(number(thread.allocations)), cell(rate(was ? perSecond(packetsOf(thread) - packetsOf(was), seconds) : null)));
        }))));
}

function loadBar(load) {
    const share = Math.min(1, load ?? 0);
    return h("span", { class: share > BUSY ? "load-bar bad" : "load-bar", "aria-hidden": "true", style: { "--share": String(share) } });
}

function showDrops(page, now) {
    const before = new Map(page.before?.drops.map(({ reason, packets }) => [reason, packets]));
    const seconds = now.time - (page.before?.time ?? now.time);
    const rows = now.drops.filter(({ packets }) => packets > 0).slice(0, DROPS_SHOWN);
    if (rows.length === 0) {
        replace(page.drops, empty(t("overview.no_drops")));
        return;
    }
    replace(page.drops, h("table", { class: "tight" },
        heads(t("overview.reason"), t("overview.packets_all"), t("overview.packets_s")),
        h("tbody", {}, rows.map(({ reason, packets }) => h("tr", {},
            h("th", { scope: "row" }, named("drop", reason)), cell(number(packets)),
            cell(rate(page.before ? perSecond(packets - (before.get(reason) ?? 0), seconds) : null)))))));
}

function showCertificates(page, { certificates, time }) {
    if (certificates.length === 0) {
        replace(page.certificates, empty(t("overview.no_certificates")));
        return;
    }
    replace(page.certificates, h("table", { class: "tight" },
        heads(t("overview.transport"), t("overview.ends"), t("overview.left")),
        h("tbody", {}, certificates.map(({ transport, expires }) => h("tr", {},
            h("th", { scope: "row" }, transport.toUpperCase()), cell(date(expires)), cell(leftBadge((expires - time) / DAY_S)))))));
}

function leftBadge(days) {
    if (days <= 0)
        return badge("bad", t("overview.ended"));
    const kind = days < ALARM_DAYS ? "bad" : days < WARNING_DAYS ? "warning" : "good";
    return badge(kind, t("overview.days", { n: Math.floor(days) }));
}
