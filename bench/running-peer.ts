/** A peer that has been started. */

export interface RunningPeer extends AsyncDisposable {
  port: number;
  /** Host header to send. */
  host: string;
  /** Its processes by what they do: `edge`, `app`. One that does both is the app. */
  processes: Record<string, number>;
}

/** Disposes of `parts` in their order. */
export function running(
  port: number,
  processes: Record<string, number>,
  parts: readonly AsyncDisposable[],
): RunningPeer {
  return {
    port,
    host: `127.0.0.1:${port}`,
    processes,
    [Symbol.asyncDispose]: async () => {
      for (const part of parts) await part[Symbol.asyncDispose]();
    },
  };
}

/** The first number of a line such as `listening on 4000`. */
export function portIn(line: string): number {
  return Number(/\d+/.exec(line)?.[0]);
}
