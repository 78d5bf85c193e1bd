/** A fixture that imports packages, as a deploy would make it: an app finds nothing outside of its artifact. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface BundledFixture {
  /** Artifact, removed when the process ends. */
  folder: string;
  entry: string;
}

const made = new Map<string, Promise<BundledFixture>>();

/** Bundles `fixtures/<name>.ts`, once. */
export function bundledFixture(name: string): Promise<BundledFixture> {
  return made.getOrInsertComputed(name, async () => {
    const folder = mkdtempSync(join(tmpdir(), "levain-fixture-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    await Bun.build({
      entrypoints: [join(import.meta.dir, "fixtures", `${name}.ts`)],
      outdir: folder,
      target: "bun",
    });
    return { folder, entry: `${name}.js` };
  });
}
