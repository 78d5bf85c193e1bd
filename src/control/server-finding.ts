/** What a PostgreSQL that somebody else runs gives and lacks, for `levain doctor`. Looks once and changes nothing. */
import { messageOf } from "../base/errors.ts";
import { externalServer } from "../database/external-server.ts";
import { missingRights, readRights } from "../database/rights.ts";
import { Server } from "../database/server.ts";
import type { Finding } from "../sandbox/capabilities.ts";

/** Never throws: what stands in the way is what was found. */
export async function serverFinding(databaseUrl: string): Promise<Finding> {
  const name = "database";
  try {
    const access = externalServer(databaseUrl);
    const rights = await readRights(new Server(() => access));
    const missing = missingRights(rights);
    const value = `PostgreSQL ${rights.version}, as ${rights.user}`;
    return missing.length === 0
      ? { name, value, ok: true, means: "the store and databases of branches can be on it" }
      : { name, value, ok: false, means: `databases of branches need ${missing.join("; ")}` };
  } catch (error) {
    const means =
      "the node could not use it; is the address right, and does pg_hba.conf let it in?";
    return { name, value: `does not answer: ${messageOf(error)}`, ok: false, means };
  }
}
