/** Temporary folders with given files, for the tests of this folder. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export class TestFolder implements Disposable {
  readonly path: string;

  constructor(files: Record<string, string> = {}) {
    this.path = realpathSync(mkdtempSync(join(tmpdir(), "levain-deploy-")));
    this.write(files);
  }

  /** Writes files by relative path, with their folders. */
  write(files: Record<string, string>): this {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.path, path)), { recursive: true });
      writeFileSync(join(this.path, path), text);
    }
    return this;
  }

  at(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Every file below a folder: relative path → its text, with `*` after the path of executables. */
export async function filesIn(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    const mark = (mode & 0o100) === 0 ? "" : "*";
    found[`${path.slice(folder.length + 1)}${mark}`] = await readFile(path, "utf8");
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}
