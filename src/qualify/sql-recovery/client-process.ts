/**
 * A client's app in a process of its own, on any Bun: started, asked, frozen, woken, ended.
 *
 *   starting ──prints its port──▶ awake ──freeze()──▶ frozen ──wake()──▶ awake      ends by itself or by stop()
 */
import { join } from "node:path";
import type { ArmedRound, QueryOutcome } from "./recovery-client.ts";

export interface ClientProcessOptions {
  /** Path of the Bun that runs it. */
  bun: string;
  /** Path of a module with a `RecoveryClient` as its default export. */
  module: string;
  /** `postgres://…`: what the app is given as DATABASE_URL, and in parts as PG*. */
  databaseUrl: string;
}

/** Queries at once, one for each connection of the pool. */
export interface Round {
  /** How long each takes at the server, so that they need a connection each. Milliseconds. */
  holdMs: number;
  /** After so long a query counts as hung. Milliseconds. */
  deadlineMs: number;
}

/** How long a process may take to print its port on a busy machine. Milliseconds. */
const startTimeoutMs = 30_000;
/** How much longer than its queries a round may take. Milliseconds. */
const roundGraceMs = 10_000;
/** Of what it prints, the end is kept. Characters. */
const outputCharsMax = 4000;

export class ClientProcess {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  #port = 0;
  #output = "";
  #isFrozen = false;
  /** Connections that its pool has by default. Count. */
  connectionsMax = 0;

  /**
   * Resolves when it listens. Stop it when done.
   *
   * @throws when it does not; it is gone then
   */
  static async start(options: ClientProcessOptions): Promise<ClientProcess> {
    const started = new ClientProcess(options);
    try {
      await started.#listens();
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  private constructor({ bun, module, databaseUrl }: ClientProcessOptions) {
    this.#child = Bun.spawn(
      [bun, "--no-orphans", join(import.meta.dir, "serve-recovery-app.ts"), module],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: environmentOf(databaseUrl),
      },
    );
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What it printed last. */
  get output(): string {
    return this.#output;
  }

  /** How it ended, null while it runs. */
  get ended(): string | null {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return null;
    return signalCode === null ? `exit code ${exitCode}` : String(signalCode);
  }

  freeze(): void {
    this.#isFrozen = true;
    this.#child.kill("SIGSTOP");
  }

  wake(): void {
    this.#isFrozen = false;
    this.#child.kill("SIGCONT");
  }

  async jumpClock(byMs: number): Promise<void> {
    await this.get(`/clock?byMs=${byMs}`, roundGraceMs);
  }

  /** Asks on all connections of the pool at once. Null when the process ended instead. */
  round(round: Round): Promise<QueryOutcome[] | null> {
    return this.#ask(`/round?${this.#query(round)}`, round.deadlineMs);
  }

  /** Has it ask by a timer. */
  async arm(round: Round, afterMs: number): Promise<void> {
    await this.get(`/arm?afterMs=${afterMs}&${this.#query(round)}`, roundGraceMs);
  }

  /** What it was armed for, once that is over. Null when the process ended instead. */
  armed({ deadlineMs }: Round): Promise<ArmedRound | null> {
    return this.#ask("/armed", deadlineMs);
  }

  /** Asks the app for a path of its own. */
  get(path: string, timeoutMs: number): Promise<Response> {
    const signal = AbortSignal.timeout(timeoutMs);
    return fetch(`http://127.0.0.1:${this.#port}${path}`, { keepalive: false, signal });
  }

  /** Ends it, frozen or not. Twice is safe. */
  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#isFrozen) this.#child.kill("SIGCONT");
    await this.#child.exited;
  }

  #query({ holdMs, deadlineMs }: Round): string {
    return `queries=${this.connectionsMax}&holdMs=${holdMs}&deadlineMs=${deadlineMs}`;
  }

  async #ask<Answer>(path: string, deadlineMs: number): Promise<Answer | null> {
    try {
      const answer = await this.get(path, deadlineMs + roundGraceMs);
      return (await answer.json()) as Answer;
    } catch (error) {
      await Promise.race([this.#child.exited, Bun.sleep(roundGraceMs)]);
      if (this.ended !== null) return null;
      throw error;
    }
  }

  async #listens(): Promise<void> {
    const first = Promise.withResolvers<string>();
    void this.#collect(this.#child.stderr, () => {});
    void this.#collect(this.#child.stdout, (text) => {
      if (text.includes("\n")) first.resolve(text.slice(0, text.indexOf("\n")));
    });
    const late = setTimeout(
      () => first.reject(new Error(`no port after ${startTimeoutMs} ms: ${this.#output}`)),
      startTimeoutMs,
    );
    void this.#child.exited.then(() =>
      first.reject(new Error(`the client's process ended: ${this.#output}`)),
    );
    try {
      const { port, connectionsMax } = JSON.parse(await first.promise);
      this.#port = port;
      this.connectionsMax = connectionsMax;
    } finally {
      clearTimeout(late);
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>, sees: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    let seen = "";
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true });
      this.#output = (this.#output + text).slice(-outputCharsMax);
      if (seen.length >= outputCharsMax) continue;
      seen += text;
      sees(seen);
    }
  }
}

/** Nothing of the environment of the test but where programs are. */
function environmentOf(databaseUrl: string): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "/",
    DATABASE_URL: databaseUrl,
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: username,
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: pathname.slice(1),
  };
}
