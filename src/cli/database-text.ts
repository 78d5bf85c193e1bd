/** Lines about how a branch's database came to be, for a person. Pure. */
import type { DatabaseMade } from "../deploy/deploy-api.ts";
import { showBytes, showCount, showDuration } from "./units.ts";

export function databaseLines(made: DatabaseMade): string[] {
  const { origin, parent, bytes, pauseMs, copyMs, sessions, masks, name } = made;
  if (parent === null) return [`${name}: a new database, empty`];
  const what =
    origin === "schema" ? `the tables of ${parent}, without rows` : `a copy of ${parent}`;
  const held =
    sessions === 0
      ? `its queries were held for ${showDuration(pauseMs)}`
      : `queries of its ${showCount(sessions, "session")} were held for ${showDuration(pauseMs)}`;
  return [
    `${name}: ${what} (${showBytes(bytes)}, copied in ${showDuration(copyMs)})`,
    held,
    ...(masks.length === 0 ? [] : [`masked with ${masks.join(" and ")}`]),
  ];
}
