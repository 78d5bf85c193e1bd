/** One look at a peer: `GET /healthz`, bounded in time and bytes, over a connection of its own. */
import { boundedText } from "./bounded-text.ts";
import { peerCheckTimeoutMs, peerHealthBytesMax } from "./limits.ts";
import type { PeerAnswer } from "./member-table.ts";

/** That the time for one look is counted in. Count. */
const timeoutTicks = 10;

/** What `GET /healthz` answers; `readHealth` reads it. */
export function healthBody(answer: PeerAnswer): string {
  return `${JSON.stringify(answer)}\n`;
}

/**
 * Why there is no answer. `refused`: nobody listens there, so its process is gone, or has not begun. `failed`: late, broken off (which
 * a broker does that has no room for more), another status, another program.
 */
export type PeerFailure = "refused" | "failed";

/** Time in which this process stands still is not the peer's: its answer may lie here unread. Never rejects. */
export async function checkPeer(
  url: string,
  ended: AbortSignal,
): Promise<PeerAnswer | PeerFailure> {
  const late = new AbortController();
  let ticks = 0;
  // However long this process stood still, it is one tick.
  const timer = setInterval(() => {
    ticks += 1;
    if (ticks >= timeoutTicks) late.abort();
  }, peerCheckTimeoutMs / timeoutTicks);
  try {
    const response = await fetch(`${url}/healthz`, {
      // A kept connection would go on answering while nothing new can connect.
      keepalive: false,
      redirect: "manual",
      signal: AbortSignal.any([ended, late.signal]),
    });
    const text = await boundedText(response, peerHealthBytesMax);
    return (response.status === 200 ? readHealth(text) : null) ?? "failed";
  } catch (error) {
    return (error as { code?: unknown }).code === "ECONNREFUSED" ? "refused" : "failed";
  } finally {
    clearInterval(timer);
  }
}

/** @returns null for what is no answer of a broker */
export function readHealth(text: string): PeerAnswer | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { broker, dispatchPort = null } = value as Record<string, unknown>;
  if (typeof broker !== "string" || broker === "") return null;
  if (dispatchPort === null) return { broker, dispatchPort };
  const isPort = Number.isInteger(dispatchPort) && Number(dispatchPort) > 0;
  return isPort && Number(dispatchPort) < 65_536
    ? { broker, dispatchPort: Number(dispatchPort) }
    : null;
}
