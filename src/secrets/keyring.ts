/**
 * The master keys of a node: one that seals, and any that still open what is not sealed anew yet.
 *
 *   one key ──begin()──▶ new + old ──settle()──▶ one key        the file is written at both arrows
 *                           └── node ends ──▶ new + old at the next start, which goes on with it
 *
 * The old key stays in the file until everything that was sealed with it is stored (`hold`) and sealed anew.
 */
import { createHmac } from "node:crypto";
import { PlatformError } from "../base/errors.ts";
import { newMasterKey, parseMasterKeys, readKeyFile, writeKeyFile } from "./key-file.ts";
import { fingerprintDigits } from "./limits.ts";
import { keyIdOf, type MasterKey, masterKeyOf, type SealContext, seal, unseal } from "./seal.ts";

export interface KeyringOptions {
  /** File of the keys; made when it is missing. Not touched when keys are given. */
  path: string;
  /** Keys of the operator's own, as `LEVAIN_MASTER_KEY` has them. */
  given?: string | undefined;
}

export class Keyring {
  readonly #path: string;
  readonly #isGiven: boolean;
  #keys: MasterKey[];
  readonly #byId: Map<string, MasterKey>;
  /** Values that are sealed and not stored yet, by how many rotations had begun before. */
  readonly #holds = new Map<number, number>();
  #rotations = 0;
  #whenFree = Promise.withResolvers<void>();
  /** Whether the key file was made by this start. */
  readonly isNew: boolean;

  /** @throws {PlatformError} `MASTER_KEY_INVALID`; what the file system has against a new file */
  static open({ path, given }: KeyringOptions): Keyring {
    if (given !== undefined && given !== "") {
      return new Keyring(path, parseMasterKeys(given, "LEVAIN_MASTER_KEY"), true, false);
    }
    const found = readKeyFile(path);
    if (found !== null) return new Keyring(path, found, false, false);
    const made = [newMasterKey()];
    writeKeyFile(path, made);
    return new Keyring(path, made, false, true);
  }

  private constructor(path: string, keys: readonly string[], isGiven: boolean, isNew: boolean) {
    this.#path = path;
    this.#isGiven = isGiven;
    this.isNew = isNew;
    this.#keys = keys.map(masterKeyOf);
    this.#byId = new Map(this.#keys.map((key) => [key.id, key]));
  }

  /** Of the key that seals. */
  get keyId(): string {
    return this.#first.id;
  }

  /** Of all keys, the one that seals first. */
  get keyIds(): string[] {
    return this.#keys.map(({ id }) => id);
  }

  /** Whether there are keys that only open. */
  get isRotating(): boolean {
    return this.#keys.length > 1;
  }

  /** Whether the operator keeps the keys, and not the node. */
  get isGiven(): boolean {
    return this.#isGiven;
  }

  /** Whether it opens what was sealed with a key. */
  has(keyId: string): boolean {
    return this.#byId.has(keyId);
  }

  seal(value: string, context: SealContext): string {
    return seal(this.#first, value, context);
  }

  /** @throws {UnsealError} */
  unseal(text: string, context: SealContext): string {
    return unseal(this.#byId, text, context);
  }

  /** Whether a text is sealed with the key that seals now. */
  isCurrent(text: string): boolean {
    return keyIdOf(text) === this.keyId;
  }

  /** What two values of an app are compared by. The same value looks different in another app, and after a rotation. */
  fingerprint(app: string, value: string): string {
    return createHmac("sha256", this.#first.fingerprint)
      .update(JSON.stringify([app, value]))
      .digest("hex")
      .slice(0, fingerprintDigits);
  }

  /** From before something is sealed until it is stored. A rotation that begins meanwhile keeps the old key. */
  hold(): Disposable {
    const since = this.#rotations;
    this.#holds.set(since, (this.#holds.get(since) ?? 0) + 1);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        const left = this.#holds.get(since)! - 1;
        if (left > 0) this.#holds.set(since, left);
        else this.#holds.delete(since);
        if (this.isFree) this.#whenFree.resolve();
      },
    };
  }

  /** Whether all that was sealed with a key that only opens is stored. What looks for it after this finds it. */
  get isFree(): boolean {
    return [...this.#holds.keys()].every((since) => since === this.#rotations);
  }

  /** Resolves when `isFree`. */
  whenFree(): Promise<void> {
    this.#whenFree = Promise.withResolvers();
    if (this.isFree) this.#whenFree.resolve();
    return this.#whenFree.promise;
  }

  /**
   * Makes another key the one that seals; the others still open. It is in the file before anything is sealed with it.
   *
   * @throws {PlatformError} `MASTER_KEY_GIVEN`; what the file system has against it
   */
  begin(): void {
    if (this.#isGiven) throw new PlatformError("MASTER_KEY_GIVEN", []);
    const keys = [newMasterKey(), ...this.#keys.map(({ hex }) => hex)];
    writeKeyFile(this.#path, keys);
    this.#take(keys);
    this.#rotations += 1;
  }

  /**
   * Takes the keys that only open out of the file: nothing that is stored is sealed with them any more. Until this
   * process ends they open what is in its memory. Keys that were given are the operator's to take away.
   */
  settle(): void {
    if (!this.isRotating || this.#isGiven) return;
    const keys = [this.#first.hex];
    writeKeyFile(this.#path, keys);
    this.#take(keys);
  }

  get #first(): MasterKey {
    return this.#keys[0]!;
  }

  #take(keys: readonly string[]): void {
    this.#keys = keys.map(masterKeyOf);
    for (const key of this.#keys) this.#byId.set(key.id, key);
  }
}
