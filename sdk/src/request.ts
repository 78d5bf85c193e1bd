/**
 * Which request an app's code is running for, and how its queries say so to the node's relay, which counts them by
 * request. Works in an app's own process on Levain, also after an `await`; anywhere else there is no id, and queries are
 * left as they are.
 */
import { currentLifecycle } from "./lifecycle.ts";

/** What marks a statement or an application_name for the relay. */
const MARK = "levain:request=";

/**
 * Ids that a mark may have, as the relay reads them. Whoever asks the app may choose the id of the request, and with a star
 * and a slash in it the comment would end and the rest of the id be run as SQL.
 */
const MARKABLE = /^[A-Za-z0-9._~+/=:@-]{1,64}$/;

/**
 * Id of the request that this code runs for, as in `x-request-id` and in the log; null outside of a request.
 *
 * Kept for each request in any case, so that asking costs a look-up.
 */
export function requestId(): string | null {
  return currentLifecycle()?.requestId?.() ?? null;
}

/**
 * A comment that says which request a statement belongs to; empty outside of a request. For text that is not prepared
 * under a name: there, each request would make another statement.
 *
 * ```ts
 * await sql.unsafe(`${requestComment()} SELECT count(*) FROM orders`);
 * ```
 */
export function requestComment(): string {
  const id = markableId();
  return id === null ? "" : `/* ${MARK}${id} */`;
}

/**
 * The same as an application_name, for all statements of a transaction, prepared or not; empty outside of a request.
 *
 * ```ts
 * await sql.begin(async (sql) => {
 *   await sql`SELECT set_config('application_name', ${requestMark()}, true)`;
 * ```
 */
export function requestMark(): string {
  const id = markableId();
  return id === null ? "" : `${MARK}${id}`;
}

/** Null also for an id that the caller has made of other characters: its queries are not counted. */
function markableId(): string | null {
  const id = requestId();
  return id !== null && MARKABLE.test(id) ? id : null;
}

/** What has queries: a client of `pg`, or its class. */
interface Queries {
  query(...args: never[]): unknown;
}

const isMarked = Symbol.for("levain.marked");

/**
 * Makes every query of `pg` say which request it belongs to, also those of Drizzle, Kysely and Prisma over it. Give it
 * the class, once, before the first query. Queries with a `name` are left as they are. Twice is safe.
 *
 * ```ts
 * import { Client } from "pg";
 * markQueries(Client);
 * ```
 */
export function markQueries(client: Queries | { prototype: Queries }): void {
  const target = ("prototype" in client ? client.prototype : client) as Queries & {
    [isMarked]?: true;
  };
  if (target[isMarked] === true) return;
  const { query } = target as { query(this: unknown, ...args: unknown[]): unknown };
  Object.defineProperty(target, isMarked, { value: true });
  Object.defineProperty(target, "query", {
    configurable: true,
    writable: true,
    value: function markedQuery(this: unknown, first: unknown, ...rest: unknown[]): unknown {
      return query.call(this, marked(first), ...rest);
    },
  });
}

/** @param query a text, or what `pg` takes in its place */
function marked(query: unknown): unknown {
  const comment = requestComment();
  if (comment === "") return query;
  if (typeof query === "string") return `${comment} ${query}`;
  if (typeof query !== "object" || query === null) return query;
  const { text, name, submit } = query as { text?: unknown; name?: unknown; submit?: unknown };
  // One with a name would be another statement under the same name; a cursor or a stream brings its own text.
  if (typeof text !== "string" || name !== undefined || submit !== undefined) return query;
  // It may be an object of a class, whose text is a getter.
  return Object.create(query, {
    text: { value: `${comment} ${text}`, enumerable: true, writable: true },
  });
}
