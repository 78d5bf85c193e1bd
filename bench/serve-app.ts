/**
 * Serves an app with bare `Bun.serve`, for the peers: on a free TCP port, or on a unix socket behind a proxy.
 * Arguments: module, path of the socket or nothing. Prints where it listens.
 */
export {};

const [module = "", unix] = process.argv.slice(2);
const { default: app } = (await import(module)) as {
  default: { fetch(request: Request): Response };
};

const where = unix === undefined ? { hostname: "127.0.0.1", port: 0 } : { unix };
const server = Bun.serve({ ...where, development: false, fetch: app.fetch });
console.log(`listening on ${server.port ?? unix}`);

// Ends with the process that started it, however that ends.
for await (const _ of Bun.stdin.stream()) {
  // Nothing is said to it.
}
process.exit(0);
