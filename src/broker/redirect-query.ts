/** What the targets of redirects say: of an offer to a runner, or to another broker. */
import type { PollPath } from "./broker-api.ts";

export interface RedirectQuery extends PollPath {
  /** Fingerprint of the members as the broker saw them that sent the request here; null: the client came by itself. */
  readonly members: string | null;
  /** That broker's word for a dispatch; empty when there is none. */
  readonly voucher: string;
}

/** Of a request that was not redirected. */
export const noRedirect: RedirectQuery = {
  lease: null,
  hops: 0,
  elapsedMs: 0,
  members: null,
  voucher: "",
};

/** What a broker makes one of; anything else is not handed on. */
const LEASE = /^[a-z0-9]{1,24}-[0-9]{1,16}$/;

/** What is read of a number that comes from outside; no client follows more. Count. */
const hopsReadMax = 1000;
/** A day; no poll lasts that long. Milliseconds. */
const elapsedMsMax = 86_400_000;

/** @param query without its `?`; what is not understood in it is as if it were not there */
export function readRedirectQuery(query: string): RedirectQuery {
  if (query === "") return noRedirect;
  let lease: string | null = null;
  let hops = 0;
  let elapsedMs = 0;
  let members: string | null = null;
  let voucher = "";
  for (let start = 0; start < query.length; ) {
    const next = query.indexOf("&", start);
    const end = next === -1 ? query.length : next;
    // All names have one letter, but for `lease`.
    const equals = query.indexOf("=", start);
    if (equals === -1) break;
    const value = query.slice(equals + 1, end);
    if (equals === start + 5 && query.startsWith("lease", start)) lease = value;
    else if (equals === start + 1) {
      switch (query.charCodeAt(start)) {
        case 0x68:
          hops = count(value, hopsReadMax);
          break;
        case 0x65:
          elapsedMs = count(value, elapsedMsMax);
          break;
        case 0x6d:
          members = value;
          break;
        case 0x76:
          voucher = value;
      }
    }
    start = end + 1;
  }
  return { lease, hops, elapsedMs, members, voucher };
}

/** A whole number, at most `max`; 0 for anything else. */
function count(text: string, max: number): number {
  return /^[0-9]{1,9}$/.test(text) ? Math.min(Number(text), max) : 0;
}

/** Where a poll goes whose key another broker owns. @param owner base URL without a slash at its end */
export function pollLocation(owner: string, path: PollPath, members: string): string {
  const claim = path.lease !== null && LEASE.test(path.lease) ? `lease=${path.lease}&` : "";
  const elapsedMs = Math.round(path.elapsedMs);
  return `${owner}/warm-start?${claim}h=${path.hops + 1}&e=${elapsedMs}&m=${members}`;
}

/** The same for a dispatch. */
export function dispatchLocation(owner: string, voucher: string, members: string): string {
  const word = voucher === "" ? "" : `&v=${voucher}`;
  return `${owner}/warm-start?m=${members}${word}`;
}
