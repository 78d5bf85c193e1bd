/**
 * The environments of apps: values are set for branches, sealed into the store, and frozen into versions.
 *
 *   set ──seal──▶ store ──open──▶ resolved for a branch ──seal──▶ version ──open──▶ process
 *
 * A value is open only here, in what a build or a process is given, and never in an answer, a log or a file.
 */
import type { Clock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { EnvPlace, StoredEnvValue } from "../store/env-values.ts";
import type { Store } from "../store/store.ts";
import type { WholeVersion } from "../store/versions.ts";
import type { Keyring } from "./keyring.ts";
import { envBytesMax, envValuesMax } from "./limits.ts";
import { type ResolvedValue, resolveRun, setValuesFor } from "./resolve.ts";
import type { EnvDeclaration } from "./rules.ts";
import { isSealed, type SealContext, UnsealError } from "./seal.ts";
import { checkNewValue } from "./value-check.ts";
import {
  type OpenEnvironment,
  runValues,
  type SealedPart,
  type VersionEnvironment,
  versionEnvironmentOf,
} from "./version-environment.ts";

export interface EnvironmentsOptions {
  keyring: Keyring;
  store: Pick<Store, "envValues" | "changeEnv">;
  clock: Clock;
}

export interface EnvChange extends EnvPlace {
  app: string;
  set: Readonly<Record<string, string>>;
  unset: readonly string[];
  atBuild: boolean;
  atRun: boolean;
  /** Who asks for it, or null when that is not known. */
  by: string | null;
}

/** A value as it is listed. */
export interface ListedValue extends Omit<StoredEnvValue, "sealed"> {
  /** Equal for equal values of an app; null when it cannot be opened. */
  fingerprint: string | null;
}

export class Environments {
  readonly #options: EnvironmentsOptions;

  constructor(options: EnvironmentsOptions) {
    this.#options = options;
  }

  /**
   * Sets and takes away, all or nothing.
   *
   * @returns names that were there before
   * @throws {PlatformError} `ENV_NAME_INVALID`, `ENV_VALUE_INVALID`, `ENV_TOO_MANY`
   */
  async change({
    app,
    scope,
    branch,
    set,
    unset,
    atBuild,
    atRun,
    by,
  }: EnvChange): Promise<string[]> {
    const { keyring, store, clock } = this.#options;
    for (const [name, value] of Object.entries(set)) checkNewValue(name, value, atBuild);
    using _held = keyring.hold();
    return await store.changeEnv({
      app,
      scope,
      branch,
      set: Object.entries(set).map(([name, value]) => ({
        name,
        atBuild,
        atRun,
        sealed: keyring.seal(value, valueContext(app, { scope, branch }, name)),
      })),
      unset,
      atMs: clock.wallMs(),
      by,
      valuesMax: envValuesMax,
    });
  }

  /** All that is set for an app, without the values. */
  async list(app: string): Promise<ListedValue[]> {
    const values = await this.#options.store.envValues(app);
    return values.map(({ sealed, ...listed }) => ({
      ...listed,
      fingerprint: this.#fingerprintOf(app, sealed, valueContext(app, listed, listed.name)),
    }));
  }

  /**
   * What a version of a branch would get now.
   *
   * @throws {PlatformError} `ENVIRONMENT_UNREADABLE`, `ENV_TOO_LARGE`
   */
  async resolve(
    app: string,
    branch: string,
    declaration: EnvDeclaration,
  ): Promise<OpenEnvironment> {
    const values = await this.#options.store.envValues(app);
    const open = (when: "run" | "build") =>
      [...setValuesFor(values, branch, when).values()].map((value): [string, ResolvedValue] => {
        const context = valueContext(app, value, value.name);
        return [
          value.name,
          { value: this.#open(app, value.name, value.sealed, context), from: value.scope },
        ];
      });
    const run = resolveRun(declaration, new Map(open("run")));
    const build = new Map(open("build").map(([name, { value }]) => [name, value]));
    const environment = { declaration, run, build };
    for (const part of [runValues(environment), build]) assertFits(app, branch, part);
    return environment;
  }

  /** Sealed for one version, whose number the values are bound to. */
  freeze(
    app: string,
    number: number,
    { declaration, run, build }: OpenEnvironment,
  ): { env: VersionSpec["env"]; environment: VersionEnvironment } {
    const seal = (part: SealedPart, values: Iterable<readonly [string, string]>) =>
      Object.fromEntries(
        [...values].map(([name, value]) => [
          name,
          this.#options.keyring.seal(value, versionContext(app, number, part, name)),
        ]),
      );
    return {
      env: seal("run", runValues({ run })),
      environment: {
        rules: declaration.rules,
        config: seal("config", Object.entries(declaration.values)),
        build: seal("build", build),
        from: Object.fromEntries([...run].map(([name, { from }]) => [name, from])),
      },
    };
  }

  /** From before `freeze` until the version is in the store and published. */
  hold(): Disposable {
    return this.#options.keyring.hold();
  }

  /** What the process of a version gets. @throws {PlatformError} `ENVIRONMENT_UNREADABLE` */
  openRun({
    app,
    number,
    env,
  }: Pick<VersionSpec, "app" | "number" | "env">): Record<string, string> {
    return this.#openPart(app, number, "run", env);
  }

  /** All that a version was made with. @throws {PlatformError} `ENVIRONMENT_UNREADABLE` */
  openVersion({ spec, environment: stored }: WholeVersion): OpenEnvironment {
    const { app, number } = spec;
    const { rules, config, build, from } = versionEnvironmentOf(stored, spec);
    const run = this.openRun(spec);
    // Of an earlier release, which did not keep them apart.
    const own = stored === null ? run : this.#openPart(app, number, "config", config);
    return {
      declaration: { rules, values: own },
      run: new Map(
        Object.entries(run).map(([name, value]) => [name, { value, from: from[name] ?? "config" }]),
      ),
      build: new Map(Object.entries(this.#openPart(app, number, "build", build))),
    };
  }

  /** Names two environments by one text each, equal when they have the same values. */
  fingerprint(app: string, values: ReadonlyMap<string, string>): string {
    const sorted = [...values].sort(([left], [right]) => (left < right ? -1 : 1));
    return this.#options.keyring.fingerprint(app, JSON.stringify(sorted));
  }

  #openPart(
    app: string,
    number: number,
    part: SealedPart,
    sealed: Readonly<Record<string, string>>,
  ): Record<string, string> {
    return Object.fromEntries(
      Object.entries(sealed).map(([name, text]) => [
        name,
        this.#open(app, name, text, versionContext(app, number, part, name)),
      ]),
    );
  }

  /** Versions of earlier releases have plain values; what was set for an app was always sealed. */
  #open(app: string, name: string, text: string, context: SealContext): string {
    if (context[0] === "version" && !isSealed(text)) return text;
    try {
      return this.#options.keyring.unseal(text, context);
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      throw new PlatformError("ENVIRONMENT_UNREADABLE", [app, name, error.message]);
    }
  }

  #fingerprintOf(app: string, sealed: string, context: SealContext): string | null {
    const { keyring } = this.#options;
    try {
      return keyring.fingerprint(app, keyring.unseal(sealed, context));
    } catch {
      return null;
    }
  }
}

/** Where a value that was set belongs. */
export function valueContext(app: string, { scope, branch }: EnvPlace, name: string): SealContext {
  return ["value", app, scope, branch, name];
}

/** Where a value of a version belongs. */
export function versionContext(
  app: string,
  number: number,
  part: SealedPart,
  name: string,
): SealContext {
  return ["version", app, number, part, name];
}

/** Whether a process can be given all of it. @throws {PlatformError} `ENV_TOO_LARGE` */
export function assertFits(app: string, branch: string, values: ReadonlyMap<string, string>): void {
  const bytes = bytesOf(values);
  if (bytes > envBytesMax) {
    throw new PlatformError("ENV_TOO_LARGE", [app, branch, bytes, envBytesMax]);
  }
}

function bytesOf(values: ReadonlyMap<string, string>): number {
  let bytes = 0;
  for (const [name, value] of values) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
  }
  return bytes;
}
