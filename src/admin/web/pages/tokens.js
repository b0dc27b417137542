// Tokens of machines: what each may do, until when, and when it was last used. A token is told once.

import { askForm, askWhether, showOnce } from "../dialog.js";
import { ApiError, segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { ago, date, dateTime } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { badge, pageHead } from "../lib/parts.js";
import { realmColumn, realmNames } from "../realms.js";
import { createTable, listOf } from "../table.js";

export const title = "nav.tokens";

// As routes.def has them; what nobody may do by that area is left out.
const AREAS = ["overview", "sessions", "options", "log", "realms", "users", "secrets", "administrators", "rooms"];
const READ_ONLY = new Set(["overview", "log"]);
const SCOPES = ["credentials:read", "credentials:write", ...AREAS.flatMap((area) => (READ_ONLY.has(area) ? [`${area}:read`] : [`${area}:read`, `${area}:write`]))];
const DAY_S = 86400;
const LIFETIMES = [30, 90, 365, 0]; // days; 0: for ever

export function render(root, context) {
    const table = createTable({
        name: "tokens", caption: t("nav.tokens"), context,
        fetch: listOf(context.api, "/tokens", "tokens"),
        key: (token) => token.name,
        columns: [
            { name: "name", title: t("tokens.name"), isMain: true, cell: (token) => token.name, value: (token) => token.name },
            realmColumn,
            { name: "scopes", title: t("tokens.scopes"), isWide: true, cell: (token) => token.scopes.map((scope) => [badge(scope.endsWith(":write") ? "warning" : "", scope), " "]) },
            { name: "created", title: t("tokens.created"), cell: (token) => date(token.created), value: (token) => token.created },
            { name: "expires", title: t("tokens.expires"), cell: expiryOf, value: (token) => token.expires || Infinity },
            { name: "used", title: t("tokens.used"), cell: (token) => (token.used ? ago(token.used) : t("tokens.never")), value: (token) => token.used },
        ],
        actions: (token) => [{ label: t("common.remove"), name: t("common.remove_what", { what: token.name }), isDanger: true, run: () => remove(context, table, token) }],
        empty: t("tokens.empty"), interval: 5000,
    });
    root.append(
        pageHead(t("nav.tokens"), h("button", { type: "button", class: "primary", onclick: () => make(context, table) }, t("tokens.make"))),
        h("p", { class: "quiet-text" }, t("tokens.text")), table.element);
}

function expiryOf({ expires }) {
    if (!expires)
        return t("tokens.for_ever");
    return expires < Date.now() / 1000 ? [date(expires), " ", badge("warning", t("tokens.expired"))] : dateTime(expires);
}

async function make(context, table) {
    const names = await realmNames(context);
    const token = await askForm({
        title: t("tokens.make"), action: t("tokens.make_button"),
        fields: [
            { name: "name", label: t("tokens.name"), isRequired: true, hint: t("tokens.name_hint"), example: "call-service" },
            { name: "scopes", label: t("tokens.scopes"), type: "checks", value: ["credentials:write"], options: SCOPES.map((scope) => [scope, scope]) },
            { name: "realm", label: t("realm.one"), list: names, hint: t("tokens.realm_hint") },
            { name: "lifetime", label: t("tokens.lifetime"), type: "select", value: "90", options: LIFETIMES.map((days) => [String(days), days === 0 ? t("tokens.for_ever") : t("common.days", { n: days })]) },
        ],
        submit: ({ name, scopes, realm, lifetime }) => {
            if (scopes.length === 0)
                throw new ApiError(400, "bad-member", `scopes: ${t("tokens.no_scope")}`);
            return context.api.post("/tokens", { name, scopes, realm, lifetime: Number(lifetime) * DAY_S });
        },
    });
    if (token === undefined)
        return;
    table.reload();
    await showOnce({ title: t("tokens.made", { name: token.name }), text: [t("tokens.told_once"), t("tokens.how")], rows: [[t("tokens.token"), token.token], [t("tokens.header"), `Authorization: Bearer ${token.token}`]] });
}

async function remove({ api, say }, table, { name }) {
    const isDone = await askWhether({
        title: t("tokens.remove_title", { name }), text: t("tokens.remove_text"), action: t("common.remove"), submit: () => api.del(`/tokens/${segment(name)}`),
    });
    if (!isDone)
        return;
    say(t("tokens.removed", { name }));
    table.reload();
}
