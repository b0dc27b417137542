// Which peers clients may reach: ranges that are allowed and denied, and an answer to "would this one be, and by which rule?".

import { askForm, askWhether } from "../dialog.js";
import { h, replace } from "../lib/dom.js";
import { named, t } from "../lib/i18n.js";
import { badge, field, notice, pageHead, problemText } from "../lib/parts.js";
import { wasLeft } from "../lib/api.js";
import { realmColumn, realmField, realmFilter, realmNames } from "../realms.js";
import { createTable, listOf } from "../table.js";

export const title = "nav.peers";

export async function render(root, context) {
    const mayChange = context.me.realm === "";
    const table = createTable({
        name: "peers", caption: t("peers.rules"), context, isInAddress: true,
        fetch: listOf(context.api, "/peers", "peers"),
        key: (rule) => JSON.stringify([rule.realm, rule.list, rule.range]),
        columns: [
            { name: "range", title: t("peers.range"), isMain: true, cell: (rule) => h("span", { class: "address" }, rule.range), value: (rule) => rule.range },
            { name: "list", title: t("peers.list"), cell: (rule) => listBadge(rule.list), value: (rule) => rule.list },
            realmColumn,
        ],
        filters: [{ name: "contains", label: t("peers.contains"), isWide: true }, ...realmFilter(context)],
        actions: mayChange ? (rule) => [{
            label: t("common.remove"), name: t("common.remove_what", { what: rule.range }), isDanger: true, run: () => remove(context, table, rule),
        }] : undefined,
        empty: t("peers.empty"), interval: 5000,
    });
    root.append(
        pageHead(t("nav.peers"), mayChange && [
            h("button", { type: "button", class: "primary", onclick: () => add(context, table, "denied") }, t("peers.deny")),
            h("button", { type: "button", onclick: () => add(context, table, "allowed") }, t("peers.allow"))]),
        checkPanel(context, await realmNames(context)), table.element);
}

const listBadge = (list) => (list === "allowed" ? badge("good", t("peers.allowed")) : badge("bad", t("peers.denied")));

// ---- would this peer be allowed? -----------------------------------------------------------------------

function checkPanel(context, realms) {
    const address = h("input", { type: "text", name: "address", placeholder: "198.51.100.7", autocomplete: "off", spellcheck: "false", required: true });
    const realm = h("input", { type: "text", name: "realm", list: "peer-realms", value: context.me.realm || (realms.length === 1 ? realms[0] : ""), readonly: context.me.realm !== "", autocomplete: "off" });
    const verdict = h("div", { class: "verdict", "aria-live": "polite" });
    const form = h("form", { class: "inline-form", onsubmit: (event) => {
        event.preventDefault();
        check(context, { address: address.value.trim(), realm: realm.value.trim() }, verdict);
    } }, field(t("peers.address"), address), field(t("realm.one"), realm),
    h("datalist", { id: "peer-realms" }, realms.map((value) => h("option", { value }))), h("button", { class: "primary" }, t("peers.check")));
    return h("section", { class: "panel" }, h("h2", {}, t("peers.question")), form, verdict);
}

async function check({ api }, asked, verdict) {
    if (asked.address === "") {
        replace(verdict, notice("warning", t("peers.which")));
        return;
    }
    try {
        replace(verdict, verdictOf(await api.get("/peers/check", asked)));
    } catch (problem) {
        if (!wasLeft(problem))
            replace(verdict, notice("bad", problemText(problem)));
    }
}

function verdictOf(answer) {
    const text = answer.allowed ? t("peers.is_allowed", { address: answer.address }) : t("peers.is_denied", { address: answer.address });
    const list = answer.list === null ? null : t(answer.list === "allowed" ? "peers.by_allowed" : "peers.by_denied");
    const facts = [
        [t("peers.rule"), answer.rule === null || answer.rule === undefined ? t("peers.no_rule") : h("code", {}, answer.rule)],
        [t("peers.list"), list],
        [t("peers.source"), named("peers.source", answer.source)],
        [t("peers.why"), answer.reason],
        [t("peers.only"), answer.only_relayed ? t("peers.only_relayed") : null],
    ].filter(([, value]) => value !== null && value !== undefined && value !== "");
    return h("div", { class: `notice ${answer.allowed ? "good" : "bad"}` }, h("strong", {}, text),
        h("dl", { class: "figures" }, facts.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value)))));
}

// ---- rules ---------------------------------------------------------------------------------------------

async function add(context, table, list) {
    const names = await realmNames(context);
    const added = await askForm({
        title: t(list === "denied" ? "peers.deny" : "peers.allow"), intro: t(list === "denied" ? "peers.deny_text" : "peers.allow_text"), action: t("common.add"),
        fields: [
            { name: "range", label: t("peers.range"), isRequired: true, example: "192.0.2.0/24", hint: t("peers.range_hint") },
            realmField(context, names, { isRequired: false, hint: t("peers.realm_hint") }),
        ],
        submit: ({ realm, range }) => context.api.post("/peers", { realm, list, range }),
    });
    if (added === undefined)
        return;
    context.say(t("peers.added", { range: added.range }));
    table.reload();
}

async function remove({ api, say }, table, { realm, list, range }) {
    const isDone = await askWhether({
        title: t("peers.remove_title", { range }), text: t(list === "denied" ? "peers.remove_denied" : "peers.remove_allowed"), action: t("common.remove"),
        submit: () => api.post("/peers/remove", { realm, list, range }),
    });
    if (!isDone)
        return;
    say(t("peers.removed", { range }));
    table.reload();
}
