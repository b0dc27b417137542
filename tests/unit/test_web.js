// Figures, times, texts and polling of the console's pages. Run by test_web.sh, in TAP.

import "./test_web_browser.js"; // first: what follows looks at the browser's language
import * as format from "../../src/admin/web/lib/format.js";
import { named, t } from "../../src/admin/web/lib/i18n.js";
import { poll } from "../../src/admin/web/lib/poll.js";

let count = 0, failed = 0;

function expect(name, found, wanted) {
    const isRight = Object.is(found, wanted);
    failed += isRight ? 0 : 1;
    console.log(`${isRight ? "ok" : "not ok"} ${++count} - ${name}${isRight ? "" : `: ${found}, not ${wanted}`}`);
}

// ---- figures --------------------------------------------------------------------------------------

expect("a byte is a byte", format.bytes(1), "1 B");
expect("999 bytes are not yet a kilobyte", format.bytes(999), "999 B");
expect("999999 bytes are a megabyte, not 1000 kB", format.bytes(999999), "1 MB");
expect("steps are of 1000", format.bytes(1536), "1.54 kB");
expect("more than the largest unit stays in it", format.bytes(12e18), "12,000 PB");
expect("bytes a second are told in bits", format.bitRate(1e6), "8 Mbit/s");
expect("what is not known is a dash", [format.bytes(null), format.bitRate(undefined), format.rate(NaN), format.number("7")].join(""), "––––");
expect("small shares have a digit more", `${format.percent(0.034)} ${format.percent(0.34)}`, "3.4% 34%");

expect("durations have two units", format.duration(2 * 86400 + 3 * 3600 + 59), "2d 3h");
expect("a unit that is zero is left out", format.duration(3600), "1h");
expect("no time is no second", format.duration(0), "0s");
expect("less than a second is told in milliseconds", format.duration(0.00042), "0.42 ms");
expect("a time is a date however it came", String(format.dateTime(0) === format.dateTime("1970-01-01T00:00:00Z") &&
                                                  format.dateTime(0) === format.dateTime(new Date(0))), "true");
expect("no date is a dash", format.date(null) + format.date("nonsense"), "––");
expect("what never was is said so", format.ago(null), "never");
expect("the past", format.ago(0, 3 * 60 * 1000), "3 minutes ago");
expect("the future", format.ago(86400 * 12, 0), "in 12 days");

// ---- texts ----------------------------------------------------------------------------------------

expect("one", t("options.count", { n: 1 }), "One option");
expect("many, with the reader's figures", t("options.count", { n: 1234 }), "1,234 options");
expect("none is many", t("options.count", { n: 0 }), "0 options");
expect("a text is put in as it is, whatever it holds", t("options.change_one", { name: "{n}<b>$&" }), "Change {n}<b>$&");
expect("a word that is known", named("drop", "no_permission"), "no permission");
expect("a word that is not", named("drop", "some_new_reason"), "some new reason");

// ---- polling --------------------------------------------------------------------------------------

// Each step is waited for by a promise, none by the clock.
function steps() {
    let calls = 0, wake = () => {};
    const task = () => { calls++; wake(); };
    return { task, calls: () => calls, next: (at) => new Promise((resolve) => { wake = () => { if (calls >= at) resolve(); }; wake(); }) };
}

async function testPolling() {
    const abort = new AbortController(), { task, calls, next } = steps();
    poll(task, abort.signal, 1);
    await next(3);
    expect("it asks again and again", calls() >= 3, true);
    document.hide(true);
    const hidden = calls();
    await new Promise((resolve) => setTimeout(resolve, 20)); // nothing is to happen: there is no event to wait for
    expect("not while the page is hidden", calls(), hidden);
    document.hide(false);
    await next(hidden + 1);
    expect("at once when it is seen again", calls() > hidden, true);
    abort.abort();
    const ended = calls();
    document.hide(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect("not after the page was left", calls(), ended);
}

testPolling().then(() => {
    console.log(`1..${count}`);
    process.exitCode = failed > 0 ? 1 : 0;
});
