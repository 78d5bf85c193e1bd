/** What an error of the server means for whoever asked for something of a database. Pure. */
import pg from "pg";
import { messageOf, PlatformError } from "../base/errors.ts";

/**
 * @param action what was to be done, such as `make the database of app "shop" on main`
 * @returns an error of the catalogue, or a defect as it is
 */
export function asDatabaseError(thrown: unknown, action: string): unknown {
  if (thrown instanceof PlatformError) return thrown;
  if (thrown instanceof pg.DatabaseError) return ofServer(thrown, action);
  const { code } = (thrown ?? {}) as { code?: unknown };
  // What the driver says of its socket: refused, reset, no such file, timed out.
  const isConnection =
    typeof code === "string" || /timeout|terminated|closed|not queryable/i.test(messageOf(thrown));
  if (!isConnection) return thrown;
  const what = `PostgreSQL does not answer (${messageOf(thrown)})`;
  return new PlatformError("DATABASE_UNAVAILABLE", [action, what], { cause: thrown });
}

function ofServer(error: pg.DatabaseError, action: string): unknown {
  const code = error.code ?? "";
  if (code === "53100") return new PlatformError("DISK_FULL", [], { cause: error });
  // 58P02 and others of class 58 are the system's: a file that cannot be copied for want of room is among them.
  if (code.startsWith("58") && /no space/i.test(error.message)) {
    return new PlatformError("DISK_FULL", [], { cause: error });
  }
  if (code === "42501") {
    return new PlatformError("DATABASE_RIGHTS_MISSING", [error.message], { cause: error });
  }
  return new PlatformError("DATABASE_UNAVAILABLE", [action, error.message], {
    cause: error,
    detail: { sqlState: code },
  });
}
