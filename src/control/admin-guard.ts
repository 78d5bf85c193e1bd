/**
 * Who a request to the admin API is from, by the token it carries. A right one is always let through; wrong ones are answered
 * slower than anybody could guess, and the node's log says that there are some, never which.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { statSync } from "node:fs";
import { PlatformError } from "../base/errors.ts";
import { Bucket } from "../telemetry/bucket.ts";
import type { Principal } from "./access.ts";
import { adminTokenPath, metricsTokenOf, readAdminToken } from "./admin-token.ts";
import { wrongTokenNoteMs, wrongTokensBurst, wrongTokensPerSecond } from "./limits.ts";
import type { TokenBook } from "./token-book.ts";

export interface AdminGuardOptions {
  /** The folder with the token's file. */
  dataDir: string;
  /** Monotonic time. Milliseconds. */
  nowMs(): number;
  /** A line for the node's log. */
  note(line: string): void;
  tokens: Pick<TokenBook, "find">;
}

export class AdminGuard {
  readonly #options: AdminGuardOptions;
  readonly #wrong: Bucket;
  #tokens: Tokens | null = null;
  #wrongSinceNote = 0;
  #notedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: AdminGuardOptions) {
    this.#options = options;
    this.#wrong = new Bucket(wrongTokensPerSecond, wrongTokensBurst, options.nowMs());
  }

  /**
   * @throws {PlatformError} `ADMIN_TOKEN_MISSING`, `ADMIN_TOKEN_WRONG`, `ADMIN_TOKEN_LIMITED`, `ADMIN_TOKEN_EXPIRED`,
   *   `ADMIN_TOKEN_UNREADABLE`, `STORE_UNAVAILABLE`
   */
  async identify(headers: Headers): Promise<Principal> {
    const given = /^Bearer +([^\s]+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
    if (given === undefined) throw new PlatformError("ADMIN_TOKEN_MISSING", []);
    const own = this.#read();
    const digest = sha256(given);
    if (own !== null && timingSafeEqual(digest, own.admin)) return owner;
    if (own !== null && timingSafeEqual(digest, own.metrics)) return metrics;
    return (await this.#options.tokens.find(given)) ?? this.#refuse();
  }

  #refuse(): never {
    const nowMs = this.#options.nowMs();
    this.#wrongSinceNote += 1;
    if (nowMs - this.#notedAtMs >= wrongTokenNoteMs) {
      this.#options.note(`admin API: ${this.#wrongSinceNote} requests with a wrong token`);
      this.#wrongSinceNote = 0;
      this.#notedAtMs = nowMs;
    }
    if (!this.#wrong.hasOne(nowMs)) throw new PlatformError("ADMIN_TOKEN_LIMITED", []);
    this.#wrong.take();
    throw new PlatformError("ADMIN_TOKEN_WRONG", []);
  }

  /** The tokens as the file has them now; null, and nothing is right, when it cannot be read. */
  #read(): Tokens | null {
    const { dataDir } = this.#options;
    const facts = statSync(adminTokenPath(dataDir), { bigint: true, throwIfNoEntry: false });
    if (facts === undefined) return null;
    const stamp = `${facts.ino} ${facts.mtimeNs} ${facts.size}`;
    if (this.#tokens?.stamp === stamp) return this.#tokens;
    const token = readAdminToken(dataDir);
    if (token === null) return null;
    this.#tokens = { stamp, admin: sha256(token), metrics: sha256(metricsTokenOf(token)) };
    return this.#tokens;
  }
}

const always = { id: "", apps: null, expiresAtMs: null, ended: () => null } as const;
const owner: Principal = { ...always, kind: "owner", name: "owner", role: "admin" };
const metrics: Principal = { ...always, kind: "metrics", name: "metrics", role: "read" };

/** Digests: of one length, and comparing them tells nothing of the tokens. */
interface Tokens {
  /** Changes with the file. */
  stamp: string;
  admin: Buffer;
  metrics: Buffer;
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
