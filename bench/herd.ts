/** A herd of idle runners as the benchmark that drives it sees it; see broker-herd.ts. */
import { join } from "node:path";
import type { Leaving } from "./broker-herd.ts";

export class Herd implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;

  /** Resolves when every poll was sent. @throws when it ends before */
  static async start(url: string, count: number, keys: number): Promise<Herd> {
    const herd = new Herd(url, count, keys);
    await herd.#next("polling");
    return herd;
  }

  private constructor(url: string, count: number, keys: number) {
    const script = join(import.meta.dir, "broker-herd.ts");
    this.#child = Bun.spawn(
      [process.execPath, "--no-orphans", script, url, String(count), String(keys)],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Resolves when all have begun to leave, or have sent their polls again. */
  async tell(what: Leaving | "come"): Promise<void> {
    this.#child.stdin.write(`${what}\n`);
    this.#child.stdin.flush();
    await this.#next("done");
  }

  /** As a client that is killed. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  async #next(wanted: string): Promise<void> {
    const { value } = await this.#lines.next();
    if (value !== wanted) throw new Error(`the herd said ${JSON.stringify(value)}, not ${wanted}`);
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    text += decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}
