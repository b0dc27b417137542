// Small parts that pages are made of.

import { h, icon } from "./dom.js";
import { t } from "./i18n.js";

// The head of a page: its title, and what can be done on it.
export function pageHead(title, ...actions) {
    return h("header", { class: "page-head" }, h("h1", { tabindex: "-1" }, title), h("div", { class: "actions" }, actions));
}

// kind: "info", "good", "warning", "bad". The last two are read out at once.
export function notice(kind, ...text) {
    return h("div", { class: `notice ${kind}`, role: kind === "bad" || kind === "warning" ? "alert" : "status" }, text);
}

export const badge = (kind, text) => h("span", { class: `badge ${kind}` }, text);

// What stands where there is nothing to show.
export const empty = (text, ...more) => h("div", { class: "empty" }, h("p", {}, text), more);

export const busy = () => h("div", { class: "busy", role: "status" }, t("common.loading"));

let fieldCount = 0;

// A labelled control; hint stands below it and is read with it. The control may be any element that takes an id.
export function field(label, control, hint = null) {
    const id = control.id || `field-${++fieldCount}`;
    control.id = id;
    if (hint !== null)
        control.setAttribute("aria-describedby", `${id}-hint`);
    return h("div", { class: "field" },
             h("label", { for: id }, label), control,
             hint !== null && h("p", { class: "hint", id: `${id}-hint` }, hint));
}

// The search field of a page, which "/" goes to. onsearch is called when typing pauses.
export function searchField(label, value, onsearch) {
    let timer = null;
    const search = () => { clearTimeout(timer); onsearch(input.value.trim()); };
    const input = h("input", {
        type: "search", value, placeholder: label, "aria-label": label, autocomplete: "off", spellcheck: "false",
        oninput: () => { clearTimeout(timer); timer = setTimeout(search, 200); },
        onchange: search,
    });
    return h("div", { class: "search" }, icon("M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM14.5 14.5 20 20"), input);
}

// choose(label, value, [["a", "Text"], …], onchange)
export function choose(label, value, options, onchange) {
    return h("select", { "aria-label": label, onchange: (event) => onchange(event.target.value) },
             options.map(([name, text]) => h("option", { value: name, selected: name === value }, text)));
}

// A text that is there to be copied.
export function copyable(text) {
    const code = h("code", {}, text);
    const copy = async () => {
        try {
            await navigator.clipboard.writeText(text);
            button.textContent = t("common.copied");
        } catch { // the browser does not let pages: it is marked, for the keyboard
            getSelection().selectAllChildren(code);
        }
    };
    const button = h("button", { type: "button", class: "quiet", onclick: copy }, t("common.copy"));
    return h("div", { class: "copyable" }, code, navigator.clipboard !== undefined && button);
}

// What went wrong, for people: the server's own words, but where it did not say any.
export function problemText(problem) {
    if (problem.code === "console-away")
        return t("problem.console_away");
    if (problem.code === "not-running")
        return t("problem.not_running", { detail: problem.message });
    if (problem.code === "all-realms-only")
        return t("problem.all_realms_only");
    return problem.message || t("problem.unknown");
}
