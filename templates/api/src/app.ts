/** The routes. They get what they need passed in, so that tests call them without a server. */
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Notes } from "./notes.ts";

/** Characters of a note. */
const textMax = 1000;

export function createApp(notes: Notes): Hono {
  const app = new Hono();

  app.get("/", (context) => context.json({ app: "levain-template-api", notes: "/notes" }));
  app.get("/health", (context) => context.json({ ok: true }));

  app.get("/notes", async (context) => context.json(await notes.all()));

  app.get("/notes/:id{[0-9]+}", async (context) => {
    const note = await notes.find(Number(context.req.param("id")));
    if (note === null) throw new HTTPException(404, { message: "there is no such note" });
    return context.json(note);
  });

  app.post("/notes", async (context) => {
    const text = textOf(await context.req.json().catch(() => null));
    if (text === null) {
      throw new HTTPException(400, { message: `send { "text": … } of 1 to ${textMax} characters` });
    }
    return context.json(await notes.add(text), 201);
  });

  app.delete("/notes/:id{[0-9]+}", async (context) => {
    const wasThere = await notes.remove(Number(context.req.param("id")));
    return context.body(null, wasThere ? 204 : 404);
  });

  app.notFound((context) => context.json({ error: "there is nothing here" }, 404));
  app.onError((error, context) => {
    if (error instanceof HTTPException) return context.json({ error: error.message }, error.status);
    console.error(error);
    return context.json({ error: "something went wrong" }, 500);
  });
  return app;
}

/** Null when it is no text that can be kept. */
function textOf(body: unknown): string | null {
  const text = (body as { text?: unknown } | null)?.text;
  if (typeof text !== "string" || text.length === 0 || text.length > textMax) return null;
  return text;
}
