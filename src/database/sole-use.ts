/** Who else has a session in a database, as PostgreSQL says it: a copy needs it alone. */
import { PlatformError } from "../base/errors.ts";
import type { ServerSession } from "./server.ts";

/** Something that keeps a database from being copied or dropped. */
interface Occupant {
  kind: "session" | "prepared";
  user: string;
  application: string;
  state: string | null;
  ageMs: number | null;
}

/**
 * @param name as its clients know it, for the message
 * @throws {PlatformError} `DATABASE_BUSY` saying who is there; `detail.occupants` has all of them
 */
export async function assertNobodyIn(
  session: ServerSession,
  database: string,
  name: string,
): Promise<void> {
  const occupants = await session.rows<Occupant>(
    `SELECT 'session' AS kind, usename::text AS "user", application_name AS application, state,
       (extract(epoch FROM clock_timestamp() - coalesce(xact_start, state_change)) * 1000)::float8 AS "ageMs"
     FROM pg_stat_activity
     WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()
     UNION ALL
     SELECT 'prepared', owner::text, gid, 'prepared',
       (extract(epoch FROM clock_timestamp() - prepared) * 1000)::float8
     FROM pg_prepared_xacts WHERE database = $1`,
    [database],
  );
  const [first] = occupants;
  if (first === undefined) return;
  throw new PlatformError("DATABASE_BUSY", [name, describe(first, occupants.length)], {
    detail: { occupants },
  });
}

function describe({ kind, user, application, state, ageMs }: Occupant, count: number): string {
  const since = ageMs === null ? "" : ` for ${(ageMs / 1000).toFixed(1)} s`;
  const more = count === 1 ? "" : `, and ${count - 1} more`;
  if (kind === "prepared") {
    return `transaction "${application}" of ${user} is prepared${since} and not committed${more}`;
  }
  const by = application === "" ? "" : ` (${application})`;
  return `a session of ${user}${by} that does not come through the relay is ${state ?? "there"}${since}${more}`;
}
