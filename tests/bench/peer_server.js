// PeerJS's own server, the npm package peer. node peer_server.js PORT. NODE_PATH leads to peer.
"use strict";
const { PeerServer } = require("peer");

PeerServer({ port: Number(process.argv[2]), host: "127.0.0.1", path: "/", concurrent_limit: 50000 }, () =>
	console.log("listening"));
