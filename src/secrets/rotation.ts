/**
 * Another master key for everything that is sealed, while the node serves.
 *
 *   new key in the file ─▶ values ─▶ versions ─▶ route table published ─▶ old key out of the file
 *
 * At each point both what is sealed and the keys that open it are on the disk, so a node that ends anywhere goes on with
 * it at its next start. The same pass seals what an earlier release has left plain.
 */
import { messageOf, PlatformError } from "../base/errors.ts";
import type { ValueToReseal, VersionToReseal } from "../store/reseal.ts";
import type { Store } from "../store/store.ts";
import { valueContext, versionContext } from "./environments.ts";
import type { Keyring } from "./keyring.ts";
import { resealBatch } from "./limits.ts";
import { isSealed, type SealContext, UnsealError } from "./seal.ts";

export interface RotationOptions {
  keyring: Keyring;
  store: Pick<Store, "valuesToReseal" | "versionsToReseal" | "putResealed" | "putResealedVersions">;
  /** Seals what else there is, on the disk too when it resolves; names what no key opens. @returns how many. Default: nothing. */
  sealOthers?(unreadable: string[]): Promise<number>;
  /** Puts what the store holds into effect, and says whether it is on the disk too. */
  publish(): Promise<boolean>;
  /** A line for the node's log. */
  note(line: string): void;
}

export interface RotationResult {
  /** Of the key that seals now. */
  keyId: string;
  /** Counts of what was sealed anew. */
  values: number;
  versions: number;
  /** What no key opens, such as `DATABASE_URL of shop on main`; left as it is. */
  unreadable: string[];
  /** Whether the old key is gone. Else a deploy still needs it, and it goes when that has ended. */
  isSettled: boolean;
}

export class Rotation {
  readonly #options: RotationOptions;
  #running: Promise<RotationResult> | null = null;

  constructor(options: RotationOptions) {
    this.#options = options;
  }

  /**
   * Makes a new key and seals everything with it; or ends a rotation that was begun.
   *
   * @throws {PlatformError} `KEY_ROTATION_RUNNING`, `MASTER_KEY_GIVEN`, `STORE_UNAVAILABLE`
   */
  async rotate(): Promise<RotationResult> {
    const { keyring, store } = this.#options;
    if (this.#running !== null) throw new PlatformError("KEY_ROTATION_RUNNING", []);
    return await this.#alone(async () => {
      // Before anything changes: without the store nothing can be sealed anew.
      await store.valuesToReseal("", null, 1);
      if (!keyring.isRotating) keyring.begin();
      return this.#pass();
    });
  }

  /** Goes on with what is left of a rotation, if there is one. Joins one that runs. */
  async resume(): Promise<RotationResult> {
    return await (this.#running ?? this.#alone(() => this.#pass()));
  }

  #resumeLater(): void {
    this.resume().catch((error) => {
      // The next start of the node goes on with it.
      this.#options.note(`The rotation of the master key is not at its end: ${messageOf(error)}`);
    });
  }

  #alone(work: () => Promise<RotationResult>): Promise<RotationResult> {
    this.#running = work().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #pass(): Promise<RotationResult> {
    const { keyring, publish, note } = this.#options;
    const unreadable: string[] = [];
    const wasRotating = keyring.isRotating;
    // What is stored only later would be missed.
    const findsAll = keyring.isFree;
    const values =
      (await this.#sealValues(unreadable)) + ((await this.#options.sealOthers?.(unreadable)) ?? 0);
    const versions = await this.#sealVersions(unreadable);
    const isOnDisk = versions > 0 || wasRotating ? await publish() : false;
    const isSettled = !wasRotating || (findsAll && isOnDisk);
    if (!findsAll) void keyring.whenFree().then(() => this.#resumeLater());
    if (wasRotating && isSettled) {
      keyring.settle();
      note(
        keyring.isGiven
          ? `Everything is sealed with master key ${keyring.keyId}; the others can be taken out of LEVAIN_MASTER_KEY`
          : `Everything is sealed with master key ${keyring.keyId}; the old one is gone`,
      );
    }
    if (unreadable.length > 0) {
      note(`${unreadable.length} environment values cannot be opened, such as ${unreadable[0]}`);
    }
    return { keyId: keyring.keyId, values, versions, unreadable, isSettled };
  }

  async #sealValues(unreadable: string[]): Promise<number> {
    const { store } = this.#options;
    let count = 0;
    let after: ValueToReseal | null = null;
    for (;;) {
      const found: ValueToReseal[] = await store.valuesToReseal(this.#prefix, after, resealBatch);
      const sealed = found.flatMap((value) => {
        const { app, name, branch, scope } = value;
        const where = scope === "branch" ? branch : scope;
        const context = valueContext(app, value, name);
        const resealed = this.#reseal(
          value.sealed,
          context,
          unreadable,
          `${name} of ${app} on ${where}`,
        );
        return resealed === value.sealed ? [] : [{ ...value, resealed }];
      });
      await store.putResealed(sealed);
      count += sealed.length;
      if (found.length < resealBatch) return count;
      after = found.at(-1) ?? null;
    }
  }

  async #sealVersions(unreadable: string[]): Promise<number> {
    const { store } = this.#options;
    let count = 0;
    let after: VersionToReseal | null = null;
    for (;;) {
      const found: VersionToReseal[] = await store.versionsToReseal(
        this.#prefix,
        after,
        resealBatch,
      );
      const sealed = found.flatMap((version) => {
        const anew = this.#version(version, unreadable);
        return JSON.stringify(anew) === JSON.stringify(version) ? [] : [anew];
      });
      if (sealed.length > 0) await store.putResealedVersions(sealed);
      count += sealed.length;
      if (found.length < resealBatch) return count;
      after = found.at(-1) ?? null;
    }
  }

  #version(version: VersionToReseal, unreadable: string[]): VersionToReseal {
    const { app, number, env, environment } = version;
    const part = (name: "run" | "config" | "build", values: Record<string, string>) =>
      Object.fromEntries(
        Object.entries(values).map(([key, text]) => [
          key,
          this.#reseal(
            text,
            versionContext(app, number, name, key),
            unreadable,
            `${key} of ${app} v${number}`,
          ),
        ]),
      );
    return {
      app,
      number,
      env: part("run", env),
      environment:
        environment === null
          ? null
          : {
              ...environment,
              config: part("config", environment.config),
              build: part("build", environment.build),
            },
    };
  }

  #reseal(text: string, context: SealContext, unreadable: string[], label: string): string {
    const { keyring } = this.#options;
    if (keyring.isCurrent(text)) return text;
    try {
      return keyring.seal(isSealed(text) ? keyring.unseal(text, context) : text, context);
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      unreadable.push(label);
      return text;
    }
  }

  get #prefix(): string {
    return `sealed:1:${this.#options.keyring.keyId}:`;
  }
}
