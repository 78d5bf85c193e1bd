/**
 * Swap for the time of a measurement, on a machine that has none: compressed memory (zram), or a file. Needs root, and
 * takes down what it set up.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type SwapKind = "none" | "zram" | "file";

export interface Swap extends AsyncDisposable {
  kind: SwapKind;
  /** Pages that were written to it. Bytes, as they were. */
  usedBytes(): number;
  /** What they take of the machine's memory there; 0 on disk. Bytes. */
  memoryBytes(): number;
}

const ZRAM = "/sys/block/zram0";

/** Why there can be no such swap here, or null. */
export function swapMissing(kind: SwapKind): string | null {
  if (kind === "none") return null;
  if (process.getuid?.() !== 0) return `${kind}: setting up swap takes root`;
  if (swapLines().length > 0) return `${kind}: the machine has swap already, which is left alone`;
  if (kind === "file") return null;
  if (!existsSync(ZRAM)) return "zram: there is no /dev/zram0 (modprobe zram)";
  const isUsed = readFileSync(`${ZRAM}/disksize`, "latin1").trim() !== "0";
  return isUsed ? "zram: /dev/zram0 is in use" : null;
}

/**
 * Dispose it to switch it off; what is in it goes back to memory then, so end first what has something in it.
 *
 * @param bytes how much it takes, uncompressed
 * @throws when a command fails; nothing is left of it then
 */
export async function setUpSwap(kind: SwapKind, bytes: number): Promise<Swap> {
  if (kind === "none") {
    return {
      kind,
      usedBytes: () => 0,
      memoryBytes: () => 0,
      [Symbol.asyncDispose]: async () => {},
    };
  }
  const path = kind === "zram" ? "/dev/zram0" : join(tmpdir(), `levain-swap-${process.pid}`);
  const remove = () => {
    if (kind === "zram") writeFileSync(`${ZRAM}/reset`, "1");
    else rmSync(path, { force: true });
  };
  try {
    if (kind === "zram") writeFileSync(`${ZRAM}/disksize`, String(bytes));
    else await run("fallocate", "-l", String(bytes), path);
    if (kind === "file") await run("chmod", "600", path);
    await run("mkswap", path);
    await run("swapon", path);
  } catch (error) {
    remove();
    throw error;
  }
  return {
    kind,
    usedBytes: () =>
      1024 *
      Number(
        swapLines()
          .find((line) => line.startsWith(path))
          ?.split(/\s+/)[3] ?? 0,
      ),
    memoryBytes: () =>
      // mm_stat: original size, compressed size, memory used …
      kind === "zram"
        ? Number(readFileSync(`${ZRAM}/mm_stat`, "latin1").trim().split(/\s+/)[2])
        : 0,
    async [Symbol.asyncDispose]() {
      await run("swapoff", path);
      remove();
    },
  };
}

function swapLines(): string[] {
  return readFileSync("/proc/swaps", "latin1").trim().split("\n").slice(1);
}

async function run(...command: string[]): Promise<void> {
  const child = Bun.spawn(command, { stdio: ["ignore", "ignore", "pipe"] });
  const failure = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")}: ${failure.trim()}`);
}
