/** Ends its process in the middle of an answer. */
export default {
  fetch(request: Request): Response {
    if (new URL(request.url).pathname !== "/attack") return new Response("harmless\n");
    return new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(Buffer.alloc(1000, 0x78));
          await Bun.sleep(20);
          process.kill(process.pid, "SIGKILL");
        },
      }),
    );
  },
};
