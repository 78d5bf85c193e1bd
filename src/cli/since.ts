/** A point in the past as people write it: `5m`, `2h`, `3d`, `2026-11-21T08:00:00Z`, `2026-11-21`. */
import { usageError } from "./failure.ts";

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * @param wallMs now, wall-clock milliseconds.
 * @returns wall-clock milliseconds. A date without a zone is UTC, as in the log.
 * @throws {PlatformError} `INPUT_INVALID`.
 */
export function parseSince(text: string, wallMs: number): number {
  const [, count, unit = ""] = /^(\d{1,9})(ms|s|m|h|d|w)$/.exec(text) ?? [];
  if (count !== undefined) return Math.max(0, wallMs - Number(count) * (unitMs[unit] as number));
  const [, date, time, zone = "Z"] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?))?(Z|[+-]\d{2}:\d{2})?$/.exec(
      text,
    ) ?? [];
  const parsed = date === undefined ? Number.NaN : Date.parse(`${date}T${time ?? "00:00"}${zone}`);
  if (Number.isNaN(parsed)) {
    throw usageError(`--since "${text}" is no time: write 5m, 2h, 3d or 2026-11-21T08:00:00Z`);
  }
  return Math.max(0, parsed);
}

/**
 * A stretch of time: `12h`, `30d`.
 *
 * @param flag as it is named when it is wrong
 * @returns milliseconds
 * @throws {PlatformError} `INPUT_INVALID`.
 */
export function parseSpan(text: string, flag: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})(ms|s|m|h|d|w)$/.exec(text) ?? [];
  if (count === "") throw usageError(`${flag} "${text}" is no time: write 12h, 30d or never`);
  return Number(count) * (unitMs[unit] as number);
}
