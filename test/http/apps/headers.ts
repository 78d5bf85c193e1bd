/** Statuses and headers an app can set, by path: `/status/<code>`, `/headers/<kind>`. */

export function answerHeaders(_request: Request, url: URL): Response | null {
  const [, area, kind = ""] = url.pathname.split("/");
  if (area === "status") return statusOf(url, Number(kind));
  if (area === "headers") return HEADERS[kind]?.() ?? null;
  if (area === "redirect") return Response.redirect("/hello", Number(kind) || 302);
  return null;
}

/** `?text=` is the status text, `?body=` the body; without it there is none. */
function statusOf(url: URL, status: number): Response {
  const text = url.searchParams.get("text");
  return new Response(url.searchParams.get("body"), {
    status,
    ...(text === null ? {} : { statusText: text }),
  });
}

const HEADERS: Record<string, () => Response> = {
  cookies: () => {
    const headers = new Headers();
    headers.append("Set-Cookie", "a=1; Path=/");
    headers.append("Set-Cookie", "b=2; HttpOnly; Expires=Wed, 21 Oct 2037 07:28:00 GMT");
    headers.append("Set-Cookie", "c=x,y");
    return new Response("cookies", { headers });
  },
  duplicates: () => {
    const headers = new Headers({ "X-Twice": "one" });
    headers.append("x-twice", "two");
    headers.append("Vary", "Accept");
    headers.append("Vary", "Origin");
    return new Response("duplicates", { headers });
  },
  odd: () =>
    new Response("odd", {
      headers: {
        "X-Empty": "",
        "X-Spaces": "  inner  spaces  ",
        "X-Tab": "a\tb",
        "X-Latin": "caf\u00e9",
        "X-Quotes": "\"quoted\", 'single'; a=b",
        x_underscore: "kept",
        "X-UPPER-CASE": "kept",
        "!#$%&'*+-.^_`|~": "token",
      },
    }),
  long: () => new Response("long", { headers: { "X-Long": "v".repeat(8000) } }),
  many: () => {
    const headers = new Headers();
    for (let index = 0; index < 150; index++) headers.set(`x-many-${index}`, String(index));
    return new Response("many", { headers });
  },
  /** What belongs to the connection and not to the app. */
  connection: () => new Response("closing", { headers: { Connection: "close" } }),
  "keep-alive": () =>
    new Response("kept", { headers: { Connection: "keep-alive", "Keep-Alive": "timeout=99" } }),
  "transfer-encoding": () => new Response("coded", { headers: { "Transfer-Encoding": "chunked" } }),
  "length-too-long": () => new Response("short", { headers: { "Content-Length": "100" } }),
  "length-too-short": () =>
    new Response("longer than that", { headers: { "Content-Length": "3" } }),
  "length-nonsense": () => new Response("nonsense", { headers: { "Content-Length": "abc" } }),
  date: () => new Response("dated", { headers: { Date: "Thu, 01 Jan 1970 00:00:00 GMT" } }),
  server: () => new Response("served", { headers: { Server: "probe/1.0" } }),
  type: () => new Response("typed", { headers: { "Content-Type": "text/x-probe" } }),
  "request-id": () => new Response("own id", { headers: { "X-Request-Id": "of-the-app" } }),
  trailer: () => new Response("trailer", { headers: { Trailer: "x-sum" } }),
  etag: () => new Response("tagged", { headers: { ETag: '"levain"' } }),
};
