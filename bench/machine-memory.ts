/** What the whole machine has left: the only sum in which shared, compressed and cached pages are there once. */
import { readFileSync } from "node:fs";

/** What could be given to something new without swapping (`MemAvailable`). Bytes. */
export function availableBytes(): number {
  const text = readFileSync("/proc/meminfo", "latin1");
  return Number(/^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1]) * 1024;
}

/** Between two looks, and how many. Others use the machine too, so one look alone says little. */
const lookMs = 100;
const looks = 7;

/** The median of a few looks. Bytes. */
export async function steadyAvailableBytes(): Promise<number> {
  const seen: number[] = [];
  while (seen.length < looks) {
    await Bun.sleep(lookMs);
    seen.push(availableBytes());
  }
  return seen.toSorted((left, right) => left - right)[Math.floor(looks / 2)]!;
}
