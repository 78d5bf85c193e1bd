/**
 * Files of a project whose change is no save: logs, and what our own output is written to. With `levain dev > dev.txt` each
 * reload would print a line, and so be the next save.
 */
import { fstatSync, type Stats, statSync } from "node:fs";

export class QuietFiles {
  readonly #outputs: ReadonlySet<string>;

  /** @param descriptors ours that are written to */
  constructor(descriptors: readonly number[]) {
    this.#outputs = new Set(descriptors.map(fileOf).filter((file) => file !== null));
  }

  /** @param path absolute */
  has(path: string): boolean {
    // Through a pipe (`| tee dev.log`) nobody knows where it ends, so names count, too.
    if (path.endsWith(".log")) return true;
    if (this.#outputs.size === 0) return false;
    try {
      return this.#outputs.has(nameOf(statSync(path)));
    } catch {
      // It is gone, or cannot be looked at.
      return false;
    }
  }
}

/** Null for a terminal, a pipe, and what is closed. */
function fileOf(descriptor: number): string | null {
  try {
    const facts = fstatSync(descriptor);
    return facts.isFile() ? nameOf(facts) : null;
  } catch {
    return null;
  }
}

/** Device and inode: one file, whatever it is called. */
function nameOf({ dev, ino }: Stats): string {
  return `${dev} ${ino}`;
}
