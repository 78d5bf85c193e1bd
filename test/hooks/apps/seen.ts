/** An app that answers with what it has seen of the request. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const headers = Object.fromEntries(request.headers);
    const bodyBytes = (await request.bytes()).length;
    const seen = { url: request.url, pathname, search, method: request.method, headers, bodyBytes };
    return Response.json(seen, { headers: { "x-app": "seen", "set-cookie": "a=1" } });
  },
};
