/** Notes, newest first: plain SQL files for the table, Bun's own client for the queries, no dependencies. */
import { sql } from "bun";

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/notes") return new Response("GET /notes, POST /notes?text=…\n");
    if (request.method === "GET") {
      return Response.json(
        await sql`SELECT id, text FROM notes ORDER BY written_at DESC LIMIT 100`,
      );
    }
    const text = searchParams.get("text") ?? "";
    if (text === "") return new Response("Say what: POST /notes?text=…\n", { status: 400 });
    const [note] = await sql`INSERT INTO notes (text) VALUES (${text}) RETURNING id, text`;
    return Response.json(note, { status: 201 });
  },
};
