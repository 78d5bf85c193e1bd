/** 1 MiB as a stream of 64 KiB at a time, each when the one before it has been taken. */
const piece = new Uint8Array(64 * 1024).fill(0x78);
const pieces = 16;

export default {
  fetch(): Response {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(piece);
        sent += 1;
        if (sent === pieces) controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "application/octet-stream" } });
  },
};
