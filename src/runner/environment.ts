/**
 * Gives the process the environment of its version. A runner starts before it knows its app, so what was inherited is
 * replaced here; and because Bun hands its original environment to children, spawning is told to pass the current one.
 */

/** What a started runner keeps: where programs are, and the folders that are private to it. */
const KEPT = ["PATH", "HOME", "TMPDIR", "LANG"];

export function passEnvironment(env: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) {
    if (!KEPT.includes(name)) delete process.env[name];
  }
  Object.assign(process.env, env);

  for (const name of ["spawn", "spawnSync"] as const) {
    const native = Bun[name] as (...args: unknown[]) => unknown;
    const withEnvironment = (first: unknown, second?: unknown): unknown =>
      Array.isArray(first) ? native(first, withEnv(second)) : native(withEnv(first));
    (Bun as unknown as Record<string, unknown>)[name] = withEnvironment;
  }
  passToWorkers();
}

/** A worker is started with the original environment too. */
function passToWorkers(): void {
  const Native = globalThis.Worker;
  globalThis.Worker = class Worker extends Native {
    constructor(url: string | URL, options?: Bun.WorkerOptions) {
      super(url, withEnv(options) as Bun.WorkerOptions);
    }
  };
}

/** The options of a spawn, with the current environment unless they have their own. */
function withEnv(options: unknown): unknown {
  const given = (options ?? {}) as { env?: unknown };
  return given.env === undefined ? { ...given, env: process.env } : given;
}
