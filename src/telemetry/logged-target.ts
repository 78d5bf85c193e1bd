/** A request's target as logs have it. */
import { loggedTargetCharactersMax } from "./limits.ts";

/**
 * The path, and of the query only the names: values, and what has no name, may be somebody's secret.
 *
 *   /find?q=red+shoes&page=2    /find?q=…&page=…
 *   /reset?8f3ab2c1             /reset?…
 */
export function loggedTarget(target: string): string {
  const query = target.indexOf("?");
  if (query === -1) return target.slice(0, loggedTargetCharactersMax);
  const path = target.slice(0, query);
  if (path.length >= loggedTargetCharactersMax) return path.slice(0, loggedTargetCharactersMax);
  const pairs = target
    // A value may end in what is cut off here; none of it is kept.
    .slice(query + 1, query + 1 + loggedTargetCharactersMax)
    .split("&")
    .map((pair) => pair.slice(0, pair.indexOf("=") + 1));
  return `${path}?${pairs.map((name) => `${name}…`).join("&")}`.slice(0, loggedTargetCharactersMax);
}
