/** Numbers as a person reads them in a table: short, with a unit. */

/** `0 B`, `812 B`, `3.4 MiB`. Null is a dash. */
export function showBytes(bytes: number | null): string {
  if (bytes === null) return "-";
  let value = bytes;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (value < 1024) return `${unit === "B" ? value : value.toFixed(1)} ${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(1)} TiB`;
}

/** The largest two units: `0s`, `12s`, `3m 4s`, `2h 5m`, `4d 1h`. Null is a dash. */
export function showAge(ms: number | null): string {
  if (ms === null) return "-";
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days}d ${hours % 24}h`;
  if (hours > 0) return `${hours}h ${minutes % 60}m`;
  if (minutes > 0) return `${minutes}m ${seconds % 60}s`;
  return `${seconds}s`;
}

/** `340 ms`, `1.2 s`, `3m 4s`. */
export function showDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 100_000) return `${(ms / 1000).toFixed(1)} s`;
  return showAge(ms);
}

/** As `showDuration`, with a digit more where that matters: `0.4 ms`, `3.2 ms`, `340 ms`. */
export function showLatency(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : showDuration(ms);
}

/** `2 versions`, `1 version`. */
export function showCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** `2026-11-21`, UTC. */
export function showDate(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/** `2026-11-21 08:00`, UTC. */
export function showMinute(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 16).replace("T", " ");
}
