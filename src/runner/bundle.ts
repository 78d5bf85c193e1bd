/**
 * The runner as one file with its bytecode, for the node that starts it. A process is ready with it in half the time that
 * the modules take: most of that is finding, reading and compiling them.
 *
 *   <bundlesDir>/<digest of the modules and of Bun>/main.js   main.js.jsc
 *
 * Made by a process of its own when there is none yet. Until then, and where it cannot be made, the modules are run.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { bundleKeptMs, bundleTimeoutMs } from "./limits.ts";

const modulePath = join(import.meta.dir, "main.ts");

/** Which Bun runs the runner. */
export interface RunnerProgram {
  /** Path of its program. */
  path: string;
  /** As it says it. Bytecode is for this one alone. */
  revision: string;
}

/** The one that this process runs on. */
const ownProgram: RunnerProgram = {
  path: process.execPath,
  revision: `${Bun.version} ${Bun.revision}`,
};

/** Folders whose modules a runner may consist of; `src/layers.test.ts` holds it to them. */
const FOLDERS = ["base", "runner", "telemetry", "wire"];

export class RunnerBundle {
  readonly #bundlesDir: string;
  readonly #folder: string;
  readonly #bundlePath: string;
  readonly #program: RunnerProgram;
  #isThere: boolean;
  #made: Promise<void> | null = null;

  /** In `bundlesDir` nobody else may write, and there are only bundles for this program. Its owner removes it. */
  constructor(bundlesDir: string, program = ownProgram) {
    this.#bundlesDir = bundlesDir;
    this.#program = program;
    this.#folder = join(bundlesDir, digestOfModules(program));
    this.#bundlePath = join(this.#folder, "main.js");
    this.#isThere = existsSync(this.#bundlePath);
  }

  /** What a process should run now. */
  get path(): string {
    return this.#isThere ? this.#bundlePath : modulePath;
  }

  /** Makes it when it is missing. Resolves when it is there, or cannot be made; never rejects. Twice is safe. */
  make(): Promise<void> {
    this.#made ??= this.#isThere ? Promise.resolve() : this.#make();
    return this.#made;
  }

  async #make(): Promise<void> {
    try {
      mkdirSync(this.#bundlesDir, { recursive: true, mode: 0o700 });
      const staging = await mkdtemp(join(this.#bundlesDir, ".staging-"));
      try {
        await bundleTo(staging, this.#program);
        // Apps may run as other users, who read it.
        chmodSync(staging, 0o755);
        // Somebody else may have been faster; theirs is the same.
        await rename(staging, this.#folder).catch(() => {});
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
      this.#isThere = existsSync(this.#bundlePath);
      await removeOld(this.#bundlesDir, this.#folder);
    } catch {
      // The modules do as well, only more slowly.
    }
  }
}

/** @throws when there is no bundle. */
async function bundleTo(folder: string, program: RunnerProgram): Promise<void> {
  // Bytecode is for this Bun and for CommonJS. In this process it would leave a compiler's memory behind.
  const how = ["--target=bun", "--format=cjs", "--bytecode", `--outdir=${folder}`];
  const child = Bun.spawn([program.path, "build", ...how, modulePath], {
    cwd: folder,
    env: {},
    stdio: ["ignore", "ignore", "ignore"],
    timeout: bundleTimeoutMs,
    killSignal: "SIGKILL",
  });
  if ((await child.exited) !== 0) throw new Error("the runner cannot be bundled");
}

function digestOfModules({ revision }: RunnerProgram): string {
  const hasher = new Bun.CryptoHasher("sha256");
  hasher.update(`${revision} ${process.arch}`);
  for (const name of FOLDERS) {
    const folder = join(import.meta.dir, "..", name);
    for (const file of readdirSync(folder).sort()) {
      if (!file.endsWith(".ts") || file.endsWith("test.ts") || file.endsWith("-for-tests.ts"))
        continue;
      hasher.update(`\0${name}/${file}\0`);
      hasher.update(readFileSync(join(folder, file)));
    }
  }
  return hasher.digest("hex");
}

/** Removes bundles of other versions. Young ones may be another process's that is about to run them. */
async function removeOld(bundlesDir: string, folder: string): Promise<void> {
  for (const name of await readdir(bundlesDir)) {
    const path = join(bundlesDir, name);
    if (path === folder) continue;
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > bundleKeptMs) await rm(path, { recursive: true, force: true });
  }
}
