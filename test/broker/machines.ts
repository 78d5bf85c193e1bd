/** Machines that runners can be put on: each has an address of its own towards the broker, and can vanish without a word. */
import { eachJsonLine } from "./json-lines.ts";
import { bundled, commandOf } from "./runtimes.ts";

export interface Machine {
  name: string;
  /** What its runners take for the broker. */
  origin: string;
  /** Bytes are acknowledged and lost from now on, or from the answer to the next claim on; ends are not told. */
  vanish(from: "now" | "claim"): Promise<void>;
  /** New connections work again. Those that lost bytes never do. */
  return(): Promise<void>;
}

export class Machines implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #waiting = new Map<string, (port: number) => void>();
  #added = 0;

  private constructor(child: Bun.Subprocess<"pipe", "pipe", "inherit">) {
    this.#child = child;
  }

  static async start(): Promise<Machines> {
    const script = await bundled("machines");
    const child = Bun.spawn(commandOf("node", script), {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const machines = new Machines(child);
    void eachJsonLine(child.stdout, ({ name, port }) => {
      machines.#waiting.get(String(name))?.(Number(port));
    });
    return machines;
  }

  /** `brokerPort`: where its connections lead. */
  async add(brokerPort: number): Promise<Machine> {
    this.#added += 1;
    const name = `machine-${this.#added}`;
    const address = `127.0.${1 + Math.floor(this.#added / 200)}.${1 + (this.#added % 200)}`;
    const port = await this.#order(name, { do: "add", name, address, port: brokerPort });
    return {
      name,
      origin: `http://127.0.0.1:${port}`,
      vanish: async (from) => void (await this.#order(name, { do: "vanish", name, from })),
      return: async () => void (await this.#order(name, { do: "return", name })),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  /** One at a time for each machine. */
  async #order(name: string, order: object): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(name, resolve);
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    await this.#child.stdin.flush();
    return await promise;
  }
}
