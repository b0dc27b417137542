// Realms, and the limits that they have instead of the configuration's.

import { askForm } from "../dialog.js";
import { segment } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { bitRate, number } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { pageHead } from "../lib/parts.js";
import { createTable, listOf } from "../table.js";

export const title = "nav.realms";

// max-bps is in bytes a second, as coturn has it.
const LIMITS = [
    { name: "max-bps", format: (value) => bitRate(value), max: 2 ** 53 - 1 },
    { name: "total-quota", format: number, max: 4294967295 },
    { name: "user-quota", format: number, max: 4294967295 },
];

export function render(root, context) {
    const mayChange = context.me.realm === "";
    const table = createTable({
        name: "realms", caption: t("nav.realms"), context, isInAddress: true,
        fetch: listOf(context.api, "/realms", "realms"),
        key: (realm) => realm.realm,
        columns: [
            { name: "realm", title: t("realm.one"), isMain: true, cell: (realm) => realm.realm, value: (realm) => realm.realm },
            { name: "users", title: t("nav.users"), isNumber: true, cell: (realm) => link("users", realm.realm, realm.users), value: (realm) => realm.users },
            { name: "secrets", title: t("nav.secrets"), isNumber: true, cell: (realm) => link("secrets", realm.realm, realm.secrets), value: (realm) => realm.secrets },
            ...LIMITS.map(({ name, format }) => ({
                name, title: t(`realms.${name}`), isNumber: true, value: (realm) => realm.limits[name],
                cell: (realm) => limitText(realm.limits[name], format),
            })),
        ],
        filters: mayChange ? [{ name: "contains", label: t("realms.contains"), isWide: true }] : [],
        actions: mayChange ? (realm) => [{ label: t("realms.set"), name: t("realms.set_of", { realm: realm.realm }), run: () => setLimits(context, table, realm) }] : undefined,
        empty: t("realms.empty"), interval: 5000,
    });
    root.append(
        pageHead(t("nav.realms"), mayChange && h("button", { type: "button", class: "primary", onclick: () => setLimits(context, table, null) }, t("realms.set"))),
        h("p", { class: "quiet-text" }, t("realms.text")), table.element);
}

const link = (page, realm, count) => h("a", { href: `#/${page}?${new URLSearchParams({ realm })}` }, number(count));

// 0 is no limit, whatever the configuration's is.
function limitText(value, format) {
    if (value === undefined || value === null)
        return h("span", { class: "quiet-text" }, t("realms.as_configured"));
    return value === 0 ? t("realms.unlimited") : format(value);
}

// realm null: one that has no limits of its own yet is typed.
async function setLimits(context, table, realm) {
    const fields = LIMITS.map(({ name, max }) => ({
        name, label: t(`realms.${name}`), type: "number", value: realm?.limits[name] ?? "", max, hint: t(`realms.${name}_hint`),
    }));
    const isDone = await askForm({
        title: realm === null ? t("realms.set") : t("realms.set_of", { realm: realm.realm }), intro: t("realms.form_text"), action: t("common.save"),
        fields: realm === null ? [{ name: "realm", label: t("realm.one"), isRequired: true }, ...fields] : fields,
        submit: (values) => putLimits(context.api, realm?.realm ?? values.realm, realm?.limits ?? {}, values),
    });
    if (isDone === undefined)
        return;
    context.say(t("realms.done"));
    table.reload();
}

// Each limit is a resource of its own. A refusal names "value", which in this form is the limit's field.
async function putLimits(api, realm, before, values) {
    for (const { name } of LIMITS) {
        const path = `/realms/${segment(realm)}/limits/${name}`, value = values[name], was = before[name] ?? null;
        try {
            if (value === null && was !== null)
                await api.del(path);
            else if (value !== null && value !== was)
                await api.put(path, { value });
        } catch (problem) {
            problem.message = problem.message.replace(/^value: /, `${name}: `);
            throw problem;
        }
    }
}
