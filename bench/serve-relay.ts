/**
 * The obvious way to an app in its own process: `Bun.serve` that fetches from the app's unix socket. Arguments: port, path
 * of the socket.
 */
export {};

const [port = "0", unix = ""] = process.argv.slice(2);

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  development: false,
  fetch: ({ url, method, headers, body }) =>
    fetch(url, { unix, method, headers, body, redirect: "manual", decompress: false } as never),
});
console.log(`listening on ${server.port}`);

for await (const _ of Bun.stdin.stream()) {
  // Nothing is said to it; only the end counts.
}
process.exit(0);
