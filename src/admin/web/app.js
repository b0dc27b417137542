// turnconsole's pages: from the address to a page, and who is signed in.

import { apiOf, ask, useCsrf, wasLeft, whenSignedOut } from "./lib/api.js";
import { language, t } from "./lib/i18n.js";
import { busy, notice, problemText } from "./lib/parts.js";
import { poll } from "./lib/poll.js";
import { applyTheme } from "./lib/theme.js";
import { replace } from "./lib/dom.js";
import * as keyboard from "./keyboard.js";
import { mayOpen, pageNamed, pages, signIn } from "./pages.js";
import * as shell from "./shell.js";

let me = null;      // as /me says; null: nobody is signed in
let current = null; // the page that is shown: what ends it, and its keys

// ---- addresses ------------------------------------------------------------------------------------

// "#/sessions/0.17?user=anna" is the page sessions, params ["0.17"] and a query.
function parseHash() {
    const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
    const [name, ...params] = path.split("/").map(decoded);
    return { name: name || home(), params, query: new URLSearchParams(query) };
}

function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

const home = () => pages.find((page) => me !== null && mayOpen(page, me))?.name ?? "me";

function go(hash) {
    if (location.hash === hash)
        show();
    else
        location.hash = hash;
}

// ---- pages ----------------------------------------------------------------------------------------

function endCurrent() {
    current?.abort.abort();
    current?.cleanup?.();
    current = null;
}

async function show() {
    const place = parseHash();
    if (me === null && place.name !== signIn.name) {
        askToSignIn();
        return;
    }
    endCurrent();
    shell.closeDrawer();
    const shown = current = { abort: new AbortController(), cleanup: null, keys: [], problems: new Map() };
    const root = shell.newRoot();
    const page = pageNamed(place.name);
    shell.markCurrent(place.name);
    if (page === undefined || (page !== signIn && !mayOpen(page, me)))
        replace(root, notice("warning", t(page === undefined ? "problem.no_page" : "problem.all_realms_only")));
    else
        await fill(page, root, place, shown);
}

async function fill(page, root, place, shown) {
    replace(root, busy());
    const module = await page.load().catch(() => null); // away, or another version by now, which has other names
    if (shown !== current)
        return;
    replace(root, module === null && notice("bad", t("problem.no_module")));
    if (module !== null)
        await render(module, root, place, shown);
}

async function render(module, root, place, shown) {
    shell.showTitle(t(module.title));
    shown.keys = module.keys ?? [];
    try {
        const cleanup = await module.render(root, contextOf(place, shown));
        if (shown === current)
            shown.cleanup = cleanup;
        else
            cleanup?.();
    } catch (problem) {
        if (!wasLeft(problem))
            root.append(notice("bad", problemText(problem)));
    }
    if (shown === current)
        shell.focusPage();
}

function contextOf({ name, params, query }, shown) {
    const { signal } = shown.abort;
    return {
        me, params, query, signal, go, signedIn,
        api: apiOf(signal),
        setQuery(values) {
            const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
            const path = [name, ...params].map(encodeURIComponent).join("/");
            history.replaceState(null, "", `#/${path}${given.length > 0 ? `?${new URLSearchParams(given)}` : ""}`);
        },
        poll: (task, interval) => poll(() => attempt(task, shown), signal, interval),
        setTitle: shell.showTitle,
        say: shell.say,
        fail(problem) {
            if (!wasLeft(problem))
                shell.say(problemText(problem), "bad");
        },
    };
}

// What a page asks for again and again may fail for a while: that is said above it, until it succeeds.
async function attempt(task, shown) {
    try {
        await task();
        shown.problems.delete(task);
    } catch (problem) {
        if (!wasLeft(problem))
            shown.problems.set(task, problemText(problem));
    }
    if (shown === current)
        shell.showProblems([...new Set(shown.problems.values())]);
}

// ---- who is signed in -----------------------------------------------------------------------------

function askToSignIn() {
    const to = location.hash;
    location.hash = /^#\/?(sign-in|$)/.test(to) || to === "" ? "#/sign-in" : `#/sign-in?${new URLSearchParams({ to })}`;
}

function forget() {
    me = null;
    useCsrf(null);
    endCurrent();
    shell.showNavigation(null);
}

// Called at the start, by the page that signs in with what it was told, and where something about the administrator has changed.
async function signedIn(answer) {
    me = answer ?? await ask("GET", "/me");
    useCsrf(me.csrf);
    shell.showNavigation(me, { signOut, help: () => keyboard.showHelp(me, current?.keys ?? []) });
}

async function signOut() {
    try {
        await ask("POST", "/sign-out", { body: {} });
    } catch (problem) {
        if (problem.status !== 401) {
            shell.say(problemText(problem), "bad");
            return;
        }
    }
    forget();
    location.hash = "#/sign-in";
}

async function start() {
    document.documentElement.lang = language;
    applyTheme();
    shell.showShell();
    shell.showNavigation(null);
    whenSignedOut(() => {
        if (me === null)
            return;
        forget();
        askToSignIn();
    });
    keyboard.listen({ me: () => me, go, pageKeys: () => current?.keys ?? [] });
    try {
        await signedIn();
    } catch (problem) {
        if (problem.status !== 401) {
            replace(shell.newRoot(), notice("bad", problemText(problem)));
            return;
        }
    }
    addEventListener("hashchange", show);
    show();
}

start();
