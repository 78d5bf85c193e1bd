/** Starts the other side of a case, on the node's own Bun. */
import { join } from "node:path";
import { peerStartTimeoutMs } from "../limits.ts";

export interface Peer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  url: string;
}

/** The caller disposes it. @throws {Error} when it does not come up */
export async function startPeer(): Promise<Peer> {
  const child = Bun.spawn(
    [
      process.execPath,
      ...["--no-install", "--no-env-file", "--no-orphans"],
      join(import.meta.dir, "peer-process.ts"),
    ],
    { env: { BUN_BE_BUN: "1" }, stdio: ["ignore", "pipe", "inherit"] },
  );
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), peerStartTimeoutMs);
  const { value } = await child.stdout.getReader().read();
  clearTimeout(timer);
  const port = Number(new TextDecoder().decode(value).trim());
  if (!(port > 0)) {
    await stop();
    throw new Error("the other side of the case did not come up");
  }
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}
