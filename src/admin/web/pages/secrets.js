// Secrets of the realms, by their marks: never the secrets themselves. A secret is rotated in three steps: add a new one, watch the old
// one's use fall, remove it.

import { askForm, askWhether, showOnce } from "../dialog.js";
import { segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { ago, number } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { pageHead } from "../lib/parts.js";
import { realmColumn, realmField, realmFilter, realmNames } from "../realms.js";
import { createTable, listOf } from "../table.js";
import { createRotation } from "./rotation.js";

export const title = "nav.secrets";

export function render(root, context) {
    const rotation = createRotation(context, {
        add: (realm) => addSecret(context, table, realm),
        remove: (secret) => removeSecret(context, table, secret),
    });
    const table = createTable({
        name: "secrets", caption: t("nav.secrets"), context, isInAddress: true,
        fetch: listOf(context.api, "/secrets", "secrets"),
        key: (secret) => JSON.stringify([secret.realm, secret.mark]),
        columns: [
            { name: "mark", title: t("secrets.mark"), isMain: true, cell: (secret) => h("code", {}, secret.mark) },
            realmColumn,
            { name: "uses", title: t("secrets.uses"), isNumber: true, cell: (secret) => number(secret.uses), value: (secret) => secret.uses },
            { name: "last_used", title: t("secrets.last_used"), cell: (secret) => lastUse(secret), value: (secret) => secret.last_used },
        ],
        filters: realmFilter(context),
        actions: (secret) => [
            { label: t("secrets.rotate"), name: t("secrets.rotate_what", { mark: secret.mark }), run: () => rotation.begin(secret) },
            { label: t("common.remove"), name: t("common.remove_what", { what: secret.mark }), isDanger: true, run: () => removeSecret(context, table, secret) },
        ],
        empty: t("secrets.empty"),
    });
    root.append(
        pageHead(t("nav.secrets"), h("button", { type: "button", class: "primary", onclick: () => addSecret(context, table) }, t("secrets.add"))),
        h("p", { class: "quiet-text" }, t("secrets.text")), rotation.element, table.element);
}

// null: the relay does not count, or is away.
export function lastUse({ uses, last_used }) {
    if (last_used)
        return ago(last_used);
    return uses === null ? t("secrets.unknown") : t("secrets.not_since_start");
}

// Gives the secret that was added; undefined where it was left.
async function addSecret(context, table, realm) {
    const names = await realmNames(context);
    const field = realmField(context, names, { value: realm });
    let given = "";
    const added = await askForm({
        title: t("secrets.add"), action: t("common.add"),
        fields: [
            realm === undefined ? field : { ...field, isFixed: true },
            { name: "how", label: t("secrets.how"), type: "select", value: "make", options: [["make", t("secrets.make")], ["type", t("secrets.type")]] },
            { name: "secret", label: t("secrets.secret"), type: "password", isRequired: true, autocomplete: "new-password", when: (values) => values.how === "type" },
        ],
        submit: (values) => {
            given = values.realm;
            return context.api.post("/secrets", values.how === "type" ? { realm: given, secret: values.secret } : { realm: given });
        },
    });
    if (added === undefined)
        return undefined;
    table.reload();
    if (added.secret !== undefined)
        await showOnce({ title: t("secrets.added"), text: [t("secrets.told_once"), t("secrets.give_it")], rows: [[t("secrets.secret"), added.secret], [t("secrets.mark"), added.mark]] });
    else
        context.say(t("secrets.added"));
    return added;
}

async function removeSecret({ api, say }, table, secret) {
    const isDone = await askWhether({
        title: t("secrets.remove_title", { mark: secret.mark }), action: t("common.remove"),
        text: [t("secrets.remove_text", { realm: secret.realm }), t("secrets.last_use_was", { ago: lastUse(secret) })],
        submit: () => api.del(`/secrets/${segment(secret.realm)}/${segment(secret.mark)}`),
    });
    if (isDone) {
        say(t("secrets.removed", { mark: secret.mark }));
        table.reload();
    }
    return isDone;
}
