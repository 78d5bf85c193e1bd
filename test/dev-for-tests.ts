/** `levain dev` as a real process on a project in a temporary folder, by what it says as JSON. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface DevEvent {
  type: string;
  [name: string]: unknown;
}

export const MAIN = join(import.meta.dir, "../src/main.ts");
/** Nothing here takes longer. Milliseconds. */
const deadlineMs = 20_000;

export class TestProject implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "levain-dev-"));
  readonly folder = join(this.root, "shop");
  readonly dataDir = join(this.root, "data");

  constructor(files: Record<string, string>) {
    // A root's apps run as other users.
    chmodSync(this.root, 0o711);
    mkdirSync(this.folder);
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string, mode = 0o644): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text, { mode });
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export class TestDev implements AsyncDisposable {
  readonly events: DevEvent[] = [];
  readonly child: ReturnType<typeof spawnDev>;
  stderr = "";
  readonly #seen = new Set<() => void>();
  readonly #read: Promise<unknown>;

  private constructor(project: TestProject, words: readonly string[]) {
    this.child = spawnDev(project, ["--json", ...words]);
    this.#read = Promise.all([this.#readEvents(), this.#readErrors()]);
  }

  /** Resolves when the first version serves, or its failure does. */
  static async start(project: TestProject, words: string[] = ["--port", "0"]): Promise<TestDev> {
    const dev = new TestDev(project, words);
    try {
      await dev.until(({ type }) => type === "reloaded" || type === "failed");
    } catch (error) {
      await dev.stop();
      throw error;
    }
    return dev;
  }

  /** Resolves when it listens, also when nothing can be served yet. */
  static async begin(project: TestProject): Promise<TestDev> {
    const dev = new TestDev(project, ["--port", "0"]);
    await dev.until(({ type }) => type === "ready");
    return dev;
  }

  get port(): number {
    return this.events.find(({ type }) => type === "ready")?.["port"] as number;
  }

  all(type: string): DevEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** The next event from `from` on for which this holds. */
  async until(holds: (event: DevEvent) => boolean, from = 0): Promise<DevEvent> {
    const timeout = AbortSignal.timeout(deadlineMs);
    while (!timeout.aborted) {
      const found = this.events.slice(from).find(holds);
      if (found !== undefined) return found;
      if (this.child.exitCode !== null) break;
      const more = Promise.withResolvers<void>();
      this.#seen.add(more.resolve);
      timeout.addEventListener("abort", () => more.resolve(), { once: true });
      await more.promise;
    }
    throw new Error(`it never said that: ${JSON.stringify(this.events)}\n${this.stderr}`);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { host: `shop.localhost:${this.port}`, ...init.headers };
    return fetch(`http://127.0.0.1:${this.port}${path}`, { ...init, headers });
  }

  /** Asks until the answer is this. */
  async answers(text: string, path = "/"): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    let last = "";
    while (performance.now() < endMs) {
      last = await (await this.fetch(path)).text();
      if (last === text) return;
      await Bun.sleep(5);
    }
    throw new Error(`it answers ${JSON.stringify(last)}, not ${JSON.stringify(text)}`);
  }

  async stop(): Promise<number> {
    this.child.kill("SIGINT");
    const code = await this.child.exited;
    await this.#read;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null) await this.stop();
  }

  async #readEvents(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const bytes of this.child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.events.push(JSON.parse(line));
      for (const resolve of this.#seen) resolve();
      this.#seen.clear();
    }
  }

  async #readErrors(): Promise<void> {
    this.stderr = await new Response(this.child.stderr).text();
  }
}

export function spawnDev(project: TestProject, words: readonly string[]) {
  const argv = ["--no-env-file", MAIN, "dev", project.folder, "--data-dir", project.dataDir];
  return Bun.spawn([process.execPath, ...argv, ...words], {
    cwd: project.root,
    env: { PATH: process.env["PATH"] ?? "", HOME: project.root, TMPDIR: tmpdir() },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
