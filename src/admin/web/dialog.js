// Questions, forms, and what is told once, in <dialog>: the browser keeps the focus inside and gives it back.

import { wasLeft } from "./lib/api.js";
import { h, replace, setText } from "./lib/dom.js";
import { t } from "./lib/i18n.js";
import { copyable, notice, problemText } from "./lib/parts.js";
import { memberOf } from "./member.js";

let count = 0;
const newId = (what) => `${what}-${++count}`;

// Shows it; gives what settle was called with, undefined where it was left. build(settle) gives { title, content, isBusy }.
function showDialog(build) {
    return new Promise((resolve) => {
        let result;
        const before = document.activeElement;
        const titleId = newId("dialog");
        const settle = (value) => {
            result = value;
            dialog.close();
        };
        const { title, content, isBusy = () => false } = build(settle);
        const dialog = h("dialog", {
            class: "ask",
            "aria-labelledby": titleId,
            oncancel: (event) => { if (isBusy()) event.preventDefault(); },
            onclose: () => {
                removeEventListener("hashchange", leave);
                dialog.remove();
                giveFocusBack(before);
                resolve(result);
            },
        }, h("h2", { id: titleId }, title), content);
        const leave = () => dialog.close();
        addEventListener("hashchange", leave);
        document.body.append(dialog);
        dialog.showModal();
    });
}

// The row that had the button may be gone with what was asked for.
function giveFocusBack(before) {
    if (before?.isConnected)
        before.focus({ preventScroll: true });
    if (document.activeElement === document.body)
        document.querySelector("main h1, main")?.focus({ preventScroll: true });
}

// ---- forms --------------------------------------------------------------------------------------------

// askForm({ title, intro, fields, action, isDanger, submit(values) }) gives what submit gave; undefined where the form was left.
//
// fields: { name, label, type, value, hint, isRequired, options, min, max, autocomplete, list, when(values) }; type: "text", "password", "number",
// "select" (options: [value, text]), "checkbox", "checks" (options; a list of values). What submit throws is shown at the field that it is about.
export function askForm({ title, intro, fields = [], action, isDanger = false, submit }) {
    return showDialog((settle) => {
        const form = { fields: fields.map(buildField), isBusy: false };
        form.problem = h("div");
        form.send = h("button", { type: "submit", class: isDanger ? "danger" : "primary" }, action);
        form.leave = h("button", { type: "button", onclick: () => settle(undefined) }, t("dialog.leave"));
        const content = h("form", {
            novalidate: true, oninput: () => showWhere(form),
            onsubmit: (event) => {
                event.preventDefault();
                send(form, submit, settle);
            },
        }, intro === undefined ? null : h("div", { class: "dialog-intro" }, [intro].flat().map(paragraph)),
        form.problem, form.fields.map((field) => field.element),
        h("div", { class: "dialog-buttons" }, form.leave, form.send));
        showWhere(form);
        return { title, content, isBusy: () => form.isBusy };
    });
}

const paragraph = (part) => (part instanceof Node ? part : h("p", {}, part));

// A question is a form without fields; name: has to be typed first, where an error would be dear.
export async function askWhether({ title, text, action, isDanger = true, name, submit = () => {} }) {
    const fields = name === undefined ? [] : [{
        name: "name", label: t("dialog.type_name", { name }), isRequired: true, autocomplete: "off",
        check: (value) => (value === name ? null : t("dialog.another_name")),
    }];
    return await askForm({ title, intro: text, fields, action, isDanger, submit: async () => {
        await submit();
        return true;
    } }) === true;
}

async function send(form, submit, settle) {
    if (form.isBusy || !checkAll(form))
        return;
    setBusy(form, true);
    try {
        const result = await submit(valuesOf(form));
        setBusy(form, false);
        settle(result ?? true);
    } catch (problem) {
        setBusy(form, false);
        if (!wasLeft(problem))
            showProblem(form, problem);
    }
}

function setBusy(form, isBusy) {
    form.isBusy = isBusy;
    form.send.disabled = isBusy;
    form.leave.disabled = isBusy;
    form.send.setAttribute("aria-busy", String(isBusy));
}

function valuesOf(form) {
    const shown = form.fields.filter((field) => !field.element.hidden);
    return Object.fromEntries(shown.map((field) => [field.name, field.read()]));
}

// A field may depend on what others say.
function showWhere(form) {
    const values = Object.fromEntries(form.fields.map((field) => [field.name, field.read()]));
    for (const field of form.fields)
        field.element.hidden = field.when !== undefined && !field.when(values);
}

function checkAll(form) {
    replace(form.problem);
    form.fields.forEach((field) => field.complain(null));
    const wrong = form.fields.filter((field) => !field.element.hidden && field.complain(whatIsWrong(field)));
    wrong[0]?.input.focus();
    return wrong.length === 0;
}

function whatIsWrong(field) {
    const value = field.read();
    if (field.isRequired && (value === "" || value === null))
        return t("dialog.needed");
    if (field.type === "number" && field.input.validity.badInput)
        return t("dialog.no_number");
    if (field.type === "number" && value !== null && !isWithin(value, field))
        return t("dialog.out_of_range", { min: field.min ?? 0, max: field.max ?? Number.MAX_SAFE_INTEGER });
    return field.check?.(value) ?? null;
}

const isWithin = (value, { min = 0, max = Number.MAX_SAFE_INTEGER }) => Number.isInteger(value) && value >= min && value <= max;

function showProblem(form, problem) {
    const about = memberOf(problem, form.fields.filter((field) => !field.element.hidden).map((field) => field.name));
    const field = form.fields.find((one) => one.name === about?.name);
    if (field !== undefined) {
        field.complain(about.text);
        field.input.focus();
        return;
    }
    replace(form.problem, notice("bad", problemText(problem)));
}

// ---- fields -------------------------------------------------------------------------------------------

const builders = { select: buildSelect, checkbox: buildCheckbox, checks: buildChecks };

// Gives the field with its element, input, read() and complain(text), which says whether there was something to say.
function buildField(wanted) {
    const field = { type: "text", ...wanted, id: newId("field") };
    field.error = h("p", { class: "field-error", id: `${field.id}-error`, hidden: true });
    field.note = h("p", { class: "hint", id: `${field.id}-hint`, hidden: field.hint === undefined }, field.hint);
    (builders[field.type] ?? buildInput)(field);
    field.input.setAttribute("aria-describedby", `${field.id}-hint ${field.id}-error`);
    field.complain = (text) => {
        field.error.hidden = text === null;
        setText(field.error, text ?? "");
        if (text === null)
            field.input.removeAttribute("aria-invalid");
        else
            field.input.setAttribute("aria-invalid", "true");
        return text !== null;
    };
    return field;
}

const labelOf = (field) => h("label", { for: field.id }, field.label, field.isRequired ? null : h("span", { class: "optional" }, ` (${t("dialog.optional")})`));

function buildInput(field) {
    const listId = field.list === undefined ? null : `${field.id}-list`;
    const isNumber = field.type === "number";
    field.input = h("input", {
        id: field.id, name: field.name, type: field.type, value: String(field.value ?? ""), placeholder: field.example,
        autocomplete: field.autocomplete ?? "off", spellcheck: "false", autocapitalize: "none", list: listId, readonly: field.isFixed === true,
        inputmode: isNumber ? "numeric" : null, min: isNumber ? String(field.min ?? 0) : null, step: isNumber ? "1" : null,
        required: field.isRequired === true,
    });
    field.read = () => (isNumber ? numberOf(field.input.value) : field.type === "password" ? field.input.value : field.input.value.trim());
    field.element = h("div", { class: "field" }, labelOf(field), field.input,
        listId === null ? null : h("datalist", { id: listId }, field.list.map((value) => h("option", { value }))), field.note, field.error);
}

const numberOf = (text) => (text.trim() === "" ? null : Number(text));

function buildSelect(field) {
    field.input = h("select", { id: field.id, name: field.name }, field.options.map(([value, text]) => h("option", { value, selected: value === field.value }, text)));
    field.read = () => field.input.value;
    field.element = h("div", { class: "field" }, h("label", { for: field.id }, field.label), field.input, field.note, field.error);
}

function buildCheckbox(field) {
    field.input = h("input", { id: field.id, name: field.name, type: "checkbox", checked: field.value === true });
    field.read = () => field.input.checked;
    field.element = h("div", { class: "field check" }, h("label", {}, field.input, h("span", {}, field.label)), field.note, field.error);
}

function buildChecks(field) {
    const boxes = field.options.map(([value, text]) => ({ value, text, box: h("input", { type: "checkbox", value, checked: (field.value ?? []).includes(value) }) }));
    field.input = boxes[0].box;
    field.read = () => boxes.filter(({ box }) => box.checked).map(({ value }) => value);
    field.element = h("fieldset", { class: "field checks" }, h("legend", {}, field.label),
        h("div", { class: "check-grid" }, boxes.map(({ text, box }) => h("label", {}, box, h("span", {}, text)))), field.note, field.error);
}

// ---- what is told once --------------------------------------------------------------------------------

// Secrets that the server keeps a hash of at most: shown until somebody says that they have it. rows: [label, value].
export function showOnce({ title, text, rows }) {
    return showDialog((settle) => ({
        title, isBusy: () => true, // Escape does not throw it away
        content: h("div", { class: "told-all" }, h("div", { class: "dialog-intro" }, [text].flat().map(paragraph)),
            rows.map(([label, value]) => h("div", { class: "told" }, h("h3", {}, label), copyable(value))),
            h("div", { class: "dialog-buttons" }, h("button", { type: "button", class: "primary", onclick: () => settle(true) }, t("dialog.have_it")))),
    }));
}
