/** Sends an answer that never ends, as fast as it can. */
export default {
  fetch(request: Request): Response {
    if (new URL(request.url).pathname !== "/attack") return new Response("harmless\n");
    const piece = Buffer.alloc(64 * 1024, 0x78);
    return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(piece) }));
  },
};
