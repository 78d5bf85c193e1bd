/**
 * The tokens that were created, in memory: a request costs one hash and asks no database. The store has them too, and
 * what is made or revoked here is in effect when the command answers.
 *
 *   made ──▶ valid ──expires, or revoked──▶ ended: what goes on with it is cut off
 */
import type { Clock } from "../base/clock.ts";
import { asPlatformError, messageOf, PlatformError } from "../base/errors.ts";
import type { Store } from "../store/store.ts";
import type { StoredToken } from "../store/tokens.ts";
import type { Principal, Role } from "./access.ts";
import { tokenLoadRetryMs, tokenSweepMs, tokenUseNoteMs } from "./limits.ts";
import { isTokenOf, makeToken, noHash, tokenIdOf } from "./token-text.ts";

export interface TokenBookOptions {
  store: Pick<Store, "tokens" | "createToken" | "removeToken" | "noteTokensUsed">;
  clock: Clock;
  /** Gives so many random bytes. */
  random(bytes: number): Buffer;
  /** A line for the node's log. */
  note(line: string): void;
}

export interface TokenRequest {
  name: string;
  role: Role;
  /** Null: every app, and the node. */
  apps: string[] | null;
  /** Wall-clock milliseconds; null: never. */
  expiresAtMs: number | null;
}

interface Entry {
  stored: StoredToken;
  /** Made when something goes on with the token, aborted when it ends. */
  ending: AbortController | null;
}

export class TokenBook {
  readonly #options: TokenBookOptions;
  /** By id; null until they were read. */
  #entries: Map<string, Entry> | null = null;
  /** Revoked while they could not be read, or could not be removed: these stay ended whatever the store says. */
  readonly #revoked = new Set<string>();
  #loading: Promise<Map<string, Entry>> | null = null;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #failure: unknown;
  readonly #used = new Map<string, number>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(options: TokenBookOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#sweep(), tokenSweepMs);
    this.#timer.unref();
  }

  /**
   * Who has sent this, or null when nobody has a token like that.
   *
   * @throws {PlatformError} `ADMIN_TOKEN_EXPIRED`; `STORE_UNAVAILABLE` while tokens could not be read yet
   */
  async find(text: string): Promise<Principal | null> {
    const id = tokenIdOf(text);
    if (id === null) return null;
    const entry = (this.#entries ?? (await this.#load())).get(id);
    const isRight = isTokenOf(text, entry?.stored.hash ?? noHash);
    if (entry === undefined || !isRight || this.#revoked.has(id)) return null;
    const { name, role, apps, expiresAtMs } = entry.stored;
    const atMs = this.#options.clock.wallMs();
    if (expiresAtMs !== null && atMs >= expiresAtMs) {
      throw new PlatformError("ADMIN_TOKEN_EXPIRED", [name]);
    }
    this.#noteUse(entry.stored, atMs);
    const ended = () => {
      entry.ending ??= new AbortController();
      return entry.ending.signal;
    };
    return { kind: "token", id, name, role, apps, expiresAtMs, ended };
  }

  /** All of them, oldest first; also those that have expired. @throws {PlatformError} `STORE_UNAVAILABLE` */
  async list(): Promise<StoredToken[]> {
    const entries = this.#entries ?? (await this.#load());
    return [...entries.values()].map(({ stored }) => stored);
  }

  /**
   * @returns the token itself, which nobody can show again, and what is kept of it
   * @throws {PlatformError} `TOKEN_NAME_TAKEN`, `TOKENS_FULL`, `STORE_UNAVAILABLE`
   */
  async create(request: TokenRequest): Promise<{ text: string; stored: StoredToken }> {
    const { store, clock, random } = this.#options;
    const entries = this.#entries ?? (await this.#load());
    const { id, text, hash } = makeToken(random);
    const stored = { ...request, id, hash, createdAtMs: clock.wallMs(), usedAtMs: null };
    await store.createToken(stored);
    entries.set(id, { stored, ending: null });
    return { text, stored };
  }

  /**
   * Ends a token, and what goes on with it, at once; when the store cannot be reached it is refused all the same, until
   * the node starts again.
   *
   * @param named its id or its name
   * @throws {PlatformError} `TOKEN_UNKNOWN`, `STORE_UNAVAILABLE`
   */
  async revoke(named: string): Promise<StoredToken> {
    const entries = this.#entries ?? (await this.#load());
    const entry =
      entries.get(named) ?? [...entries.values()].find(({ stored }) => stored.name === named);
    if (entry === undefined) throw new PlatformError("TOKEN_UNKNOWN", [named.slice(0, 100)]);
    const { stored } = entry;
    this.#revoked.add(stored.id);
    end(entry);
    await this.#options.store.removeToken(stored.id);
    entries.delete(stored.id);
    this.#used.delete(stored.id);
    this.#revoked.delete(stored.id);
    return stored;
  }

  /** Writes what is not written yet. Twice is safe. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writeUses();
  }

  /** One at a time, and after a failure not again at once: anybody can send what looks like a token. */
  #load(): Promise<Map<string, Entry>> {
    const { store, clock } = this.#options;
    if (clock.nowMs() - this.#failedAtMs < tokenLoadRetryMs) return Promise.reject(this.#failure);
    this.#loading ??= store
      .tokens()
      .then((all) => {
        this.#entries = new Map(all.map((stored) => [stored.id, { stored, ending: null }]));
        return this.#entries;
      })
      .catch((error: unknown) => {
        this.#failedAtMs = clock.nowMs();
        this.#failure = asPlatformError(error);
        throw this.#failure;
      })
      .finally(() => {
        this.#loading = null;
      });
    return this.#loading;
  }

  #noteUse(stored: StoredToken, atMs: number): void {
    if (stored.usedAtMs !== null && atMs - stored.usedAtMs < tokenUseNoteMs) return;
    stored.usedAtMs = atMs;
    this.#used.set(stored.id, atMs);
  }

  #sweep(): void {
    const atMs = this.#options.clock.wallMs();
    for (const entry of this.#entries?.values() ?? []) {
      const { expiresAtMs } = entry.stored;
      if (expiresAtMs !== null && atMs >= expiresAtMs) end(entry);
    }
    void this.#writeUses();
  }

  async #writeUses(): Promise<void> {
    if (this.#used.size === 0) return;
    const used = new Map(this.#used);
    this.#used.clear();
    try {
      await this.#options.store.noteTokensUsed(used);
    } catch (error) {
      // It says only when a token was used; the next use is noted again.
      this.#options.note(`Cannot note when tokens were used: ${messageOf(error)}`);
    }
  }
}

function end({ ending, stored }: Entry): void {
  ending?.abort(new PlatformError("ADMIN_TOKEN_REVOKED", [stored.name]));
}
