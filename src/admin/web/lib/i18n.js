// Texts in the language of the reader, which alone is loaded. Keys are those of lang/*.json: the same in each of them, none missing, none
// unused (tests/lint/web.py).

const LANGUAGES = {
    en: () => import("../lang/en.js"),
    de: () => import("../lang/de.js"),
};
const KEPT = "turnstone.language";

export const languages = Object.keys(LANGUAGES);
export const language = choose();

const { default: texts } = await LANGUAGES[language]();
const plural = new Intl.PluralRules(language);

function choose() {
    const wanted = [localStorage.getItem(KEPT), ...navigator.languages].map((name) => (name ?? "").slice(0, 2));
    return wanted.find((name) => name in LANGUAGES) ?? "en";
}

export function chooseLanguage(name) {
    localStorage.setItem(KEPT, name);
    location.reload();
}

// The reader's locale, where it is of the language shown: dates of de-AT for whoever reads German in Austria.
export const locale = navigator.languages.find((name) => name.slice(0, 2) === language) ?? language;

const numbers = new Intl.NumberFormat(locale);

// t("sessions.count", { n: 3 }): {n} in the text is replaced. Where there is no such key but "….one" and "….other", n chooses.
export function t(key, values = {}) {
    const text = texts[key] ?? texts[`${key}.${plural.select(values.n ?? 0)}`] ?? texts[`${key}.other`] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => shown(values[name] ?? whole));
}

const shown = (value) => (typeof value === "number" ? numbers.format(value) : String(value));

// The text for a word that a program has chosen ("no_permission"), of the keys that begin with prefix; the word itself where there is none.
export function named(prefix, word) {
    return texts[`${prefix}.${word}`] ?? String(word).replaceAll("_", " ");
}
