/** What the words of `levain db` mean: which app, and which of its branches. */
import { PRODUCTION_BRANCH } from "../deploy/names.ts";
import { appOfFolder } from "./app-argument.ts";
import { usageError } from "./failure.ts";
import type { Call } from "./verb.ts";

/** `--app`, or the app of the current folder. */
export async function dbApp({ flags, io }: Call): Promise<string> {
  return typeof flags.app === "string" ? flags.app : await appOfFolder(io.cwd);
}

/** The word behind the action; production when there is none. */
export function dbBranch({ args }: Call): string {
  return args[1] ?? PRODUCTION_BRANCH;
}

/** The same for what cannot be undone: it has to be said. */
export function dbBranchNamed({ args }: Call, action: string): string {
  if (args[1] !== undefined) return args[1];
  throw usageError(`say which branch: \`levain db ${action} <branch>\``);
}

/** ` --app shop`, where the command was given it. */
export function appWords({ flags }: Call): string {
  return typeof flags.app === "string" ? ` --app ${flags.app}` : "";
}

export function textFlag({ flags }: Call, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

/** What the database is to be reached by: `--host`, or as the node is when that is elsewhere. Null: on this machine. */
export function dbHost(call: Call): string | null {
  const given = textFlag(call, "host");
  if (given !== undefined) return given;
  if (call.nodeUrl === null) return null;
  return new URL(call.nodeUrl).hostname.replace(/^\[(.*)\]$/, "$1");
}
