/**
 * Ways to make requests and count them, a piece at a time: load from many connections at once, and shots, one request
 * after the other with the instance brought to its place before each.
 */
import { shotsMin } from "./limits.ts";
import { Histogram } from "./load/histogram.ts";
import type { LoadProcess } from "./load/load-process.ts";
import type { LoadPhase, LoadPlan, LoadResult, ShotPlan, ShotResult } from "./load/plan.ts";
import { noErrors } from "./load/tally.ts";
import type { Counted, Reading, Window } from "./run-totals.ts";

/** How long, and what goes before. */
export interface Piece {
  /** Milliseconds. */
  durationMs: number;
  /** Not counted. Milliseconds; 0 for none. */
  warmUpMs: number;
  /** Counted requests after which it ends early; null for none. */
  requestsMax: number | null;
}

export interface Driver {
  drive(piece: Piece): Promise<{ counted: Counted; window: Window | null }>;
}

/** Reads counters and processes; null when there is nothing to read. */
export type Read = (() => Promise<Reading>) | null;

type RunPlan = (
  plan: LoadPlan,
  options: { onPhase(phase: LoadPhase): void },
) => Promise<LoadResult>;

export function loadDriver(plan: LoadPlan, runPlan: RunPlan, read: Read): Driver {
  return {
    async drive({ durationMs, warmUpMs, requestsMax }) {
      const readings: Partial<Record<LoadPhase, Promise<Reading>>> = {};
      const onPhase = (phase: LoadPhase) => {
        if (read === null || (phase !== "counting" && phase !== "draining")) return;
        readings[phase] = read();
        // Whoever waits for it hears of it; nobody does when the run itself fails.
        readings[phase].catch(() => {});
      };
      const piece = { ...plan, durationMs, warmUpMs, maxRequests: requestsMax };
      const counted = await runPlan(piece, { onPhase });
      const [first, last] = [await readings.counting, await readings.draining];
      const window = first === undefined || last === undefined ? null : { first, last };
      return { counted, window };
    },
  };
}

export interface ShotOptions {
  plan: ShotPlan;
  generator: LoadProcess;
  /** Brings the instance to where the next request is to find it. */
  prepare(): Promise<void>;
  nowMs(): number;
  read: () => Promise<Reading>;
  signal: AbortSignal;
}

export function shotDriver({ plan, generator, prepare, nowMs, read, signal }: ShotOptions): Driver {
  const shoot = async () => {
    signal.throwIfAborted();
    await prepare();
    return await generator.shoot(plan);
  };
  const shootFor = async (
    ms: number,
    least: number,
    most: number,
    take: (shot: ShotResult) => void,
  ) => {
    const beginMs = nowMs();
    for (let count = 0; count < most; count++) {
      if (count >= least && nowMs() - beginMs >= ms) break;
      take(await shoot());
    }
    return nowMs() - beginMs;
  };
  return {
    async drive({ durationMs, warmUpMs, requestsMax }) {
      const most = requestsMax ?? Number.POSITIVE_INFINITY;
      if (warmUpMs > 0) await shootFor(warmUpMs, 1, most, () => {});
      const histogram = new Histogram();
      const errors = noErrors();
      const first = await read();
      const tookMs = await shootFor(durationMs, shotsMin, most, ({ latencyMs, status, error }) => {
        if (status !== null) histogram.record(latencyMs);
        if (error !== "status") {
          if (error !== null) errors[error] += 1;
        } else errors.status[String(status)] = (errors.status[String(status)] ?? 0) + 1;
      });
      const counted = {
        requests: histogram.count,
        durationMs: tookMs,
        ratePerS: null,
        errors,
        late: 0,
        unsent: 0,
        histogram: histogram.encode(),
      };
      return { counted, window: { first, last: await read() } };
    },
  };
}
