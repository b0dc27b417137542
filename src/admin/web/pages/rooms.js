// Rooms of the signaling daemon, and its nodes.

import { askForm } from "../dialog.js";
import { segment } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { ago, duration, NONE, number } from "../lib/format.js";
import { named, t } from "../lib/i18n.js";
import { badge, notice, pageHead } from "../lib/parts.js";
import { createTable } from "../table.js";
import { renderRoom } from "./room.js";

export const title = "nav.rooms";

const STATES = { ready: "good", draining: "warning", lost: "bad" };
const DRAIN_MAX_S = 86400;

export function render(root, context) {
    if (!context.me.signaling) {
        root.append(pageHead(t("nav.rooms")), notice("info", t("rooms.no_signaling")));
        return undefined;
    }
    if (context.params.length === 3)
        return renderRoom(root, context, context.params);
    const missing = h("div");
    const table = createTable({
        name: "rooms", caption: t("nav.rooms"), context, isInAddress: true,
        fetch: (query) => fetchRooms(context, query, missing),
        key: (room) => JSON.stringify([room.tenant, room.type, room.name]), open: addressOf,
        columns: columns(context), filters: context.me.realm === "" ? [{ name: "tenant", label: t("rooms.tenant") }] : [], empty: t("rooms.empty"),
    });
    const isOfAll = context.me.realm === "";
    root.append(pageHead(t("nav.rooms"), isOfAll && h("button", { type: "button", class: "danger", onclick: () => drain(context) }, t("rooms.drain"))), missing, table.element);
    if (isOfAll)
        showNodes(root, context);
    return undefined;
}

async function fetchRooms({ api }, query, missing) {
    const answer = await api.get("/rooms", query);
    const names = answer.missing ?? [];
    if ((missing.firstChild !== null) !== (names.length > 0))
        replace(missing, names.length > 0 && notice("warning", t("rooms.missing", { names: names.join(", ") })));
    return { items: answer.rooms, next: answer.next, matched: answer.matched, total: answer.total };
}

const addressOf = (room) => `#/rooms/${[room.tenant, room.type, room.name].map(segment).join("/")}`;

const columns = ({ me }) => [
    { name: "name", title: t("rooms.name"), isMain: true, cell: (room) => room.name },
    ...me.realm === "" ? [{ name: "tenant", title: t("rooms.tenant"), cell: (room) => room.tenant }] : [],
    { name: "type", title: t("rooms.type"), cell: (room) => room.type },
    { name: "count", title: t("rooms.participants"), isNumber: true, cell: (room) => (room.capacity > 0 ? `${number(room.count)} / ${number(room.capacity)}` : number(room.count)) },
    { name: "state", title: t("rooms.state"), cell: roomBadges },
    { name: "node", title: t("rooms.node"), cell: nodeOf },
    { name: "created", title: t("rooms.created"), cell: (room) => ago(room.created_ms / 1000) },
];

// Nodes without a cluster have neither name nor number.
const nodeOf = ({ node_name, node }) => node_name || (node === 0 ? t("rooms.this_node") : number(node));

export function roomBadges(room) {
    const marks = [[room.locked, "warning", "rooms.locked"], [room.pin, "", "rooms.has_pin"], [room.relay_only, "accent", "rooms.relay_only"]].filter(([is]) => is);
    return marks.length === 0 ? badge("good", t("rooms.open")) : marks.map(([, kind, key]) => [badge(kind, t(key)), " "]);
}

// ---- nodes ---------------------------------------------------------------------------------------------

function showNodes(root, context) {
    const state = h("p", { class: "quiet-text" });
    const nodes = createTable({
        name: "nodes", caption: t("rooms.nodes"), context,
        fetch: async () => {
            const answer = await context.api.get("/nodes");
            replace(state, answer.redis === null ? t("rooms.alone") : t(answer.redis === "there" ? "rooms.redis_there" : "rooms.redis_away"));
            return { items: answer.nodes, next: null };
        },
        key: (node) => node.number,
        columns: [
            { name: "name", title: t("rooms.node"), isMain: true, value: (node) => node.name, cell: (node) => [node.name || t("rooms.this_node"), node.self && node.name ? [" ", badge("accent", t("rooms.this_node"))] : null] },
            { name: "state", title: t("rooms.state"), cell: (node) => badge(STATES[node.state] ?? "", named("rooms.node_state", node.state)) },
            { name: "sessions", title: t("rooms.connected"), isNumber: true, value: (node) => node.sessions, cell: (node) => number(node.sessions) },
            { name: "rooms", title: t("nav.rooms"), isNumber: true, value: (node) => node.rooms, cell: (node) => number(node.rooms) },
            { name: "threads", title: t("rooms.threads"), isNumber: true, cell: (node) => number(node.threads) },
            { name: "version", title: t("rooms.version"), cell: (node) => node.version },
            { name: "beat", title: t("rooms.last_beat"), isNumber: true, cell: lastBeat },
        ],
    });
    root.append(h("h2", {}, t("rooms.nodes")), state, nodes.element);
}

// Of itself a node hears nothing; of a node that was never heard of there is nothing to tell.
function lastBeat({ self, last_beat_ms }) {
    if (self)
        return t("chart.now");
    return last_beat_ms === null ? NONE : duration(last_beat_ms / 1000);
}

async function drain({ api, say }) {
    const status = await askForm({
        title: t("rooms.drain"), intro: [t("rooms.drain_text"), t("rooms.drain_end")], action: t("rooms.drain_button"), isDanger: true,
        fields: [{ name: "deadline", label: t("rooms.deadline"), type: "number", max: DRAIN_MAX_S, hint: t("rooms.deadline_hint") }],
        submit: ({ deadline }) => api.post("/nodes/drain", deadline === null ? {} : { deadline }),
    });
    if (status !== undefined)
        say(t("rooms.drains"));
}
