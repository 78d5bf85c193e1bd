/** A process with runners of one runtime in it, or a supervisor; driven over its standard streams. */
import { join } from "node:path";
import { eachJsonLine } from "../json-lines.ts";
import type { Client, Runtime } from "./clients.ts";
import { createMessage, type Message, type MessageOptions } from "./messages.ts";

const fixturePath = join(import.meta.dir, "runner-fixture.mjs");
/** For anything that is waited for: far beyond what a busy machine takes. Milliseconds. */
export const patienceMsDefault = 20_000;

interface Event {
  event: string;
  id?: string;
  // biome-ignore lint/suspicious/noExplicitAny: one shape for each event, as the fixture writes them
  [key: string]: any;
}

export interface SessionEnd {
  how: "null" | "not connected" | "switched off" | "done" | "crashed";
  error: string;
  /** What the controller's process would exit with. */
  exitCode: number;
  fetches: number;
}

export interface Delivered {
  run: string;
  snapshot: string;
  /** Of the bytes that came, with `keepsBytes`. */
  sha256: string;
  length: number;
  fetches: number;
}

export interface SessionOptions {
  client: Client;
  url: string;
  deployment: string;
  controller?: string;
  deploymentVersion?: string;
  cpu?: string;
  memory?: string;
  instance?: string;
  connectionTimeoutMs?: number;
  keepaliveMs?: number;
  /** Messages after which it ends. Count; 1. */
  rounds?: number;
  /** How long a message keeps it. Milliseconds; 0. */
  worksMs?: number;
  keepsBytes?: boolean;
  /** For `Session.fetched`. */
  tellsFetches?: boolean;
  /** Only polls. */
  skipsConnect?: boolean;
  /** Ends the process as the controller would. */
  exits?: boolean;
}

export interface DispatchOptions {
  headers?: Record<string, string>;
  /** When it hangs up. A real one does not. Milliseconds. */
  timeoutMs?: number;
}

export interface Dispatched {
  didWarmStart: boolean;
  /** 0: there was no answer. */
  status: number;
  text: string;
  tookMs: number;
}

/** One runner. */
export class Session {
  readonly controller: string;
  readonly #events: Event[] = [];
  readonly #process: RunnerProcess;
  readonly #id: string;
  #changed = Promise.withResolvers<void>();

  constructor(runners: RunnerProcess, id: string, controller: string) {
    this.#process = runners;
    this.#id = id;
    this.controller = controller;
  }

  /** What came until now. */
  get messages(): Delivered[] {
    return this.#events.filter(({ event }) => event === "message") as unknown as Delivered[];
  }

  get end(): SessionEnd | null {
    return (this.#events.find(({ event }) => event === "end") as SessionEnd | undefined) ?? null;
  }

  /** `/connect` answers, as the client makes of them. */
  get connects(): { success: boolean; data?: object; statusCode?: number }[] {
    return this.#events.filter(({ event }) => event === "connect").map(({ answer }) => answer);
  }

  take(event: Event): void {
    this.#events.push(event);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** The first message, or the `count`th. @throws when the runner ends without it, or it does not come. */
  async message(count = 1): Promise<Delivered> {
    await this.#until(() => this.messages.length >= count || this.end !== null, `message ${count}`);
    const delivered = this.messages[count - 1];
    if (delivered === undefined) throw new Error(`no message: ${JSON.stringify(this.end)}`);
    return delivered;
  }

  async ended(): Promise<SessionEnd> {
    await this.#until(() => this.end !== null, "end");
    return this.end!;
  }

  /** It has called the client's `warmStart`, this many times. */
  async polls(count = 1): Promise<void> {
    const polls = () => this.#events.filter(({ event }) => event === "poll").length;
    await this.#until(() => polls() >= count, `poll ${count}`);
  }

  /** The client has called `fetch` this many times. */
  async fetched(count: number): Promise<void> {
    const fetches = () => this.#events.filter(({ event }) => event === "fetch").length;
    await this.#until(() => fetches() >= count, `fetch ${count}`);
  }

  abort(): void {
    this.#process.send({ operation: "abort", id: this.#id });
  }

  /** Looks at each event, not at a clock: many wait at once. */
  async #until(isSo: () => boolean, what: string): Promise<void> {
    const timeout = Promise.withResolvers<"over">();
    const timer = setTimeout(timeout.resolve, this.#process.patienceMs, "over");
    try {
      while (!isSo()) {
        if ((await Promise.race([this.#changed.promise, timeout.promise])) !== "over") continue;
        throw new Error(`no ${what} of ${this.controller}: ${JSON.stringify(this.#events)}`);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

export class RunnerProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #sessions = new Map<string, Session>();
  readonly #dispatches = new Map<string, (dispatched: Dispatched) => void>();
  readonly #ready = Promise.withResolvers<void>();
  /** How long a test waits for something of it. Milliseconds. */
  readonly patienceMs: number;
  #count = 0;

  /** End it with `using`, or by `kill`. */
  static async start(runtime: Runtime, patienceMs = patienceMsDefault): Promise<RunnerProcess> {
    const runners = new RunnerProcess(runtime, patienceMs);
    await runners.#ready.promise;
    return runners;
  }

  private constructor(runtime: Runtime, patienceMs: number) {
    this.patienceMs = patienceMs;
    this.#child = Bun.spawn([runtime.path, fixturePath], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
    });
    void eachJsonLine(this.#child.stdout, (line) => this.#take(line as unknown as Event));
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  session(options: SessionOptions): Session {
    this.#count += 1;
    const id = String(this.#count);
    const { client, ...rest } = options;
    const controller = options.controller ?? `controller_${this.pid}_${id}`;
    const session = new Session(this, id, controller);
    this.#sessions.set(id, session);
    const defaults = { deploymentVersion: "20260101.1", cpu: "0.5", memory: "0.5", instance: "m1" };
    const command = { ...defaults, ...rest, controller, version: client.version };
    this.send({ operation: "session", id, ...command });
    return session;
  }

  /** As a supervisor. */
  dispatch(url: string, body: string, options: DispatchOptions = {}): Promise<Dispatched> {
    this.#count += 1;
    const id = String(this.#count);
    const { promise, resolve } = Promise.withResolvers<Dispatched>();
    this.#dispatches.set(id, resolve);
    this.send({ operation: "dispatch", id, url, body, ...options });
    return promise;
  }

  /**
   * Dispatches one message after the other, each new, until a runner takes one.
   *
   * @returns the one that was taken
   * @throws when nobody does
   */
  async dispatchUntilTaken(
    url: string,
    options: MessageOptions,
    how: DispatchOptions = {},
  ): Promise<Message> {
    const deadline = Date.now() + this.patienceMs;
    let last: Dispatched | null = null;
    while (Date.now() < deadline) {
      const message = createMessage(options);
      last = await this.dispatch(url, message.body, how);
      if (last.didWarmStart) return message;
      await Bun.sleep(5);
    }
    throw new Error(`no runner took a message: ${JSON.stringify(last)}`);
  }

  /** SIGSTOP; resolves when all its threads stand still. */
  async freeze(): Promise<void> {
    process.kill(this.pid, "SIGSTOP");
    const deadline = Date.now() + this.patienceMs;
    while (!/^State:\s+T/m.test(await Bun.file(`/proc/${this.pid}/status`).text())) {
      if (Date.now() > deadline) throw new Error("it does not stop");
      await Bun.sleep(1);
    }
  }

  thaw(): void {
    process.kill(this.pid, "SIGCONT");
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  send(command: object): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    this.#child.stdin.flush();
  }

  #take(event: Event): void {
    if (event.event === "ready") this.#ready.resolve();
    else if (event.event === "dispatched") {
      this.#dispatches.get(event.id!)?.(event as unknown as Dispatched);
      this.#dispatches.delete(event.id!);
    } else this.#sessions.get(event.id!)?.take(event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
