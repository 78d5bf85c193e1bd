/** Which path is answered with which file, by which rule, and by whom. */
import { revalidated, type StaticCase } from "./case.ts";
import { etags, texts } from "./site.ts";

const html = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";

export const pathCases: readonly StaticCase[] = [
  // --- paths ---
  {
    claim: "a folder is its index",
    ask: "GET /docs/",
    status: 200,
    body: texts["docs/index.html"],
  },
  {
    claim: "a folder without its slash leads to it",
    ask: "GET /docs?a=1",
    status: 308,
    headers: { location: "/docs/?a=1" },
  },
  {
    claim: "an index by its name leads to its folder",
    ask: "GET /docs/index.html",
    status: 308,
    headers: { location: "/docs/" },
  },
  {
    claim: "a page is known without its ending",
    ask: "GET /about",
    status: 200,
    body: texts["about.html"],
  },
  {
    claim: "its ending leads to it",
    ask: "GET /about.html?x",
    status: 308,
    headers: { location: "/about?x" },
  },
  {
    claim: "so does a slash behind it",
    ask: "GET /about/",
    status: 308,
    headers: { location: "/about" },
  },
  { claim: "escapes are undone", ask: "GET /a%20b%2Etxt", status: 200, body: texts["a b.txt"] },
  {
    claim: "a name in UTF-8 is found by its escapes",
    ask: "GET /k%C3%A4se.txt",
    status: 200,
    body: texts["käse.txt"],
  },
  { claim: "and by its bytes", ask: "GET /k\xc3\xa4se.txt", status: 200, body: texts["käse.txt"] },
  {
    claim: "a place for others to ask is served",
    ask: "GET /.well-known/security.txt",
    status: 200,
  },
  {
    claim: "what is not there is the page that says so",
    ask: "GET /nix",
    status: 404,
    headers: {
      "content-type": "text/html; charset=utf-8",
      etag: null,
      "accept-ranges": null,
      "cache-control": revalidated,
    },
    body: texts["404.html"],
  },
  {
    claim: "the nearest page that says so",
    ask: "GET /docs/nix",
    status: 404,
    body: texts["docs/404.html"],
  },
  {
    claim: "what is not there has no ranges and no conditions",
    ask: "GET /nix",
    lines: ["Range: bytes=0-1", "If-None-Match: *"],
    status: 404,
    body: texts["404.html"],
  },
  {
    claim: "a site without such a page has the node's",
    app: "plain",
    ask: "GET /nix",
    status: 404,
    headers: { "levain-error": "FILE_NOT_FOUND" },
  },
  {
    claim: "the ending stays where URLs are not clean",
    app: "plain",
    ask: "GET /about.html",
    status: 200,
  },
  { claim: "and nothing is found without it", app: "plain", ask: "GET /about", status: 404 },

  // --- methods ---
  {
    claim: "POST is not allowed",
    ask: "POST /style.css",
    lines: ["Content-Length: 0"],
    status: 405,
    headers: { allow: "GET, HEAD", "levain-error": "METHOD_NOT_ALLOWED" },
  },
  { claim: "nor is OPTIONS", ask: "OPTIONS /", status: 405, headers: { allow: "GET, HEAD" } },
  { claim: "nor DELETE of what is not there", ask: "DELETE /nix", status: 405 },

  // --- rules ---
  {
    claim: "a rule leads elsewhere",
    ask: "GET /old?x=1",
    status: 301,
    headers: { location: "/about?x=1" },
    body: "",
  },
  {
    claim: "a rule of another status does so with that one",
    ask: "GET /blog/2024/a%2Fb",
    status: 302,
    headers: { location: "https://blog.example.com/2024/a%2Fb" },
  },
  {
    claim: "a part of the path is put where the rule says",
    ask: "GET /user/7/posts",
    status: 307,
    headers: { location: "/p?u=7" },
  },
  {
    claim: "a rule of status 200 answers with a file",
    ask: "GET /virtual/x",
    status: 200,
    body: texts["about.html"],
  },
  {
    claim: "a rule of status 404 does so as missing",
    ask: "GET /gone",
    status: 404,
    body: texts["about.html"],
  },
  { claim: "a file goes before a rule", ask: "GET /style.css", status: 200 },
  {
    claim: "unless the rule is forced",
    ask: "GET /shop/hat.txt",
    status: 302,
    headers: { location: "/closed" },
  },
  {
    claim: "what a client writes does not become another host",
    ask: "GET /go//evil.example/x",
    status: 302,
    headers: { location: "/evil.example/x" },
  },
  {
    claim: "headers are added by path",
    ask: "GET /docs/",
    status: 200,
    headers: { "x-robots-tag": "noindex", "x-frame-options": "DENY" },
  },
  {
    claim: "and taken away",
    ask: "GET /embed.txt",
    status: 200,
    headers: { "x-frame-options": null },
  },
  {
    claim: "and put in the place of what would be said",
    ask: "GET /fonts/a.txt",
    status: 200,
    headers: { "cache-control": "public, max-age=60", "access-control-allow-origin": "*" },
  },
  {
    claim: "and also said of what is nothing new",
    ask: "GET /docs/",
    lines: ["If-None-Match: *"],
    status: 304,
    headers: { "x-robots-tag": "noindex" },
  },

  // --- single-page apps ---
  {
    claim: "a page of a single-page app is its index",
    app: "spa",
    ask: "GET /deep/link",
    lines: ["Sec-Fetch-Mode: navigate"],
    status: 200,
    headers: { vary: "accept, sec-fetch-mode", "cache-control": revalidated },
    body: texts["index.html"],
  },
  {
    claim: "by Accept where the browser says nothing else",
    app: "spa",
    ask: "GET /deep/link",
    lines: [html],
    status: 200,
    body: texts["index.html"],
  },
  { claim: "HEAD too", app: "spa", ask: "HEAD /deep/link", lines: [html], status: 200, body: "" },
  {
    claim: "a script that is missing is not a page",
    app: "spa",
    ask: "GET /assets/gone.js",
    lines: ["Sec-Fetch-Mode: no-cors", html],
    status: 404,
  },
  {
    claim: "nor is what a program asks for",
    app: "spa",
    ask: "GET /api/x",
    lines: ["Accept: */*"],
    status: 404,
    headers: { "levain-error": "FILE_NOT_FOUND" },
  },
  {
    claim: "a page is revalidated by its tag",
    app: "spa",
    ask: "GET /deep/link",
    lines: [html, `If-None-Match: ${etags["index.html"]}`],
    status: 304,
  },

  // --- with a process ---
  {
    claim: "a file goes before the process",
    app: "both",
    ask: "GET /style.css",
    status: 200,
    body: texts["style.css"],
  },
  {
    claim: "what is no file goes to the process",
    app: "both",
    ask: "GET /api/x?y",
    status: 200,
    body: "app GET /api/x?y",
  },
  {
    claim: "other methods go to it also where there is a file",
    app: "both",
    ask: "POST /style.css",
    lines: ["Content-Length: 2"],
    status: 200,
    body: "app POST /style.css",
  },
  {
    claim: "an index is a file",
    app: "both",
    ask: "GET /",
    status: 200,
    body: texts["index.html"],
  },
  {
    claim: "a folder without its slash is none",
    app: "both",
    ask: "GET /docs",
    status: 200,
    body: "app GET /docs",
  },
  {
    claim: "what cannot be unescaped is the process's affair",
    app: "both",
    ask: "GET /%ff",
    status: 200,
    body: "app GET /%ff",
  },
  {
    claim: "conditions of files are not the process's affair",
    app: "both",
    ask: "GET /style.css",
    lines: [`If-None-Match: ${etags["style.css"]}`],
    status: 304,
  },
];
