// What an administrator sets for themselves: the password, codes, and where they are signed in.

import { h, replace } from "../lib/dom.js";
import { ago, dateTime } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { badge, copyable, field, notice, pageHead, problemText } from "../lib/parts.js";

export const title = "me.title";

const PASSWORD_MIN = 8;

export function render(root, context) {
    root.append(pageHead(t("me.title")),
                h("div", { class: "panels" }, aboutPanel(context), passwordPanel(context), codesPanel(context)));
}

const panel = (heading, ...children) => h("section", { class: "panel" }, h("h2", {}, heading), children);

function aboutPanel({ api, me }) {
    return panel(t("me.about"), h("dl", { class: "facts" },
        h("dt", {}, t("me.name")), h("dd", {}, me.name),
        h("dt", {}, t("me.realm")), h("dd", {}, me.realm || t("nav.all_realms")),
        h("dt", {}, t("me.signed_in")), h("dd", {}, `${dateTime(me.signed_in)} (${ago(me.signed_in)})`)),
    h("p", { class: "hint" }, t("me.everywhere_hint")),
    formOf([], t("me.everywhere"), () => signOutEverywhere(api), "danger"));
}

async function signOutEverywhere(api) {
    await api.post("/sign-out-everywhere");
    location.hash = "#/sign-in";
    location.reload();
}

// A form that says below itself how it went. send gives what to say.
function formOf(fields, label, send, kind = "primary") {
    const said = h("div", { "aria-live": "polite" });
    const button = h("button", { class: kind }, label);
    const submit = async (event) => {
        event.preventDefault();
        button.disabled = true;
        replace(said);
        try {
            replace(said, await send(event.target));
        } catch (problem) {
            replace(said, notice("bad", problem.code === "wrong-password" ? t("me.wrong_password") : problemText(problem)));
        } finally {
            button.disabled = false;
        }
    };
    return h("form", { class: "stack", onsubmit: submit }, fields, said, button);
}

function passwordInput(name, autocomplete) {
    return h("input", { name, type: "password", required: true, autocomplete, minlength: name === "old" ? null : String(PASSWORD_MIN) });
}

// ---- password -------------------------------------------------------------------------------------

function passwordPanel({ api, me }) {
    const old = passwordInput("old", "current-password"), wanted = passwordInput("new", "new-password");
    const again = passwordInput("again", "new-password");
    const same = () => again.setCustomValidity(again.value === wanted.value ? "" : t("me.not_same"));
    [wanted, again].forEach((input) => input.addEventListener("input", same));
    const user = h("input", { class: "hidden", value: me.name, autocomplete: "username", tabindex: "-1", "aria-hidden": "true", readonly: true });
    return panel(t("me.password"), formOf([
        user, field(t("me.old_password"), old), field(t("me.new_password"), wanted, t("me.password_hint")), field(t("me.again"), again),
    ], t("me.set_password"), async (form) => {
        await api.put("/me/password", { old: old.value, new: wanted.value });
        form.reset();
        return notice("good", t("me.password_set"));
    }));
}

// ---- codes ----------------------------------------------------------------------------------------

function codesPanel({ api, me, signedIn }) {
    const box = h("div", { class: "stack" });
    const show = (hasCodes, ...more) => replace(box, more, hasCodes ? stateOn() : stateOff());

    const passwordField = () => field(t("me.password"), passwordInput("old", "current-password"));
    const passwordOf = (form) => form.elements.old.value;
    const stateOn = () => [
        h("p", {}, badge("good", t("me.codes_on"))),
        formOf([passwordField()], t("me.end_codes"), async (form) => {
            await api.del("/me/totp", { password: passwordOf(form) });
            await signedIn();
            show(false, notice("good", t("me.codes_ended")));
        }, "danger"),
    ];
    const stateOff = () => [
        h("p", {}, t("me.codes_what")),
        formOf([passwordField()], t("me.begin_codes"), async (form) => {
            replace(box, confirmForm(await api.post("/me/totp", { password: passwordOf(form) })));
        }),
    ];
    const confirmForm = ({ secret, uri }) => {
        const code = h("input", { inputmode: "numeric", autocomplete: "one-time-code", required: true, pattern: "[0-9 ]{6,7}", maxlength: "7" });
        return [
            h("p", {}, t("me.codes_take")),
            h("p", {}, h("a", { href: uri }, t("me.codes_open"))),
            copyable(secret), copyable(uri),
            formOf([field(t("sign_in.code"), code, t("me.codes_confirm"))], t("me.confirm_codes"), async () => {
                await api.put("/me/totp", { code: code.value.replaceAll(" ", "") });
                await signedIn();
                show(true, notice("good", t("me.codes_begun")));
            }),
        ];
    };
    show(me.has_codes);
    return panel(t("me.codes"), box);
}
