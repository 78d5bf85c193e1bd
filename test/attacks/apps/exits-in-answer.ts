/** Ends its process in the middle of an answer. */
export default {
  fetch(request: Request): Response {
    if (new URL(request.url).pathname !== "/attack") return new Response("harmless\n");
    return new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(Buffer.alloc(1000, 0x78));
          // Until its first bytes have left, however busy the machine is.
          await Bun.sleep(300);
          process.kill(process.pid, "SIGKILL");
        },
      }),
    );
  },
};
