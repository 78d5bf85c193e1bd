/** Where a node keeps what it has to keep, when nobody says. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * `/var/lib/levain` for root, whose home others (PostgreSQL's user) cannot enter; else `$XDG_DATA_HOME/levain` where that
 * is set, else `~/.levain`.
 *
 * @param isRoot whether the process has user id 0
 */
export function defaultDataDir(
  env: Readonly<Record<string, string | undefined>>,
  isRoot = process.getuid?.() === 0,
): string {
  if (isRoot) return "/var/lib/levain";
  const shared = env["XDG_DATA_HOME"] ?? "";
  // The specification of these variables says to ignore a relative one.
  if (isAbsolute(shared)) return join(shared, "levain");
  return join(homeFolder(env), ".levain");
}

/** A user that no file lists, as in a small container, has no home: then the root folder, as container engines have it. */
export function homeFolder(env: Readonly<Record<string, string | undefined>>): string {
  if (env["HOME"]) return env["HOME"];
  try {
    return homedir() || "/";
  } catch {
    return "/";
  }
}
