/** One time of short memory, from its beginning to its end, and what is said of it in the logs. */
import type { MemorySums, ReliefKind } from "./memory-rule.ts";

const DONE: Record<ReliefKind, string> = { freeze: "frozen", page: "paged", stop: "stopped" };

export class ReliefEpisode {
  readonly #sinceMs: number;
  readonly #counts: Record<ReliefKind, number> = { freeze: 0, page: 0, stop: 0 };

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  count(kind: ReliefKind): void {
    this.#counts[kind] += 1;
  }

  /** `after 12 s: 30 frozen, 14 paged, 3 stopped` */
  summary(nowMs: number): string {
    const seconds = Math.round((nowMs - this.#sinceMs) / 1000);
    const parts = (Object.keys(DONE) as ReliefKind[])
      .filter((kind) => this.#counts[kind] > 0)
      .map((kind) => `${this.#counts[kind]} ${DONE[kind]}`);
    return `after ${seconds} s: ${parts.length === 0 ? "nothing had to be done" : parts.join(", ")}`;
  }
}

/** `1.9 of 2.0 GiB used, 0.4 GiB of the machine free, pressure 3 %` */
export function describeSums(sums: MemorySums): string {
  const { usedBytes, budgetBytes, wantedBytes, availableBytes, pressure } = sums;
  return [
    `${size(usedBytes)} of ${size(budgetBytes)} used`,
    ...(wantedBytes > 0 ? [`a start needs ${size(wantedBytes)}`] : []),
    ...(Number.isFinite(availableBytes) ? [`${size(availableBytes)} of the machine free`] : []),
    ...(pressure === null ? [] : [`pressure ${Math.round(pressure.some * 100)} %`]),
  ].join(", ");
}

function size(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  return mebibytes < 1024 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}
