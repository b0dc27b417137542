// Realms, where pages ask for one: an administrator of one realm has no choice.

import { h } from "./lib/dom.js";
import { t } from "./lib/i18n.js";

const REALMS_MAX = 250; // to choose from; others can be typed

// Names of realms. That they cannot be had keeps nobody from typing one.
export async function realmNames({ api, me }) {
    if (me.realm !== "")
        return [me.realm];
    try {
        return (await api.get("/realms", { limit: REALMS_MAX })).realms.map((realm) => realm.realm);
    } catch {
        return [];
    }
}

// A field of a form for a realm.
export function realmField({ me }, names, { value = "", isRequired = true, hint } = {}) {
    const only = me.realm !== "" ? me.realm : undefined;
    return {
        name: "realm", label: t("realm.one"), value: only ?? (value || (isRequired && names.length === 1 ? names[0] : "")),
        isFixed: only !== undefined, isRequired, list: only === undefined ? names : undefined, hint: only === undefined ? hint : undefined,
    };
}

// A filter of a list; none where there is but one realm to see.
export const realmFilter = ({ me }) => (me.realm === "" ? [{ name: "realm", label: t("realm.one") }] : []);

export const realmColumn = { name: "realm", title: t("realm.one"), cell: (row) => row.realm || everyRealm(), value: (row) => row.realm };

export const everyRealm = () => h("span", { class: "quiet-text" }, t("realm.all"));
