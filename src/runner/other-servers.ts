/**
 * What else an app may try in order to listen: raw TCP servers, and workers of node:cluster that share a port. Neither can
 * be given requests, and by itself would end in an error that tells nobody why.
 */
import type { FailedMessage } from "../wire/control.ts";

type OnRefused = (failure: FailedMessage) => void;

/** Its workers are programs of their own, without a runner. Call it once the environment is the app's. */
export function refuseCluster(onRefused: OnRefused): void {
  const { spawn } = Bun;
  const refusing = (...args: Parameters<typeof spawn>): unknown => {
    const { env } = ((args.length > 1 ? args[1] : args[0]) ?? {}) as { env?: object };
    if (env !== undefined && env !== process.env && "NODE_UNIQUE_ID" in env) {
      onRefused({ type: "failed", code: "CLUSTER_SERVER", message: "" });
      throw new Error("node:cluster cannot share a port here: set `instances` in levain.config.ts");
    }
    return spawn(...args);
  };
  (Bun as { spawn: unknown }).spawn = refusing;
}

/** Notes the TCP port on which the app was not allowed to listen. Call it once, before any code of the app's is loaded. */
export function watchListeners(): { refusedPort: number | null } {
  const noted: { refusedPort: number | null } = { refusedPort: null };
  const { listen } = Bun;
  const watched = (options: { port?: unknown; unix?: unknown }): unknown => {
    try {
      return listen(options as never);
    } catch (error) {
      const { code = "" } = error as { code?: string };
      if (["EACCES", "EPERM"].includes(code) && options.unix === undefined) {
        noted.refusedPort = Number(options.port);
      }
      throw error;
    }
  };
  (Bun as { listen: unknown }).listen = watched;
  return noted;
}
