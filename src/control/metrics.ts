/** The node's metrics as an answer to a scrape. */
import { expositionType } from "../telemetry/exposition.ts";
import type { AdminDeps } from "./deps.ts";

/** Made as far as the client reads it. */
export function metricsResponse({ metrics }: Pick<AdminDeps, "metrics">): Response {
  const pieces = metrics();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
  const headers = { "content-type": expositionType, "cache-control": "no-store" };
  return new Response(body, { headers });
}
