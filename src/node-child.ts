/**
 * A process of the node's own that does one part of its work, such as an edge or the relay, seen from the node. It ends with the
 * node; its own side of this is `sandbox/child-of-node.ts`.
 *
 *   started ──first message──▶ listening ──▶ exited        `failed` ends it too
 */
import { join } from "node:path";
import { messageOf } from "./base/errors.ts";

/** What each of them says once, first. */
export type FromNodeChild =
  | { type: "listening"; port: number }
  | { type: "failed"; code: string | null; message: string };

/** Why one of them cannot listen, for it to say. */
export function failedToListen(error: unknown): FromNodeChild {
  const { code } = error as { code?: unknown };
  return {
    type: "failed",
    code: typeof code === "string" ? code : null,
    message: messageOf(error),
  };
}

export interface NodeChildOptions<To, From extends { type: string }> {
  /** Its program, beside this file. */
  module: string;
  /** What it is told first. */
  first: To;
  /** Whether it has a socket as descriptor 3, whose other end is `descriptor`. */
  hasSocket?: boolean;
  hear(message: From): void;
}

export class NodeChild<To, From extends { type: string }> {
  readonly pid: number;
  /** The node's end of the socket, which whoever asked for it closes; -1 for none. */
  readonly descriptor: number;
  /** Resolves with its port when it listens. @throws what it has against it */
  readonly listening: Promise<number>;
  /** Resolves with how it ended. Never rejects. */
  readonly exited: Promise<string>;
  readonly #options: NodeChildOptions<To, From>;
  readonly #child: Bun.Subprocess;
  readonly #listening = Promise.withResolvers<number>();
  #hasExited = false;

  constructor(options: NodeChildOptions<To, From>) {
    this.#options = options;
    const program = join(import.meta.dir, options.module);
    // What a hook or a library prints belongs to the node's notes, not to its answer.
    const stdio = ["ignore", 2, 2, ...(options.hasSocket === true ? ["socket-fd"] : [])];
    this.#child = Bun.spawn(
      [process.execPath, "--no-install", "--no-env-file", "--no-orphans", program],
      {
        stdio: stdio as never,
        env: process.env,
        ipc: (message: From | FromNodeChild) => this.#hear(message),
      },
    );
    this.pid = this.#child.pid;
    this.descriptor =
      options.hasSocket === true ? (this.#child.stdio as unknown as number[])[3]! : -1;
    this.listening = this.#listening.promise;
    this.listening.catch(() => {});
    this.exited = this.#child.exited.then(() => this.#onExit());
    this.send(options.first);
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Without effect when it has ended. */
  send(message: To): void {
    if (this.#hasExited) return;
    try {
      this.#child.send(message);
    } catch {
      // It is on its way out; its end says the rest.
    }
  }

  kill(): void {
    if (!this.#hasExited) this.#child.kill("SIGKILL");
  }

  /** Resolves when it is gone, which it is after the time at the latest. @param message that asks for it */
  async stop(message: To, timeoutMs: number): Promise<void> {
    this.send(message);
    const timer = setTimeout(() => this.kill(), timeoutMs);
    await this.exited;
    clearTimeout(timer);
  }

  #hear(message: From | FromNodeChild): void {
    const common = message as FromNodeChild;
    if (common.type === "listening") return this.#listening.resolve(common.port);
    if (common.type !== "failed") return this.#options.hear(message as From);
    const { code, message: text } = common;
    this.#listening.reject(Object.assign(new Error(text), { code }));
    this.kill();
  }

  #onExit(): string {
    this.#hasExited = true;
    const { exitCode, signalCode } = this.#child;
    const how = signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
    this.#listening.reject(new Error(`the process ended (${how})`));
    return how;
  }
}
