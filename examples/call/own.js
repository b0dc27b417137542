// The signaling of serve.py: event streams one way, requests the other. A meeting has a number, by which old messages are told from
// new ones.

async function post(path, body) {
    let answer;
    try {
        answer = await fetch(path, {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify(body),
        });
    } catch {
        throw new Error("The page's own server does not answer. Is ./quickstart run still running?");
    }
    const value = await answer.json();
    if (!answer.ok)
        throw new Error(value.error);
    return value;
}

async function fetchTurn() {
    const { servers, username, credential } = await post("/credentials", {});
    return { username, credential, zones: [{ id: "", label: "", priority: 0, uris: Object.values(servers) }] };
}

// Gives the credentials where this page is served by serve.py, and null elsewhere.
export async function isServedHere() {
    const answer = await fetch("/credentials", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
    });
    return answer.ok ? fetchTurn() : null;
}

export async function connect({ room, events }) {
    const { member } = await post("/join", { room });
    const stream = new EventSource(`/events?${room}/${member}`);
    let meeting = null, taken = Promise.resolve(), sent = Promise.resolve();

    const onEvent = async (event) => {
        if (event.type === "ready") {
            meeting = event.meeting;
            events.onTurn(await fetchTurn());
            events.onPeer("other", event.calls);
        } else if (event.type === "left") {
            events.onLeft("other");
        } else if (event.type === "signal" && event.message.meeting === meeting) {
            const { description, candidate } = event.message;
            if (description !== undefined)
                events.onDescription("other", description);
            else
                events.onCandidate("other", candidate);
        }
    };
    stream.onmessage = ({ data }) => { taken = taken.then(() => onEvent(JSON.parse(data))).catch((problem) => events.onProblem(problem)); };
    stream.onerror = () => {
        if (stream.readyState === EventSource.CLOSED)
            events.onLost("The page's own server closed the room. Join again.");
    };

    // One after the other: two requests on their way at once may arrive in either order.
    const send = (message) => {
        const mine = meeting;
        sent = sent.then(() => mine === meeting && post("/send", { room, member, message: { meeting: mine, ...message } }))
            .catch((problem) => events.onProblem(problem));
    };
    return {
        sendDescription: (_, description) => send({ description }),
        sendCandidate: (_, candidate) => send({ candidate }),
        again: () => post("/again", { room, member }),
        close() {
            meeting = null;
            stream.close();
            navigator.sendBeacon("/leave", new Blob([JSON.stringify({ room, member })], { type: "application/json" }));
        },
    };
}
