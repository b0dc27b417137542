// Every option: what it does, its value, where that came from; and changed while the server runs, where it may be.

import { askForm, askWhether } from "../dialog.js";
import { h, replace } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { badge, choose, empty, notice, pageHead, searchField } from "../lib/parts.js";

export const title = "options.title";

const DEFAULT = "default";
const UNSET = ["", "(none)"];
const SHOWN = ["all", "set", "live"];

export async function render(root, context) {
    const { query } = context;
    const page = { context, wish: { search: query.get("search") ?? "", show: query.get("show") ?? "all" }, options: [] };
    page.told = h("div", { "aria-live": "polite" });
    page.body = h("div", { class: "page" });
    page.count = h("span", { class: "quiet-text", role: "status" });
    root.append(pageHead(t("options.title"), h("button", { type: "button", onclick: () => reload(page) }, t("options.reload"))),
                h("div", { class: "toolbar" }, fieldsOf(page), page.count), page.told, page.body);
    await load(page);
}

async function load(page) {
    page.options = (await page.context.api.get("/options")).options;
    show(page);
}

function fieldsOf(page) {
    const set = (name) => (value) => {
        page.wish[name] = value;
        page.context.setQuery({ ...page.wish, show: page.wish.show === "all" ? "" : page.wish.show });
        show(page);
    };
    return [
        searchField(t("options.search"), page.wish.search, set("search")),
        choose(t("options.which"), page.wish.show, SHOWN.map((name) => [name, t(`options.show_${name}`)]), set("show")),
    ];
}

// ---- the table ------------------------------------------------------------------------------------

const fits = ({ search, show: which }) => (option) => {
    const texts = `${option.name} ${option.summary} ${option.secret ? "" : option.value}`.toLowerCase();
    return search.toLowerCase().split(/\s+/).every((word) => texts.includes(word)) &&
        (which !== "set" || option.source !== DEFAULT) && (which !== "live" || option.may_change);
};

function show(page) {
    const found = page.options.filter(fits(page.wish));
    page.count.textContent = t("options.count", { n: found.length });
    replace(page.body, found.length === 0 ? empty(t("options.none")) : [...bySection(found)].map(([section, rows]) => sectionOf(page, section, rows)));
}

function bySection(options) {
    const sections = new Map();
    for (const option of options)
        sections.set(option.section, [...sections.get(option.section) ?? [], option]);
    return sections;
}

function sectionOf(page, section, rows) {
    return h("section", {}, h("h2", { class: "section" }, section),
             h("div", { class: "table-box" }, h("table", { class: "options" },
                 h("thead", {}, h("tr", {}, ["options.name", "options.value", "options.source"].map((key) => h("th", { scope: "col" }, t(key))),
                   h("th", { scope: "col" }, h("span", { class: "hidden" }, t("options.change"))))),
                 h("tbody", {}, rows.map((option) => rowOf(page, option))))));
}

function rowOf(page, option) {
    const isSet = option.source !== DEFAULT;
    return h("tr", { class: isSet ? "is-set" : null },
             h("th", { scope: "row" }, h("code", {}, option.name), h("p", { class: "summary" }, option.summary)),
             h("td", {}, valueOf(option)),
             h("td", { class: "source" }, isSet ? sourceOf(option) : h("span", { class: "quiet-text" }, t("options.default"))),
             h("td", { class: "number" }, option.may_change && h("button", {
                 type: "button", class: "quiet", "aria-label": t("options.change_one", { name: option.name }), onclick: () => change(page, option),
             }, t("options.change"))));
}

function valueOf(option) {
    if (option.secret && !UNSET.includes(option.value))
        return h("span", { class: "quiet-text" }, t("options.secret"));
    if (option.flag)
        return badge(option.value === "yes" ? "good" : "", option.value);
    return UNSET.includes(option.value) ? h("span", { class: "quiet-text" }, t("options.empty")) : h("code", {}, option.value);
}

const sourceOf = ({ source, line }) => (line && !source.endsWith(`:${line}`) ? `${source}:${line}` : source);

// ---- changes --------------------------------------------------------------------------------------

async function change(page, option) {
    const value = option.flag
        ? { type: "select", options: ["yes", "no"].map((word) => [word, word]) }
        : { type: option.secret ? "password" : "text", hint: option.argument ? t("options.argument", { argument: option.argument }) : undefined };
    const outcome = await askForm({
        title: option.name, intro: [option.summary, t("options.until_restart")], action: t("options.change"),
        fields: [{ name: "value", label: t("options.value"), value: option.secret || UNSET.includes(option.value) ? "" : option.value, ...value }],
        submit: ({ value: text }) => page.context.api.put(`/options/${encodeURIComponent(option.name)}`, { value: text }),
    });
    if (outcome !== undefined)
        await tell(page, outcome);
}

async function reload(page) {
    let outcome;
    const isDone = await askWhether({
        title: t("options.reload"), text: t("options.reload_what"), action: t("options.reload"), isDanger: false,
        submit: async () => { outcome = await page.context.api.post("/reload"); },
    });
    if (isDone)
        await tell(page, outcome);
}

async function tell(page, { applied, changed, restart, problems }) {
    replace(page.told,
            notice(applied ? "good" : "bad", t(!applied ? "options.not_applied" : changed.length > 0 ? "options.applied" : "options.nothing_new"),
                   listOf(changed.map(({ name, from, to }) => `${name}: ${from} → ${to}`))),
            restart.length > 0 && notice("warning", t("options.restart"),
                   listOf(restart.map(({ name, to, reason }) => `${name} = ${to}${reason ? `: ${reason}` : ""}`))),
            problems.length > 0 && notice("warning", t("options.problems"),
                   listOf(problems.map(({ source, line, text }) => `${source}${line > 0 ? `:${line}` : ""}: ${text}`))));
    try {
        await load(page);
    } catch (problem) {
        page.context.fail(problem);
    }
}

const listOf = (texts) => texts.length > 0 && h("ul", { class: "bullets" }, texts.map((text) => h("li", {}, text)));
