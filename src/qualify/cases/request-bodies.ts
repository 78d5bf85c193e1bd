/** A server that is sent bodies: read in each of the ways that there are, or not at all. */
import { askPeer, type CaseContext, must, watchGrowth } from "../case-context.ts";

const bodyBytes = 1024 * 1024;
const WAYS = ["arrayBuffer", "text", "blob", "stream", "unread"] as const;

export default async function run(context: CaseContext): Promise<void> {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      switch (new URL(request.url).pathname.slice(1)) {
        case "arrayBuffer":
          return new Response(String((await request.arrayBuffer()).byteLength));
        case "text":
          return new Response(String((await request.text()).length));
        case "blob":
          return new Response(String((await request.blob()).size));
        case "stream": {
          let bytes = 0;
          for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>)
            bytes += chunk.length;
          return new Response(String(bytes));
        }
        default:
          return new Response(String(bodyBytes));
      }
    },
  });
  const bounds = {
    steps: context.isQuick ? 30 : 120,
    warmUpSteps: 15,
    growthMaxMib: 250,
    slopeMaxMib: 1,
  };
  await watchGrowth(context, bounds, async (index) => {
    const way = WAYS[index % WAYS.length]!;
    const url = `http://127.0.0.1:${server.port}/${way}`;
    const { answers } = await askPeer<{ answers: string[] }>(context, "/post", {
      url,
      bodyBytes,
      count: 4,
    });
    must(
      answers.every((answer) => answer === String(bodyBytes)),
      `${way}: a body of ${bodyBytes} bytes was taken as ${answers.join(", ")}`,
    );
  });
  server.stop(true);
}
