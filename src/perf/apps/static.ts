/** A static route of 50 KiB, which Levain answers with an ETag and with 304 to those who have it. */
const page = "levain ".repeat(8192).slice(0, 50 * 1024);

Bun.serve({
  port: 0,
  routes: { "/": new Response(page, { headers: { "content-type": "text/plain" } }) },
  fetch: () => new Response("not here", { status: 404 }),
});

export {};
