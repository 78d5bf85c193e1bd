/** The revision of what is published. */
import { invariant } from "../base/errors.ts";
import type { Queries } from "./database.ts";

/**
 * First statement of every transaction that changes what is published. The row stays locked until the transaction ends,
 * so such transactions happen one after the other and revisions grow in the order in which they become visible.
 */
export async function countUpRevision(queries: Queries): Promise<void> {
  const changed = await queries.run("UPDATE levain.route_revision SET revision = revision + 1");
  invariant(changed === 1, "there is one revision");
}
