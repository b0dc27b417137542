// One session, live: where it is, what it may do, with whom it speaks, and how much.

import { createLiveChart } from "../live_chart.js";
import { segment } from "../lib/api.js";
import { h, replace, setText } from "../lib/dom.js";
import { bitRate, bytes, duration, number, rate } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { badge, empty, notice, pageHead } from "../lib/parts.js";
import { cancelSession } from "./sessions.js";

const POINTS = 90; // of two seconds each

export async function renderSession(root, context, id) {
    const path = `/sessions/${segment(id)}`;
    const view = buildView(context, await findFirst(root, context, path));
    if (view === null)
        return;
    replace(root, view.head, view.gone, view.rates, view.facts, view.peers);
    context.poll(async () => {
        const session = await find(context, path);
        if (session === null)
            showGone(view);
        else if (!view.isGone)
            show(view, session);
    });
}

// null: it has ended.
async function find({ api }, path) {
    try {
        return await api.get(path);
    } catch (problem) {
        if (problem.status === 404 || problem.code === "refused")
            return null;
        throw problem;
    }
}

async function findFirst(root, context, path) {
    const session = await find(context, path);
    if (session === null)
        root.append(pageHead(t("session.title"), back()), empty(t("session.none")));
    return session;
}

const back = () => h("a", { class: "button", href: "#/sessions" }, t("session.back"));

function buildView(context, session) {
    if (session === null)
        return null;
    const chart = createLiveChart({
        label: t("session.chart"), points: POINTS, format: bitRate,
        series: [t("session.to_peer"), t("session.to_client")], span: duration(POINTS * 2),
    });
    const view = { chart, session, gone: h("div"), figures: h("dl", { class: "figures" }), facts: h("section", { class: "panel" }), peers: h("div", { class: "panels" }) };
    view.cancel = h("button", { type: "button", class: "danger", onclick: () => cancelSession(context, view.session, () => showGone(view)) }, t("sessions.cancel"));
    view.title = pageHead(t("session.of", { user: session.user || t("sessions.nobody") }), back(), view.cancel);
    view.head = view.title;
    view.rates = h("section", { class: "panel" }, h("h2", {}, t("session.traffic")), view.figures, chart.element);
    return view;
}

function showGone(view) {
    if (view.isGone)
        return;
    view.isGone = true;
    view.cancel.disabled = true;
    replace(view.gone, notice("info", t("session.gone")));
}

// ---- what changes -------------------------------------------------------------------------------------

function show(view, session) {
    view.session = session;
    view.chart.add([session.to_peer.bytes_s, session.to_client.bytes_s]);
    showList(view.figures, figuresOf(session), "big");
    showFacts(view, factsOf(session));
    showPeers(view, session);
}

const figuresOf = ({ to_peer, to_client, limited_packets, age, expires }) => [
    [t("session.to_peer"), bitRate(to_peer.bytes_s)],
    [t("session.to_client"), bitRate(to_client.bytes_s)],
    [t("session.packets"), `${rate(to_peer.packets_s)} · ${rate(to_client.packets_s)}`],
    [t("session.sent"), bytes(to_peer.bytes)],
    [t("session.received"), bytes(to_client.bytes)],
    [t("session.limited"), number(limited_packets)],
    [t("sessions.age"), duration(age)],
    [t("session.expires"), duration(expires)],
];

const factsOf = (session) => [
    [t("session.id"), session.id],
    [t("realm.one"), session.realm],
    [t("session.origin"), session.origin],
    [t("sessions.client"), session.client],
    [t("session.server"), session.server],
    [t("sessions.transport"), [session.transport.toUpperCase(), session.tls ? `${session.tls.version}, ${session.tls.cipher}` : ""].filter(Boolean).join(" · ")],
    [t("sessions.relayed"), session.relayed.join(", ")],
    [t("session.relays"), session.relays],
    [t("sessions.thread"), number(session.thread)],
    [t("session.mobile"), t(session.mobile ? "common.yes" : "common.no")],
    [t("session.limit"), session.max_bps > 0 ? bitRate(session.max_bps) : t("session.no_limit")],
].filter(([, text]) => text !== undefined && text !== "");

function showFacts(view, facts) {
    if (view.facts.children.length === 0)
        replace(view.facts, h("h2", {}, t("session.facts")), h("dl", { class: "figures" }));
    showList(view.facts.lastChild, facts, "");
}

// Texts alone are exchanged, so that what is selected stays so.
function showList(list, facts, kind) {
    while (list.children.length < facts.length)
        list.append(h("div", {}, h("dt"), h("dd", { class: kind || null })));
    while (list.children.length > facts.length)
        list.lastChild.remove();
    facts.forEach(([label, text], index) => {
        setText(list.children[index].firstChild, label);
        setText(list.children[index].lastChild, text);
    });
}

function showPeers(view, session) {
    const parts = [
        peersOf(t("session.permissions"), session.permissions, [t("sessions.peer"), t("session.expires")], (one) => [one.peer, duration(one.expires)]),
        peersOf(t("session.channels"), session.channels, [t("session.number"), t("sessions.peer"), t("session.expires")], (one) => [one.number, one.peer, duration(one.expires)]),
        session.relays === "TCP" ? peersOf(t("session.connections"), session.connections, [t("sessions.peer"), t("session.state")],
            (one) => [one.peer, one.joined ? badge("good", t("session.joined")) : badge("", t("session.waits"))]) : null,
        session.more_peers ? notice("info", t("session.more_peers")) : null,
    ].filter((part) => part !== null);
    const fresh = h("div", { class: "panels" }, parts);
    if (!fresh.isEqualNode(view.peers)) {
        view.peers.replaceWith(fresh);
        view.peers = fresh;
    }
}

function peersOf(label, list, heads, cells) {
    return h("section", { class: "panel" }, h("h2", {}, `${label} (${number(list.length)})`),
        list.length === 0 ? h("p", { class: "quiet-text" }, t("common.none")) : h("table", { class: "plain" },
            h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
            h("tbody", {}, list.map((one) => h("tr", {}, cells(one).map((cell) => h("td", {}, cell)))))));
}
