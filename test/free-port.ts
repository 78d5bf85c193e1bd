/**
 * A port that nobody listens on, for who has to be told one before it starts, or comes back to it. Below those that the
 * kernel gives to connections and to who asks for any: nobody else comes to have it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = portsFrom + Math.floor(Math.random() * portsCount);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
}

/** The kernel's own begin at 32768. */
const portsFrom = 20_000;
const portsCount = 12_000;
