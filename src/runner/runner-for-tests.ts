/**
 * A runner process with a test in the node's place: it is started as the pool starts it, gets a fixture to load, and is
 * asked over the real wire. What the edge would do (HTTP) is left out, so a test sees exactly what the runner said.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { Channel, type ChannelOwner } from "../wire/channel.ts";
import { ClientStream } from "../wire/client-stream.ts";
import { type LoadMessage, loadAnswersMax, type RunnerMessage } from "../wire/control.ts";
import { FLAG_END, FLAG_UPGRADE, ResetReason } from "../wire/frames.ts";
import { RunnerBundle } from "./bundle.ts";
import { type RequestOptions, requestHead } from "./request-for-tests.ts";

const fixturesPath = join(import.meta.dir, "fixtures");
/** What a node runs; it is made once. */
const bundle = new RunnerBundle(join(import.meta.dir, "../../node_modules/.cache/levain/runner"));
const lost = new PlatformError("APP_EXITED", ["test", "its process ended"]);

/** How a runner gave up on a request: the name of the `ResetReason`, and its text. */
class ResetError extends Error {
  override readonly name = "ResetError";
  readonly reason: string;

  constructor(reason: number, text: string) {
    super(text);
    const names = Object.entries(ResetReason) as [string, number][];
    this.reason = names.find(([, value]) => value === reason)?.[0] ?? String(reason);
  }
}

export interface Head {
  status: number;
  reason: string;
  /** Lower-case names; several lines of one name are joined by `, `. */
  headers: Record<string, string>;
  /** Every `set-cookie` line. */
  cookies: string[];
  /** As the runner declared it; -1 for unknown. */
  contentLength: number;
  /** The whole response came in one frame. */
  isWhole: boolean;
}

export interface Answer extends Head {
  body: Buffer;
  text: string;
}

/** One request: promises for what comes, and what a node can do to it. */
export class TestRequest extends ClientStream {
  readonly #head = Promise.withResolvers<Head>();
  readonly #ended = Promise.withResolvers<Answer>();
  readonly #chunks: Buffer[] = [];
  readonly #isSlow: boolean;
  #headValue: Head | null = null;
  #waiters: (() => void)[] = [];
  #unsent: Buffer = Buffer.alloc(0);
  #endAfterUnsent = false;
  #receivedBytes = 0;
  #isOver = false;
  tunnelHead = "";

  constructor(isSlow: boolean) {
    super();
    this.#isSlow = isSlow;
    this.#head.promise.catch(() => {});
    this.#ended.promise.catch(() => {});
  }

  /** Resolves with the head, or the tunnel's. Rejects with a `ResetError` or when the process is gone. */
  get head(): Promise<Head> {
    return this.#head.promise;
  }

  /** Resolves with the complete answer. */
  get answer(): Promise<Answer> {
    return this.#ended.promise;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Resolves when the body so far satisfies `claim`, which is asked at each piece. */
  async until(claim: (text: string) => boolean): Promise<string> {
    while (!claim(this.received.toString())) {
      if (this.#isOver) throw new Error(`the body ended: ${this.received}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this.received.toString();
  }

  /** Sends body or tunnel bytes, as the window allows; the rest follows by itself. */
  write(bytes: string | Uint8Array): void {
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(bytes as string)]);
    this.#pump();
  }

  end(): void {
    this.#endAfterUnsent = true;
    this.#pump();
  }

  /** Bytes that the window has kept back. */
  get unsentBytes(): number {
    return this.#unsent.length;
  }

  #pump(): void {
    const taken = this.send(this.#unsent, 0, this.#unsent.length);
    this.#unsent = this.#unsent.subarray(taken);
    this.#wake();
    if (this.#unsent.length === 0 && this.#endAfterUnsent) this.sendEnd();
  }

  #receive(buffer: Buffer, start: number, end: number, ended: boolean): void {
    this.#receivedBytes += end - start;
    if (end > start) this.#chunks.push(Buffer.from(buffer.subarray(start, end)));
    if (!this.#isSlow) this.granted(end - start);
    if (ended) this.#finish();
    this.#wake();
  }

  /** Forgets the bytes received so far, for long streams. */
  forget(): void {
    this.#chunks.length = 0;
  }

  #finish(): void {
    this.#isOver = true;
    const body = this.received;
    this.#ended.resolve({ ...this.#headValue!, body, text: body.toString() });
  }

  #fail(error: Error): void {
    this.#isOver = true;
    this.#head.reject(error);
    this.#ended.reject(error);
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  override onOpen(): void {}
  override onWindow(): void {
    this.#pump();
  }

  override onResponse(...args: Parameters<ClientStream["onResponse"]>): void {
    const [status, reason, contentLength, buffer, blockStart, blockEnd, from, to, ended] = args;
    const headers: Record<string, string> = {};
    const cookies: string[] = [];
    for (const line of buffer.latin1Slice(blockStart, blockEnd).split("\r\n")) {
      if (line === "") continue;
      const name = line.slice(0, line.indexOf(":")).toLowerCase();
      const value = line.slice(line.indexOf(":") + 1).trim();
      if (name === "set-cookie") cookies.push(value);
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    }
    this.#headValue = { status, reason, headers, cookies, contentLength, isWhole: ended };
    this.#head.resolve(this.#headValue);
    this.#receive(buffer, from, to, ended);
  }

  override onTunnel(buffer: Buffer, start: number, end: number): void {
    this.tunnelHead = buffer.latin1Slice(start, end);
    this.#headValue = {
      status: 101,
      reason: "",
      headers: {},
      cookies: [],
      contentLength: -1,
      isWhole: false,
    };
    this.#head.resolve(this.#headValue);
  }

  override onData(buffer: Buffer, start: number, end: number, ended: boolean): void {
    this.#receive(buffer, start, end, ended);
  }

  override onReset(reason: number, text: string): void {
    this.#fail(new ResetError(reason, text));
  }

  override onLost(error: PlatformError): void {
    this.#fail(error);
  }
}

export interface RunnerOptions {
  /** See `LoadMessage`. Default null. */
  connect?: string[];
  /** Default false. */
  listen?: boolean;
  /** Default none. */
  args?: string[];
  ephemeral?: boolean;
  env?: Record<string, string>;
  /** Folder of the app; the fixtures by default. */
  root?: string;
  /** What the process runs; as in a node by default. */
  runnerPath?: string;
  /** More arguments for Bun, such as a profiler's. */
  bunArguments?: string[];
}

export class TestRunner implements ChannelOwner, AsyncDisposable {
  readonly child: Bun.Subprocess;
  readonly folder: string;
  readonly channel: Channel;
  /** Resolves when the process has ended and all it printed has come. */
  readonly ended: Promise<unknown>;
  /** What the process has printed, as it came. */
  stdout = "";
  stderr = "";
  readonly #controls: Record<string, unknown>[] = [];
  #waiters: (() => void)[] = [];
  #isGone = false;
  /** Says that it was heard, as a node does. */
  answersLifecycle = true;

  readonly #socket: Bun.Socket;

  private constructor(child: Bun.Subprocess, folder: string, socket: Bun.Socket) {
    this.#socket = socket;
    this.child = child;
    this.folder = folder;
    this.channel = new Channel(socket as never, this);
    this.ended = Promise.all([
      this.#collect(child.stdout as ReadableStream<Uint8Array>, "stdout"),
      this.#collect(child.stderr as ReadableStream<Uint8Array>, "stderr"),
    ]);
  }

  /** Starts a process and gives it `entry` of the fixtures. @throws the `failed` message when it cannot be loaded. */
  static async start(entry: string, options: RunnerOptions = {}): Promise<TestRunner> {
    const runner = await TestRunner.spawn(options);
    const message = await runner.load(entry, options);
    if (message["type"] === "loaded") return runner;
    await runner[Symbol.asyncDispose]();
    throw Object.assign(new Error(String(message["message"])), {
      failure: message,
      stderr: runner.stderr,
    });
  }

  /** Starts a process without an app. */
  static async spawn({ bunArguments = [], runnerPath }: RunnerOptions = {}): Promise<TestRunner> {
    const folder = mkdtempSync(join(tmpdir(), "levain-runner-"));
    await bundle.make();
    const child = Bun.spawn(
      [
        process.execPath,
        "--no-install",
        "--no-env-file",
        ...bunArguments,
        runnerPath ?? bundle.path,
      ],
      {
        cwd: folder,
        env: { PATH: process.env["PATH"]!, HOME: folder, TMPDIR: folder, LANG: "C.UTF-8" },
        stdio: ["ignore", "pipe", "pipe", "socket-fd"],
        detached: true,
      } as never,
    );
    let runner: TestRunner | null = null;
    const socket = await Bun.connect({
      fd: child.stdio[3] as unknown as number,
      socket: {
        binaryType: "buffer",
        data: (_socket: unknown, chunk: Buffer) => runner?.channel.onBytes(chunk),
        drain: () => runner?.channel.onDrain(),
        close: () => runner?.channel.close(lost),
        error: () => runner?.channel.close(lost),
      },
    } as never);
    runner = new TestRunner(child, folder, socket as never);
    await runner.control((message) => message["type"] === "started");
    return runner;
  }

  /** Gives the process its app; resolves with `loaded` or `failed`. */
  load(entry: string, options: RunnerOptions = {}): Promise<Record<string, unknown>> {
    const message: LoadMessage = {
      type: "load",
      root: options.root ?? fixturesPath,
      entry,
      args: options.args ?? [],
      ephemeral: options.ephemeral ?? false,
      env: options.env ?? {},
      connect: options.connect ?? null,
      listen: options.listen ?? false,
      socketPath: join(this.folder, "app.sock"),
    };
    this.channel.control(message, loadAnswersMax);
    return this.control(({ type }) => type === "loaded" || type === "failed");
  }

  /** Resolves with the first message that satisfies `claim`; rejects when the process ends first. */
  async control(
    claim: (message: Record<string, unknown>) => boolean,
  ): Promise<Record<string, unknown>> {
    while (true) {
      const message = this.#controls.find(claim);
      if (message !== undefined) return message;
      if (this.#isGone) throw new Error(`the runner ended: ${this.stderr}`);
      await this.#next();
    }
  }

  /** All messages of this type so far. */
  controls(type: RunnerMessage["type"]): Record<string, unknown>[] {
    return this.#controls.filter((message) => message["type"] === type);
  }

  request(path: string, options: RequestOptions = {}): TestRequest {
    const { isOpen, isUpgrade } = options;
    const head = requestHead(path, options);
    const body = Buffer.from((options.body ?? "") as string);
    const buffer = Buffer.concat([head, body]);
    const flags = (isOpen ? 0 : FLAG_END) | (isUpgrade ? FLAG_UPGRADE : 0);
    const stream = new TestRequest(options.isSlow ?? false);
    this.channel.open(stream, buffer, 0, head.length, head.length, buffer.length, flags);
    return stream;
  }

  /** Writes bytes past the channel. */
  sendRaw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  ask(path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.request(path, options).answer;
  }

  /** Resolves when what the process has printed on `stream` satisfies `claim`. */
  async printed(stream: "stdout" | "stderr", claim: (text: string) => boolean): Promise<string> {
    while (!claim(this[stream])) {
      if (this.#isGone) throw new Error(`the runner ended: ${this.stdout}${this.stderr}`);
      await this.#next();
    }
    return this[stream];
  }

  /** Ends the process and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      try {
        process.kill(-this.child.pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
    await this.child.exited;
    this.channel.close(lost);
    rmSync(this.folder, { recursive: true, force: true });
  }

  onControl(message: unknown): void {
    this.#controls.push(message as Record<string, unknown>);
    if (this.answersLifecycle && (message as RunnerMessage).type === "lifecycle") {
      this.channel.control({ type: "heard" });
    }
    this.#wake();
  }
  onPong(): void {}
  onStreamClosed(): void {}
  onBroken(error: Error): void {
    this.stderr += `\n[the wire is broken: ${error.message}]`;
    this.child.kill("SIGKILL");
  }

  async #collect(stream: ReadableStream<Uint8Array>, name: "stdout" | "stderr"): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this[name] += decoder.decode(chunk, { stream: true });
      this.#wake();
    }
    await this.child.exited;
    this.#isGone = true;
    this.#wake();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}
