// One room: who is in it, put out, locked, closed.

import { askForm, askWhether } from "../dialog.js";
import { segment } from "../lib/api.js";
import { h, replace, setText } from "../lib/dom.js";
import { ago } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { badge, empty, notice, pageHead } from "../lib/parts.js";
import { createTable } from "../table.js";
import { roomBadges } from "./rooms.js";

const CAPACITY_MAX = 4294967295;

export async function renderRoom(root, context, [tenant, type, name]) {
    const path = `/rooms/${[tenant, type, name].map(segment).join("/")}`;
    const first = await find(context, path);
    const back = h("a", { class: "button", href: "#/rooms" }, t("room.back"));
    if (first === null) {
        root.append(pageHead(t("room.of", { name }), back), empty(t("room.none")));
        return;
    }
    const room = { context, path, name, now: first, state: h("span", { class: "toolbar" }), gone: h("div") };
    room.lock = h("button", { type: "button", onclick: () => setLock(room) });
    room.capacity = h("button", { type: "button", onclick: () => setCapacity(room) }, t("room.set_capacity"));
    room.close = h("button", { type: "button", class: "danger", onclick: () => close(room) }, t("room.close"));
    room.table = tableOf(room);
    show(room, first);
    root.append(pageHead(t("room.of", { name }), back, room.lock, room.capacity, room.close), room.gone, room.state, room.table.element);
}

async function find({ api }, path) {
    try {
        return await api.get(path);
    } catch (problem) {
        if (problem.status === 404)
            return null;
        throw problem;
    }
}

function tableOf(room) {
    return createTable({
        name: `room ${room.path}`, caption: t("rooms.participants"), context: room.context,
        fetch: async () => {
            const now = await find(room.context, room.path);
            show(room, now);
            return { items: now?.participants ?? [], next: null };
        },
        key: (one) => one.id,
        columns: [
            { name: "user", title: t("room.user"), isMain: true, value: (one) => one.user, cell: (one) => one.user || one.id },
            { name: "alias", title: t("room.alias"), cell: (one) => one.alias, value: (one) => one.alias },
            { name: "address", title: t("room.address"), isWide: true, cell: (one) => h("span", { class: "address" }, one.address) },
            { name: "dialect", title: t("room.dialect"), cell: (one) => one.dialect, value: (one) => one.dialect },
            { name: "state", title: t("rooms.state"), cell: participantBadges },
            { name: "joined", title: t("room.joined"), cell: (one) => ago(one.joined_ms / 1000), value: (one) => one.joined_ms },
        ],
        actions: (one) => [{ label: t("room.kick"), name: t("room.kick_whom", { user: one.user || one.id }), isDanger: true, run: () => kick(room, one) }],
        empty: t("room.empty"),
    });
}

const participantBadges = (one) => [
    one.away ? badge("warning", t("room.away")) : badge("good", t("room.there")), " ", one.hidden && badge("", t("room.hidden"))];

function show(room, now) {
    const isGone = now === null;
    for (const button of [room.lock, room.capacity, room.close])
        button.disabled = isGone;
    if (isGone) {
        if (room.gone.firstChild === null)
            replace(room.gone, notice("info", t("room.gone")));
        return;
    }
    room.now = now;
    setText(room.lock, t(now.locked ? "room.unlock" : "room.lock"));
    const text = now.capacity > 0 ? t("room.count_of", { count: now.count, capacity: now.capacity }) : t("room.count", { n: now.count });
    const state = h("span", { class: "toolbar" }, roomBadges(now), h("span", { class: "quiet-text" }, text, now.owner ? ` · ${t("room.owner", { owner: now.owner })}` : null));
    if (!state.isEqualNode(room.state)) {
        room.state.replaceWith(state);
        room.state = state;
    }
}

// ---- orders --------------------------------------------------------------------------------------------

async function setLock(room) {
    const locked = !room.now.locked;
    try {
        await room.context.api.patch(room.path, { locked });
        room.context.say(t(locked ? "room.is_locked" : "room.is_unlocked"));
        room.table.reload();
    } catch (problem) {
        room.context.fail(problem);
    }
}

async function setCapacity(room) {
    const done = await askForm({
        title: t("room.set_capacity"), action: t("common.save"),
        fields: [{ name: "capacity", label: t("room.capacity"), type: "number", isRequired: true, min: 0, max: CAPACITY_MAX, value: room.now.capacity, hint: t("room.capacity_hint") }],
        submit: ({ capacity }) => room.context.api.patch(room.path, { capacity }),
    });
    if (done !== undefined)
        room.table.reload();
}

async function close(room) {
    const isDone = await askWhether({
        title: t("room.close_title", { name: room.name }), text: t("room.close_text", { n: room.now.count }), action: t("room.close"),
        submit: () => room.context.api.del(room.path),
    });
    if (!isDone)
        return;
    room.context.say(t("room.closed", { name: room.name }));
    room.context.go("#/rooms");
}

async function kick(room, { id, user }) {
    const done = await askForm({
        title: t("room.kick_title", { user: user || id }), intro: t("room.kick_text"), action: t("room.kick"), isDanger: true,
        fields: [{ name: "reason", label: t("room.reason"), hint: t("room.reason_hint") }],
        submit: ({ reason }) => room.context.api.post(`${room.path}/kick`, reason === "" ? { participant: id } : { participant: id, reason }),
    });
    if (done === undefined)
        return;
    room.context.say(t("room.kicked", { user: user || id }));
    room.table.reload();
}
