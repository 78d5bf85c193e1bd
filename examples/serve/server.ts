/**
 * An app that calls `Bun.serve` itself, as most Bun code does. Under Levain nothing listens on the port: the options are
 * kept, and requests and WebSockets reach the same handlers.
 */
interface Note {
  id: number;
  text: string;
}

const textCharactersMax = 200;
const notesMax = 100;
const notes: Note[] = [];
let nextId = 1;

const server = Bun.serve({
  port: 3000,
  routes: {
    "/": new Response("A wall of notes: GET and POST /notes, GET /notes/:id, WebSocket /live\n"),
    "/notes": {
      GET: () => Response.json({ notes }),
      async POST(request) {
        const text = (await request.text()).trim().slice(0, textCharactersMax);
        if (text === "") return Response.json({ error: "A note needs text" }, { status: 400 });
        const note = { id: nextId, text };
        nextId += 1;
        notes.push(note);
        if (notes.length > notesMax) notes.shift();
        server.publish("notes", JSON.stringify(note));
        console.log(`note ${note.id}: ${text}`);
        return Response.json(note, { status: 201 });
      },
    },
    "/notes/:id": (request) => {
      const note = notes.find(({ id }) => id === Number(request.params.id));
      return note === undefined
        ? Response.json({ error: "No such note" }, { status: 404 })
        : Response.json(note);
    },
  },
  fetch(request, self) {
    const { pathname } = new URL(request.url);
    if (pathname === "/live" && self.upgrade(request)) return;
    return Response.json({ error: `Nothing at ${pathname}` }, { status: 404 });
  },
  websocket: {
    open(socket) {
      socket.subscribe("notes");
      socket.send(JSON.stringify({ notes: notes.length }));
    },
    message(socket, message) {
      socket.send(message);
    },
  },
});

console.log(`serving at ${server.url}`);
