// The log as it is written: by level, event and key; and stopped, to be read.

import { h, replace } from "../lib/dom.js";
import { dateTime, fineClock } from "../lib/format.js";
import { named, t } from "../lib/i18n.js";
import { badge, choose, empty, notice, pageHead, searchField } from "../lib/parts.js";

export const title = "log.title";
export const keys = [["p", t("log.pause_or_go_on")]];

const LEVELS = ["debug", "info", "warning", "error"];
const KINDS = { debug: "", info: "accent", warning: "warning", error: "bad" };
const INTERVAL_MS = 1000;
const PAGE = 500;
const LINES_MAX = 2000;

export function render(root, context) {
    const { query } = context;
    const page = {
        context, next: null, isPaused: false, generation: 0,
        wish: { level: query.get("level") ?? "info", event: query.get("event") ?? "", key: query.get("key") ?? "", contains: query.get("contains") ?? "" },
    };
    page.rows = h("tbody");
    page.none = empty(t("log.none"));
    page.none.hidden = true; // until that is known
    page.box = h("div", { class: "table-box log", role: "region", "aria-label": t("log.title"), tabindex: "0" },
                 h("table", { class: "tight lines" }, headsOf(), page.rows), page.none);
    page.pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => togglePause(page) }, t("log.pause"));
    page.fields = fieldsOf(page);
    root.append(pageHead(t("log.title"), page.pause), h("div", { class: "toolbar" }, page.fields), page.box);
    document.addEventListener("keydown", (event) => {
        if (event.key === "p" && !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest("input, select, textarea, dialog"))
            togglePause(page);
    }, { signal: context.signal });
    page.wake = context.poll(() => update(page), INTERVAL_MS);
}

const headsOf = () => h("thead", { class: "hidden" }, h("tr", {},
    ["log.time", "log.level", "log.event"].map((key) => h("th", { scope: "col" }, t(key)))));

// ---- what is asked for ----------------------------------------------------------------------------

function fieldsOf(page) {
    const set = (name) => (value) => {
        if (page.wish[name] === value)
            return;
        page.wish[name] = value;
        begin(page);
    };
    const text = (name, label) => h("input", {
        value: page.wish[name], placeholder: label, "aria-label": label, spellcheck: "false", autocomplete: "off", size: "16",
        onchange: (event) => set(name)(event.target.value.trim()),
    });
    return [
        choose(t("log.level"), page.wish.level, LEVELS.map((level) => [level, t("log.from_level", { level: named("level", level) })]), set("level")),
        text("event", t("log.event")), text("key", t("log.key")),
        searchField(t("log.contains"), page.wish.contains, set("contains")),
    ];
}

function begin(page) {
    page.generation++;
    page.next = null;
    replace(page.rows);
    page.context.setQuery(page.wish);
    page.wake();
}

function togglePause(page) {
    page.isPaused = !page.isPaused;
    page.pause.setAttribute("aria-pressed", String(page.isPaused));
    page.pause.textContent = t(page.isPaused ? "log.go_on" : "log.pause");
    page.box.classList.toggle("is-paused", page.isPaused);
    if (!page.isPaused)
        page.wake();
}

// ---- lines ----------------------------------------------------------------------------------------

async function update(page) {
    const { generation } = page;
    let answer;
    do {
        if (page.isPaused && page.next !== null)
            return;
        answer = await page.context.api.get("/log", { ...page.wish, after: page.next, limit: PAGE });
        if (generation !== page.generation)
            return page.wake();
        add(page, answer);
    } while (answer.lines.length === PAGE);
}

// Who reads the end follows it; who has gone up stays where they are.
function add(page, { lines, next, lost }) {
    const { box, rows } = page;
    const follows = page.next === null || box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    if (lost > 0 && page.next !== null)
        rows.append(h("tr", {}, h("td", { colspan: "3" }, notice("warning", t("log.lost", { n: lost })))));
    page.next = next;
    rows.append(...lines.map(lineOf));
    while (rows.childElementCount > LINES_MAX)
        rows.firstElementChild.remove();
    page.none.hidden = rows.childElementCount > 0;
    if (follows)
        box.scrollTop = box.scrollHeight;
}

function lineOf({ time, level, event, text, keys: members = {} }) {
    return h("tr", { class: `level-${level}` },
             h("td", { class: "nowrap mono quiet-text", title: dateTime(time) }, fineClock(time)),
             h("td", {}, badge(KINDS[level] ?? "", named("level", level))),
             h("td", {}, h("span", { class: "event" }, event), text ? ` ${text}` : null,
               Object.entries(members).map(([name, value]) => h("span", { class: "key" }, h("span", { class: "quiet-text" }, ` ${name}=`), h("code", {}, String(value))))));
}
