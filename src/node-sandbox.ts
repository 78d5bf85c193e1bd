/** How a node holds its apps: whose users they run as, and the folders those have to pass through to what is theirs. */
import { chmodSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { PlatformError } from "./base/errors.ts";
import { blockedAt } from "./base/reach.ts";
import type { NodeConfig } from "./control/node-settings.ts";
import { RunnerSandbox } from "./pool/runner-sandbox.ts";
import { AppUsers } from "./sandbox/app-users.ts";

/**
 * A root node gives each instance a user of its own; any other has none to give.
 *
 * @throws {PlatformError} `DATA_DIR_UNUSABLE` naming the folder that those users cannot pass through
 */
export async function openSandbox(
  config: Pick<NodeConfig, "dataDir" | "sandboxMin" | "writeRoots">,
  databasePort: number | null,
): Promise<RunnerSandbox> {
  const { dataDir, sandboxMin, writeRoots } = config;
  const rules = { sandboxMin, writeRoots, databasePort };
  if (process.getuid?.() !== 0) return new RunnerSandbox({ users: null, ...rules });
  const real = realpathSync(dataDir);
  const users = new AppUsers(real);
  // Pass, not list.
  for (const folder of ["", "artifacts", "run", "runner", "runtimes"]) letPass(join(real, folder));
  const blocked = await blockedAt(real, { uid: users.first, gid: users.first });
  if (blocked !== null) {
    throw new PlatformError("DATA_DIR_UNUSABLE", [
      dataDir,
      `the users that apps run as may not pass through ${blocked}`,
    ]);
  }
  return new RunnerSandbox({ users, ...rules });
}

function letPass(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const { mode } = statSync(folder);
  if ((mode & 0o011) !== 0o011) chmodSync(folder, (mode & 0o777) | 0o011);
}
