/**
 * The databases of a node's branches, from the deploy that makes one to the day it is dropped.
 *
 *   none ──ensure()──▶ there ──drop(), unused for ttlMs──▶ dropped ──ensure()──▶ there
 *                      │   ▲                                  └─remove()─▶ none
 *                      └───┘ reset(), replace(): another one on the server takes its place, behind a hold
 *
 * The store knows what there is; a copy in memory and in `databases.json` is what apps are started with, whether the store
 * answers or not.
 */
import type { VersionSpec } from "../base/version-spec.ts";
import type { StoredDatabase } from "../store/branch-databases.ts";
import {
  DATABASE_VARIABLES,
  databaseEnvironment,
  databaseUrl,
  type OpenDatabase,
  relayDatabaseOf,
} from "./connections.ts";
import { asDatabaseError } from "./database-error.ts";
import type { DatabasesOptions } from "./databases-options.ts";
import {
  assertRoom,
  type EnsuredDatabase,
  type EnsureRequest,
  maskOf,
  nameOf,
  sourceOf,
} from "./ensure-rules.ts";
import { ensureExtensions } from "./extensions.ts";
import { databaseUnknown, KnownDatabases } from "./known-databases.ts";
import { databaseHoldTimeoutMs } from "./limits.ts";
import {
  type DatabaseParts,
  type MadeDatabase,
  type MakeRequest,
  makeDatabase,
} from "./make-database.ts";
import { Making } from "./making.ts";
import { assertRights } from "./rights.ts";
import { renewPassword } from "./role.ts";
import type { Login, Server } from "./server.ts";
import { type TrialCopy, takeTrialCopy } from "./trial-copy.ts";
import { Turns } from "./turns.ts";
import { isExpired } from "./use-rule.ts";

export class Databases {
  readonly #options: DatabasesOptions;
  readonly #making: Making;
  readonly #turns = new Turns();
  readonly #known: KnownDatabases;

  constructor(options: DatabasesOptions) {
    const { server, clock } = options;
    this.#options = options;
    this.#known = new KnownDatabases(options.file, options.keyring);
    this.#making = new Making({ server, clock, leftovers: options.rows });
  }

  /** Takes what the last node left in `databases.json`. */
  open(): Promise<void> {
    return this.#known.read();
  }

  /** The server can be named, whether it answers or not: starts the relay when there is something for it. */
  connect(): Promise<void> {
    return this.#tellRelay();
  }

  /** Takes what the store has, once it answers, and drops what a node that was killed has left on the server. */
  async load(): Promise<void> {
    const { rows } = this.#options;
    await this.#known.replace(await rows().list());
    await this.#tellRelay();
    await this.sweep();
  }

  /** @returns names of databases and roles that are gone */
  async sweep(): Promise<string[]> {
    return (await this.#making.sweep()).map(({ name }) => name);
  }

  /** By app; production first. */
  list(app?: string): StoredDatabase[] {
    return this.#known.list(app);
  }

  /** @throws {PlatformError} `DATABASE_UNKNOWN`, `DATABASE_DROPPED`, `ENVIRONMENT_UNREADABLE` */
  of(app: string, branch: string): OpenDatabase {
    return this.#known.of(app, branch);
  }

  /** Where clients on this machine reach it. @throws like `of` */
  urlOf(app: string, branch: string): string {
    return databaseUrl(this.of(app, branch), this.#options.port());
  }

  /**
   * What a version's process finds beside its own environment; what that has goes first.
   *
   * @throws {PlatformError} `DATABASE_UNKNOWN`, `DATABASE_DROPPED`
   */
  environmentOf(
    { app, branch, database }: Pick<VersionSpec, "app" | "branch" | "database">,
    own: Readonly<Record<string, string>>,
  ): Record<string, string> {
    // Whoever has a URL of his own means another database, with all that belongs to it.
    if (database === null || own[DATABASE_VARIABLES[0]] !== undefined) return {};
    return databaseEnvironment(this.of(app, branch), this.#options.port());
  }

  /**
   * The branch's database, as a deploy asks for it: made when there is none, changed when it was another one that was asked
   * for.
   *
   * @throws {PlatformError} why there is none; then nothing has changed
   */
  ensure(request: EnsureRequest): Promise<EnsuredDatabase> {
    const { app, branch } = request;
    return this.#alone(app, `make the database of app "${app}" on ${branch}`, async () => {
      await assertRights(this.#options.server);
      await this.#refresh(app, branch);
      const before = this.#known.find(app, branch);
      if (before !== null && before.serverDatabase !== null) return this.#change(before, request);
      assertRoom(this.#known.list(), app, branch, this.#options.bounds);
      const name = before?.name ?? (await nameOf(this.#options, this.#known, app, branch));
      const source = sourceOf(this.#known, request);
      const { rows } = this.#options;
      let row: StoredDatabase | null = null;
      const made = await makeDatabase(this.#parts, {
        ...request,
        mask: maskOf(this.#known, request),
        name,
        before: null,
        source,
        async keep(kept, taken) {
          await rows().put(kept, taken);
          row = kept;
        },
      });
      await this.#put(row!);
      return {
        name,
        made,
        undo: () => this.drop(app, branch, "the deploy that made it failed", before === null),
      };
    });
  }

  /**
   * Gives a branch a database as a new branch would get it now. What is in it is lost; sessions go on with the new one.
   *
   * @throws {PlatformError} `DATABASE_UNKNOWN`, `DATABASE_BUSY`, and what `ensure` throws; then it is as it was
   */
  reset(
    app: string,
    branch: string,
    asked: { parent: string | null; from: MakeRequest["spec"]["from"] | null },
  ): Promise<MadeDatabase> {
    return this.#alone(app, `reset the database of app "${app}" on ${branch}`, async () => {
      const before = this.of(app, branch);
      const spec = asked.from === null ? before.spec : { ...before.spec, from: asked.from };
      const parent = asked.parent ?? before.parent;
      const request = { app, branch, spec, mask: before.mask, parent };
      return makeDatabase(this.#parts, {
        ...request,
        name: before.name,
        before,
        source: sourceOf(this.#known, request),
        keep: (row) => this.#swap(before, { ...row, spec: before.spec }),
      });
    });
  }

  /**
   * Puts another database in the place of a branch's: an empty one that `fill` puts something into, as the branch's role.
   *
   * @throws what `fill` throws, and what `reset` does; then it is as it was
   */
  replace(
    app: string,
    branch: string,
    fill: (database: string, login: Login) => Promise<void>,
  ): Promise<void> {
    return this.#alone(app, `replace the database of app "${app}" on ${branch}`, async () => {
      const before = this.of(app, branch);
      const { spec, mask, name } = before;
      await makeDatabase(this.#parts, {
        app,
        branch,
        spec,
        mask,
        name,
        before,
        source: null,
        fill,
        keep: (row) => this.#swap(before, row),
      });
    });
  }

  /** How the server is reached as a branch's role, beside the relay. @throws like `of` */
  loginOf(app: string, branch: string): { server: Server; database: string; login: Login } {
    const { role, password, serverDatabase } = this.of(app, branch);
    return {
      server: this.#options.server,
      database: serverDatabase,
      login: { user: role, password },
    };
  }

  /** A copy of a branch's data for somebody to try something on. Whoever has it drops it. @throws like `reset` */
  copyForTrial(app: string, branch: string): Promise<TrialCopy> {
    return this.#alone(app, `copy the database of app "${app}" on ${branch}`, () =>
      takeTrialCopy(this.#parts, this.of(app, branch), this.#options.port()),
    );
  }

  /** The operator's switch. */
  setReadOnly(app: string, branch: string, isReadOnly: boolean): Promise<StoredDatabase> {
    return this.#alone(app, `change the database of app "${app}" on ${branch}`, async () => {
      const found = this.#known.find(app, branch);
      if (found === null) throw databaseUnknown(app, branch);
      const row = { ...found, isReadOnly };
      await this.#options.rows().put(row);
      await this.#put(row);
      return row;
    });
  }

  /** What the watch has seen. A row that is gone meanwhile stays gone. */
  async noteUse(
    name: string,
    seen: Pick<StoredDatabase, "bytes" | "isOver" | "usedAtMs">,
  ): Promise<void> {
    await this.#options.rows().note(name, seen);
    // Only now: it may have been dropped meanwhile, or another one on the server have taken its place.
    const row = this.#known.get(name);
    if (row === null || row.serverDatabase === null) return;
    const now = { ...row, ...seen };
    if (row.isOver === now.isOver) this.#known.set(now);
    else await this.#put(now);
  }

  /**
   * Ends its sessions and drops it with its role.
   *
   * @param why kept for those who look for it; the next deploy makes it anew
   * @param isForgotten true: nothing is kept, as of a branch that is gone
   * @throws {PlatformError} `DATABASE_UNKNOWN`
   */
  drop(app: string, branch: string, why: string, isForgotten = false): Promise<void> {
    return this.#alone(app, `drop the database of app "${app}" on ${branch}`, async () => {
      const row = this.#known.find(app, branch);
      if (row === null) throw databaseUnknown(app, branch);
      await this.#drop(row, why, isForgotten);
    });
  }

  /** Drops one that nobody used for its `ttlMs`, unless a deploy has begun to meanwhile. @returns whether it did */
  expire({ app, branch }: StoredDatabase, nowMs: number, why: string): Promise<boolean> {
    return this.#alone(app, `drop the database of app "${app}" on ${branch}`, async () => {
      const row = this.#known.find(app, branch);
      const isUnused = row !== null && isExpired(row, nowMs);
      if (isUnused) await this.#drop(row, why, false);
      return isUnused;
    });
  }

  /** Drops what a branch has, or all branches of an app; nothing when there is nothing. */
  remove(app: string, branch: string | null): Promise<void> {
    return this.#alone(app, `drop the databases of app "${app}"`, async () => {
      // Copies before what they were copied from, which some of their rights may still name.
      const rows = this.list(app).filter((row) => branch === null || row.branch === branch);
      for (const row of rows.reverse()) await this.#drop(row, "removed", true);
    });
  }

  /** See `KnownDatabases.reseal`. In the turn of each app: what has it stores whole rows, with the password in them. */
  async reseal(unreadable: string[]): Promise<number> {
    const { keyring, rows } = this.#options;
    let count = 0;
    for (const app of new Set(this.list().map((row) => row.app))) {
      count += await this.#alone(app, `seal the passwords of app "${app}"`, () =>
        this.#known.reseal(app, { keyring, rows, unreadable }),
      );
    }
    return count;
  }

  async #change(before: StoredDatabase, request: EnsureRequest): Promise<EnsuredDatabase> {
    const { server, rows, clock } = this.#options;
    const { database, login } = this.loginOf(request.app, request.branch);
    await renewPassword(server, login);
    await ensureExtensions(server, database, login, request.spec.extensions);
    const { spec } = request;
    const mask = maskOf(this.#known, request);
    const row = { ...before, spec, mask, note: null, usedAtMs: clock.wallMs() };
    await rows().put(row);
    await this.#put(row);
    const undo = () =>
      this.#alone(request.app, `put back the database of app "${request.app}"`, async () => {
        const now = this.#known.get(before.name);
        if (now === null) return;
        const back = { ...now, spec: before.spec, mask: before.mask };
        await rows().put(back);
        await this.#put(back);
      });
    return { name: before.name, made: null, undo };
  }

  /** Another database in the place of a branch's, while nobody is in either. */
  async #swap(before: OpenDatabase, after: StoredDatabase): Promise<void> {
    const { relay, rows } = this.#options;
    const there = await relay();
    const old = { kind: "database", name: before.serverDatabase } as const;
    const hold = await there.hold(before.name, { timeoutMs: databaseHoldTimeoutMs });
    try {
      await rows().put(after, [{ kind: "database", name: after.serverDatabase! }], [old]);
      await this.#put(after);
    } finally {
      await hold.release();
    }
    // What cannot be dropped now goes with the next sweep.
    await this.#making.drop(old).catch(() => {});
  }

  async #drop(row: StoredDatabase, why: string, isForgotten: boolean): Promise<void> {
    const { rows, relay, clock, onDropped } = this.#options;
    const { serverDatabase, name, role } = row;
    const left =
      serverDatabase === null
        ? []
        : [
            { kind: "database" as const, name: serverDatabase },
            { kind: "role" as const, name: role },
          ];
    const dropped = { ...row, serverDatabase: null, note: why, bytes: null, isOver: false };
    if (isForgotten) await rows().remove(name, left, clock.wallMs());
    else await rows().put(dropped, [], left);
    if (isForgotten) this.#known.delete(name);
    else this.#known.set(dropped);
    await this.#known.write();
    if (!isForgotten) onDropped?.(row.app, row.branch);
    if (serverDatabase !== null) await (await relay()).remove(name);
    for (const leftover of left) await this.#making.drop(leftover);
  }

  #alone<Result>(app: string, action: string, work: () => Promise<Result>): Promise<Result> {
    return this.#turns.take(app, work).catch((error) => {
      throw asDatabaseError(error, action);
    });
  }

  get #parts(): DatabaseParts {
    const { server, keyring, clock, log, relay, rows } = this.#options;
    return { server, keyring, clock, log, relay, rows, making: this.#making };
  }

  /** What the store has of one: a call whose answer was lost may have changed it. */
  async #refresh(app: string, branch: string): Promise<void> {
    const row = await this.#options.rows().find(app, branch);
    if (row !== null) this.#known.set(row);
  }

  /** Into memory, to the relay, and on the disk. */
  async #put(row: StoredDatabase): Promise<void> {
    this.#known.set(row);
    const opened = this.#known.opened(row);
    if (opened !== null) {
      const { relay, server } = this.#options;
      await (await relay()).put(relayDatabaseOf(opened, server.access.address));
    }
    await this.#known.write();
  }

  async #tellRelay(): Promise<void> {
    const { relay, server } = this.#options;
    const open = this.#known.open();
    if (open.length === 0) return;
    const there = await relay();
    for (const database of open) await there.put(relayDatabaseOf(database, server.access.address));
  }
}
