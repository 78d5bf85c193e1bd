/** Where a node keeps what it has to keep, when nobody says. */
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * `/var/lib/levain` for root, whose home others (PostgreSQL's user) cannot enter; else `~/.levain`.
 *
 * @param isRoot whether the process has user id 0
 */
export function defaultDataDir(
  env: Readonly<Record<string, string | undefined>>,
  isRoot = process.getuid?.() === 0,
): string {
  if (isRoot) return "/var/lib/levain";
  return join(env["HOME"] || homedir(), ".levain");
}
