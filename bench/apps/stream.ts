/** GET: 1 MB in pieces that are made when they are asked for. POST: reads the body piece by piece and says how long it was. */
const streamBytes = 1000 * 1000;
const pieceBytes = 50 * 1000;

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method !== "POST") return new Response(pieces());
    let bytes = 0;
    for await (const piece of request.body ?? []) bytes += piece.length;
    return Response.json({ bytes });
  },
};

function pieces(): ReadableStream<Uint8Array> {
  let left = streamBytes;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(pieceBytes).fill(0x78));
      left -= pieceBytes;
      if (left === 0) controller.close();
    },
  });
}
