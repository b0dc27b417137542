// PeerJS's protocol. It knows peers by names that must be agreed on: here the room is the key, and the windows in it are window-1,
// window-2, ... in the order in which they find a name that is free. Who has a later name calls the first one; windows of
// other protocols see this one come, and call it.

import { openSocket, turnOf } from "./signaling.js";

const NAMES_MAX = 9;
const HEARTBEAT_MS = 5000;

export async function connect({ room, token, events }) {
    for (let number = 1; number <= NAMES_MAX; number++) {
        const link = await take(number, { room, token, events });
        if (link !== null)
            return link;
    }
    throw new Error("All names in this room are taken.");
}

async function take(number, { room, token, events }) {
    const secret = token || crypto.randomUUID();
    const query = new URLSearchParams({ key: room, id: `window-${number}`, token: secret, version: "1.5.4" });
    const connectionId = `mc_${crypto.randomUUID()}`;
    const known = { id: connectionId };
    let answer;
    const opened = new Promise((resolve) => { answer = resolve; });
    const handlers = {
        "OPEN": () => answer(true),
        "ICE-SERVERS": ({ payload }) => events.onTurn(turnOf(payload)),
        "ID-TAKEN": () => answer(false),
        "OFFER": ({ src, payload }) => {
            known.id = payload.connectionId ?? known.id;
            events.onDescription(src, payload.sdp);
        },
        "ANSWER": ({ src, payload }) => events.onDescription(src, payload.sdp),
        "CANDIDATE": ({ src, payload }) => events.onCandidate(src, payload.candidate),
        "LEAVE": ({ src }) => events.onLeft(src),
        "EXPIRE": ({ src }) => events.onLeft(src),
        "ERROR": ({ payload }) => {
            events.onProblem(payload.msg);
            answer(null);
        },
    };
    const socket = await openSocket(`/peerjs?${query}`, [], (message) => handlers[message.type]?.(message), (text) => {
        answer(null);
        events.onLost(text);
    });
    const isOpen = await opened;
    if (isOpen !== true) {
        socket.close();
        if (isOpen === null)
            throw new Error("The server does not let this window in.");
        return null;
    }
    return linkOver(socket, known, number, events);
}

function linkOver(socket, known, number, events) {
    const timer = setInterval(() => socket.send({ type: "HEARTBEAT" }), HEARTBEAT_MS);
    const others = new Set();
    const send = (type, dst, payload) => {
        others.add(dst);
        socket.send({ type, dst, payload: { ...payload, type: "media", connectionId: known.id } });
    };
    if (number > 1)
        setTimeout(() => events.onPeer("window-1", true));
    return {
        sendDescription: (to, { type, sdp }) => send(type.toUpperCase(), to, { sdp: { type, sdp } }),
        sendCandidate(to, candidate) {
            if (candidate?.candidate)
                send("CANDIDATE", to, { candidate });
        },
        close() {
            clearInterval(timer);
            for (const dst of others)
                socket.send({ type: "LEAVE", dst });
            socket.close();
        },
    };
}
