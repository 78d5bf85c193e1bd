/** What the client of `postgres-load-client.ts` is told and says, and how it is run. */
import { join } from "node:path";
import { descendantsOf } from "./process-tree.ts";
import { cpuTimeMs } from "./processes.ts";

export interface LoadOrder {
  port: number;
  user: string;
  password: string;
  database: string;
  connections: number;
  /** One Query each, or Bind, Execute and Sync of a statement that was prepared once. */
  mode: "simple" | "prepared";
  warmUpMs: number;
  measureMs: number;
}

export interface LoadResult {
  queries: number;
  errors: number;
  queriesPerS: number;
  p50Us: number;
  p99Us: number;
}

export interface Load extends LoadResult {
  /** CPU time per query by role, all threads and children. Microseconds. */
  cpuUs: Record<string, number>;
}

/** CPU time of processes by role and id. Milliseconds. */
type SpentByRole = Map<string, Map<number, number>>;

/**
 * Runs the client in a process of its own and reads the CPU time of the others meanwhile.
 *
 * @param processes by role
 * @throws when the client says anything on stderr, or ends early
 */
export async function runLoad(
  order: LoadOrder,
  processes: Readonly<Record<string, number>>,
): Promise<Load> {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "postgres-load-client.ts"), JSON.stringify(order)],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const roles: Record<string, number> = { ...processes, client: child.pid };
  const failure = new Response(child.stderr).text();
  let text = "";
  let before: SpentByRole | null = null;
  let after: SpentByRole | null = null;
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true });
    if (before === null && text.includes("begin\n")) before = spentMs(roles);
    // The client has ended its measurement and is still there, or just gone: its own time is read from the last look.
    if (text.includes("end ")) after ??= spentMs(roles);
  }
  await child.exited;
  const ended = /end (\{.*\})/.exec(text)?.[1];
  if (ended === undefined || before === null || after === null) {
    throw new Error(`the load ended early: ${(await failure).trim()}`);
  }
  const result = JSON.parse(ended) as LoadResult;
  const queries = Math.max(result.queries, 1);
  const cpuUs = Object.fromEntries(
    Object.keys(roles).map((role) => [role, (spentBetween(before, after, role) * 1000) / queries]),
  );
  return { ...result, cpuUs };
}

/** Of a process and all below it, by id. */
function spentMs(roles: Readonly<Record<string, number>>): SpentByRole {
  return new Map(
    Object.entries(roles).map(([role, pid]) => {
      const spent = new Map<number, number>();
      for (const each of [pid, ...descendantsOf(pid).map((child) => child.pid)]) {
        try {
          spent.set(each, cpuTimeMs(each));
        } catch {
          // It ended meanwhile.
        }
      }
      return [role, spent];
    }),
  );
}

/** What was spent between two looks, by those that are there in the second. Milliseconds. */
function spentBetween(before: SpentByRole, after: SpentByRole, role: string): number {
  let sum = 0;
  for (const [pid, ms] of after.get(role) ?? []) sum += ms - (before.get(role)?.get(pid) ?? 0);
  return sum;
}
