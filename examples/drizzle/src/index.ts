/** Books, in a table. Hono for the routes, Drizzle for the queries. */
import { Hono } from "hono";
import { db } from "./db.ts";
import { books } from "./schema.ts";

const app = new Hono();

app.get("/", (context) => context.text("GET /books, POST /books?title=Emma\n"));

app.get("/books", async (context) => {
  return context.json(await db.select().from(books).orderBy(books.id));
});

app.post("/books", async (context) => {
  const title = context.req.query("title") ?? "";
  if (title === "") return context.text("Say which: POST /books?title=Emma\n", 400);
  const [book] = await db.insert(books).values({ title }).returning();
  return context.json(book, 201);
});

export default app;
