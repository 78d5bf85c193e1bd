/** An Elysia app, exported as it is. It is not told to listen: Levain asks its `fetch`. */
import { Elysia, t } from "elysia";

const milesPerKm = 0.621371;

export default new Elysia()
  .get("/", () => ({ try: ["/hello/you", "/convert?km=42"] }))
  .get("/hello/:name", ({ params }) => `Hello ${params.name}, from Elysia\n`)
  .get("/convert", ({ query }) => ({ km: query.km, miles: query.km * milesPerKm }), {
    query: t.Object({ km: t.Number({ minimum: 0 }) }),
  });
