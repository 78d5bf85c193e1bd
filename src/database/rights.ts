/** What a server that somebody else runs must give, so that branches can have databases there; said by name. */
import { PlatformError } from "../base/errors.ts";
import type { Server } from "./server.ts";

export interface ServerRights {
  /** Such as `18.4`. */
  version: string;
  user: string;
  isSuperuser: boolean;
  canCreateDatabases: boolean;
  canCreateRoles: boolean;
  /** 150000 and more have the strategies of a copy, and a schema `public` that is not everybody's. */
  versionNumber: number;
}

/** Of the user that makes databases. @throws what the driver has against it */
export async function readRights(server: Server): Promise<ServerRights> {
  const [rights] = await server.rows<ServerRights>(
    `SELECT current_setting('server_version') AS version, rolname AS "user", rolsuper AS "isSuperuser",
       rolsuper OR rolcreatedb AS "canCreateDatabases", rolsuper OR rolcreaterole AS "canCreateRoles",
       current_setting('server_version_num')::int AS "versionNumber"
     FROM pg_roles WHERE rolname = current_user`,
  );
  if (rights === undefined) throw new PlatformError("DATABASE_RIGHTS_MISSING", ["a role"]);
  return rights;
}

/** One statement or sentence for each thing that is missing; empty when nothing is. Pure. */
export function missingRights(rights: ServerRights): string[] {
  const { user, version, versionNumber, canCreateDatabases, canCreateRoles } = rights;
  return [
    ...(versionNumber >= 150_000 ? [] : [`PostgreSQL 15 or newer; it is ${version}`]),
    ...(canCreateDatabases ? [] : [`CREATEDB: ALTER ROLE "${user}" CREATEDB`]),
    ...(canCreateRoles ? [] : [`CREATEROLE: ALTER ROLE "${user}" CREATEROLE`]),
  ];
}

/** @throws {PlatformError} `DATABASE_RIGHTS_MISSING` naming all that is missing */
export async function assertRights(server: Server): Promise<void> {
  if (server.access.isOwn) return;
  const missing = missingRights(await readRights(server));
  if (missing.length > 0) throw new PlatformError("DATABASE_RIGHTS_MISSING", [missing.join("; ")]);
}
