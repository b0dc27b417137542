// Users of the realms: added with a password or one that is made for them, given a new one, removed.

import { askForm, askWhether, showOnce } from "../dialog.js";
import { segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { badge, pageHead } from "../lib/parts.js";
import { realmColumn, realmField, realmFilter, realmNames } from "../realms.js";
import { createTable, listOf } from "../table.js";

export const title = "nav.users";

const PASSWORD_MAX = 255;

export function render(root, context) {
    const table = createTable({
        name: "users", caption: t("nav.users"), context, isInAddress: true,
        fetch: listOf(context.api, "/users", "users"),
        key: (user) => JSON.stringify([user.realm, user.name]),
        columns: [
            { name: "name", title: t("users.name"), isMain: true, cell: (user) => user.name, value: (user) => user.name },
            realmColumn,
            { name: "keys", title: t("users.keys"), cell: showKeys },
        ],
        filters: [{ name: "contains", label: t("users.contains"), isWide: true }, ...realmFilter(context)],
        actions: (user) => [
            { label: t("users.new_password"), name: t("users.new_password_of", { name: user.name }), run: () => setPassword(context, table, user) },
            { label: t("common.remove"), name: t("common.remove_what", { what: user.name }), isDanger: true, run: () => remove(context, table, user) },
        ],
        empty: t("users.empty"), interval: 5000,
    });
    root.append(pageHead(t("nav.users"), h("button", { type: "button", class: "primary", onclick: () => add(context, table) }, t("users.add"))), table.element);
}

// For MD5 and SHA-256 the server keeps a key each (RFC 8489 section 9.2.2), the password of neither.
function showKeys(user) {
    return [["MD5", user.has_md5], ["SHA-256", user.has_sha256]].filter(([, has]) => has).map(([name]) => [badge("", name), " "]);
}

const passwordFields = () => [
    { name: "how", label: t("users.how"), type: "select", value: "make", options: [["make", t("users.make")], ["type", t("users.type")]] },
    {
        name: "password", label: t("users.password"), type: "password", isRequired: true, autocomplete: "new-password",
        when: (values) => values.how === "type", check: (text) => (text.length > PASSWORD_MAX ? t("users.too_long", { max: PASSWORD_MAX }) : null),
    },
];

async function add(context, table) {
    const names = await realmNames(context);
    const user = await askForm({
        title: t("users.add"), action: t("common.add"),
        fields: [{ name: "name", label: t("users.name"), isRequired: true }, realmField(context, names), ...passwordFields()],
        submit: (values) => put(context, values.realm, values.name, values),
    });
    if (user !== undefined)
        await told(context, table, user, t("users.added", { name: user.name }));
}

async function setPassword(context, table, user) {
    const changed = await askForm({
        title: t("users.new_password_of", { name: user.name }), intro: t("users.new_password_text"),
        action: t("users.set"), fields: passwordFields(),
        submit: (values) => put(context, user.realm, user.name, values),
    });
    if (changed !== undefined)
        await told(context, table, changed, t("users.password_set", { name: user.name }));
}

const put = ({ api }, realm, name, { how, password }) =>
    api.put(`/users/${segment(realm)}/${segment(name)}`, how === "type" ? { password } : {});

// A password that was made is told once; one that was typed is known.
async function told(context, table, user, text) {
    table.reload();
    if (user.password === undefined)
        context.say(text);
    else
        await showOnce({ title: text, text: t("users.told_once"), rows: [[t("users.name"), user.name], [t("realm.one"), user.realm], [t("users.password"), user.password]] });
}

async function remove({ api, say }, table, user) {
    const isDone = await askWhether({
        title: t("users.remove_title", { name: user.name }), text: t("users.remove_text"), action: t("common.remove"),
        submit: () => api.del(`/users/${segment(user.realm)}/${segment(user.name)}`),
    });
    if (!isDone)
        return;
    say(t("users.removed", { name: user.name }));
    table.reload();
}
