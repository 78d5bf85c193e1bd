/**
 * Who else may get at what a node keeps: nobody. A root node lets the users that PostgreSQL and apps run as pass through
 * some folders, and list none. Parts get these modes when they are made; a start looks whether they still have them.
 */
import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";

/** Everything else in the directory lies in one of these folders. */
const PRIVATE_FILES = [
  "node.lock",
  "node.json",
  "node.log",
  "admin-token",
  "backups.json",
  "databases.json",
  "route-table.json",
  "postgres/password",
  "postgres/postgres.log",
  "postgres/postgres.log.1",
];
const PRIVATE_FOLDERS = ["logs", "requests"];
/** What other users' processes have to get through to what is theirs. */
const PASSED_FOLDERS = ["", "artifacts", "builds", "run", "runner", "runtimes", "postgres"];

/**
 * Takes away what others may do beyond that.
 *
 * @param isRoot whether processes of other users run here
 * @returns a line for each that was open, for the node's log
 * @throws what the file system has against it
 */
export function closeDataDir(dataDir: string, isRoot: boolean): string[] {
  return [
    ...PRIVATE_FILES.map((name) => ({ name, allowed: 0o600 })),
    ...PRIVATE_FOLDERS.map((name) => ({ name, allowed: 0o700 })),
    ...PASSED_FOLDERS.map((name) => ({ name, allowed: isRoot ? 0o711 : 0o700 })),
  ].flatMap(({ name, allowed }) => {
    const path = join(dataDir, name);
    const mode = statSync(path, { throwIfNoEntry: false })?.mode;
    if (mode === undefined || (mode & 0o777 & ~allowed) === 0) return [];
    chmodSync(path, mode & allowed);
    const was = (mode & 0o777).toString(8);
    const is = (mode & allowed).toString(8);
    return [`${path} was open to other users (mode ${was}): closed it (${is})`];
  });
}
