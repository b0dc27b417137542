// Every page, once: its name in the address (#/sessions), the letter that goes there behind "g", its group in the navigation, who sees
// it ("all": administrators of all realms alone), and its module.
//
// A module exports title, a key of the language files, and render(root, context), which fills root and may return a function that is called when the
// page is left. context:
//
//     me            as /api/v1/me says
//     api           get(path, query), post(path, body), put, patch, del(path, body): see lib/api.js; ended when the page is left
//     signal        aborted when the page is left: for listeners of window and document
//     params        what is behind the page's name: #/sessions/0.17 has ["0.17"]
//     query         what is behind "?" in the address, as URLSearchParams
//     setQuery(o)   writes it without loading the page anew
//     go(hash)      to another page
//     poll(task)    each two seconds while the page is visible; what task throws is shown above the page until it succeeds
//     say(text)     a line that goes by itself; say(text, "bad") for what went wrong
//     fail(problem) the same for what was thrown
//     setTitle(text)
//
// It may export keys as well, [["j", "text"], …], for the list that "?" shows.

export const groups = ["relay", "access", "rooms", "console"];

export const pages = [
    { name: "overview", key: "o", group: "relay", who: "all", load: () => import("./pages/overview.js") },
    { name: "sessions", key: "s", group: "relay", who: "any", load: () => import("./pages/sessions.js") },
    { name: "peers", key: "p", group: "relay", who: "any", load: () => import("./pages/peers.js") },
    { name: "try", key: "y", group: "relay", who: "any", load: () => import("./pages/try.js") },
    { name: "log", key: "l", group: "relay", who: "all", load: () => import("./pages/log.js") },
    { name: "options", key: "c", group: "relay", who: "all", load: () => import("./pages/options.js") },
    { name: "users", key: "u", group: "access", who: "any", load: () => import("./pages/users.js") },
    { name: "secrets", key: "x", group: "access", who: "any", load: () => import("./pages/secrets.js") },
    { name: "realms", key: "r", group: "access", who: "any", load: () => import("./pages/realms.js") },
    { name: "origins", key: "n", group: "access", who: "any", load: () => import("./pages/origins.js") },
    { name: "oauth-keys", key: "k", group: "access", who: "any", load: () => import("./pages/oauth_keys.js") },
    { name: "rooms", key: "b", group: "rooms", who: "any", load: () => import("./pages/rooms.js") },
    { name: "administrators", key: "a", group: "console", who: "all", load: () => import("./pages/administrators.js") },
    { name: "tokens", key: "t", group: "console", who: "all", load: () => import("./pages/tokens.js") },
    { name: "audit", key: "h", group: "console", who: "all", load: () => import("./pages/audit.js") },
    { name: "me", key: "m", group: "console", who: "any", load: () => import("./pages/me.js") },
];

export const signIn = { name: "sign-in", load: () => import("./pages/sign-in.js") };

export const mayOpen = (page, me) => (page.who === "any" || me.realm === "") && (!page.signaling || me.signaling);

export const pageNamed = (name) => (name === signIn.name ? signIn : pages.find((page) => page.name === name));
