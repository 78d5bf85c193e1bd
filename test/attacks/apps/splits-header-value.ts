/** Ends a header early with a character that becomes CR or LF when it is written in one byte. */
export default {
  fetch(request: Request): Response {
    if (new URL(request.url).pathname !== "/attack") return new Response("harmless\n");
    const response = new Response("x");
    // U+010D and U+010A; a getter, so that what is checked first is not what is read later.
    Object.defineProperty(response, "statusText", {
      value: "OK\u010D\u010Aset-cookie: owner=attacker",
    });
    return response;
  },
};
