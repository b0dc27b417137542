// The keyboard: "/" searches, "g" and a letter goes, "?" tells all of it, Escape leaves.

import { h } from "./lib/dom.js";
import { t } from "./lib/i18n.js";
import { closeDrawer, isDrawerOpen } from "./shell.js";
import { mayOpen, pages } from "./pages.js";

const CHORD_MS = 1500;

let chordEnds = 0; // until when a letter goes to a page

export function listen({ me, go, pageKeys }) {
    document.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented)
            return;
        if (event.key === "Escape")
            leave(event);
        else if (me() !== null && !isTyping(event.target) && document.querySelector("dialog[open]") === null)
            press(event, { me: me(), go, pageKeys });
    });
}

const isTyping = (node) => node.isContentEditable || /^(TEXTAREA|SELECT)$/.test(node.tagName) ||
    (node.tagName === "INPUT" && !/^(checkbox|radio|button|submit|range)$/.test(node.type));

function leave(event) {
    if (isDrawerOpen())
        closeDrawer();
    else if (isTyping(event.target))
        event.target.blur();
}

function press(event, { me, go, pageKeys }) {
    const page = Date.now() < chordEnds && pages.find(({ key }) => key === event.key);
    chordEnds = 0;
    if (page && mayOpen(page, me))
        go(`#/${page.name}`);
    else if (event.key === "g")
        chordEnds = Date.now() + CHORD_MS;
    else if (event.key === "/")
        document.querySelector("main input[type=search]")?.select();
    else if (event.key === "?")
        showHelp(me, pageKeys());
    else
        return;
    event.preventDefault();
}

export function showHelp(me, pageKeys) {
    const rows = [["/", t("keys.search")], ["?", t("keys.help")], ["Esc", t("keys.leave")], ...pageKeys];
    const places = pages.filter((page) => mayOpen(page, me)).map((page) => [`g ${page.key}`, t(`nav.${page.name}`)]);
    const leave = () => dialog.close();
    const gone = () => {
        removeEventListener("hashchange", leave);
        dialog.remove();
    };
    const dialog = h("dialog", { class: "help", "aria-labelledby": "help-title", onclose: gone },
                     h("h2", { id: "help-title" }, t("keys.title")),
                     h("div", { class: "columns" }, listOf(rows), listOf(places)),
                     h("form", { method: "dialog" }, h("button", { class: "primary", autofocus: true }, t("common.close"))));
    addEventListener("hashchange", leave);
    document.body.append(dialog);
    dialog.showModal();
}

function listOf(rows) {
    return h("dl", { class: "keys" }, rows.map(([keys, text]) => h("div", {},
        h("dt", {}, keys.split(" ").map((key) => h("kbd", {}, key))), h("dd", {}, text))));
}
