/** What is asked of every peer. */

export interface Scenario {
  name: string;
  /** What it shows. */
  about: string;
  /** Module in bench/apps that answers. */
  app: string;
  /** Sent with POST; 0 = GET without a body. Bytes. */
  bodyBytes: number;
  /** Header lines besides Host. */
  headers: readonly string[];
  connections: number;
  /** Fresh module state in each request: only Levain can. */
  isEphemeral: boolean;
}

const usual: Omit<Scenario, "name" | "about"> = {
  app: "noop.ts",
  bodyBytes: 0,
  headers: [],
  connections: 50,
  isEphemeral: false,
};

/** Those that open more cost a peer two descriptors each. */
export const connectionsMax = 2000;

export const scenarios: readonly Scenario[] = [
  { ...usual, name: "warm-noop", about: "GET, two bytes: the cost of a request" },
  {
    ...usual,
    name: "warm-noop-c1",
    about: "one connection: the way there and back",
    connections: 1,
  },
  { ...usual, name: "warm-noop-c200", about: "200 connections", connections: 200 },
  { ...usual, name: "warm-noop-c1000", about: "1,000 connections", connections: 1000 },
  {
    ...usual,
    name: "warm-noop-c2000",
    about: "2,000 connections: nothing may collapse",
    connections: connectionsMax,
  },
  {
    ...usual,
    name: "browser",
    about: "the headers of a browser: the cost of a byte in the head",
    headers: [
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
      "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "Accept-Language: en-GB,en;q=0.7,de;q=0.3",
      "Accept-Encoding: gzip, deflate, br, zstd",
      "Referer: http://shop.localhost:4000/products/sourdough?page=2",
      "Cookie: session=6f2c1a9be07d4f53b8a1c2d3e4f5a6b7; theme=dark; cart=3",
      "Upgrade-Insecure-Requests: 1",
      "Sec-Fetch-Dest: document",
      "Sec-Fetch-Mode: navigate",
      "Sec-Fetch-Site: same-origin",
      "Priority: u=0, i",
      "Cache-Control: no-cache",
    ],
  },
  {
    ...usual,
    name: "echo-1kb",
    about: "POST of 1,024 bytes, answered with their count in JSON",
    app: "echo.ts",
    bodyBytes: 1024,
  },
  { ...usual, name: "json-1kb", about: "GET, 1 KB of JSON", app: "json.ts" },
  {
    ...usual,
    name: "download-100kb",
    about: "GET, 100 KB from memory: the cost of a byte",
    app: "download.ts",
  },
  {
    ...usual,
    name: "slow-50ms",
    about: "2,000 connections to a handler that sleeps 50 ms: 40,000 requests/s at the very most",
    app: "slow.ts",
    connections: connectionsMax,
  },
  {
    ...usual,
    name: "stream-1mb",
    about: "GET, 1 MB in pieces of a stream, 10 connections",
    app: "stream.ts",
    connections: 10,
  },
  {
    ...usual,
    name: "upload-1mb",
    about: "POST of 1 MB, read piece by piece, 10 connections",
    app: "stream.ts",
    bodyBytes: 1000 * 1000,
    connections: 10,
  },
  {
    ...usual,
    name: "ephemeral-noop",
    about: "GET with fresh module state in each request, 10 connections",
    connections: 10,
    isEphemeral: true,
  },
];
