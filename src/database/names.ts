/**
 * What databases and roles are called. Clients know both by the host label of the branch (`shop`, `cart-fix--shop`); on
 * the server a database has a name of its own, so that another one can take its place behind that. Pure.
 */
import { PRODUCTION_BRANCH } from "../base/production-branch.ts";
import { databaseNameBytesMax, databaseSuffixBytes } from "./limits.ts";

/** Names that PostgreSQL does not give away, and those of a server's own users. */
const RESERVED: readonly string[] = ["public", "none", "user", "levain", "postgres"];

/** The first label of the branch's host: letters, digits and dashes, at most 63. */
export function clientName(app: string, branch: string, label: string): string {
  return branch === PRODUCTION_BRANCH ? app : `${label}--${app}`;
}

/** The client's name for it, unless the server has other plans with that. @param taken whether a role of that name is there */
export function roleName(name: string, taken: (role: string) => boolean, suffix: string): string {
  return RESERVED.includes(name) || taken(name) ? withSuffix(name, suffix) : name;
}

/** A name on the server that no other database has; labels have no underscore. */
export function serverName(name: string, suffix: string): string {
  return withSuffix(name, suffix);
}

function withSuffix(name: string, suffix: string): string {
  const room = databaseNameBytesMax - 1 - 2 * databaseSuffixBytes;
  return `${name.slice(0, room)}_${suffix}`;
}
