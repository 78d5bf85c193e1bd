/** Makes one database with its role, empty or as a copy, and hands it to whoever keeps it. */
import type { Clock } from "../base/clock.ts";
import type { DatabaseOrigin, DatabaseSpec } from "../base/database-spec.ts";
import type { Relay } from "../relay/relay-api.ts";
import type { Keyring } from "../secrets/keyring.ts";
import type { BranchDatabases, ServerLeftover, StoredDatabase } from "../store/branch-databases.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import type { OpenDatabase } from "./connections.ts";
import { ensureExtensions } from "./extensions.ts";
import { sealContext } from "./known-databases.ts";
import { databaseHoldTimeoutMs } from "./limits.ts";
import type { CopyFacts, CopySource, Making } from "./making.ts";
import type { MaskFile } from "./mask.ts";
import { roleName, serverName } from "./names.ts";
import { createRole, newPassword, newSuffix, renewPassword, roleExists } from "./role.ts";
import type { Login, Server } from "./server.ts";

/** What the parts of this folder work with. */
export interface DatabaseParts {
  server: Server;
  making: Making;
  rows(): BranchDatabases;
  relay(): Promise<Relay>;
  keyring: Pick<Keyring, "seal" | "hold">;
  clock: Clock;
  log: LogSink;
}

export interface MakeRequest {
  app: string;
  branch: string;
  spec: DatabaseSpec;
  /** SQL of its mask, as the source has it; null: none. */
  mask: string | null;
}

export interface MakePlan extends MakeRequest {
  /** As its clients will know it. */
  name: string;
  /** What was of that name before; its role is kept while it is there. */
  before: OpenDatabase | null;
  /** What is copied; null: nothing. */
  source: OpenDatabase | null;
  /** Puts something into an empty one. */
  fill?(database: string, login: Login): Promise<void>;
  /** Last: from then on it is the branch's. What has to be kept is taken out of the leftovers by it. */
  keep(row: StoredDatabase, made: readonly ServerLeftover[]): Promise<void>;
}

/** How a database came to be. */
export interface MadeDatabase {
  origin: DatabaseOrigin;
  /** Branch that it was copied from; null for an empty one. */
  parent: string | null;
  /** Of what was copied. */
  bytes: number;
  /** From the wish to copy until the parent's queries went on. Milliseconds. */
  pauseMs: number;
  /** Of that, the wait for open transactions. Milliseconds. */
  waitedMs: number;
  /** Sessions of the parent's that were held. Count. */
  sessions: number;
  copyMs: number;
  /** Emptying, masking and handing over. Milliseconds. */
  finishMs: number;
  /** All of it. Milliseconds. */
  totalMs: number;
  /** Files that it was masked with. */
  masks: string[];
}

const none = { bytes: 0, pauseMs: 0, waitedMs: 0, sessions: 0, copyMs: 0, finishMs: 0 };

/** @throws what stands in its way; then nothing of it is left, or found by the next sweep */
export async function makeDatabase(parts: DatabaseParts, plan: MakePlan): Promise<MadeDatabase> {
  const { server, making, keyring, clock } = parts;
  const { app, branch, spec, mask, name, before, source } = plan;
  const startedAtMs = clock.nowMs();
  const suffix = newSuffix();
  const database = serverName(name, suffix);
  const isTaken = before === null && (await roleExists(server, name));
  const login: Login =
    before === null
      ? { user: roleName(name, () => isTaken, suffix), password: newPassword() }
      : { user: before.role, password: before.password };
  const made: ServerLeftover[] = [
    { kind: "database", name: database },
    ...(before === null ? [{ kind: "role", name: login.user } as const] : []),
  ];
  const origin = source === null ? "empty" : spec.from;
  const masks = source === null || origin !== "data" ? [] : masksOf(source, spec, mask);
  return await making.during(made, async () => {
    if (before === null) await createRole(server, login.user, login.password);
    else await renewPassword(server, login);
    let facts = none;
    if (source === null) {
      await making.createEmpty(database, login.user);
      await plan.fill?.(database, login);
    } else {
      const copied = await copyBehindHold(parts, sourceOf(source), database);
      const finishedFromMs = clock.nowMs();
      await making.finishCopy(sourceOf(source), database, login, { origin, masks });
      facts = { ...copied, finishMs: clock.nowMs() - finishedFromMs };
    }
    await ensureExtensions(server, database, login, spec.extensions);
    const atMs = clock.wallMs();
    using _held = keyring.hold();
    await plan.keep(
      {
        name,
        app,
        branch,
        parent: source?.branch ?? null,
        origin,
        role: login.user,
        sealed: keyring.seal(login.password, sealContext({ name, role: login.user })),
        serverDatabase: database,
        spec,
        mask,
        isReadOnly: before?.isReadOnly ?? false,
        isOver: false,
        bytes: null,
        note: null,
        createdAtMs: atMs,
        usedAtMs: atMs,
      },
      made,
    );
    const shown = {
      origin,
      parent: source?.branch ?? null,
      ...facts,
      totalMs: clock.nowMs() - startedAtMs,
      masks: masks.map(({ file }) => file),
    };
    if (source !== null) tellParent(parts, source, plan, shown);
    return shown;
  });
}

/** See `Making.copy`. */
export async function copyBehindHold(
  { making, relay }: Pick<DatabaseParts, "making" | "relay">,
  source: CopySource,
  database: string,
): Promise<CopyFacts> {
  const there = await relay();
  return making.copy(source, database, () =>
    there.hold(source.name, { timeoutMs: databaseHoldTimeoutMs }),
  );
}

/** What the parent says about copies of it holds for a branch that says nothing; a branch can only add to it. */
function masksOf(source: OpenDatabase, spec: DatabaseSpec, mask: string | null): MaskFile[] {
  const own = mask === null ? [] : [{ file: spec.mask ?? "the mask", sql: mask }];
  if (source.mask === null || source.mask === mask) return own;
  return [{ file: source.spec.mask ?? "the parent's mask", sql: source.mask }, ...own];
}

function sourceOf({ serverDatabase, name, role }: OpenDatabase): CopySource {
  return { database: serverDatabase, name, role };
}

/** The pause is the parent's to know about. */
function tellParent(
  { log, clock }: Pick<DatabaseParts, "log" | "clock">,
  source: OpenDatabase,
  { app, branch }: MakeRequest,
  made: MadeDatabase,
): void {
  const { bytes, sessions } = made;
  const pauseMs = Math.round(made.pauseMs);
  log.write({
    time: new Date(clock.wallMs()).toISOString(),
    app,
    version: null,
    instance: null,
    stream: "platform",
    requestId: null,
    event: "database",
    message: `Queries on ${source.branch} were held for ${pauseMs} ms while its database was copied for ${branch}`,
    fields: {
      branch: source.branch,
      to: branch,
      bytes,
      sessions,
      pauseMs,
      waitedMs: Math.round(made.waitedMs),
      copyMs: Math.round(made.copyMs),
    },
  });
}
