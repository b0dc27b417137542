// Who may sign in here, and for which realm.

import { askForm, askWhether, showOnce } from "../dialog.js";
import { segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { badge, pageHead } from "../lib/parts.js";
import { makePassword } from "../password.js";
import { realmColumn, realmNames } from "../realms.js";
import { createTable, listOf } from "../table.js";

export const title = "nav.administrators";

export function render(root, context) {
    const table = createTable({
        name: "administrators", caption: t("nav.administrators"), context,
        fetch: listOf(context.api, "/administrators", "administrators"),
        key: (one) => one.name,
        columns: [
            { name: "name", title: t("administrators.name"), isMain: true, value: (one) => one.name, cell: (one) => [one.name, one.name === context.me.name && [" ", badge("accent", t("administrators.you"))]] },
            realmColumn,
            { name: "codes", title: t("administrators.codes"), value: (one) => Number(one.has_codes), cell: (one) => (one.has_codes ? badge("good", t("administrators.asked_for")) : badge("", t("common.no"))) },
            { name: "state", title: t("administrators.password"), value: (one) => Number(one.is_weak), cell: (one) => (one.is_weak ? badge("warning", t("administrators.weak")) : badge("good", t("administrators.sound"))) },
        ],
        actions: (one) => [
            { label: t("users.new_password"), name: t("users.new_password_of", { name: one.name }), run: () => setPassword(context, table, one) },
            { label: t("common.remove"), name: t("common.remove_what", { what: one.name }), isDanger: true, run: () => remove(context, table, one) },
        ],
        empty: t("administrators.empty"), interval: 5000,
    });
    root.append(pageHead(t("nav.administrators"), h("button", { type: "button", class: "primary", onclick: () => add(context, table) }, t("administrators.add"))), table.element);
}

const passwordFields = () => [
    { name: "how", label: t("users.how"), type: "select", value: "make", options: [["make", t("users.make")], ["type", t("users.type")]] },
    { name: "password", label: t("users.password"), type: "password", isRequired: true, autocomplete: "new-password", when: (values) => values.how === "type", hint: t("administrators.password_hint") },
];

async function add(context, table) {
    const names = await realmNames(context);
    await put(context, table, {
        title: t("administrators.add"), action: t("common.add"),
        fields: [
            { name: "name", label: t("administrators.name"), isRequired: true },
            { name: "realm", label: t("realm.one"), list: names, hint: t("administrators.realm_hint") },
            ...passwordFields(),
        ],
    }, ({ name, realm }) => ({ name, realm }), (name) => t("administrators.added", { name }));
}

function setPassword(context, table, { name }) {
    return put(context, table, {
        title: t("users.new_password_of", { name }), intro: t("administrators.new_password_text"), action: t("users.set"), fields: passwordFields(),
    }, () => ({ name }), () => t("users.password_set", { name }));
}

// A password that is made is made here, and told once.
async function put(context, table, form, whoOf, said) {
    const done = await askForm({ ...form, submit: async (values) => {
        const { name, realm } = whoOf(values);
        const password = values.how === "type" ? values.password : makePassword();
        await context.api.put(`/administrators/${segment(name)}`, realm === undefined ? { password } : { password, realm });
        return { name, made: values.how === "type" ? null : password };
    } });
    if (done === undefined)
        return;
    table.reload();
    if (done.made === null)
        context.say(said(done.name));
    else
        await showOnce({ title: said(done.name), text: t("users.told_once"), rows: [[t("administrators.name"), done.name], [t("users.password"), done.made]] });
}

async function remove({ api, say, me }, table, { name }) {
    const isDone = await askWhether({
        title: t("administrators.remove_title", { name }), action: t("common.remove"),
        text: t(name === me.name ? "administrators.remove_you" : "administrators.remove_text"), name: name === me.name ? name : undefined,
        submit: () => api.del(`/administrators/${segment(name)}`),
    });
    if (!isDone)
        return;
    say(t("administrators.removed", { name }));
    table.reload();
}
