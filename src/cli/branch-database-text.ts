/** What `levain inspect` says of the database of a version's branch: rows, a name and a value. Pure. */
import { versionName } from "../base/version-spec.ts";
import type { DatabaseInfo, Inspection } from "../control/api.ts";
import type { Group } from "./inspection-text.ts";
import { printableLine } from "./printable.ts";
import { showAge, showBytes, showCount, showDuration } from "./units.ts";

/** None for a version that asks for no database. */
export function databaseGroups(
  { database, branchDatabase: found, branch, stored, migrations, environment }: Inspection,
  wallMs: number,
): Group[] {
  if (database === null) return [];
  if (found === null) {
    const isOwn = environment.includes("DATABASE_URL");
    const why = isOwn
      ? "none of the node's: DATABASE_URL is set in the environment"
      : `there is none on ${branch} any more; the next deploy makes it anew`;
    return [{ title: "Database", rows: [["state", why]] }];
  }
  const ago = (atMs: number) => `${showAge(wallMs - atMs)} ago`;
  const { pooling, poolMax, extensions } = found;
  return [
    {
      title: `Database ${found.name}`,
      rows: [
        ["state", stateOf(found)],
        ["size", sizeOf(found)],
        ["began", `${beganAs(found)}, ${ago(found.createdAtMs)}`],
        ["pooling", `${pooling}, at most ${showCount(poolMax, "connection")}`],
        ["in use", useOf(found)],
        ["used", `${ago(found.usedAtMs)}${endOf(found, wallMs)}`],
        ...(migrations === null ? [] : [["migrated", migratedOf(stored, ago)] as const]),
        ...(extensions.length === 0 ? [] : [["extensions", extensions.join(", ")] as const]),
      ],
    },
  ];
}

function stateOf({ state, note, isOver, isReadOnly }: DatabaseInfo): string {
  if (state === "dropped") return `dropped${note === null ? "" : `: ${printableLine(note)}`}`;
  if (isOver) return "takes no writes: it has more than its bytesMax";
  return isReadOnly ? "ready, takes no writes" : "ready";
}

function sizeOf({ bytes, bytesMax }: DatabaseInfo): string {
  const size = bytes === null ? "not measured yet" : showBytes(bytes);
  return bytesMax === 0 ? size : `${size}, at most ${showBytes(bytesMax)}`;
}

function beganAs({ origin, parent }: DatabaseInfo): string {
  if (parent === null) return "empty";
  return origin === "schema" ? `with the tables of ${parent}` : `as a copy of ${parent}`;
}

function useOf({ use }: DatabaseInfo): string {
  if (use === null) return "nobody has connected since the relay was started";
  const { sessions, serverConnections } = use;
  return `${showCount(sessions, "session")}, ${showCount(serverConnections, "connection")}`;
}

function endOf({ expiresAtMs }: DatabaseInfo, wallMs: number): string {
  if (expiresAtMs === null) return "";
  return `; dropped in ${showDuration(Math.max(0, expiresAtMs - wallMs))} unless it is used`;
}

function migratedOf(stored: Inspection["stored"], ago: (atMs: number) => string): string {
  if (stored === null) return "not known while the store cannot be reached";
  if (stored.migrated === null) return "not since it was made";
  const { names, version, atMs } = stored.migrated;
  const by = version === null ? "" : ` for ${versionName(version)}`;
  return `${ago(atMs)}${by}: ${printableLine(names.join(", "))}`;
}
