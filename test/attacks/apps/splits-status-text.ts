/** Ends the status line early, so that what follows is headers of its choice, or another answer. */
export default {
  fetch(request: Request): Response {
    if (new URL(request.url).pathname !== "/attack") return new Response("harmless\n");
    return new Response("x", {
      statusText: "OK\r\nset-cookie: owner=attacker\r\n\r\nHTTP/1.1 200 OK",
    });
  },
};
