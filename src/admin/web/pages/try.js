// Try it: time-limited credentials, what a browser gets from the relay with them, and a call of two ends in this page.

import { wasLeft } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { dateTime, duration } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { copyable, field, notice, pageHead, problemText } from "../lib/parts.js";
import { realmNames } from "../realms.js";
import { callPanel } from "./try_call.js";
import { checkPanel } from "./try_check.js";

export const title = "nav.try";

const LIFETIMES_S = [600, 3600, 21600, 86400];

export async function render(root, context) {
    const trial = { context };
    const check = checkPanel(context), call = callPanel(context);
    trial.onCredentials = (credentials) => {
        check.use(credentials);
        call.use(credentials);
    };
    root.append(pageHead(t("nav.try")), h("p", { class: "quiet-text" }, t("try.text")), credentialsPanel(trial, await realmNames(context)), check.element, call.element);
    return () => {
        check.end();
        call.end();
    };
}

function credentialsPanel(trial, realms) {
    const { me } = trial.context;
    const user = h("input", { type: "text", name: "user", placeholder: me.name, autocomplete: "off", spellcheck: "false" });
    const realm = h("input", { type: "text", name: "realm", value: me.realm || (realms.length === 1 ? realms[0] : ""), readonly: me.realm !== "", list: "try-realms", autocomplete: "off" });
    const ttl = h("select", { name: "ttl" }, LIFETIMES_S.map((seconds) => h("option", { value: String(seconds), selected: seconds === 3600 }, duration(seconds))));
    const result = h("div", { "aria-live": "polite" });
    const form = h("form", { class: "inline-form", onsubmit: (event) => {
        event.preventDefault();
        mint(trial, { user: user.value.trim(), realm: realm.value.trim(), ttl: Number(ttl.value) }, result);
    } }, field(t("try.user"), user), field(t("realm.one"), realm), h("datalist", { id: "try-realms" }, realms.map((value) => h("option", { value }))),
    field(t("try.ttl"), ttl), h("button", { class: "primary" }, t("try.mint")));
    return h("section", { class: "panel", id: "credentials" }, h("h2", {}, t("try.credentials")), form, result);
}

// What is not said is left to the server.
async function mint(trial, asked, result) {
    const body = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ""));
    try {
        const credentials = await trial.context.api.post("/credentials", body);
        replace(result, resultOf(credentials));
        trial.onCredentials(credentials);
    } catch (problem) {
        if (!wasLeft(problem))
            replace(result, notice("bad", problemText(problem)));
    }
}

function resultOf({ username, password, ttl, uris, realm }) {
    const until = dateTime(new Date(Date.now() + ttl * 1000));
    const servers = JSON.stringify([{ urls: uris, username, credential: password }]);
    const row = (label, ...value) => [h("dt", {}, label), h("dd", {}, value)];
    return h("dl", { class: "minted" },
        row(t("try.username"), copyable(username)), row(t("users.password"), copyable(password)), row(t("realm.one"), realm),
        row(t("try.until"), until), row(t("try.uris"), uris.length === 0 ? t("try.no_uris") : uris.map((uri) => h("div", {}, h("code", {}, uri)))),
        row(t("try.servers"), copyable(servers)));
}
