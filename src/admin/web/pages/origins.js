// Web origins, and the realm that clients from each are of.

import { askForm, askWhether } from "../dialog.js";
import { h } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { pageHead } from "../lib/parts.js";
import { realmColumn, realmField, realmFilter, realmNames } from "../realms.js";
import { createTable, listOf } from "../table.js";

export const title = "nav.origins";

export function render(root, context) {
    const mayChange = context.me.realm === "";
    const table = createTable({
        name: "origins", caption: t("nav.origins"), context, isInAddress: true,
        fetch: listOf(context.api, "/origins", "origins"),
        key: (row) => row.origin,
        columns: [
            { name: "origin", title: t("origins.one"), isMain: true, cell: (row) => row.origin, value: (row) => row.origin },
            realmColumn,
        ],
        filters: [{ name: "contains", label: t("origins.contains"), isWide: true }, ...realmFilter(context)],
        actions: mayChange ? (row) => [
            { label: t("origins.change"), name: t("origins.change_of", { origin: row.origin }), run: () => put(context, table, row) },
            { label: t("common.remove"), name: t("common.remove_what", { what: row.origin }), isDanger: true, run: () => remove(context, table, row) },
        ] : undefined,
        empty: t("origins.empty"), interval: 5000,
    });
    root.append(
        pageHead(t("nav.origins"), mayChange && h("button", { type: "button", class: "primary", onclick: () => put(context, table, null) }, t("origins.add"))),
        h("p", { class: "quiet-text" }, t("origins.text")), table.element);
}

async function put(context, table, row) {
    const names = await realmNames(context);
    const kept = await askForm({
        title: row === null ? t("origins.add") : t("origins.change_of", { origin: row.origin }), action: row === null ? t("common.add") : t("common.save"),
        fields: [
            { name: "origin", label: t("origins.one"), isRequired: true, example: t("origins.example"), value: row?.origin, isFixed: row !== null, hint: row === null ? t("origins.hint") : undefined },
            realmField(context, names, { value: row?.realm }),
        ],
        submit: ({ origin, realm }) => context.api.put("/origins", { origin, realm }),
    });
    if (kept === undefined)
        return;
    context.say(t("origins.put", { origin: kept.origin, realm: kept.realm }));
    table.reload();
}

async function remove({ api, say }, table, { origin, realm }) {
    const isDone = await askWhether({
        title: t("origins.remove_title", { origin }), text: t("origins.remove_text", { realm }), action: t("common.remove"),
        submit: () => api.post("/origins/remove", { origin }),
    });
    if (!isDone)
        return;
    say(t("origins.removed", { origin }));
    table.reload();
}
