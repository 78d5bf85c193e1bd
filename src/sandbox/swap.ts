/** The machine's swap, as far as this process may use it. */
import type { ReadText } from "./host-memory.ts";

export interface SwapArea {
  /** Device or file. */
  name: string;
  bytes: number;
  usedBytes: number;
  priority: number;
  isZram: boolean;
}

/** What `/proc/swaps` lists. Pure. */
export function swapAreas(read: ReadText): SwapArea[] {
  return (read("/proc/swaps") ?? "")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 5)
    .map(([name = "", , size, used, priority]) => ({
      name,
      bytes: Number(size) * 1024,
      usedBytes: Number(used) * 1024,
      priority: Number(priority),
      isZram: name.startsWith("/dev/zram"),
    }));
}

/** What can still be moved out: of the machine's swap, or of what the cgroup around this process may use of it. Bytes. */
export function swapFreeBytes(read: ReadText): number {
  const free = /^SwapFree:\s+(\d+) kB/m.exec(read("/proc/meminfo") ?? "")?.[1];
  const freeBytes = Number(free ?? 0) * 1024;
  if (freeBytes === 0) return 0;
  const folder = /^0::(.*)$/m.exec(read("/proc/self/cgroup") ?? "")?.[1];
  const mount = (read("/proc/self/mountinfo") ?? "")
    .split("\n")
    .find((line) => line.includes(" - cgroup2 "))
    ?.split(" ")[4];
  if (folder === undefined || mount === undefined) return freeBytes;
  const own = `${mount}${folder === "/" ? "" : folder}`;
  // `max`, and no such file, mean that there is no bound.
  const boundBytes = Number(read(`${own}/memory.swap.max`)?.trim() ?? Number.NaN);
  const usedBytes = Number(read(`${own}/memory.swap.current`)?.trim() ?? 0);
  return Number.isNaN(boundBytes)
    ? freeBytes
    : Math.min(freeBytes, Math.max(0, boundBytes - usedBytes));
}
