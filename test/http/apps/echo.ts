/** Tells the client what of its request arrived. */

/** Bodies up to this long are told in full, longer ones by their digest. Bytes. */
const bodyTextBytesMax = 4096;

export function answerEcho(request: Request, url: URL): Response | Promise<Response> | null {
  switch (url.pathname) {
    case "/url":
      return new Response(request.url);
    case "/digest":
      return digestOf(request);
    case "/mirror":
      // Straight through: the response streams while the request still does.
      return new Response(request.body, {
        headers: { "content-type": "application/octet-stream" },
      });
    case "/unread":
      return new Response("not read");
    case "/form-fields":
      return formFields(request);
    case "/json-field":
      return jsonField(request);
  }
  return url.pathname.startsWith("/echo") ? echo(request) : null;
}

async function echo(request: Request): Promise<Response> {
  const bytes = Buffer.from(await request.arrayBuffer());
  return Response.json({
    method: request.method,
    url: request.url,
    headers: [...request.headers],
    bodyBytes: bytes.length,
    body: bytes.length <= bodyTextBytesMax ? bytes.toString("latin1") : sha256(bytes),
  });
}

/** Reads the body as a stream, so that its length never has to fit in memory. */
async function digestOf(request: Request): Promise<Response> {
  const hash = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  for await (const piece of request.body ?? []) {
    bytes += piece.length;
    hash.update(piece);
  }
  return Response.json({ bytes, sha256: hash.digest("hex") });
}

async function formFields(request: Request): Promise<Response> {
  const form = await request.formData();
  const fields: [string, string][] = [];
  for (const [name, value] of form) {
    fields.push([
      name,
      typeof value === "string" ? value : `${value.name} ${value.type} ${await value.text()}`,
    ]);
  }
  return Response.json(fields);
}

async function jsonField(request: Request): Promise<Response> {
  const value = (await request.json()) as { field?: unknown };
  return Response.json({ field: value.field ?? null });
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
