/**
 * The apps that are measured, written as folders that can also be deployed: `levain deploy <dir>/warm-noop`. Those of
 * earlier runs are written over.
 *
 *   written ──[Symbol.asyncDispose]──▶ removed with their folder, unless they are to be kept
 */
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDiskFull, messageOf, PlatformError } from "../base/errors.ts";
import { removeAtExit } from "./leftovers.ts";
import type { FixtureApp } from "./scenarios.ts";

/** An app as a deploy would leave it; this is what is measured. */
export const builtEntry = "index.levain.js";

/** Says that a folder is ours. */
const marker = ".levain-perf";

export interface FixtureOptions {
  /** Absolute path; null: a new temporary folder. */
  dir: string | null;
  keep: boolean;
}

export class Fixtures implements AsyncDisposable {
  /** Holds a folder per app. */
  readonly dir: string;
  readonly #keep: boolean;
  readonly #release: () => void;
  /** Text of each module, built. */
  readonly #built = new Map<string, Promise<string>>();

  /**
   * @throws {PlatformError} `INPUT_INVALID` when the folder holds something else, or cannot be made or written.
   * @throws {Error} of the file system, in the system's temporary folder.
   */
  static async open({ dir, keep }: FixtureOptions): Promise<Fixtures> {
    if (dir === null) return new Fixtures(await mkdtemp(join(tmpdir(), "levain-perf-")), keep);
    try {
      await mkdir(dir, { recursive: true });
      const found = await readdir(dir);
      // What is written is removed in the end: it must not be mixed with anybody's own.
      if (found.length > 0 && !found.includes(marker))
        throw new Error("it must be empty, and is not");
      await writeFile(join(dir, marker), "Written by levain perf; it may be removed.\n");
    } catch (error) {
      if (isDiskFull(error)) throw error;
      const why = `--fixture-dir ${dir} cannot be used: ${messageOf(error)}`;
      throw new PlatformError("INPUT_INVALID", [why]);
    }
    return new Fixtures(dir, keep);
  }

  private constructor(dir: string, keep: boolean) {
    this.dir = dir;
    this.#keep = keep;
    this.#release = keep ? () => {} : removeAtExit(dir);
  }

  /** Writes the apps' folders. @throws {Error} of the file system. */
  async write(apps: readonly FixtureApp[]): Promise<void> {
    for (const app of apps) await this.#writeApp(app);
  }

  /** An empty folder for a node's data. The node removes it. */
  async dataDir(): Promise<string> {
    return await mkdtemp(join(tmpdir(), "levain-perf-data-"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#keep) await rm(this.dir, { recursive: true, force: true });
    this.#release();
  }

  async #writeApp({ name, module, ephemeral = false }: FixtureApp): Promise<void> {
    const folder = join(this.dir, name);
    await mkdir(folder, { recursive: true });
    const source = join(import.meta.dir, "apps", `${module}.ts`);
    const config = { name, ...(ephemeral ? { ephemeral } : {}) };
    await Promise.all([
      copyFile(source, join(folder, "index.ts")),
      writeFile(join(folder, builtEntry), await this.#build(source)),
      writeFile(join(folder, "levain.config.json"), `${JSON.stringify(config, null, 2)}\n`),
    ]);
  }

  #build(source: string): Promise<string> {
    const known = this.#built.get(source);
    if (known !== undefined) return known;
    const built = Bun.build({ entrypoints: [source], target: "bun", format: "esm" });
    const text = built.then(({ outputs }) => outputs[0]!.text());
    this.#built.set(source, text);
    return text;
  }
}
