// Who changed what, from where, and when: newest first.

import { h } from "../lib/dom.js";
import { ago, dateTime } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { empty, pageHead } from "../lib/parts.js";

export const title = "audit.title";

const PAGE = 100;

export async function render(root, context) {
    const rows = h("tbody");
    const more = h("button", { type: "button", onclick: () => load().catch(context.fail) }, t("audit.more"));
    let after = null;

    const load = async () => {
        more.disabled = true;
        try {
            const { audit, next } = await context.api.get("/audit", { limit: PAGE, after });
            rows.append(...audit.map(rowOf));
            after = next;
            more.hidden = next === null;
        } finally {
            more.disabled = false;
        }
    };
    root.append(pageHead(t("audit.title")));
    await load();
    root.append(h("p", { class: "hint" }, t("audit.what_it_is")));
    root.append(rows.childElementCount === 0 ? empty(t("audit.none")) : h("div", { class: "table-box" }, h("table", { class: "cards" }, headsOf(), rows)), more);
}

const headsOf = () => h("thead", {}, h("tr", {},
    ["audit.time", "audit.who", "audit.from", "audit.what", "audit.on"].map((key) => h("th", { scope: "col" }, t(key)))));

function rowOf({ time, who, from, what, on }) {
    return h("tr", {},
             h("td", { class: "nowrap", title: ago(time) }, dateTime(time)), h("td", {}, who), h("td", { class: "mono" }, from),
             h("td", {}, what), h("td", {}, h("code", {}, on)));
}
