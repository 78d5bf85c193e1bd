/** `node.json` in the data directory: where a running node listens. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeStatus } from "./control/api.ts";

/** For whoever looks at the folder: where this node listens. */
export function writeNodeFile(
  dataDir: string,
  { pid, edgePort, adminPort, domain }: NodeStatus,
): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(
    join(dataDir, "node.json"),
    `${JSON.stringify({ pid, port: edgePort, adminPort, domain }, null, 2)}\n`,
    { mode: 0o600 },
  );
}
