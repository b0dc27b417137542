// The interface under /api/v1, as a page uses it.

const ROOT = "/api/v1";

let csrf = null;           // of /me; shown with everything that changes something
let onSignedOut = () => {};

export class ApiError extends Error {
    constructor(status, code, message, retryAfter = null) {
        super(message);
        this.name = "ApiError";
        this.status = status; // 0: the console itself does not answer
        this.code = code;     // "unknown-user", "not-running", …
        this.retryAfter = retryAfter; // seconds; null: it does not say
    }
}

export const useCsrf = (token) => { csrf = token; };
export const whenSignedOut = (listener) => { onSignedOut = listener; };

// Asks; gives the JSON of the answer, null where there is none. Throws ApiError; an AbortError where the page was left meanwhile.
export async function ask(method, path, { body, query, signal } = {}) {
    const answer = await send(method, path + queryOf(query), body, signal);
    const json = await jsonOf(answer);
    if (answer.ok)
        return json;
    if (answer.status === 401 && path !== "/sign-in")
        onSignedOut();
    throw new ApiError(answer.status, json?.code ?? "", json?.detail ?? `${answer.status} ${answer.statusText}`, secondsOf(answer));
}

const secondsOf = (answer) => (answer.headers.has("Retry-After") ? Number(answer.headers.get("Retry-After")) : null);

async function send(method, path, body, signal) {
    const headers = { Accept: "application/json" };
    if (body !== undefined)
        headers["Content-Type"] = "application/json";
    if (csrf !== null && method !== "GET")
        headers["X-CSRF-Token"] = csrf;
    try {
        return await fetch(ROOT + path, {
            method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
            credentials: "same-origin", cache: "no-store", redirect: "error",
        });
    } catch (problem) {
        if (problem.name === "AbortError")
            throw problem;
        throw new ApiError(0, "console-away", "");
    }
}

async function jsonOf(answer) {
    if (answer.status === 204 || !/json/.test(answer.headers.get("Content-Type") ?? ""))
        return null;
    try {
        return await answer.json();
    } catch (problem) {
        if (problem.name === "AbortError")
            throw problem;
        throw new ApiError(answer.status, "bad-answer", "");
    }
}

// Members that are null, undefined or empty are left out.
function queryOf(query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
    return given.length > 0 ? `?${new URLSearchParams(given)}` : "";
}

// A segment of a path, for names that may hold anything.
export const segment = (name) => encodeURIComponent(name);

// What a page is given: its requests end when it is left.
export function apiOf(signal) {
    return {
        get: (path, query) => ask("GET", path, { query, signal }),
        post: (path, body = {}) => ask("POST", path, { body, signal }),
        put: (path, body = {}) => ask("PUT", path, { body, signal }),
        patch: (path, body = {}) => ask("PATCH", path, { body, signal }),
        del: (path, body) => ask("DELETE", path, { body, signal }),
    };
}

export const wasLeft = (problem) => problem?.name === "AbortError";
