/**
 * A cluster that came out of a base backup is brought to the state that it stands for, once, without a server that anybody
 * could connect to: PostgreSQL's single-user mode reads the log to its end, and gives the store's user a new password.
 */
import { randomBytes } from "node:crypto";
import { chown, writeFile } from "node:fs/promises";
import { PlatformError } from "../base/errors.ts";
import { preparePrograms } from "./postgres-binaries.ts";
import { type PostgresFolders, prepareFolders } from "./postgres-folders.ts";
import { databaseName, databaseUser } from "./postgres-settings.ts";
import { findPostgresUser, type PostgresUser } from "./postgres-user.ts";
import { cleanEnvironment } from "./system-command.ts";

export interface ClusterPlace {
  folders: PostgresFolders;
  user: PostgresUser;
}

/**
 * Where a cluster has to be put in a data directory, and whose it has to be.
 *
 * @param user as `startEmbeddedPostgres` takes it
 * @throws {PlatformError} `POSTGRES_USER_MISSING`, `DATA_DIR_UNUSABLE`, `POSTGRES_START_FAILED`
 */
export async function prepareClusterPlace(
  dataDir: string,
  user: string | undefined,
): Promise<ClusterPlace> {
  const found = await findPostgresUser(user);
  return { folders: await prepareFolders(dataDir, found), user: found };
}

/**
 * @param timeoutMs of the recovery; killed beyond it
 * @throws {PlatformError} `POSTGRES_START_FAILED`, `POSTGRES_MISSING`
 */
export async function recoverCluster(
  { folders, user }: ClusterPlace,
  timeoutMs: number,
): Promise<void> {
  const programs = await preparePrograms({ copiesFolder: folders.copies, user });
  const password = randomBytes(32).toString("base64url");
  // On stdin: a command line is for everybody to read.
  const statement = `ALTER ROLE ${databaseUser} PASSWORD '${password}'\n`;
  await using child = Bun.spawn(
    [programs.postgres, "--single", "-D", folders.data, "-c", "log_statement=none", databaseName],
    {
      cwd: "/",
      env: cleanEnvironment,
      stdin: Buffer.from(statement),
      stdout: "pipe",
      stderr: "pipe",
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      ...(user.isOther ? { uid: user.uid, gid: user.gid } : {}),
    },
  );
  const [, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  const complaints = stderr.split("\n").filter((line) => /\b(ERROR|FATAL|PANIC): /.test(line));
  if (child.exitCode !== 0 || complaints.length > 0) {
    const how = child.signalCode === null ? `exit ${child.exitCode}` : child.signalCode;
    const what = complaints.at(-1)?.replace(/^.*\b(?:ERROR|FATAL|PANIC): +/, "") ?? how;
    throw new PlatformError("POSTGRES_START_FAILED", [`its recovery failed: ${what}`], {
      detail: { log: stderr.split("\n").slice(-20) },
    });
  }
  await writeFile(folders.password, `${password}\n`, { mode: 0o600, flush: true });
  if (user.isOther) await chown(folders.password, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
}
