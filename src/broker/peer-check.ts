/** One look at a peer: `GET /healthz`, bounded in time and bytes, over a connection of its own. */
import { boundedText } from "./bounded-text.ts";
import { peerCheckTimeoutMs, peerHealthBytesMax } from "./limits.ts";
import type { PeerAnswer } from "./member-table.ts";

/** What `GET /healthz` answers; `readHealth` reads it. */
export function healthBody(answer: PeerAnswer): string {
  return `${JSON.stringify(answer)}\n`;
}

/** @returns null when it does not answer as a broker does: refused, late, another status, another program */
export async function checkPeer(url: string, ended: AbortSignal): Promise<PeerAnswer | null> {
  try {
    const response = await fetch(`${url}/healthz`, {
      // A kept connection would go on answering while nothing new can connect.
      keepalive: false,
      redirect: "manual",
      signal: AbortSignal.any([ended, AbortSignal.timeout(peerCheckTimeoutMs)]),
    });
    const text = await boundedText(response, peerHealthBytesMax);
    return response.status === 200 ? readHealth(text) : null;
  } catch {
    return null;
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
