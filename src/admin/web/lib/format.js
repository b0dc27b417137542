// Figures and times as the reader writes them.

import { locale, t } from "./i18n.js";

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
const percents = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
const finePercents = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const dateTimes = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const dates = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const clocks = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
const fineClocks = new Intl.DateTimeFormat(locale, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23",
});
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

export const NONE = "–"; // what is not known

const known = (value) => typeof value === "number" && Number.isFinite(value);

export const number = (value) => (known(value) ? whole.format(value) : NONE);
export const decimal = (value) => (known(value) ? short.format(value) : NONE);
export const percent = (share) => (known(share) ? (share < 0.1 ? finePercents : percents).format(share) : NONE);

// In steps of 1000, as links are sold.
function scaled(value, units) {
    if (!known(value))
        return NONE;
    let step = 0;
    while (Math.abs(value) >= 999.5 && step < units.length - 1) {
        value /= 1000;
        step++;
    }
    return `${step === 0 ? whole.format(value) : short.format(value)} ${units[step]}`;
}

export const bytes = (value) => scaled(value, ["B", "kB", "MB", "GB", "TB", "PB"]);
// Bytes a second, as bits a second.
export const bitRate = (value) => scaled(known(value) ? value * 8 : value, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]);
export const rate = (value) => (known(value) ? `${decimal(value)}/s` : NONE);
export const compact = (value) => scaled(value, ["", "k", "M", "G", "T"]).trim();

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function unitText(count, unit) {
    return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "narrow" }).format(count);
}

// Seconds, as the two largest units of it: "2h 5m".
export function duration(seconds) {
    if (!known(seconds))
        return NONE;
    if (seconds < 1 && seconds > 0)
        return `${decimal(seconds * 1000)} ms`;
    let rest = Math.max(0, Math.floor(seconds));
    const first = Math.max(0, UNITS.findIndex(([, size]) => rest >= size));
    const parts = [];
    for (const [unit, size] of UNITS.slice(rest === 0 ? UNITS.length - 1 : first).slice(0, 2)) {
        const count = Math.floor(rest / size);
        rest %= size;
        if (count > 0 || parts.length === 0)
            parts.push(unitText(count, unit));
    }
    return parts.join(" ");
}

// Times are Date, or texts as JSON has them, or seconds since 1970.
export function toDate(time) {
    if (time instanceof Date)
        return time;
    return new Date(typeof time === "number" ? time * 1000 : time);
}

const dated = (time, format) => {
    const date = time === null || time === undefined ? NaN : toDate(time);
    return Number.isNaN(Number(date)) ? NONE : format.format(date);
};

export const dateTime = (time) => dated(time, dateTimes);
export const date = (time) => dated(time, dates);
export const clock = (time) => dated(time, clocks);
export const fineClock = (time) => dated(time, fineClocks);

// "in 12 days", "3 minutes ago".
export function ago(time, now = Date.now()) {
    if (time === null || time === undefined)
        return t("format.never");
    const seconds = (Number(toDate(time)) - now) / 1000;
    const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS.at(-1);
    return relative.format(Math.trunc(seconds / size), unit);
}
