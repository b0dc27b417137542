// The relay check: for each address of the relay, whether this browser is given a relayed transport address there, how soon, and if not why.

import { distinctErrors, describeCandidate, explanationKey, parseUri, relayUris } from "../ice.js";
import { h, replace } from "../lib/dom.js";
import { decimal } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { badge, notice } from "../lib/parts.js";

const PATIENCE_MS = 15000; // browsers give up on an address by themselves after about ten seconds

export function checkPanel({ signal }) {
    const panel = { signal, credentials: null, ends: new Set() };
    const results = h("div", { class: "checks-made", "aria-live": "polite" });
    const button = h("button", { type: "button", class: "primary", disabled: true, onclick: async () => {
        button.disabled = true;
        await checkAll(panel, results);
        button.disabled = false;
    } }, t("check.begin"));
    const element = h("section", { class: "panel", id: "check" }, h("h2", {}, t("check.title")), h("p", { class: "hint" }, t("check.text")), h("div", { class: "toolbar" }, button), results);
    return {
        element,
        use(credentials) {
            panel.credentials = credentials;
            button.disabled = false;
            replace(results);
        },
        end: () => panel.ends.forEach((end) => end()),
    };
}

async function checkAll(panel, results) {
    const uris = relayUris(panel.credentials.uris);
    if (uris.length === 0) {
        replace(results, notice("warning", t("try.no_uris")));
        return;
    }
    const rows = uris.map((uri) => h("div", { class: "checked" }, h("code", {}, uri), badge("", t("check.runs"))));
    replace(results, rows);
    await Promise.all(uris.map(async (uri, index) => {
        const outcome = await checkOne(panel, uri);
        if (!panel.signal.aborted)
            showOutcome(rows[index], uri, outcome);
    }));
}

// Gathers with this address alone. Resolves when gathering has ended, or after a while.
function checkOne(panel, uri) {
    const { username, password } = panel.credentials;
    const began = performance.now(), outcome = { candidates: [], errors: [], isTooLong: false, problem: null };
    return new Promise((resolve) => {
        let connection = null;
        const end = () => {
            clearTimeout(timer);
            panel.ends.delete(end);
            connection?.close();
            resolve(outcome);
        };
        const timer = setTimeout(() => {
            outcome.isTooLong = true;
            end();
        }, PATIENCE_MS);
        panel.ends.add(end);
        try {
            connection = new RTCPeerConnection({ iceServers: [{ urls: [uri], username, credential: password }], iceTransportPolicy: "relay" });
        } catch (problem) {
            outcome.problem = problem.message;
            end();
            return;
        }
        listen(connection, outcome, began, end);
        connection.createDataChannel("check");
        connection.createOffer().then((offer) => connection.setLocalDescription(offer)).catch((problem) => {
            outcome.problem = problem.message;
            end();
        });
    });
}

function listen(connection, outcome, began, end) {
    connection.onicecandidate = ({ candidate }) => {
        if (candidate?.type === "relay")
            outcome.candidates.push({ ...describeCandidate(candidate), ms: performance.now() - began });
    };
    connection.onicecandidateerror = ({ errorCode, errorText, url }) => outcome.errors.push({ code: errorCode, text: errorText, url });
    connection.onicegatheringstatechange = () => {
        if (connection.iceGatheringState === "complete")
            end();
    };
}

function showOutcome(row, uri, { candidates, errors, isTooLong, problem }) {
    const isGood = candidates.length > 0;
    row.classList.add(isGood ? "good" : "bad");
    const details = isGood ? candidates.map((candidate) => candidateText(candidate, uri)) : [
        problem, ...distinctErrors(errors).map(errorText), isTooLong ? t("check.too_long") : null,
        problem === null && errors.length === 0 && !isTooLong ? t("check.nothing") : null,
    ].filter((text) => text !== null);
    replace(row, h("code", {}, uri), isGood ? badge("good", t("check.good")) : badge("bad", t("check.bad")), details.map((text) => h("p", { class: "detail" }, text)));
}

// Which transport was taken to the relay not every browser says; the address does.
const candidateText = ({ address, relayProtocol, ms }, uri) =>
    t("check.candidate", { address, transport: (relayProtocol || parseUri(uri)?.transport || "?").toUpperCase(), ms: decimal(ms) });

const errorText = ({ code, text }) => `${code}: ${t(explanationKey(code))}${text ? ` (${text})` : ""}`;
