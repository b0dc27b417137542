// What stands around every page: the navigation at the side, a drawer on phones, and who is signed in.

import { h, icon, replace } from "./lib/dom.js";
import { chooseLanguage, language, languages, t } from "./lib/i18n.js";
import { choose, notice } from "./lib/parts.js";
import { setTheme, theme, themes } from "./lib/theme.js";
import { groups, mayOpen, pages } from "./pages.js";

const MENU = "M4 7h16M4 12h16M4 17h16";
const CLOSE = "M6 6l12 12M18 6 6 18";

const main = h("main", { id: "main", tabindex: "-1" });
const problems = h("div", { class: "problems", "aria-live": "polite" });
const said = h("div", { class: "said", role: "status", "aria-live": "polite" });
const side = h("aside", { class: "side", id: "side" });
const menu = h("button", {
    type: "button", class: "quiet menu", "aria-controls": "side", "aria-expanded": "false", onclick: () => toggleDrawer(),
}, icon(MENU), h("span", { class: "hidden" }, t("nav.menu")));
const top = h("header", { class: "top" }, menu, h("a", { class: "brand", href: "#/overview" }, "turnstone"));
const shade = h("div", { class: "shade", onclick: () => closeDrawer() });

export function showShell() {
    replace(document.body,
            h("a", { class: "skip", href: "#main", onclick: skip }, t("nav.skip")),
            top, side, shade, h("div", { class: "content" }, problems, main), said);
}

// A link to #main would be a page of that name.
function skip(event) {
    event.preventDefault();
    main.focus();
}

// me: null where nobody is signed in.
export function showNavigation(me, actions) {
    document.body.classList.toggle("is-signed-out", me === null);
    replace(side, me !== null && [
        h("a", { class: "brand", href: "#/" }, "turnstone"),
        h("nav", { "aria-label": t("nav.label") }, groups.map((group) => groupOf(group, me))),
        footOf(me, actions)]);
}

function groupOf(group, me) {
    const own = pages.filter((page) => page.group === group && mayOpen(page, me));
    return own.length > 0 && [
        h("h2", {}, t(`nav.group.${group}`)),
        h("ul", {}, own.map((page) => h("li", {},
            h("a", { href: `#/${page.name}`, data: { page: page.name }, "aria-keyshortcuts": `g ${page.key}` }, t(`nav.${page.name}`)))))];
}

function footOf(me, { signOut, help }) {
    return h("div", { class: "foot" },
             h("a", { class: "who", href: "#/me" }, h("strong", {}, me.name), h("small", {}, me.realm || t("nav.all_realms"))),
             h("div", { class: "row" }, switches(),
               h("button", { type: "button", class: "quiet", title: t("keys.title"), onclick: help }, "?")),
             h("button", { type: "button", class: "quiet wide", onclick: signOut }, t("nav.sign_out")),
             h("small", { class: "version" }, `turnconsole ${me.version}`));
}

export function switches() {
    return [
        choose(t("nav.theme"), theme(), themes.map((name) => [name, t(`theme.${name}`)]), setTheme),
        choose(t("nav.language"), language, languages.map((name) => [name, name.toUpperCase()]), chooseLanguage),
    ];
}

export function markCurrent(name) {
    for (const link of side.querySelectorAll("a[data-page]")) {
        if (link.dataset.page === name)
            link.setAttribute("aria-current", "page");
        else
            link.removeAttribute("aria-current");
    }
}

// ---- the page -------------------------------------------------------------------------------------

// A new place for a page; what is said above it belongs to the page before.
export function newRoot() {
    const root = h("div", { class: "page" });
    replace(problems);
    replace(main, root);
    scrollTo(0, 0);
    return root;
}

export function showTitle(text) {
    document.title = `${text} · turnstone`;
}

export function focusPage() {
    const target = main.querySelector("[autofocus]") ?? main.querySelector("h1") ?? main;
    target.focus({ preventScroll: true });
}

export function showProblems(texts) {
    if (problems.textContent !== texts.join(""))
        replace(problems, texts.map((text) => notice("warning", text)));
}

const SAID_MS = 6000;

export function say(text, kind = "good") {
    const line = h("div", { class: `saying ${kind}` }, text);
    said.append(line);
    setTimeout(() => line.remove(), SAID_MS);
}

// ---- the drawer -----------------------------------------------------------------------------------

export const isDrawerOpen = () => document.body.classList.contains("has-drawer");

function toggleDrawer() {
    if (isDrawerOpen())
        closeDrawer();
    else
        openDrawer();
}

function openDrawer() {
    document.body.classList.add("has-drawer");
    menu.setAttribute("aria-expanded", "true");
    menu.querySelector("path").setAttribute("d", CLOSE);
    side.querySelector("a[aria-current], nav a")?.focus();
}

export function closeDrawer() {
    if (!isDrawerOpen())
        return;
    document.body.classList.remove("has-drawer");
    menu.setAttribute("aria-expanded", "false");
    menu.querySelector("path").setAttribute("d", MENU);
    menu.focus();
}
