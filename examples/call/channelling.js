// The channelling API: documents with a type, the inner one named like the outer. The server speaks first.

import { openSocket, turnOf } from "./signaling.js";

const DESCRIPTIONS = { offer: "Offer", answer: "Answer" };

export async function connect({ room, token, events }) {
    let self = null, isIn = false;
    const handlers = {
        Self: ({ Id, Turn }) => {
            const isFirst = self === null;
            self = Id;
            events.onTurn(turnOf(Turn));
            if (isFirst)
                socket.send({ Type: "Hello", Hello: { Version: "1.0.0", Ua: navigator.userAgent, Name: room, Type: "Room" }, Iid: "hello" });
        },
        TurnUpdate: ({ Turn }) => events.onTurn(turnOf(Turn)),
        Welcome: ({ Users }) => {
            isIn = true;
            for (const { Id } of Users.filter((user) => user.Id !== self))
                events.onPeer(Id, true);
        },
        Joined: ({ Id }) => events.onPeer(Id, false),
        Left: ({ Id }) => events.onLeft(Id),
        Offer: ({ Offer }, from) => events.onDescription(from, { type: "offer", sdp: Offer.sdp }),
        Answer: ({ Answer }, from) => events.onDescription(from, { type: "answer", sdp: Answer.sdp }),
        Candidate: ({ Candidate }, from) => events.onCandidate(from, Candidate),
        Bye: (_, from) => events.onLeft(from),
        Error: ({ Code, Message }) => (isIn ? events.onProblem : events.onLost)(`${Message} (${Code})`),
    };
    const send = (type, To, body) => socket.send({ Type: type, [type]: { To, Type: type, [type]: body } });
    const socket = await openSocket(`/ws${token ? `?token=${encodeURIComponent(token)}` : ""}`, [],
                                    ({ Data, From }) => handlers[Data.Type]?.(Data, From), events.onLost);
    return {
        sendDescription: (to, { type, sdp }) => send(DESCRIPTIONS[type], to, { type, sdp }),
        sendCandidate(to, { candidate, sdpMid, sdpMLineIndex }) {
            if (candidate)
                send("Candidate", to, { type: "candidate", candidate, sdpMid, sdpMLineIndex });
        },
        close() {
            socket.send({ Type: "Leave" });
            socket.close();
        },
    };
}
