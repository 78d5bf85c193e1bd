/** A copy of a branch's database to try something on: with all of its data, reachable, and gone when it is dropped. */
import { noGuard } from "../relay/relay-api.ts";
import { databaseUrl, type OpenDatabase, relayDatabaseOf } from "./connections.ts";
import { copyBehindHold, type DatabaseParts, type MadeDatabase } from "./make-database.ts";
import { serverName } from "./names.ts";
import { newPassword, newSuffix } from "./role.ts";
import type { Login } from "./server.ts";

export interface TrialCopy {
  /** As its clients know it. */
  name: string;
  /** Where they reach it, through the relay. */
  url: string;
  /** How the server is reached as its role, beside the relay. */
  database: string;
  login: Login;
  facts: Pick<MadeDatabase, "bytes" | "pauseMs" | "waitedMs" | "sessions" | "copyMs">;
  /** Ends its sessions and drops it. Twice is safe. */
  drop(): Promise<void>;
}

/** @throws what stands in its way; nothing of it is left then */
export async function takeTrialCopy(
  parts: DatabaseParts,
  source: OpenDatabase,
  port: number,
): Promise<TrialCopy> {
  const { making, relay, server } = parts;
  const suffix = newSuffix();
  const name = `trial-${suffix}--${source.app}`;
  const database = serverName(name, suffix);
  const { role, password } = source;
  const ready = Promise.withResolvers<TrialCopy>();
  const dropped = Promise.withResolvers<void>();
  const leftover = { kind: "database", name: database } as const;
  // Its lock is held until it is dropped, so that no sweep takes it for left behind.
  const lasting = making.during([leftover], async () => {
    const origin = { database: source.serverDatabase, name: source.name, role };
    const facts = await copyBehindHold(parts, origin, database);
    const login = { user: role, password };
    await making.finishCopy(origin, database, login, { origin: "data", masks: [] });
    const there = await relay();
    const trial = { ...source, name, serverDatabase: database };
    // What is tried takes the time it takes: rules for apps are not for it.
    const { guard: _guard, ...row } = relayDatabaseOf(trial, server.access.address);
    // What is tried has the same role: its password must not lead to the database that is live.
    const clientPassword = newPassword();
    await there.put({ ...row, clientPassword, guard: noGuard, pooling: "session" });
    ready.resolve({
      name,
      url: databaseUrl({ name, role, password: clientPassword }, port),
      database,
      login,
      facts,
      drop() {
        dropped.resolve();
        return lasting;
      },
    });
    await dropped.promise;
    await there.remove(name);
    await making.drop(leftover);
  });
  lasting.catch((error) => ready.reject(error));
  return await ready.promise;
}
