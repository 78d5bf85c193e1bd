/** Answers with 40,000 headers. */
export default {
  fetch(request: Request): Response {
    if (new URL(request.url).pathname !== "/attack") return new Response("harmless\n");
    const headers = Array.from({ length: 40_000 }, (_, index): [string, string] => [
      `x-${index}`,
      "y",
    ]);
    return new Response("x", { headers });
  },
};
