/** A port that nobody listens on, for brokers that have to know each other's before they start. It may be taken meanwhile. */
export async function freePort(): Promise<number> {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
