// One component for every list: found, sorted and paged by the server, so that 10,000 rows cost what 50 do; asked again while somebody
// looks, without moving what they look at. A list that came whole is sorted here.
//
// Rows are walked with the arrow keys, Home and End; Enter opens. What is narrow shows each row as a card (tables.css), for which
// every cell carries its column's name.


import { wasLeft } from "./lib/api.js";
import { h, replace, setText } from "./lib/dom.js";
import { number } from "./lib/format.js";
import { locale, t } from "./lib/i18n.js";
import { INTERVAL_MS, poll } from "./lib/poll.js";
import { notice, problemText } from "./lib/parts.js";
import { createPager, LIMITS, sortRows } from "./pager.js";

const TYPING_MS = 300; // how long somebody has to pause before what they type is asked for
const SKELETON_ROWS = 6;

const remembered = new Map(); // pagers by administrator and list: the way back leads to the place that was left

// createTable({
//     name, caption,                      name: of what is remembered
//     context,                            of the page
//     isInAddress,                        filters are kept in the page's address, for links and bookmarks
//     fetch(query),                       gives { items, next, matched, total }; the last two where they are known
//     key(row), open(row),                what a row is known by; the address that Enter and a click lead to, or nothing
//     columns: [{ name, title, cell(row), value(row), sort, isNumber, isMain, isWide, isShort }],
//                                         sort: the server's word for it; value: what a whole list is sorted by
//     filters: [{ name, label, options, hint, isWide }],
//     actions(row): [{ label, name, run(row), isDanger }],
//                                         name: what is read out, where the label alone does not say of which row
//     empty: text, interval,              milliseconds between askings
// }) gives { element, reload() }
export function createTable(options) {
    const table = {
        filters: [], ...options,
        signal: options.context.signal, pager: pagerOf(options), rows: [], trs: new Map(), isLoaded: false, run: 0, current: null,
    };
    build(table);
    poll(() => load(table), table.signal, table.interval ?? INTERVAL_MS);
    return { element: table.element, reload: () => load(table) };
}

// What fetch is for a list of the interface: { "NAME": [...], "next": ... }.
export const listOf = (api, path, name) => async (query) => {
    const answer = await api.get(path, query);
    return { items: answer[name], next: answer.next, matched: answer.matched, total: answer.total };
};

function pagerOf({ name, filters = [], sort = null, context, isInAddress = false }) {
    const place = `${context.me.name} ${name}`; // another administrator may see other realms
    if (!remembered.has(place)) {
        const initial = Object.fromEntries(filters.map((filter) => [filter.name, ""]));
        remembered.set(place, createPager({ filters: initial, sort }));
    }
    const pager = remembered.get(place);
    const given = isInAddress ? filters.filter((filter) => context.query.has(filter.name)) : [];
    if (given.length > 0)
        pager.clear();
    for (const filter of given)
        pager.setFilter(filter.name, context.query.get(filter.name));
    return pager;
}

// ---- asking ------------------------------------------------------------------------------------------

// An answer counts only where nothing else was asked for meanwhile.
async function load(table) {
    const run = ++table.run;
    table.scroller.setAttribute("aria-busy", "true");
    try {
        const answer = await table.fetch(table.pager.query());
        if (run === table.run && !table.signal.aborted)
            arrived(table, answer);
    } catch (problem) {
        if (run === table.run && !wasLeft(problem))
            failed(table, problem);
    } finally {
        if (run === table.run)
            table.scroller.removeAttribute("aria-busy");
    }
}

// A page whose rows went away meanwhile leads back to one that has some.
function arrived(table, answer) {
    const { pager } = table;
    pager.arrived(answer.next);
    if (answer.items.length === 0 && pager.toPrevious()) {
        load(table);
        return;
    }
    table.isLoaded = true;
    table.rows = answer.items;
    table.matched = answer.matched;
    table.total = answer.total;
    replace(table.problem);
    show(table);
}

// What was there stays, marked as old.
function failed(table, problem) {
    replace(table.problem, notice("bad",
        h("strong", {}, t(table.isLoaded ? "table.stale" : "table.failed")), " ", problemText(problem), " ",
        h("button", { type: "button", class: "small", onclick: () => load(table) }, t("table.again"))));
    if (!table.isLoaded)
        replace(table.body);
    table.element.classList.toggle("stale", table.isLoaded);
    setText(table.count, "");
}

function changed(table) {
    clearTimeout(table.typing);
    table.current = null;
    if (table.isInAddress)
        table.context.setQuery(table.pager.filters);
    load(table);
}

function setFilter(table, name, value) {
    if (table.pager.filters[name] === value.trim())
        return;
    table.pager.setFilter(name, value);
    changed(table);
}

// ---- what is built once -------------------------------------------------------------------------------

function build(table) {
    table.problem = h("div");
    table.body = h("tbody", {
        role: "rowgroup", onkeydown: (event) => onKey(table, event), onclick: (event) => onClick(table, event),
        onfocusin: (event) => makeCurrent(table, event.target.closest("tr")),
    });
    table.heads = table.columns.map((column) => headOf(table, column));
    if (table.actions)
        table.heads.push(h("th", { role: "columnheader", scope: "col", class: "actions" }, h("span", { class: "hidden" }, t("table.actions"))));
    const grid = h("table", { role: "table", class: "list" },
        h("caption", {}, table.caption),
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, table.heads)), table.body);
    table.scroller = h("div", { class: "list-scroller" }, grid);
    table.count = h("p", { class: "list-count", role: "status" });
    table.element = h("section", { class: "list-section" }, toolbarOf(table), table.problem, table.scroller, footOf(table));
    replace(table.body, skeleton(table));
    showHeads(table);
}

function skeleton(table) {
    const cells = () => table.heads.map(() => h("td", { role: "cell" }, h("span", { class: "skeleton" })));
    return Array.from({ length: SKELETON_ROWS }, () => h("tr", { role: "row", class: "skeleton-row", "aria-hidden": "true" }, cells()));
}

const canSort = (table, column) => column.sort !== undefined || (column.value !== undefined && table.pager.isWhole);

function headOf(table, column) {
    const label = column.sort === undefined && column.value === undefined ? column.title
        : h("button", { type: "button", class: "sort", onclick: () => sortBy(table, column) }, column.title, h("span", { class: "sort-mark", "aria-hidden": "true" }));
    return h("th", { role: "columnheader", scope: "col", class: column.isNumber ? "number" : null, data: { column: column.name } }, label);
}

function toolbarOf(table) {
    table.inputs = new Map(table.filters.map((filter) => [filter.name, inputOf(table, filter)]));
    const fields = table.filters.map((filter) => h("label", { class: `filter ${filter.isWide ? "wide" : ""}` },
        h("span", {}, filter.label), table.inputs.get(filter.name)));
    table.clear = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => clearFilters(table) }, t("table.clear"));
    table.order = orderChoice(table);
    return h("div", { class: "list-tools" },
        fields.length > 0 ? h("form", { class: "filters", role: "search", "aria-label": t("table.search", { what: table.caption }), onsubmit: (event) => {
            event.preventDefault();
            changed(table);
        } }, fields, table.clear) : null,
        table.order);
}

// In cards there are no heads to sort by.
function orderChoice(table) {
    const columns = table.columns.filter((column) => column.sort !== undefined);
    if (columns.length === 0)
        return null;
    const choice = h("select", { onchange: (event) => sortBy(table, columns.find((column) => column.sort === event.target.value)) },
        columns.map((column) => h("option", { value: column.sort, selected: table.pager.sort === column.sort }, column.title)));
    return h("label", { class: "filter order" }, h("span", {}, t("table.order")), choice);
}

function inputOf(table, { name, options, hint }) {
    const value = table.pager.filters[name] ?? "";
    if (options !== undefined)
        return h("select", { name, onchange: (event) => setFilter(table, name, event.target.value) },
            options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
    return h("input", { name, type: "search", value, placeholder: hint, autocomplete: "off", spellcheck: "false", maxlength: "255", oninput: (event) => {
        clearTimeout(table.typing);
        table.typing = setTimeout(() => setFilter(table, name, event.target.value), TYPING_MS);
    } });
}

function fillFilters(table) {
    for (const [name, input] of table.inputs)
        input.value = table.pager.filters[name];
}

function clearFilters(table) {
    table.pager.clear();
    fillFilters(table);
    table.inputs.values().next().value?.focus();
    changed(table);
}

function footOf(table) {
    const step = (move) => () => {
        if (table.pager[move]()) {
            table.scroller.scrollIntoView({ block: "nearest" });
            changed(table);
        }
    };
    table.previous = h("button", { type: "button", onclick: step("toPrevious") }, t("table.previous"));
    table.next = h("button", { type: "button", onclick: step("toNext") }, t("table.next"));
    const limit = h("select", { onchange: (event) => {
        table.pager.setLimit(Number(event.target.value));
        changed(table);
    } }, LIMITS.map((count) => h("option", { value: String(count), selected: count === table.pager.limit }, number(count))));
    table.foot = h("nav", { class: "list-pages", "aria-label": t("table.pages", { what: table.caption }), hidden: true },
        h("label", { class: "filter limit" }, h("span", {}, t("table.limit")), limit), table.previous, table.next);
    return h("div", { class: "list-foot" }, table.count, table.foot);
}

// ---- order --------------------------------------------------------------------------------------------

// The server has one direction for each order: the most first. Here it goes both ways.
function sortBy(table, column) {
    if (!canSort(table, column))
        return;
    if (column.sort !== undefined) {
        table.pager.setSort(column.sort);
        changed(table);
        return;
    }
    const { pager } = table;
    pager.descends = table.pager.local === column.name && !pager.descends;
    pager.local = column.name;
    show(table);
}

function showHeads(table) {
    const { pager } = table;
    table.columns.forEach((column, index) => {
        const head = table.heads[index], button = head.querySelector("button");
        const byServer = column.sort !== undefined && pager.sort === column.sort;
        const here = pager.isWhole && pager.local === column.name;
        const order = byServer || (here && pager.descends) ? "descending" : here ? "ascending" : null;
        if (order === null)
            head.removeAttribute("aria-sort");
        else
            head.setAttribute("aria-sort", order);
        if (button !== null)
            button.disabled = !canSort(table, column);
    });
}

function inOrder(table) {
    const column = table.columns.find((one) => one.name === table.pager.local);
    if (column?.value === undefined || !table.pager.isWhole)
        return table.rows;
    return sortRows(table.rows, column.value, table.pager.descends, locale);
}

// ---- what changes -------------------------------------------------------------------------------------

function show(table) {
    const rows = inOrder(table);
    table.element.classList.remove("stale");
    showHeads(table);
    if (rows.length === 0) {
        table.trs.clear();
        replace(table.body, emptyRow(table));
    } else {
        showRows(table, rows);
    }
    showFoot(table, rows.length);
}

function emptyRow(table) {
    const isFiltered = table.pager.isFiltered;
    return h("tr", { role: "row", class: "list-empty" }, h("td", { role: "cell", colspan: String(table.heads.length) },
        h("p", {}, isFiltered ? t("table.none_found") : table.empty ?? t("table.none")),
        isFiltered ? h("button", { type: "button", onclick: () => clearFilters(table) }, t("table.clear")) : null));
}

// Rows that are still there keep their elements, and so focus and selection; only cells that read otherwise are exchanged.
function showRows(table, rows) {
    const focused = table.body.contains(document.activeElement) ? document.activeElement : null;
    const before = table.trs, trs = new Map();
    for (const row of rows) {
        const key = table.key(row);
        const tr = before.get(key) ?? h("tr", { role: "row" });
        tr.row = row;
        fillRow(table, tr, row);
        trs.set(key, tr);
    }
    table.trs = trs;
    place(table.body, [...trs.values()]);
    if (!trs.has(table.current))
        table.current = trs.keys().next().value;
    for (const [key, tr] of trs)
        setReach(tr, key === table.current);
    if (focused !== null && document.activeElement !== focused)
        keepFocus(table, focused);
}

// Tab comes to one row, and to the buttons in it: 250 rows are no 500 stops on the way to what is below.
function setReach(tr, isCurrent) {
    const index = isCurrent ? "0" : "-1";
    for (const node of [tr, ...tr.querySelectorAll("button")])
        if (node.getAttribute("tabindex") !== index)
            node.setAttribute("tabindex", index);
}

// Moves no more than it must: what is moved loses the focus.
function place(body, trs) {
    const wanted = new Set(trs);
    for (const node of [...body.children])
        if (!wanted.has(node))
            node.remove();
    trs.forEach((tr, index) => {
        if (body.children[index] !== tr)
            body.insertBefore(tr, body.children[index] ?? null);
    });
}

function keepFocus(table, focused) {
    if (table.body.contains(focused))
        focused.focus({ preventScroll: true });
    else
        table.trs.get(table.current)?.focus({ preventScroll: true });
}

function fillRow(table, tr, row) {
    const cells = table.columns.map((column) => cellOf(table, column, row));
    if (table.actions)
        cells.push(actionsOf(table, tr, row));
    cells.forEach((cell, index) => {
        const old = tr.children[index];
        if (old === undefined)
            tr.append(cell);
        else if (!old.isEqualNode(cell))
            old.replaceWith(cell);
    });
    tr.classList.toggle("opens", table.open?.(row) !== undefined);
}

function cellOf(table, column, row) {
    const address = column.isMain ? table.open?.(row) : undefined;
    const shown = column.cell(row);
    const classes = [column.isNumber ? "number" : "", column.isMain ? "main" : "", column.isWide ? "wide" : "", column.isShort ? "short" : ""].filter(Boolean).join(" ");
    return h("td", { role: "cell", class: classes || null, data: { label: column.title } },
        address === undefined ? shown : h("a", { href: address, tabindex: "-1" }, shown));
}

// The row may be another by the time its button is pressed.
function actionsOf(table, tr, row) {
    const buttons = table.actions(row).map((action, index) => h("button", {
        type: "button", class: action.isDanger ? "small danger" : "small", "aria-label": action.name ?? null,
        tabindex: tr.getAttribute("tabindex") ?? "-1",
        onclick: () => table.actions(tr.row)[index]?.run(tr.row),
    }, action.label));
    return h("td", { role: "cell", class: "actions" }, buttons);
}

function showFoot(table, count) {
    const { pager, matched, total } = table;
    const from = (pager.page - 1) * pager.limit + 1, to = from + count - 1;
    const isPaged = pager.hasNext || pager.hasPrevious;
    let text = "";
    if (count > 0 && matched !== undefined && isPaged)
        text = t("table.range_of", { from, to, matched });
    else if (count > 0)
        text = isPaged ? t("table.range", { from, to }) : t("table.count", { n: count });
    if (total !== undefined && matched !== undefined && matched < total)
        text += ` ${t("table.of_total", { total })}`;
    setText(table.count, text.trim());
    table.clear.hidden = !pager.isFiltered;
    table.foot.hidden = !isPaged && pager.limit <= LIMITS[1] && count < LIMITS[0];
    enable(table.previous, pager.hasPrevious, table.next);
    enable(table.next, pager.hasNext, table.previous);
}

// A button that is disabled under the finger hands the focus on.
function enable(button, can, other) {
    const had = document.activeElement === button;
    button.disabled = !can;
    if (had && !can && !other.disabled)
        other.focus({ preventScroll: true });
}

// ---- keyboard and pointer -----------------------------------------------------------------------------

const STEPS = {
    ArrowDown: (index) => index + 1, ArrowUp: (index) => index - 1,
    Home: () => 0, End: (index, last) => last,
};

function onKey(table, event) {
    const tr = event.target.closest("tr");
    if (tr?.row === undefined || event.altKey || event.ctrlKey || event.metaKey)
        return;
    const trs = [...table.trs.values()];
    if (event.key in STEPS) {
        const wanted = STEPS[event.key](trs.indexOf(tr), trs.length - 1);
        event.preventDefault();
        goTo(table, trs[Math.min(Math.max(wanted, 0), trs.length - 1)]);
    } else if (event.key === "Enter" && event.target === tr) {
        openRow(table, tr);
    }
}

function goTo(table, tr) {
    makeCurrent(table, tr);
    tr.focus();
}

function makeCurrent(table, tr) {
    const before = table.trs.get(table.current);
    if (tr?.row === undefined || tr === before)
        return;
    if (before !== undefined)
        setReach(before, false);
    table.current = table.key(tr.row);
    setReach(tr, true);
}

// A click beside links and buttons, and not at the end of selecting text.
function onClick(table, event) {
    const tr = event.target.closest("tr");
    if (tr?.row === undefined || event.target.closest("a, button, input, select") !== null || !getSelection().isCollapsed)
        return;
    openRow(table, tr);
}

function openRow(table, tr) {
    const address = table.open?.(tr.row);
    if (address !== undefined)
        location.hash = address;
    else if (table.actions)
        tr.querySelector("td.actions button")?.focus();
}
