/**
 * Runtimes that were fetched, each in a folder of its own that is whole or absent:
 *
 *   <dir>/<name>/bun, runtime.json      <dir>/.<name>.lock      <dir>/.<name>.staging/
 *
 *   absent ──ensure()──▶ fetched into staging ──says its version──▶ renamed ──▶ there
 *                           └─ fails, killed: staging is removed, at the latest by the next who fetches
 *
 * One fetches, whoever else asks waits: in this process on the same promise, in another one on the kernel's lock, which
 * ends with whoever holds it. What is there is looked at before it is used for the first time: a file that is not what
 * was fetched any more is fetched again.
 */
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { asPlatformError, messageOf, PlatformError } from "../base/errors.ts";
import { tryLockExclusive } from "../sandbox/libc.ts";
import { type FetchedRuntime, type FetchRuntimeOptions, fetchRuntime } from "./fetch-runtime.ts";
import { askVersionTimeoutMs, fetchTimeoutMs, lockPollMs, noteBytesMax } from "./limits.ts";
import { isRuntimeName, ownRuntime, versionOf } from "./runtime-name.ts";

/** What is written down beside the program. */
const runtimeNote = z.object({
  name: z.string(),
  /** As `bun --revision` says it. */
  revision: z.string(),
  package: z.string(),
  /** Of the package; null: the registry gave none. */
  integrity: z.string().nullable(),
  /** Of the program. */
  sha256: z.string(),
  bytes: z.int(),
  fetchedAt: z.string(),
});

/** A runtime that can be used. */
export interface Runtime extends z.infer<typeof runtimeNote> {
  /** Absolute path. */
  program: string;
}

export interface RuntimeStoreOptions {
  /** Made when it is missing. Its owner removes it. */
  dir: string;
  /** Default: npm's registry. */
  fetch?(options: FetchRuntimeOptions): Promise<FetchedRuntime>;
  /** Hears what is done about a runtime. */
  note?(line: string): void;
}

export class RuntimeStore {
  readonly #options: RuntimeStoreOptions;
  readonly #pending = new Map<string, Promise<Runtime>>();
  /** Those that were looked at, by name, with what their file was then. */
  readonly #seen = new Map<string, { runtime: Runtime; stamp: string }>();
  /** Deploys that are going to need one, by name. Counts. */
  readonly #holds = new Map<string, number>();
  #own: Promise<Runtime> | null = null;

  constructor(options: RuntimeStoreOptions) {
    this.#options = options;
  }

  /**
   * The runtime, fetched when it is not there. The node's own is what this process runs on.
   *
   * @throws {PlatformError} `RUNTIME_INVALID`, `RUNTIME_UNKNOWN`, `RUNTIME_FETCH_FAILED`, `RUNTIME_BROKEN`; the signal's reason
   */
  ensure(name: string, signal: AbortSignal = AbortSignal.timeout(fetchTimeoutMs)) {
    if (name === ownRuntime) return this.#ofNode();
    const version = versionOf(name);
    let pending = this.#pending.get(name);
    if (pending === undefined) {
      pending = this.#ensure(name, version).finally(() => this.#pending.delete(name));
      pending.catch(() => {});
      this.#pending.set(name, pending);
    }
    return abortable(pending, signal);
  }

  /** Keeps `remove` from it until disposed of: a version that names it is on its way. Twice is safe. */
  hold(name: string): Disposable {
    this.#holds.set(name, (this.#holds.get(name) ?? 0) + 1);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (this.#holds.get(name) ?? 0) - 1;
        if (left > 0) this.#holds.set(name, left);
        else this.#holds.delete(name);
      },
    };
  }

  /** Names of those that are there, the node's own left out; with their bytes. */
  async list(): Promise<{ name: string; bytes: number }[]> {
    const names = await readdir(this.#options.dir).catch(() => []);
    const found = names.filter(isRuntimeName).map(async (name) => {
      const file = await stat(this.#programOf(name)).catch(() => null);
      return { name, bytes: file?.size ?? 0 };
    });
    return Promise.all(found);
  }

  /** Removes them, and what killed fetches have left. One that is held or being fetched stays. */
  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (this.#holds.has(name)) continue;
      const lock = this.#tryLock(versionedName(name));
      if (lock === null) continue;
      try {
        this.#seen.delete(name);
        await rm(join(this.#options.dir, name), { recursive: true, force: true });
        await rm(this.#stagingOf(name), { recursive: true, force: true });
      } finally {
        closeSync(lock);
      }
    }
  }

  #ofNode(): Promise<Runtime> {
    this.#own ??= (async () => ({
      name: ownRuntime,
      revision: `${Bun.version}+${Bun.revision.slice(0, 9)}`,
      package: "",
      integrity: null,
      sha256: "",
      bytes: statSync(process.execPath).size,
      fetchedAt: "",
      program: process.execPath,
    }))();
    return this.#own;
  }

  #programOf(name: string): string {
    return join(this.#options.dir, name, "bun");
  }

  #stagingOf(name: string): string {
    return join(this.#options.dir, `.${name}.staging`);
  }

  async #ensure(name: string, version: string): Promise<Runtime> {
    const found = await this.#look(name);
    if (found !== null) return found;
    try {
      mkdirSync(this.#options.dir, { recursive: true, mode: 0o711 });
      // Apps may run as other users, who pass through.
      chmodSync(this.#options.dir, 0o711);
      const lock = await this.#lock(name);
      try {
        // Somebody else may have fetched it while we waited.
        return (await this.#look(name)) ?? (await this.#fetch(name, version));
      } finally {
        closeSync(lock);
      }
    } catch (error) {
      if (error instanceof PlatformError) throw error;
      throw new PlatformError("RUNTIME_FETCH_FAILED", [name, messageOf(error)], { cause: error });
    }
  }

  /** The runtime when it is there and whole, else null. Never rejects. */
  async #look(name: string): Promise<Runtime | null> {
    const program = this.#programOf(name);
    try {
      const file = await stat(program);
      const stamp = `${file.ino} ${file.size} ${file.mtimeMs}`;
      const seen = this.#seen.get(name);
      if (seen?.stamp === stamp) return seen.runtime;
      const notePath = join(this.#options.dir, name, "runtime.json");
      if ((await stat(notePath)).size > noteBytesMax) throw new Error("its note is too long");
      const note = runtimeNote.parse(JSON.parse(await readFile(notePath, "utf8")));
      if (note.name !== name) throw new Error(`its note is of ${note.name}`);
      if (file.size !== note.bytes || (await sha256Of(program)) !== note.sha256)
        throw new Error("its program is not what was fetched");
      const runtime = { ...note, program };
      this.#seen.set(name, { runtime, stamp });
      return runtime;
    } catch (error) {
      this.#seen.delete(name);
      const isThere = await stat(join(this.#options.dir, name)).catch(() => null);
      if (isThere !== null)
        this.#options.note?.(`${name} is damaged (${messageOf(error)}): fetching it again`);
      return null;
    }
  }

  /** With the lock held. */
  async #fetch(name: string, version: string): Promise<Runtime> {
    const { dir, fetch = fetchRuntime } = this.#options;
    const staging = this.#stagingOf(name);
    const timeout = AbortSignal.timeout(fetchTimeoutMs);
    await rm(staging, { recursive: true, force: true });
    mkdirSync(join(staging, "package"), { recursive: true, mode: 0o700 });
    try {
      this.#options.note?.(`Fetching ${name}`);
      const folder = join(staging, "package");
      const fetched = await fetch({ name, folder, signal: timeout });
      const whole = join(staging, "whole");
      mkdirSync(whole, { mode: 0o755 });
      chmodSync(whole, 0o755);
      await rename(fetched.program, join(whole, "bun"));
      chmodSync(join(whole, "bun"), 0o755);
      const program = join(whole, "bun");
      const revision = await revisionOf(name, version, program);
      const { size } = await stat(program);
      const note: z.infer<typeof runtimeNote> = {
        ...{ name, revision, package: fetched.package, integrity: fetched.integrity },
        ...{ sha256: await sha256Of(program), bytes: size, fetchedAt: new Date().toISOString() },
      };
      await writeFile(join(whole, "runtime.json"), `${JSON.stringify(note)}\n`);
      const place = join(dir, name);
      await rm(place, { recursive: true, force: true });
      await rename(whole, place);
      const runtime = { ...note, program: this.#programOf(name) };
      return runtime;
    } catch (error) {
      if (!timeout.aborted) throw error;
      throw new PlatformError("RUNTIME_FETCH_FAILED", [
        name,
        `it was not there within ${fetchTimeoutMs} ms`,
      ]);
    } finally {
      await rm(staging, { recursive: true, force: true }).catch(() => {});
    }
  }

  async #lock(name: string): Promise<number> {
    const endMs = performance.now() + fetchTimeoutMs;
    for (let isSaid = false; ; ) {
      const lock = this.#tryLock(name);
      if (lock !== null) return lock;
      if (!isSaid) this.#options.note?.(`${name} is being fetched by another process`);
      isSaid = true;
      if (performance.now() > endMs) {
        const why = `another process has been fetching it for ${fetchTimeoutMs} ms`;
        throw new PlatformError("RUNTIME_FETCH_FAILED", [name, why]);
      }
      await Bun.sleep(lockPollMs);
    }
  }

  /** @returns the descriptor that holds it; null: somebody else does */
  #tryLock(name: string): number | null {
    const fd = openSync(join(this.#options.dir, `.${name}.lock`), "a", 0o600);
    if (tryLockExclusive(fd)) return fd;
    closeSync(fd);
    return null;
  }
}

/** The name, once it is sure to be one: it becomes a path. */
function versionedName(name: string): string {
  return `bun@${versionOf(name)}`;
}

async function sha256Of(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(path).stream()) hasher.update(chunk);
  return hasher.digest("hex");
}

/** Starts it and hears which it is. @throws {PlatformError} `RUNTIME_BROKEN` */
async function revisionOf(name: string, version: string, program: string): Promise<string> {
  const broken = (why: string) => new PlatformError("RUNTIME_BROKEN", [name, why]);
  try {
    const child = Bun.spawn([program, "--revision"], {
      env: {},
      stdio: ["ignore", "pipe", "ignore"],
      timeout: askVersionTimeoutMs,
      killSignal: "SIGKILL",
    });
    const said = (await child.stdout.text()).trim().slice(0, 100);
    const code = await child.exited;
    if (code !== 0) throw broken(`it does not start: ${child.signalCode ?? `exit code ${code}`}`);
    if (said !== version && !said.startsWith(`${version}+`) && !said.startsWith(`${version}-`))
      throw broken(`it says that it is "${said}"`);
    return said;
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw broken(asPlatformError(error).message);
  }
}

/** What one who asks waits for ends with their patience; the fetch goes on for the others, within its own bound. */
function abortable<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  return Promise.race([promise, aborted.promise]).finally(() =>
    signal.removeEventListener("abort", abort),
  );
}
