// A minimal broadcast server on the npm package ws: the path is the room; a message goes to all others of it.
// node ws_broadcast.js PORT [CERT KEY]. NODE_PATH leads to ws.
"use strict";
const { WebSocketServer, WebSocket } = require("ws");
const fs = require("fs");

const [port, cert, key] = process.argv.slice(2);
const server = cert
	? require("https").createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) })
	: require("http").createServer();
const rooms = new Map();

new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket, request) => {
	const room = rooms.get(request.url) || new Set();
	rooms.set(request.url, room);
	room.add(socket);
	socket.on("message", (data, isBinary) => {
		for (const other of room)
			if (other !== socket && other.readyState === WebSocket.OPEN)
				other.send(data, { binary: isBinary });
	});
	socket.on("close", () => room.delete(socket) && room.size === 0 && rooms.delete(request.url));
	socket.on("error", () => socket.terminate());
});
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 }, () => console.log("listening"));
