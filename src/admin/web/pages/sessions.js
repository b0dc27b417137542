// Who is at the relay: found by user, realm, client, peer and transport, in order of age, rate or traffic, fifty at a time.

import { askForm, askWhether } from "../dialog.js";
import { segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { bitRate, bytes, duration } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { pageHead } from "../lib/parts.js";
import { realmFilter } from "../realms.js";
import { createTable, listOf } from "../table.js";
import { renderSession } from "./session.js";

export const title = "nav.sessions";

const TRANSPORTS = ["udp", "tcp", "tls", "dtls"];

export function render(root, context) {
    if (context.params.length > 0)
        return renderSession(root, context, context.params[0]);
    const table = createTable({
        name: "sessions", caption: t("nav.sessions"), context, isInAddress: true, sort: "age",
        fetch: listOf(context.api, "/sessions", "sessions"),
        key: (session) => session.id, open: (session) => `#/sessions/${segment(session.id)}`,
        columns: columns(context), filters: filters(context), empty: t("sessions.empty"),
        actions: (session) => [{
            label: t("sessions.cancel"), name: t("sessions.cancel_of", { user: session.user, id: session.id }),
            isDanger: true, run: () => cancelSession(context, session, table.reload),
        }],
    });
    root.append(pageHead(t("nav.sessions"),
        h("button", { type: "button", onclick: () => cancelUser(context, table.reload) }, t("sessions.cancel_user"))), table.element);
    return undefined;
}

const columns = ({ me }) => [
    { name: "user", title: t("sessions.user"), isMain: true, cell: (session) => session.user || t("sessions.nobody") },
    ...me.realm === "" ? [{ name: "realm", title: t("realm.one"), cell: (session) => session.realm }] : [],
    { name: "client", title: t("sessions.client"), cell: (session) => address(session.client) },
    { name: "transport", title: t("sessions.transport"), isShort: true, cell: (session) => session.transport.toUpperCase() },
    { name: "relayed", title: t("sessions.relayed"), cell: (session) => session.relayed.map((text) => h("div", {}, address(text))) },
    { name: "rate", title: t("sessions.rate"), isNumber: true, sort: "rate", cell: (session) => bitRate(session.to_peer.bytes_s + session.to_client.bytes_s) },
    { name: "bytes", title: t("sessions.traffic"), isNumber: true, sort: "bytes", cell: (session) => bytes(session.to_peer.bytes + session.to_client.bytes) },
    { name: "age", title: t("sessions.age"), isNumber: true, sort: "age", cell: (session) => duration(session.age) },
];

const filters = (context) => [
    { name: "contains", label: t("sessions.contains"), isWide: true },
    ...realmFilter(context),
    { name: "client", label: t("sessions.client"), hint: "192.0.2.0/24" },
    { name: "peer", label: t("sessions.peer"), hint: "198.51.100.7" },
    { name: "transport", label: t("sessions.transport"), options: [["", t("common.any")], ...TRANSPORTS.map((name) => [name, name.toUpperCase()])] },
];

const address = (text) => h("span", { class: "address" }, text);

export async function cancelSession({ api, say }, session, done) {
    const isDone = await askWhether({
        title: t("sessions.cancel_title"), text: t("sessions.cancel_text", { user: session.user, client: session.client }),
        action: t("sessions.cancel"), submit: () => api.del(`/sessions/${segment(session.id)}`),
    });
    if (!isDone)
        return;
    say(t("sessions.cancelled", { n: 1 }));
    done();
}

async function cancelUser({ api, me, say }, done) {
    const answer = await askForm({
        title: t("sessions.cancel_user"), intro: t("sessions.cancel_user_text"), action: t("sessions.cancel_all"), isDanger: true,
        fields: [
            { name: "user", label: t("sessions.user"), isRequired: true },
            ...me.realm === "" ? [{ name: "realm", label: t("realm.one"), hint: t("sessions.any_realm") }] : [],
        ],
        submit: ({ user, realm }) => api.post("/sessions/cancel", realm ? { user, realm } : { user }),
    });
    if (answer === undefined)
        return;
    say(t("sessions.cancelled", { n: answer.cancelled }));
    done();
}
