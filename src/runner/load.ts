/**
 * Loads the app and waits until it has a handler: its default export, or a call of `Bun.serve` now or a little later.
 * While nothing but the wire keeps the process alive, `beforeExit` tells that no handler will come.
 */
import { type FailedMessage, failedTextMax } from "../wire/control.ts";
import { type Capture, type CaptureScope, type Captures, optionsOf } from "./capture.ts";

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

/**
 * Imports the entry as the main module and resolves with its capture. The process must have nothing but the app to live
 * for meanwhile.
 *
 * @throws {LoadError}
 */
export async function load(path: string, captures: Captures): Promise<Capture> {
  // `import.meta.main` and process.argv must say what they say under `bun <entry>`.
  (Bun as { main: string }).main = path;
  process.argv[1] = path;
  process.execArgv.length = 0;

  const idle = Promise.withResolvers<never>();
  const onIdle = () =>
    idle.reject(new LoadError({ type: "failed", code: "NO_HANDLER", message: path }));
  process.once("beforeExit", onIdle);
  try {
    return await Promise.race([captureEntry(path, captures), idle.promise]);
  } finally {
    process.off("beforeExit", onIdle);
  }
}

async function captureEntry(path: string, captures: Captures): Promise<Capture> {
  const served = new Promise<Capture>((resolve) => {
    captures.root.onCapture = resolve;
  });
  const listened = Promise.withResolvers<never>();
  listened.promise.catch(() => {});
  captures.root.onNodeServer = () =>
    listened.reject(new LoadError({ type: "failed", code: "NODE_SERVER", message: path }));
  const module = await importEntry(path);
  // The app may still be waiting for something before it serves. A server of node:http beside a handler is its own affair.
  return (
    captureOf(module, captures, captures.root) ?? (await Promise.race([served, listened.promise]))
  );
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
