/** A chat: a page and an API with Express, WebSockets with ws, on one server. */
import { createServer } from "node:http";
import express from "express";
import { WebSocket, WebSocketServer } from "ws";

/** Messages that newcomers see. Count. */
const saidMax = 50;

const said = [];
const app = express();
app.use(express.static("public"));
app.get("/api/said", (_request, response) => response.json(said));

const server = createServer(app);
const sockets = new WebSocketServer({ server, path: "/chat", maxPayload: 4096 });

sockets.on("connection", (socket) => {
  for (const text of said) socket.send(text);
  socket.on("message", (data) => {
    const text = data.toString().trim();
    if (text === "") return;
    said.push(text);
    if (said.length > saidMax) said.shift();
    for (const other of sockets.clients) {
      if (other.readyState === WebSocket.OPEN) other.send(text);
    }
  });
});

server.listen(process.env.PORT ?? 3000);
