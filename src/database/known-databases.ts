/** The databases there are, in memory and in `databases.json`: what apps are started with, whether the store answers or not. */
import { PlatformError } from "../base/errors.ts";
import type { Keyring } from "../secrets/keyring.ts";
import { type SealContext, UnsealError } from "../secrets/seal.ts";
import type { BranchDatabases, StoredDatabase } from "../store/branch-databases.ts";
import type { OpenDatabase } from "./connections.ts";
import { readConnections, writeConnections } from "./connections-file.ts";

export interface ResealOptions {
  keyring: Pick<Keyring, "seal" | "unseal" | "isCurrent">;
  rows(): BranchDatabases;
  /** Gets the names of passwords that no key opens. */
  unreadable: string[];
}

export class KnownDatabases {
  readonly #file: string;
  readonly #keyring: Pick<Keyring, "unseal">;
  #rows = new Map<string, StoredDatabase>();
  #writing: Promise<void> = Promise.resolve();

  constructor(file: string, keyring: Pick<Keyring, "unseal">) {
    this.#file = file;
    this.#keyring = keyring;
  }

  /** What the last node wrote. */
  async read(): Promise<void> {
    this.#take(await readConnections(this.#file));
  }

  /** What the store has, in the place of all. Resolves when it is on the disk. */
  async replace(rows: readonly StoredDatabase[]): Promise<void> {
    this.#take(rows);
    await this.write();
  }

  /** By app; production first. */
  list(app?: string): StoredDatabase[] {
    const all = [...this.#rows.values()];
    return app === undefined ? all : all.filter((row) => row.app === app);
  }

  get(name: string): StoredDatabase | null {
    return this.#rows.get(name) ?? null;
  }

  find(app: string, branch: string): StoredDatabase | null {
    return this.list(app).find((row) => row.branch === branch) ?? null;
  }

  /** In memory; `write` puts it on the disk. */
  set(row: StoredDatabase): void {
    this.#rows.set(row.name, row);
  }

  delete(name: string): void {
    this.#rows.delete(name);
  }

  /** Those that are there and whose password opens. */
  open(): OpenDatabase[] {
    return this.list().flatMap((row) => {
      try {
        return this.opened(row) ?? [];
      } catch {
        // Its key is not here; whoever asks for it is told.
        return [];
      }
    });
  }

  /** Null when it was dropped. @throws {PlatformError} `ENVIRONMENT_UNREADABLE` */
  opened(row: StoredDatabase): OpenDatabase | null {
    const { serverDatabase } = row;
    if (serverDatabase === null) return null;
    try {
      const password = this.#keyring.unseal(row.sealed, sealContext(row));
      return { ...row, serverDatabase, password };
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      throw new PlatformError("ENVIRONMENT_UNREADABLE", [row.app, "DATABASE_URL", error.message]);
    }
  }

  /** @throws {PlatformError} `DATABASE_UNKNOWN`, `DATABASE_DROPPED`, `ENVIRONMENT_UNREADABLE` */
  of(app: string, branch: string): OpenDatabase {
    const row = this.find(app, branch);
    if (row === null) throw databaseUnknown(app, branch);
    const opened = this.opened(row);
    if (opened !== null) return opened;
    throw new PlatformError("DATABASE_DROPPED", [app, branch, row.note ?? "dropped"]);
  }

  /** Passwords of an app in another envelope, in the store, here and on the disk. @returns how many. Count. */
  async reseal(app: string, { keyring, rows, unreadable }: ResealOptions): Promise<number> {
    let count = 0;
    for (const row of this.list(app)) {
      if (keyring.isCurrent(row.sealed)) continue;
      try {
        const sealed = keyring.seal(keyring.unseal(row.sealed, sealContext(row)), sealContext(row));
        await rows().putResealed(row.name, row.sealed, sealed);
        // What was seen of its use meanwhile stays.
        this.set({ ...(this.get(row.name) ?? row), sealed });
        count += 1;
      } catch (error) {
        if (!(error instanceof UnsealError)) throw error;
        unreadable.push(`the password of database ${row.name}`);
      }
    }
    if (count > 0) await this.write();
    return count;
  }

  /** One after the other; the last one has it all. */
  write(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => {})
      .then(() => writeConnections(this.#file, this.list()));
    return this.#writing;
  }

  #take(rows: readonly StoredDatabase[]): void {
    this.#rows = new Map(rows.map((row) => [row.name, row]));
  }
}

/** Where a password belongs. */
export function sealContext({ name, role }: Pick<StoredDatabase, "name" | "role">): SealContext {
  return ["database", name, role];
}

export function databaseUnknown(app: string, branch: string): PlatformError {
  return new PlatformError("DATABASE_UNKNOWN", [`of app "${app}" on ${branch}`]);
}
