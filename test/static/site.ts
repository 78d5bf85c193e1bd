/** The site that the cases are about. */
import { brotliCompressSync, constants } from "node:zlib";

/** Its version's. */
export const createdAtMs = Date.UTC(2024, 4, 5, 6, 7, 8, 900);
export const modified = "Sun, 05 May 2024 06:07:08 GMT";

const page = Array.from({ length: 300 }, (_, line) => `line ${line} of a page\n`).join("");

export const texts = {
  "index.html": "<!doctype html><h1>Home</h1><script src=/app.js></script>",
  "about.html": "<h1>About</h1>",
  "404.html": "<h1>No such page</h1>",
  "docs/index.html": "<h1>Docs</h1>",
  "docs/404.html": "<h1>No such doc</h1>",
  "style.css": "body { color: teal }",
  "empty.txt": "",
  "a b.txt": "with a space",
  "käse.txt": "Käse".normalize(),
  "page.html.txt": page,
  "assets/index-B3k_9xQz.js": "1",
  "assets/my-document.txt": "2",
  "_app/immutable/start.js": "3",
  LICENSE: "free",
  ".well-known/security.txt": "Contact: x",
  "shop/hat.txt": "hat",
  "embed.txt": "embed",
  "fonts/a.txt": "a",
} as const;

/** With what is no text. */
export const files: Record<string, string | Uint8Array> = {
  ...texts,
  "latin1.html": Buffer.from("<p>K\xe4se</p>", "latin1"),
  blob: Buffer.from([0, 1, 2, 3]),
  "a.wasm": Buffer.from([0, 0x61, 0x73, 0x6d]),
  ".env": "SECRET=1",
  ".git/config": "[core]",
  "docs/.hidden": "x",
  _redirects: "",
  _headers: "",
  "node_modules/x/index.js": "x",
};

export const redirects = `
# from           to
/old             /about
/blog/*          https://blog.example.com/:splat  302
/user/:id/posts  /p?u=:id                         307
/virtual/*       /about.html                      200
/gone            /about                           404
/shop/*          /closed                          302!
/style.css       /never                           302
/go/*            /:splat                          302
`;

export const headers = `
/*
  X-Frame-Options: DENY
/docs/*
  X-Robots-Tag: noindex
/embed.txt
  ! X-Frame-Options
/fonts/:name
  Access-Control-Allow-Origin: *
  Cache-Control: public, max-age=60
`;

/** What a process behind the files answers. */
export const modules = {
  "server.ts": `
    export default {
      async fetch(request: Request) {
        await request.text();
        const { pathname, search } = new URL(request.url);
        return new Response("app " + request.method + " " + pathname + search);
      },
    };`,
};

const tagOf = (text: string) =>
  `"${new Bun.CryptoHasher("sha256").update(text).digest().subarray(0, 16).toString("base64url")}"`;

export const etags = Object.fromEntries(
  Object.entries(texts).map(([path, text]) => [path, tagOf(text)]),
) as Record<keyof typeof texts, string>;

export const brotli = brotliCompressSync(page, {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_SIZE_HINT]: page.length,
  },
});
