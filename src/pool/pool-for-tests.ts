/**
 * Pools with real processes and without an edge: the apps are the fixtures, and requests are put on the wire by hand.
 */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PushedClock } from "../base/clock-for-tests.ts";
import { PlatformError } from "../base/errors.ts";
import { TurnClock } from "../base/turn-clock.ts";
import { until } from "../base/until-for-tests.ts";
import { type SpecChange, testSpec } from "../base/version-spec-for-tests.ts";
import type { Cgroups } from "../sandbox/cgroups.ts";
import { Pager } from "../sandbox/pager.ts";
import { privateTreeBytes } from "../sandbox/process-memory.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import { ClientStream } from "../wire/client-stream.ts";
import { FLAG_END, FLAG_UPGRADE } from "../wire/frames.ts";
import { requestLine } from "../wire/request-line.ts";
import type { Pool } from "./pool.ts";
import { Pools } from "./pools.ts";
import { RunnerSandbox } from "./runner-sandbox.ts";
import { Spares } from "./spares.ts";

export type { SpecChange };

/** How a request ended. */
export type Outcome =
  | { kind: "answered"; status: number; body: string }
  | { kind: "reset"; text: string }
  | { kind: "lost"; code: string; message: string; body: string };

/** One request, and all that it is told. Being told of two ends is an error. */
export class Asked extends ClientStream {
  readonly #ended = Promise.withResolvers<Outcome>();
  readonly #opened = Promise.withResolvers<void>();
  #hasEnded = false;
  #status = 0;
  body = "";

  /** Resolves when it has ended. */
  get outcome(): Promise<Outcome> {
    return this.#ended.promise;
  }

  /** Resolves when an instance has it. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  override onOpen(): void {
    this.#opened.resolve();
  }

  override onWindow(): void {}

  override onResponse(status: number, ...[, , buffer, , , start, end, ended]: AfterStatus): void {
    this.#status = status;
    this.#take(buffer, start, end, ended);
  }

  override onTunnel(): void {
    this.#status = 101;
  }

  override onData(buffer: Buffer, start: number, end: number, ended: boolean): void {
    this.#take(buffer, start, end, ended);
  }

  override onReset(_reason: number, text: string): void {
    this.#end({ kind: "reset", text });
  }

  override onLost({ code, message }: PlatformError): void {
    this.#end({ kind: "lost", code, message, body: this.body });
  }

  #take(buffer: Buffer, start: number, end: number, ended: boolean): void {
    this.body += buffer.latin1Slice(start, end);
    this.granted(end - start);
    if (ended) this.#end({ kind: "answered", status: this.#status, body: this.body });
  }

  #end(outcome: Outcome): void {
    if (this.#hasEnded) throw new Error(`ended twice, the second time with ${outcome.kind}`);
    this.#hasEnded = true;
    this.#ended.resolve(outcome);
  }
}

type AfterStatus =
  Parameters<ClientStream["onResponse"]> extends [number, ...infer Rest] ? Rest : never;

const fixturesDir = join(import.meta.dir, "fixtures");
const runner = { path: join(import.meta.dir, "..", "runner", "main.ts") };
export const draining = new PlatformError("NODE_DRAINING", []);

/** Pools, the processes that stand ready for them, and what is asked of them. Dispose it. */
export class TestPools {
  readonly runDir: string;
  readonly clock = new PushedClock();
  readonly records: LogRecord[] = [];
  readonly spares: Spares;
  readonly pools: Pools;
  readonly pager: Pager;
  /** What the machine says to have free in swap; what is paged out stays where it is when that is not so. Bytes. */
  swapFreeBytes = 8 * 1024 ** 3;
  /** What every process is said to have in RAM of its own, when it is asked whether it is to be paged; null: what it has. */
  residentBytes: number | null = null;
  #number = 0;

  constructor(
    sparesMax = 0,
    runDir = mkdtempSync(join(tmpdir(), "levain-pools-")),
    instancesMax = 100,
    cgroups: Cgroups | null = null,
  ) {
    const clock = new TurnClock(this.clock);
    const sandbox = new RunnerSandbox({ users: null, writeRoots: [tmpdir()] });
    this.runDir = runDir;
    this.spares = new Spares({ runDir, runner, clock, sparesMax, sandbox, cgroups });
    this.pager = new Pager({
      clock,
      mayPage: true,
      note: () => {},
      read: (path) => (path === "/proc/meminfo" ? this.#meminfo() : null),
      residentBytes: (pid) => this.residentBytes ?? privateTreeBytes(pid),
    });
    this.pools = new Pools({
      artifactPath: (digest) => digest,
      environment: ({ app, env }) => ({ ...env, LEVAIN_APP: app }),
      spares: this.spares,
      log: { write: (record) => void this.records.push(record) },
      clock,
      instancesMax,
      pager: this.pager,
    });
  }

  /** The pool of a new version whose entry is the fixture. */
  pool(fixture: string, change: SpecChange = {}): Pool {
    this.#number += 1;
    const digest = fixturesDir;
    const entry = `${fixture}.ts`;
    return this.pools.of(
      testSpec({ app: fixture, number: this.#number, digest, entry, ...change }),
    );
  }

  /** Lets so much time pass, and the pools look at their processes. */
  pass(ms: number): void {
    this.clock.push(ms);
    this.pools.tick();
  }

  /** Events of the platform in the log of the pool's app, oldest first. */
  events(pool: Pool): string[] {
    return this.records
      .filter(({ version, event }) => version === pool.spec.number && event !== null)
      .map(({ event }) => event!);
  }

  /** Folders of processes that are not gone. */
  folders(): string[] {
    return readdirSync(this.runDir);
  }

  #meminfo(): string {
    return `SwapFree: ${this.swapFreeBytes / 1024} kB\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.pools.stop(0, draining), this.spares.stop()]);
    await this.pager.stop();
    rmSync(this.runDir, { recursive: true, force: true });
  }
}

export interface AskOptions {
  method?: string;
  body?: string;
  upgrade?: boolean;
}

/** Puts a request to the pool. */
export function submit(pool: Pool, target = "/", options: AskOptions = {}): Asked {
  const { method = "GET", body = "", upgrade = false } = options;
  const host = "app.localhost";
  const lines = [requestLine({ method, target, host }).trimEnd(), `host: ${host}`];
  if (body !== "") lines.push(`content-length: ${body.length}`);
  if (upgrade) {
    lines.push("upgrade: websocket", "sec-websocket-version: 13");
    lines.push("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==");
  }
  const head = lines.map((line) => `${line}\r\n`).join("");
  const buffer = Buffer.from(head + body, "latin1");
  const stream = new Asked();
  pool.submit(stream, {
    buffer,
    headStart: 0,
    headEnd: head.length,
    bodyStart: head.length,
    bodyEnd: buffer.length,
    flags: FLAG_END | (upgrade ? FLAG_UPGRADE : 0),
  });
  return stream;
}

/** Puts a request to the pool and waits for its end. */
export function ask(pool: Pool, target?: string, options?: AskOptions): Promise<Outcome> {
  return submit(pool, target, options).outcome;
}

/** Asks, and gives the body of the answer. @throws when there is none */
export async function bodyOf(pool: Pool, target?: string): Promise<string> {
  const outcome = await ask(pool, target);
  if (outcome.kind !== "answered") throw new Error(`not answered: ${JSON.stringify(outcome)}`);
  return outcome.body;
}

/** Code of the error a request is lost with. @throws when it is not lost */
export async function codeOf(outcome: Promise<Outcome>): Promise<string> {
  const result = await outcome;
  if (result.kind !== "lost") throw new Error(`not lost: ${JSON.stringify(result)}`);
  return result.code;
}

/** Whether there is such a process; one that has ended and was not waited for is none. */
export async function isRunning(pid: number): Promise<boolean> {
  const stat = await Bun.file(`/proc/${pid}/stat`)
    .text()
    .catch(() => "");
  const state = stat.slice(stat.lastIndexOf(")") + 2)[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Resolves when the process is gone. */
export function gone(pid: number): Promise<void> {
  return until(async () => !(await isRunning(pid)));
}

/** Keeps this process, which is the node, from noticing anything for so long. Milliseconds. */
export function holdUp(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

/** Keeps this process from noticing anything but this. @throws after 10 s */
export function holdUpUntil(claim: () => boolean): void {
  const deadlineMs = performance.now() + 10_000;
  while (!claim()) {
    if (performance.now() > deadlineMs) throw new Error(`This did not become so: ${claim}`);
  }
}
