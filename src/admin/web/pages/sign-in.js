// Signing in: a name, a password, and a code where the administrator has them asked for.

import { ask } from "../lib/api.js";
import { h, replace } from "../lib/dom.js";
import { duration } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { field, notice, problemText } from "../lib/parts.js";
import { switches } from "../shell.js";

export const title = "sign_in.title";

export function render(root, context) {
    if (context.me !== null) {
        context.go(placeToGo(context.query));
        return;
    }
    root.classList.add("sign-in");
    const problem = h("div", { "aria-live": "assertive" });
    const name = h("input", { name: "name", required: true, autocomplete: "username", autocapitalize: "none", spellcheck: "false", autofocus: true });
    const password = h("input", { name: "password", type: "password", required: true, autocomplete: "current-password" });
    const code = h("input", { name: "code", inputmode: "numeric", autocomplete: "one-time-code", pattern: "[0-9 ]{6,7}", maxlength: "7" });
    const codeField = h("div", { class: "wide-field", hidden: true }, field(t("sign_in.code"), code, t("sign_in.code_hint")));
    const button = h("button", { class: "primary" }, t("sign_in.button"));

    const askForCode = () => {
        codeField.hidden = false;
        code.required = true;
        code.focus();
        replace(problem);
    };
    const submit = async (event) => {
        event.preventDefault();
        button.disabled = true;
        replace(problem);
        try {
            const given = code.value.replaceAll(" ", "");
            const body = { name: name.value, password: password.value, ...(given !== "" && { code: given }) };
            await context.signedIn(await ask("POST", "/sign-in", { body, signal: context.signal }));
            context.go(placeToGo(context.query));
        } catch (caught) {
            if (caught.code === "code-needed")
                askForCode();
            else
                replace(problem, notice("bad", textOf(caught)));
        } finally {
            button.disabled = false;
        }
    };
    root.append(h("div", { class: "panel" },
        h("h1", { class: "brand" }, "turnstone"),
        h("form", { class: "stack", onsubmit: submit, "aria-label": t("sign_in.title") },
          field(t("sign_in.name"), name), field(t("sign_in.password"), password), codeField, problem, button)),
    h("div", { class: "row" }, switches()));
}

function textOf(problem) {
    if (problem.status === 429)
        return t("sign_in.later", { time: duration(problem.retryAfter ?? 60) });
    return problem.status === 401 ? t("sign_in.wrong") : problemText(problem);
}

// Where the person was going; never to another site.
function placeToGo(query) {
    const to = query.get("to") ?? "";
    return to.startsWith("#/") && !to.startsWith("#/sign-in") ? to : "#/";
}
