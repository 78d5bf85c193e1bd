/** The probe app as a program that calls `Bun.serve`, with routes of every kind in front of the handler. */
import { probe } from "./probe.ts";
import { websocket } from "./sockets.ts";

const server = Bun.serve({
  port: Number(process.env.PORT ?? 0),
  hostname: "127.0.0.1",
  development: false,
  routes: {
    "/routes/static": new Response("static", { headers: { "x-static": "yes" } }),
    "/routes/static-json": Response.json({ static: true }, { status: 201 }),
    "/routes/gone": Response.redirect("/routes/static", 308),
    "/routes/file": Bun.file(`${import.meta.dir}/sample.txt`),
    "/routes/file-response": new Response(Bun.file(`${import.meta.dir}/sample.txt`)),
    "/routes/users/:id": (request) => Response.json(request.params),
    "/routes/users/me": () => new Response("exact"),
    "/routes/users/:id/posts/:post": (request) => Response.json(request.params),
    "/routes/tree/*": (request) => new Response(`tree ${new URL(request.url).pathname}`),
    "/routes/methods": {
      GET: () => new Response("got"),
      POST: async (request) => new Response(`posted ${await request.text()}`),
      DELETE: new Response("deleted"),
    },
    "/routes/cookies": (request) => {
      const seen = request.cookies.get("seen");
      request.cookies.set("visit", "2", { httpOnly: true });
      request.cookies.delete("stale");
      return new Response(`seen ${seen}`);
    },
    "/routes/server": (request, self) =>
      Response.json({ ip: self.requestIP(request)?.address, id: typeof self.id }),
    "/routes/off": false,
    "/routes/throws": () => {
      throw new Error("a route threw on purpose");
    },
  },
  fetch: probe,
  websocket,
});

console.log(`listening on ${server.port}`);
