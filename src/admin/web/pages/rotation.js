// The guide through a secret's rotation. Where it stands is kept for this tab, for it takes as long as the last credentials live that the
// old secret has made: minutes to a day.

import { h, replace, setText } from "../lib/dom.js";
import { duration } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { notice } from "../lib/parts.js";
import { quietFor, share, usesSince } from "../rotation_math.js";
import { lastUse } from "./secrets.js";

const KEPT = "turnstone.rotation";
const QUIET_S = 600; // without a use: most applications renew credentials more often than that

// createRotation(context, { add(realm), remove(secret) }), which ask and give what came of it; gives { element, begin(secret) }.
export function createRotation(context, { add, remove }) {
    const guide = { context, add, remove, state: kept(), element: h("section", { class: "panel", hidden: true, "aria-label": t("rotation.title") }) };
    build(guide);
    context.poll(() => look(guide));
    return { element: guide.element, begin: (secret) => begin(guide, secret) };
}

function kept() {
    try {
        return JSON.parse(sessionStorage.getItem(KEPT));
    } catch {
        return null;
    }
}

function keep(guide, state) {
    guide.state = state;
    if (state === null)
        sessionStorage.removeItem(KEPT);
    else
        sessionStorage.setItem(KEPT, JSON.stringify(state));
}

function build(guide) {
    const step = (name, ...content) => h("li", {}, h("div", { class: "step" }, h("h3", {}, t(`rotation.${name}`)), h("p", {}, t(`rotation.${name}_text`)), content));
    guide.title = h("h2", { tabindex: "-1" });
    guide.addButton = h("button", { type: "button", class: "primary", onclick: () => addNew(guide) }, t("secrets.add"));
    guide.useOther = h("span");
    guide.uses = h("div", { class: "uses" });
    guide.verdict = h("div");
    guide.removeButton = h("button", { type: "button", class: "danger", onclick: () => removeOld(guide) }, t("rotation.remove_button"));
    guide.steps = h("ol", { class: "steps" },
        step("add", h("div", { class: "toolbar" }, guide.addButton, guide.useOther)), step("watch", guide.uses, guide.verdict), step("remove", guide.removeButton));
    replace(guide.element, h("div", { class: "page-head" }, guide.title,
        h("div", { class: "actions" }, h("button", { type: "button", class: "quiet", onclick: () => end(guide) }, t("rotation.leave")))), guide.steps);
}

// ---- steps --------------------------------------------------------------------------------------------

async function begin(guide, secret) {
    keep(guide, { realm: secret.realm, old: secret.mark, fresh: null, began: Date.now() / 1000, first: {} });
    await look(guide).catch(guide.context.fail);
    guide.title.focus();
    guide.element.scrollIntoView({ block: "nearest" });
}

async function addNew(guide) {
    const added = await guide.add(guide.state.realm);
    if (added !== undefined)
        choose(guide, added.mark);
}

function choose(guide, mark) {
    keep(guide, { ...guide.state, fresh: mark, first: {}, began: Date.now() / 1000 });
    look(guide).catch(guide.context.fail);
}

async function removeOld(guide) {
    const old = guide.secrets?.find((secret) => secret.mark === guide.state.old);
    if (old === undefined || !await guide.remove(old))
        return;
    guide.context.say(t("rotation.done"));
    end(guide);
}

function end(guide) {
    keep(guide, null);
    guide.element.hidden = true;
}

// ---- what is seen -------------------------------------------------------------------------------------

// The counts of the first look are what later ones are compared with; a relay that was started anew counts from zero.
async function look(guide) {
    if (guide.state === null)
        return;
    const { secrets } = await guide.context.api.get("/secrets", { realm: guide.state.realm, limit: 250 });
    if (guide.state === null)
        return;
    guide.secrets = secrets.filter((secret) => secret.realm === guide.state.realm);
    const first = { ...guide.state.first }, last = {};
    let { began } = guide.state;
    for (const { mark, uses } of guide.secrets) {
        if (first[mark] === undefined || (uses ?? 0) < first[mark])
            first[mark] = uses ?? 0;
        if ((uses ?? 0) < (guide.state.last?.[mark] ?? 0))
            began = Date.now() / 1000; // a relay that was started anew does not know what was before
        last[mark] = uses ?? 0;
    }
    keep(guide, { ...guide.state, first, last, began });
    show(guide);
}

function show(guide) {
    const { realm, old: mark, fresh } = guide.state;
    const old = guide.secrets.find((secret) => secret.mark === mark);
    const current = old === undefined ? 3 : fresh === null ? 0 : isQuiet(guide, old) ? 2 : 1;
    guide.element.hidden = false;
    setText(guide.title, t("rotation.of", { mark, realm }));
    [...guide.steps.children].forEach((step, index) => {
        step.classList.toggle("done", index < current);
        if (index === current)
            step.setAttribute("aria-current", "step");
        else
            step.removeAttribute("aria-current");
    });
    guide.addButton.disabled = current !== 0;
    guide.removeButton.disabled = current === 0 || old === undefined;
    showOthers(guide, current);
    showUses(guide);
    showVerdict(guide, old);
}

const isQuiet = (guide, old) => old.uses !== null && quietFor(old, guide.state.began, Date.now() / 1000) >= QUIET_S;

// One that was added by another way will do as well.
function showOthers(guide, current) {
    const others = current === 0 ? guide.secrets.filter((secret) => secret.mark !== guide.state.old) : [];
    const buttons = others.map(({ mark }) => h("button", { type: "button", onclick: () => choose(guide, mark) }, t("rotation.use", { mark })));
    const wanted = h("span", { class: "toolbar" }, buttons);
    if (!wanted.isEqualNode(guide.useOther)) {
        guide.useOther.replaceWith(wanted);
        guide.useOther = wanted;
    }
}

function showUses(guide) {
    const counts = guide.secrets.map((secret) => ({ secret, since: usesSince(secret, guide.state.first) }));
    const most = counts.reduce((sum, { since }) => sum + since, 0);
    replace(guide.uses, counts.map(({ secret, since }) => useRow(guide, secret, since, share(since, most))));
}

function useRow(guide, secret, since, part) {
    const isOld = secret.mark === guide.state.old, isFresh = secret.mark === guide.state.fresh;
    const name = isOld ? t("rotation.old") : isFresh ? t("rotation.fresh") : t("rotation.other");
    const bar = h("span", { style: { width: `${(part * 100).toFixed(1)}%` } });
    return h("div", { class: "use" },
        h("span", {}, name, " ", h("code", {}, secret.mark)),
        h("div", { class: isOld ? "bar old" : "bar" }, bar),
        h("span", { class: "counts" }, secret.uses === null ? t("secrets.unknown") : t("rotation.uses", { n: since }), h("br"), h("small", { class: "quiet-text" }, lastUse(secret))));
}

function showVerdict(guide, old) {
    const { fresh, began } = guide.state;
    if (old === undefined)
        replace(guide.verdict, notice("good", t("rotation.gone")));
    else if (fresh === null)
        replace(guide.verdict);
    else
        sayOnce(guide, verdictOf(old, guide.state, began));
}

function verdictOf(old, state, began) {
    const now = Date.now() / 1000, quiet = quietFor(old, began, now);
    if (old.uses === null)
        return ["warning", t("rotation.not_counted")];
    if (quiet >= QUIET_S)
        return ["good", t("rotation.quiet", { span: duration(quiet) })];
    return ["info", t("rotation.in_use", { n: usesSince(old, state.first), span: duration(Math.max(1, now - state.began)), wait: duration(QUIET_S - quiet) })];
}

// Read out where it changes in kind, not each time a number in it does.
function sayOnce(guide, [kind, text]) {
    const shown = guide.verdict.firstChild;
    if (shown?.classList.contains(kind))
        setText(shown, text);
    else
        replace(guide.verdict, notice(kind, text));
}
