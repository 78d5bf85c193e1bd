/** The smallest app: what is measured is everything around it. */
const body64k = "x".repeat(64 * 1024);

export default {
  fetch(request: Request): Response {
    return new Response(request.url.endsWith("/64k") ? body64k : "hello");
  },
};
