// The v1/webrtc API: frames {"type", "data"}; messages name the peer that they are for as "to".

import { openSocket, turnOf } from "./signaling.js";

export async function connect({ room, token, events }) {
    const path = `/v1/webrtc/signal?room=${encodeURIComponent(room)}`;
    const handlers = {
        "welcome": ({ peerId, participants }) => {
            for (const other of participants.filter((participant) => participant.peerId !== peerId))
                events.onPeer(other.peerId, true);
        },
        "participant-joined": ({ peerId }) => events.onPeer(peerId, false),
        "peer-joined": ({ peerId }) => events.onPeer(peerId, false),
        "peer-left": ({ peerId }) => events.onLeft(peerId),
        "participant-left": ({ peerId }) => events.onLeft(peerId),
        "turn-credentials": (data) => events.onTurn(turnOf(data)),
        "refresh-credentials": (data) => events.onTurn(turnOf(data)),
        "offer": ({ from, sdp }) => events.onDescription(from, { type: "offer", sdp }),
        "answer": ({ from, sdp }) => events.onDescription(from, { type: "answer", sdp }),
        "ice-candidate": ({ from, ...candidate }) => events.onCandidate(from, candidate),
        "kicked": ({ reason }) => events.onLost(`You are out of the room: ${reason}.`),
        "server-draining": () => events.onProblem("The signaling server is being stopped: join again in a moment."),
        "error": ({ code, message }) => events.onProblem(`${message} (${code})`),
    };
    const socket = await openSocket(path, token ? ["Bearer", token] : [],
                                    ({ type, data }) => handlers[type]?.(data), events.onLost);
    return {
        sendDescription: (to, { type, sdp }) => socket.send({ type, data: { to, sdp } }),
        sendCandidate: (to, candidate) => socket.send({ type: "ice-candidate", data: { to, candidate: "", ...candidate } }),
        close() {
            socket.send({ type: "leave" });
            socket.close();
        },
    };
}
