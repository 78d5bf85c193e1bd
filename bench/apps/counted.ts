/** Answers like the app of the benchmarks, and tells what its process had to do for it. */
import { countWork, workSoFar } from "../work-counter.ts";

countWork();

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === "POST") {
      return Response.json({ bytes: (await request.arrayBuffer()).byteLength });
    }
    return request.url.endsWith("/work") ? Response.json(workSoFar()) : new Response("ok");
  },
};
