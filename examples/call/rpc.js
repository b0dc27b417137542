// The RPC API: calls {"a", "d"}, answers {"aR", "s"}, events. Who is in the room comes with the answer to join; who comes is known by the
// orientation that it tells.

import { openSocket, turnOf } from "./signaling.js";

export async function connect({ room, token, events }) {
    const handlers = {
        joinR: ({ sessions }) => sessions.forEach(({ socketId }) => events.onPeer(socketId, true)),
        eventIceServers: (servers) => events.onTurn(turnOf(servers)),
        eventOrientationChange: ({ from }) => { if (isIn) events.onPeer(from.socketId, false); },
        eventLeave: ({ socketId }) => events.onLeft(socketId),
        eventExchangeSdp: ({ from, sdp }) => events.onDescription(from.socketId, sdp),
        eventExchangeCandidate: ({ from, candidate }) => events.onCandidate(from.socketId, candidate),
    };
    let isIn = false;
    const onMessage = ({ a, s, e, d }) => {
        if (s === false)
            (isIn ? events.onProblem : events.onLost)(`The server refused ${a.slice(0, -1)} (${e}).`);
        else
            handlers[a]?.(d);
        isIn ||= a === "joinR" && s;
    };
    const socket = await openSocket("/api", [], onMessage, events.onLost);
    socket.send({
        a: "join",
        d: {
            roomId: room, bearer: token, platform: "Web", deviceName: "browser", networkType: "unknown",
            version: "1", appVersion: "1", orientation: 90, camera: "front",
        },
    });
    return {
        sendDescription: (to, { type, sdp }) => socket.send({ a: "exchangeSdp", d: { to, sdp: { type, sdp } } }),
        sendCandidate: (to, candidate) => socket.send({
            a: "exchangeCandidate", d: { to, candidate: candidate?.candidate ? candidate : { completed: true } },
        }),
        close: () => socket.close(),
    };
}
