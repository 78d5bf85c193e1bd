/**
 * Which Bun an app runs on, by name: `bun@1.4.5`. One exact version, so that the same name is the same program on every
 * day. Pure.
 */
import { PlatformError } from "../base/errors.ts";

/** What this program runs on, and every app that names no other. */
export const ownRuntime = `bun@${Bun.version}`;

/** The first that ends what it has started when it is ended itself (`--no-orphans`). Older ones leave apps' children. */
const oldestRuntime = "bun@1.3.14";

/** The first with `Bun.ModuleGraph`, which ephemeral apps are made of. */
const oldestEphemeralRuntime = "bun@1.4.3";

/** At most 4 digits each, as no file name or argument is made of anything longer. */
const NAME = /^bun@(\d{1,4}\.\d{1,4}\.\d{1,4}(?:-[0-9A-Za-z][0-9A-Za-z.-]{0,63})?)$/;

/** @throws {PlatformError} `RUNTIME_INVALID` */
export function versionOf(name: string): string {
  const version = NAME.exec(name)?.[1];
  if (version === undefined) throw new PlatformError("RUNTIME_INVALID", [name.slice(0, 100)]);
  return version;
}

/** Whether it is a name at all. */
export function isRuntimeName(name: string): boolean {
  return NAME.test(name);
}

/**
 * @param isEphemeral the app gets a module graph for each request
 * @throws {PlatformError} `RUNTIME_INVALID`, `RUNTIME_TOO_OLD`
 */
export function assertRunsApps(name: string, isEphemeral: boolean): void {
  const version = versionOf(name);
  const bounds = [
    [oldestRuntime, "older ones do not end what an app has started"],
    ...(isEphemeral ? [[oldestEphemeralRuntime, "ephemeral apps need Bun.ModuleGraph"]] : []),
  ] as const;
  for (const [oldest = "", why = ""] of bounds) {
    if (Bun.semver.order(version, versionOf(oldest)) < 0)
      throw new PlatformError("RUNTIME_TOO_OLD", [name, oldest, why]);
  }
}

/** What decides which of Bun's builds a machine can run. */
export interface RuntimeMachine {
  arch: string;
  /** Processors of x86-64 before 2013 have none. */
  hasAvx2: boolean;
  isMusl: boolean;
}

/** The package of npm that has the program for the machine in `bin/bun`. */
export function packageFor({ arch, hasAvx2, isMusl }: RuntimeMachine): string {
  const processor = arch === "arm64" ? "aarch64" : arch;
  const libc = isMusl ? "-musl" : "";
  const baseline = arch === "x64" && !hasAvx2 ? "-baseline" : "";
  return `@oven/bun-linux-${processor}${libc}${baseline}`;
}
