/** Every kind of response body an app can return, by path under `/body/`. */

const TEXT = "twelve bytes";

export function answerBody(request: Request, url: URL): Response | Promise<Response> | null {
  const [, area, kind = ""] = url.pathname.split("/");
  if (area !== "body") return null;
  const make = KINDS[kind];
  return make === undefined ? new Response("no such body", { status: 404 }) : make(url, request);
}

const KINDS: Record<string, (url: URL, request: Request) => Response | Promise<Response>> = {
  text: () => new Response(TEXT),
  utf8: () => new Response("Grüße, 世界 🥖"),
  empty: () => new Response(""),
  null: () => new Response(null),
  json: () => Response.json({ bread: "levain" }),
  "array-buffer": () => new Response(bytesOf(TEXT).buffer as ArrayBuffer),
  "typed-array": () => new Response(bytesOf(TEXT)),
  blob: () => new Response(new Blob([TEXT], { type: "text/x-blob" })),
  file: () => new Response(Bun.file(`${import.meta.dir}/sample.txt`)),
  "file-slice": () => new Response(Bun.file(`${import.meta.dir}/sample.txt`).slice(4, 9)),
  "file-missing": () => new Response(Bun.file(`${import.meta.dir}/there-is-none.txt`)),
  "search-params": () => new Response(new URLSearchParams({ a: "1 2", b: "ü" })),
  form: () => {
    const form = new FormData();
    form.append("field", "value");
    form.append("file", new File([TEXT], "bread.txt", { type: "text/plain" }));
    return new Response(form);
  },
  stream: () => new Response(streamOf(["one ", "two ", "three"])),
  "stream-lazy": () => new Response(pulledStream(["one ", "two ", "three"])),
  "stream-async": () => new Response(asyncStream(["one ", "two ", "three"])),
  "stream-empty": () => new Response(streamOf([])),
  "stream-empty-chunks": () => new Response(streamOf(["", "one", "", "two", ""])),
  "stream-with-length": () =>
    new Response(streamOf(["twelve", " bytes"]), { headers: { "content-length": "12" } }),
  "stream-error": () => new Response(failingStream()),
  direct: () => new Response(directStream()),
  generator: () => new Response(generated() as never),
  "generator-function": () => new Response((() => generated()) as never),
  iterable: () => new Response({ [Symbol.asyncIterator]: generated } as never),
  compressed: () =>
    new Response(Bun.gzipSync(bytesOf(TEXT)), { headers: { "content-encoding": "gzip" } }),
  /** `?n=` bytes, known length. */
  large: (url) => new Response(pattern(count(url))),
  /** `?n=` bytes in a stream of pieces. */
  "large-stream": (url) => new Response(patternStream(count(url))),
  clone: (_url, request) =>
    request
      .clone()
      .text()
      .then((text) => new Response(text)),
  tee: () => {
    const [first] = streamOf(["one ", "two"]).tee();
    return new Response(first);
  },
  upstream: async (url) => fetch(`data:text/plain,${url.searchParams.get("text") ?? "none"}`),
};

function count(url: URL): number {
  return Number(url.searchParams.get("n") ?? 0);
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text));
}

/** Bytes that tell their place, so that a lost or doubled piece shows. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 31 + (index >> 8)) & 0xff;
  return bytes;
}

function patternStream(length: number): ReadableStream {
  const bytes = pattern(length);
  const pieceBytes = 10_007;
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.subarray(at, at + pieceBytes));
      at += pieceBytes;
      if (at >= length) controller.close();
    },
  });
}

function streamOf(pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(bytesOf(piece));
      controller.close();
    },
  });
}

function pulledStream(pieces: string[]): ReadableStream {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const piece = left.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
}

function asyncStream(pieces: string[]): ReadableStream {
  return new ReadableStream({
    async start(controller) {
      for (const piece of pieces) {
        await new Promise((resolve) => setImmediate(resolve));
        controller.enqueue(piece);
      }
      controller.close();
    },
  });
}

function failingStream(): ReadableStream {
  let pulls = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      pulls += 1;
      if (pulls === 1) controller.enqueue("before the error");
      else controller.error(new Error("the stream failed on purpose"));
    },
  });
}

function directStream(): ReadableStream {
  return new ReadableStream({
    type: "direct",
    async pull(controller: ReadableStreamDirectController) {
      controller.write("one ");
      await controller.flush();
      controller.write("two ");
      await new Promise((resolve) => setImmediate(resolve));
      controller.write("three");
      controller.close();
    },
  } as never);
}

async function* generated(): AsyncGenerator<string> {
  yield "one ";
  await new Promise((resolve) => setImmediate(resolve));
  yield "two ";
  yield "three";
}
