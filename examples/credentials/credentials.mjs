#!/usr/bin/env node
// Makes a time-limited TURN credential, as a web service does for each of its users.
//
//     credentials.mjs NAME [SECONDS] < secret
//
// The shared secret is read from standard input, for an argument list can be read by everyone on the
// machine. The server needs use-auth-secret and the same secret. What is printed fits into an entry of
// RTCPeerConnection's iceServers, beside urls.

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

function makeCredential(secret, name, lifetimeS) {
    const username = `${Math.floor(Date.now() / 1000) + lifetimeS}:${name}`;
    const credential = createHmac("sha1", secret).update(username).digest("base64");
    return { username, credential, ttl: lifetimeS };
}

const [name, lifetime = "3600"] = process.argv.slice(2);
if (name === undefined || !/^[0-9]+$/.test(lifetime)) {
    console.error("usage: credentials.mjs NAME [SECONDS] < secret");
    process.exit(1);
}
const secret = readFileSync(0, "utf8").split("\n")[0].trim();
if (secret === "") {
    console.error("credentials.mjs: standard input has no secret on its first line");
    process.exit(1);
}
console.log(JSON.stringify(makeCredential(secret, name, Number(lifetime))));
