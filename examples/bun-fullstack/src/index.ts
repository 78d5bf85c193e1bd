/** A page and the API that it asks, served by one `Bun.serve`. */
import { serve } from "bun";
import index from "./index.html";

let baked = 0;

const server = serve({
  routes: {
    // Every path that is nothing else is the page.
    "/*": index,
    "/api/loaves": {
      GET: () => Response.json({ baked }),
      POST: () => {
        baked += 1;
        return Response.json({ baked });
      },
    },
    "/api/*": () => Response.json({ error: "no such thing" }, { status: 404 }),
  },
  development: process.env.NODE_ENV !== "production" && { hmr: true, console: true },
});

console.log(`Listening on ${server.url}`);
