/** Ports of peers that are told where to listen, since they cannot be asked. */

/** A port that was free a moment ago. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

/** Resolves when the port answers with 200. @throws after five seconds. */
export async function answers(port: number, path = "/"): Promise<void> {
  const endAtMs = performance.now() + 5000;
  for (;;) {
    const status = await fetch(`http://127.0.0.1:${port}${path}`).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => 0,
    );
    if (status === 200) return;
    if (performance.now() > endAtMs) throw new Error(`port ${port} answers ${status}`);
    await Bun.sleep(5);
  }
}

/** Resolves when somebody takes connections on the port. @throws after five seconds. */
export async function listens(port: number): Promise<void> {
  const endAtMs = performance.now() + 5000;
  for (;;) {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: { data() {} },
    }).catch(() => null);
    socket?.terminate();
    if (socket !== null) return;
    if (performance.now() > endAtMs) throw new Error(`nobody listens on port ${port}`);
    await Bun.sleep(5);
  }
}
