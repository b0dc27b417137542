// How two windows find each other. Every protocol is a module with one function,
//
//     connect({ room, token, events }) -> link
//
//     events.onTurn(turn)                     credentials for the relay, as turnOf makes them; again before they end
//     events.onPeer(id, calls)                somebody is there; calls: this window makes the offer
//     events.onLeft(id)
//     events.onDescription(id, description)   an offer or an answer
//     events.onCandidate(id, candidate)
//     events.onProblem(text)                  a sentence for the person
//     events.onLost(text)                     the same, and the link has ended
//
//     link.sendDescription(id, description), link.sendCandidate(id, candidate), link.close()
//     link.again()                            where the server begins calls anew by itself
//
// Who comes later calls those who are there.

// A WebSocket whose messages are JSON. Resolves when it is open.
export function openSocket(path, subprotocols, onMessage, onLost) {
    const url = new URL(path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, subprotocols);
    let isClosed = false;
    const lost = (text) => { if (!isClosed) onLost(text); isClosed = true; };
    socket.onmessage = ({ data }) => { if (!isClosed) onMessage(JSON.parse(data)); };
    socket.onclose = ({ code, reason }) => lost(`The signaling server ended the connection (${code}${reason ? `, ${reason}` : ""}).`);
    return new Promise((resolve, reject) => {
        socket.onerror = () => reject(new Error("The signaling server does not take the connection."));
        socket.onopen = () => resolve({
            send: (message) => { if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message)); },
            close: () => { isClosed = true; socket.close(1000); },
        });
    });
}

// Credentials have other names in each protocol, or are ICE servers. Zones come with the best first.
export function turnOf({ iceServers, geo_uri: geoUri, zones, ...others }) {
    const { username, credential, password, urls, uris, servers } = iceServers?.find((server) => server.username) ?? others;
    const rows = zones ?? servers ?? [];
    const named = rows.map((row) => ({
        id: row.id,
        label: (row.labels ?? row.i18n)?.[navigator.language.slice(0, 2)] ?? row.label ?? row.id,
        priority: row.prio ?? 0,
        uris: row.uris ?? row.urns ?? [],
    })).sort((a, b) => a.priority - b.priority);
    const all = [urls ?? uris ?? []].flat();
    return {
        username, credential: credential ?? password, geoUri,
        zones: named.length > 0 ? named : [{ id: "", label: "", priority: 0, uris: all }],
    };
}

// The zones that are near, the nearest first, as the service sees this window's address.
export async function askGeo(turn) {
    const nonce = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const body = new URLSearchParams({ nonce, username: turn.username, password: turn.credential });
    const answer = await fetch(turn.geoUri, { method: "POST", body });
    const value = await answer.json();
    if (!answer.ok || value.nonce !== nonce)
        throw new Error("The geo service gave no answer that can be used.");
    return value.geo?.prefer ?? [];
}

export const TRANSPORTS = {
    udp: (uri) => uri.startsWith("turn:") && !uri.includes("transport=tcp"),
    tcp: (uri) => uri.startsWith("turn:") && uri.includes("transport=tcp"),
    tls: (uri) => uri.startsWith("turns:"),
};
