/** A small S3 storage in memory, which misbehaves when it is told to. */
import { createHash } from "node:crypto";
import { isSigned } from "./s3-signature-for-tests.ts";

export interface TestS3 extends AsyncDisposable {
  endpoint: string;
  /** Keys, with the bucket in front, and what they have. */
  objects: Map<string, Uint8Array>;
  /** What becomes of a request before it is looked at: an answer, or a wait without end. Default: nothing. */
  before: (request: { method: string; key: string; count: number }) => Response | "stall" | null;
  /** Requests that came. Count. */
  requests: number;
}

/** @param secret what requests have to be signed with; null: it does not look at signatures */
export function startTestS3(secret: string | null = null): TestS3 {
  const objects = new Map<string, Uint8Array>();
  const storage: TestS3 = {
    endpoint: "",
    objects,
    before: () => null,
    requests: 0,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      storage.requests += 1;
      const url = new URL(request.url);
      const key = decodeURIComponent(url.pathname.slice(1));
      const { method } = request;
      const wrong = storage.before({ method, key, count: storage.requests });
      if (wrong === "stall") return new Promise<Response>(() => {});
      if (wrong !== null) return wrong;
      if (secret !== null && !isSigned(request, secret))
        return refusal(403, "SignatureDoesNotMatch");
      if (url.searchParams.has("list-type")) return listing(objects, key, url.searchParams);
      if (method === "PUT") {
        const bytes = await request.bytes();
        const md5 = createHash("md5").update(bytes).digest("base64");
        const given = request.headers.get("content-md5");
        if (given !== null && given !== md5) return refusal(400, "BadDigest");
        objects.set(key, bytes);
        return new Response(null, { headers: { etag: `"${md5}"` } });
      }
      if (method === "DELETE") {
        objects.delete(key);
        return new Response(null, { status: 204 });
      }
      const found = objects.get(key);
      if (found === undefined) return refusal(404, "NoSuchKey");
      return new Response(method === "HEAD" ? null : (found as Uint8Array<ArrayBuffer>), {
        headers: { "content-length": String(found.length) },
      });
    },
  });
  storage.endpoint = `http://127.0.0.1:${server.port}`;
  return storage;
}

export function refusal(status: number, code: string): Response {
  const text = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>for a test</Message></Error>`;
  return new Response(text, { status, headers: { "content-type": "application/xml" } });
}

/** Pages of three, so that every listing of a test has several. */
const pageSize = 3;

function listing(
  objects: ReadonlyMap<string, Uint8Array>,
  bucket: string,
  query: URLSearchParams,
): Response {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter");
  const root = `${bucket.replace(/\/$/, "")}/`;
  const names = [...objects.keys()]
    .filter((key) => key.startsWith(root + prefix))
    .map((key) => key.slice(root.length))
    .sort();
  const entries = new Set(
    names.map((name) => {
      const end = delimiter === null ? -1 : name.indexOf(delimiter, prefix.length);
      return end === -1 ? name : name.slice(0, end + 1);
    }),
  );
  const all = [...entries];
  const from = Number(query.get("continuation-token") ?? 0);
  const page = all.slice(from, from + pageSize);
  const isTruncated = from + pageSize < all.length;
  const xml = page
    .map((name) =>
      delimiter !== null && name.endsWith(delimiter)
        ? `<CommonPrefixes><Prefix>${Bun.escapeHTML(name)}</Prefix></CommonPrefixes>`
        : `<Contents><Key>${Bun.escapeHTML(name)}</Key><Size>${objects.get(root + name)?.length ?? 0}</Size></Contents>`,
    )
    .join("");
  const next = isTruncated
    ? `<NextContinuationToken>${from + pageSize}</NextContinuationToken>`
    : "";
  return new Response(
    `<?xml version="1.0"?><ListBucketResult><Name>b</Name><Prefix>${Bun.escapeHTML(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${pageSize}</MaxKeys><IsTruncated>${isTruncated}</IsTruncated>${next}${xml}</ListBucketResult>`,
    { headers: { "content-type": "application/xml" } },
  );
}
