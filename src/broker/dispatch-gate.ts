/**
 * Who may dispatch, when a token is asked for: `authorization: Bearer <token>`. A dispatch that another broker of the same
 * token has sent here is let in by that broker's word, since clients follow a redirect to another origin without the header.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { voucherClockSkewMs, voucherTtlMs } from "./limits.ts";
import type { DispatchGate } from "./trust-api.ts";

export interface DispatchGateOptions {
  /** Null: everybody is let in. */
  token: string | null;
  /** Vouchers end by its wall-clock time. */
  clock: Clock;
}

export function createDispatchGate({ token, clock }: DispatchGateOptions): DispatchGate {
  return token === null ? openGate : new TokenGate(token, clock);
}

const openGate: DispatchGate = {
  admits: () => true,
  vouch: () => "",
  admitsVouched: () => true,
};

class TokenGate implements DispatchGate {
  readonly #token: string;
  readonly #digest: Buffer;
  readonly #clock: Clock;

  constructor(token: string, clock: Clock) {
    this.#token = token;
    this.#digest = sha256(token);
    this.#clock = clock;
  }

  admits(authorization: string | null): boolean {
    const given = /^Bearer +([^\s]+) *$/i.exec(authorization ?? "")?.[1];
    // Digests have one length, so that the time of comparing says nothing of the token's.
    return given !== undefined && timingSafeEqual(sha256(given), this.#digest);
  }

  vouch(): string {
    const untilMs = Math.floor(this.#clock.wallMs()) + voucherTtlMs;
    return `${untilMs}.${this.#signature(untilMs)}`;
  }

  admitsVouched(voucher: string): boolean {
    const [, until = "", signature = ""] = /^(\d{1,15})\.([\w-]{43})$/.exec(voucher) ?? [];
    const untilMs = Number(until);
    const leftMs = untilMs - this.#clock.wallMs();
    if (leftMs < -voucherClockSkewMs || leftMs > voucherTtlMs + voucherClockSkewMs) return false;
    return timingSafeEqual(sha256(signature), sha256(this.#signature(untilMs)));
  }

  #signature(untilMs: number): string {
    return createHmac("sha256", this.#token).update(`dispatch ${untilMs}`).digest("base64url");
  }
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
