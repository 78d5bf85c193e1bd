/** How work is handed in, and how it goes. Not for strangers: put a login in front before others can reach it. */
import { Hono } from "hono";
import type { MemoryQueue } from "./queue.ts";

export function createApp(queue: MemoryQueue): Hono {
  const app = new Hono();

  app.get("/", (context) => context.json({ jobs: "/jobs", handIn: "POST /jobs/:kind" }));
  app.get("/health", (context) => context.json({ ok: true }));
  app.get("/jobs", (context) => context.json(queue.counts));

  app.post("/jobs/:kind", async (context) => {
    try {
      const id = queue.add(context.req.param("kind"), await context.req.json().catch(() => null));
      return context.json({ id }, 202);
    } catch (error) {
      return context.json({ error: (error as Error).message }, 400);
    }
  });

  app.notFound((context) => context.json({ error: "there is nothing here" }, 404));
  return app;
}
