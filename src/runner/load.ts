/**
 * Loads the app and waits until it has a handler, which is its default export or what it gives to `Bun.serve` now or a
 * little later, or listens with a server of node:http. While nothing but the wire keeps the process alive, `beforeExit`
 * tells that neither will come.
 */
import { type FailedMessage, failedTextMax } from "../wire/control.ts";
import { type Capture, type CaptureScope, type Captures, optionsOf } from "./capture.ts";
import { entryGraceMs } from "./limits.ts";
import type { NodeServers } from "./node-servers.ts";

/** The app cannot take requests; `failure` says why. */
export class LoadError extends Error {
  override readonly name = "LoadError";
  readonly failure: FailedMessage;

  constructor(failure: FailedMessage, cause?: unknown) {
    super(failure.message, cause === undefined ? {} : { cause });
    // It has to fit a frame; all of it is printed.
    this.failure = { ...failure, message: failure.message.slice(0, failedTextMax) };
  }
}

/** The capture a module leaves behind, or null when it has neither called Bun.serve nor exported a handler. */
export function captureOf(
  module: unknown,
  captures: Captures,
  scope: CaptureScope,
): Capture | null {
  if (scope.capture !== null) return scope.capture;
  const options = optionsOf((module as { default?: unknown }).default);
  return options === null ? null : captures.make(options, scope);
}

export interface LoadOptions {
  path: string;
  /** Behind the entry in `process.argv`. */
  args: readonly string[];
  captures: Captures;
  nodeServers: NodeServers;
  /** The module has run, and has neither a handler nor listens yet. */
  onWaiting(): void;
}

/**
 * Imports the entry as the main module and resolves with its capture; null when its server listens. The process must have
 * nothing but the app to live for meanwhile.
 *
 * @throws {LoadError}
 */
export async function load(options: LoadOptions): Promise<Capture | null> {
  const { path, args } = options;
  // `import.meta.main` and process.argv must say what they say under `bun <entry>`.
  (Bun as { main: string }).main = path;
  process.argv[1] = path;
  process.argv.splice(2, process.argv.length, ...args);
  process.execArgv.length = 0;

  const idle = Promise.withResolvers<never>();
  const onIdle = () =>
    idle.reject(new LoadError({ type: "failed", code: "NO_HANDLER", message: path }));
  process.once("beforeExit", onIdle);
  try {
    return await Promise.race([captureEntry(options), idle.promise]);
  } finally {
    process.off("beforeExit", onIdle);
  }
}

async function captureEntry(options: LoadOptions): Promise<Capture | null> {
  const { path, captures, nodeServers } = options;
  const served = new Promise<Capture>((resolve) => {
    captures.root.onCapture = resolve;
  });
  const listening = nodeServers.chosen.then(() => null);
  // An entry that never comes to its end may serve all the same. One that does may export a handler beside a server.
  const imported = importEntry(path).then((module) => ({ module }));
  const entry = await Promise.race([imported, listening.then(() => settled(imported))]);
  const capture = entry === null ? null : captureOf(entry.module, captures, captures.root);
  if (capture !== null) return capture;
  options.onWaiting();
  // The app may still be waiting for something before it serves.
  return Promise.race([served, listening]);
}

/** Its value, when it comes in time. */
async function settled<Value>(promise: Promise<Value>): Promise<Value | null> {
  const timeout = Promise.withResolvers<null>();
  const timer = setTimeout(() => timeout.resolve(null), entryGraceMs);
  try {
    return await Promise.race([promise, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function importEntry(path: string): Promise<unknown> {
  try {
    return await import(Bun.pathToFileURL(path).href);
  } catch (error) {
    throw new LoadError(failureOf(error), error);
  }
}

function failureOf(error: unknown): FailedMessage {
  const { specifier, code } = (error ?? {}) as { specifier?: unknown; code?: unknown };
  if (typeof specifier === "string" && (error as Error).name === "ResolveMessage") {
    return { type: "failed", code: "MODULE_MISSING", message: specifier };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND") {
    const name = /["']([^"']+)["']/.exec(message)?.[1];
    return { type: "failed", code: "MODULE_MISSING", message: name ?? message };
  }
  return { type: "failed", code: "THREW", message };
}
