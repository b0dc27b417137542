// Keys of authorization servers, whose access tokens the relay takes (RFC 7635). A key is told once, where it was made here.

import { askForm, askWhether, showOnce } from "../dialog.js";
import { segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { dateTime } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { badge, pageHead } from "../lib/parts.js";
import { realmColumn, realmField, realmFilter, realmNames } from "../realms.js";
import { createTable, listOf } from "../table.js";

export const title = "nav.oauth-keys";

const ALGORITHMS = ["A256GCM", "A128GCM"];
const DAY_S = 86400;
const LIFETIMES = [0, DAY_S, 7 * DAY_S, 30 * DAY_S, 90 * DAY_S, 365 * DAY_S];

export function render(root, context) {
    const mayChange = context.me.realm === "";
    const table = createTable({
        name: "oauth-keys", caption: t("nav.oauth-keys"), context, isInAddress: true,
        fetch: listOf(context.api, "/oauth-keys", "oauth_keys"),
        key: (key) => key.kid,
        columns: [
            { name: "kid", title: t("oauth.kid"), isMain: true, cell: (key) => key.kid, value: (key) => key.kid },
            realmColumn,
            { name: "algorithm", title: t("oauth.algorithm"), cell: (key) => key.algorithm, value: (key) => key.algorithm },
            { name: "until", title: t("oauth.until"), cell: untilOf, value: (key) => (key.lifetime === 0 ? Infinity : key.timestamp + key.lifetime) },
        ],
        filters: [{ name: "contains", label: t("oauth.contains"), isWide: true }, ...realmFilter(context)],
        actions: mayChange ? (key) => [{ label: t("common.remove"), name: t("common.remove_what", { what: key.kid }), isDanger: true, run: () => remove(context, table, key) }] : undefined,
        empty: t("oauth.empty"), interval: 5000,
    });
    root.append(
        pageHead(t("nav.oauth-keys"), mayChange && h("button", { type: "button", class: "primary", onclick: () => add(context, table) }, t("oauth.add"))),
        h("p", { class: "quiet-text" }, t("oauth.text")), table.element);
}

function untilOf({ timestamp, lifetime }) {
    if (lifetime === 0)
        return t("oauth.for_ever");
    const until = timestamp + lifetime;
    return until < Date.now() / 1000 ? [dateTime(until), " ", badge("warning", t("oauth.expired"))] : dateTime(until);
}

async function add(context, table) {
    const names = await realmNames(context);
    const key = await askForm({
        title: t("oauth.add"), action: t("common.add"),
        fields: [
            { name: "kid", label: t("oauth.kid"), isRequired: true, hint: t("oauth.kid_hint") },
            realmField(context, names, { isRequired: false, hint: t("oauth.realm_hint") }),
            { name: "algorithm", label: t("oauth.algorithm"), type: "select", value: ALGORITHMS[0], options: ALGORITHMS.map((name) => [name, name]) },
            { name: "lifetime", label: t("oauth.lifetime"), type: "select", value: "0", options: LIFETIMES.map((seconds) => [String(seconds), seconds === 0 ? t("oauth.for_ever") : t("common.days", { n: seconds / DAY_S })]) },
            { name: "how", label: t("oauth.how"), type: "select", value: "make", options: [["make", t("oauth.make")], ["type", t("oauth.type")]] },
            { name: "key", label: t("oauth.key"), type: "password", isRequired: true, autocomplete: "new-password", when: (values) => values.how === "type", hint: t("oauth.key_hint") },
        ],
        submit: ({ kid, realm, algorithm, lifetime, key: given }) =>
            context.api.put(`/oauth-keys/${segment(kid)}`, { realm, algorithm, lifetime: Number(lifetime), ...given === undefined ? {} : { key: given } }),
    });
    if (key === undefined)
        return;
    table.reload();
    if (key.key === undefined)
        context.say(t("oauth.added", { kid: key.kid }));
    else
        await showOnce({ title: t("oauth.added", { kid: key.kid }), text: t("oauth.told_once"), rows: [[t("oauth.kid"), key.kid], [t("oauth.key"), key.key]] });
}

async function remove({ api, say }, table, { kid }) {
    const isDone = await askWhether({
        title: t("oauth.remove_title", { kid }), text: t("oauth.remove_text"), action: t("common.remove"),
        submit: () => api.del(`/oauth-keys/${segment(kid)}`),
    });
    if (!isDone)
        return;
    say(t("oauth.removed", { kid }));
    table.reload();
}
