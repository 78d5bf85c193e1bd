/**
 * What an app says about when its process may sleep, and hears of it. Works in an app's own process on Levain; anywhere
 * else (`bun index.ts`, tests, a worker) promises run as they are, nothing is held and no hook is called.
 */

/** Names the object under which the process's runner takes these calls. */
const lifecycleKey = Symbol.for("levain.lifecycle");

/** What the runner of a process offers. Not for apps. */
export interface Lifecycle {
  waitUntil(work: Promise<unknown>, name: string): void;
  /** Returns what ends it. Twice is safe. */
  keepAwake(name: string): () => void;
  /** Return what takes the hook back. Twice is safe. */
  onStandby(run: StandbyHook): () => void;
  onResume(run: ResumeHook): () => void;
  /** Of the request whose code is running; null outside of one. Absent in nodes that are older than this. */
  requestId?(): string | null;
}

export type StandbyHook = () => unknown;
export type ResumeHook = (nap: Nap) => unknown;

/** What an app is told when it goes on. */
export interface Nap {
  /** How long the process did nothing, in milliseconds; near 0 when a request came before it slept. */
  sleptMs: number;
}

export interface WaitUntilOptions {
  /** Shown by `levain ps` and in the app's log. At most 64 characters. Default: none. */
  name?: string;
}

/** Keeps the process awake until it is released. */
export interface AwakeHolder extends Disposable {
  /** Twice is safe. */
  release(): void;
}

/**
 * Keeps the process awake until `work` has settled: it is not frozen, and not stopped for being idle, meanwhile. Returns
 * at once. When `work` rejects, the error goes to the app's log. After 15 minutes it no longer counts.
 *
 * ```ts
 * waitUntil(sendReceipt(order), { name: "receipt" });
 * return new Response("Thank you");
 * ```
 *
 * @throws {TypeError} when `work` is a function: call it
 */
export function waitUntil(work: PromiseLike<unknown>, options: WaitUntilOptions = {}): void {
  if (typeof work === "function") {
    throw new TypeError("waitUntil takes a promise, not a function: call the function");
  }
  const promise = Promise.resolve(work);
  const name = String(options.name ?? "");
  const lifecycle = currentLifecycle();
  if (lifecycle !== null) return lifecycle.waitUntil(promise, name);
  promise.catch((error) => console.error(`waitUntil${name === "" ? "" : ` "${name}"`}:`, error));
}

/**
 * Keeps the process awake until it is released. After an hour it no longer counts; who needs longer takes another.
 *
 * ```ts
 * using _awake = keepAwake("import");
 * ```
 */
export function keepAwake(name = ""): AwakeHolder {
  const release = currentLifecycle()?.keepAwake(String(name)) ?? (() => {});
  return { release, [Symbol.dispose]: release };
}

/**
 * Calls `run` before the process sleeps, so that it can close what should not sleep; a promise is waited for, 2 seconds
 * at most. Register it once, when the module is loaded. Not called before the process ends: that is what `SIGTERM` tells.
 *
 * @returns takes it back
 * @throws {TypeError} in an app with `ephemeral: true`, of which nothing is left while its process sleeps
 */
export function onStandby(run: StandbyHook): () => void {
  return currentLifecycle()?.onStandby(run) ?? (() => {});
}

/**
 * Calls `run` after the process has slept, before the app gets its next request; a promise is waited for, 2 seconds at
 * most. Also called when `onStandby` had begun and a request came before the process slept.
 *
 * @returns takes it back
 * @throws {TypeError} as `onStandby` does
 */
export function onResume(run: ResumeHook): () => void {
  return currentLifecycle()?.onResume(run) ?? (() => {});
}

/** What the runner offers, in a process that has one. Not for apps. */
export function currentLifecycle(): Lifecycle | null {
  return (globalThis as { [lifecycleKey]?: Lifecycle })[lifecycleKey] ?? null;
}
