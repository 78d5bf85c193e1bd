/**
 * What a request may cost at most: what was measured and a little more, since a process also looks at its memory, collects
 * garbage and wakes its own threads now and then. Lower a ceiling when the lane gets better; raise one only with a reason.
 */
import type { Cost, ProcessCost } from "./budget.ts";

interface Ceiling extends Omit<ProcessCost, "others" | "copiedBytes" | "textBytes"> {
  /** Copied, or made text and back: the one is often done to be spared the other. Bytes. */
  bytes: number;
}

/** A call for each request, and its share of those that many requests have in common. */
const alone = { epoll: 2.2, other: 0.5, timers: 0.2, turns: 1.2 };
const together = { epoll: 0.15, other: 0.3, timers: 0.02, turns: 0.06 };

/** By `<method> ×<depth>`. */
export const ceilings: Record<string, { node: Ceiling; app: Ceiling }> = {
  "GET ×1": {
    node: { recv: 2.1, send: 2.1, ...alone, bytes: 900 },
    app: { recv: 1.1, send: 1.1, ...alone, epoll: 1.2, bytes: 380 },
  },
  "GET ×50": {
    node: { recv: 1.1, send: 1.1, ...together, bytes: 900 },
    app: { recv: 0.1, send: 0.1, ...together, bytes: 380 },
  },
  "POST ×1": {
    node: { recv: 2.1, send: 2.1, ...alone, bytes: 3200 },
    app: { recv: 1.1, send: 1.1, ...alone, epoll: 1.2, bytes: 420 },
  },
  "POST ×50": {
    node: { recv: 1.1, send: 1.1, ...together, bytes: 3200 },
    app: { recv: 0.1, send: 0.1, ...together, bytes: 420 },
  },
};

/** One to the app and one back. */
const framesMax = 2;
/** Of those that arrive together, this share at least leaves in one write: fifty KiB in POSTs may take two. */
const sharedWriteMin = 0.4;

/** What costs more than it may, in words; empty when all is well. */
export function breaches(cost: Cost): string[] {
  const name = `${cost.method} ×${cost.depth}`;
  const ceiling = ceilings[name];
  if (ceiling === undefined) return [`${name} has no ceilings`];
  const found: string[] = [];
  for (const role of ["node", "app"] as const) {
    const { copiedBytes, textBytes, ...counted } = cost[role];
    const spent: Ceiling = { ...counted, bytes: copiedBytes + textBytes };
    for (const [what, most] of Object.entries(ceiling[role])) {
      const is = spent[what as keyof Ceiling];
      if (is <= most) continue;
      const others = what === "other" ? ` ${JSON.stringify(cost[role].others)}` : "";
      found.push(`${name}: ${what} of the ${role} is ${is.toFixed(2)}, at most ${most}${others}`);
    }
  }
  if (cost.frames > framesMax + 0.01) {
    found.push(`${name}: ${cost.frames.toFixed(2)} frames, at most ${framesMax}`);
  }
  const framesPerWriteMin = cost.depth * sharedWriteMin;
  if (cost.framesPerWrite < framesPerWriteMin) {
    found.push(
      `${name}: ${cost.framesPerWrite.toFixed(1)} frames per write, at least ${framesPerWriteMin}`,
    );
  }
  return found;
}
