// What a browser tells of candidates and errors. No DOM: tests run it by itself.

// Error codes with a text of their own: those of RFC 8489 section 14.8 and RFC 8656 section 19, and 701, which the browser itself
// says where nothing answered (W3C WebRTC, RTCPeerConnectionIceErrorEvent).
const EXPLAINED = new Set([300, 400, 401, 403, 420, 437, 438, 440, 441, 442, 443, 446, 447, 486, 500, 508, 701]);

export const explanationKey = (code) => (EXPLAINED.has(code) ? `ice.error_${code}` : "ice.error_other");

// Those that relay; "stun:" gives no relayed transport address.
export const relayUris = (uris) => uris.filter((uri) => /^turns?:/i.test(uri));

// "turn:host:3478?transport=udp" as { host, port, transport, isSecure }; null: it is none.
export function parseUri(uri) {
    const match = /^(turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(\w+))?$/i.exec(uri);
    if (match === null)
        return null;
    const [, scheme, host, port, transport] = match;
    const isSecure = scheme.toLowerCase() === "turns";
    return { host, port: Number(port ?? (isSecure ? 5349 : 3478)), transport: (transport ?? (isSecure ? "tcp" : "udp")).toLowerCase(), isSecure };
}

// Of an RTCIceCandidate, or of its row in getStats.
export function describeCandidate(candidate) {
    const address = candidate.address ?? candidate.ip ?? "";
    const host = address.includes(":") ? `[${address}]` : address;
    return { address: `${host}:${candidate.port}`, type: candidate.candidateType ?? candidate.type, relayProtocol: candidate.relayProtocol ?? null, url: candidate.url ?? null };
}

// The pair that is used. Chromium names it in the transport's row, Firefox marks it.
export function chosenPair(report) {
    const rows = [...report.values()];
    const transport = rows.find((row) => row.type === "transport" && row.selectedCandidatePairId);
    const pair = transport === undefined ? rows.find((row) => row.type === "candidate-pair" && row.selected) : report.get(transport.selectedCandidatePairId);
    if (pair === undefined)
        return null;
    return { pair, local: report.get(pair.localCandidateId), remote: report.get(pair.remoteCandidateId) };
}

// The same fault is told once for each interface of the machine.
export function distinctErrors(errors) {
    const seen = new Map();
    for (const error of errors)
        seen.set(`${error.code} ${error.text}`, error);
    return [...seen.values()];
}

export function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted.length === 0 ? null : sorted[Math.floor(sorted.length / 2)];
}
