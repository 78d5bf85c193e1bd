/** An API with Express, as it runs anywhere: it listens on PORT. */
import express from "express";

const app = express();
const notes = [];

app.use(express.static("public"));
app.use(express.json());
app.get("/api/notes", (_request, response) => response.json(notes));
app.post("/api/notes", (request, response) => {
  const text = String(request.body?.text ?? "").trim();
  if (text === "") return response.status(400).json({ error: "a note needs a text" });
  notes.push(text);
  response.status(201).json({ text });
});
app.get("/api/clock", (request, response) => {
  response.set({ "content-type": "text/event-stream", "cache-control": "no-cache" });
  let ticks = 0;
  const timer = setInterval(() => response.write(`event: tick\ndata: ${++ticks}\n\n`), 50);
  request.on("close", () => clearInterval(timer));
});
app.use((request, response) => response.status(404).json({ error: `no ${request.path}` }));

app.listen(process.env.PORT ?? 3000);
