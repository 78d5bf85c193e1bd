/**
 * Who has use for an artifact: between its artifact and its version a deploy's artifact is in no table yet, so nothing is
 * removed meanwhile, and a deploy waits for a removal that is under way.
 */
import type { ArtifactStore } from "./artifact-store.ts";

export class ArtifactUse {
  readonly #artifacts: Pick<ArtifactStore, "list" | "remove">;
  /** Deploys between their artifact and their version, and backups. Count. */
  #inUse = 0;
  /** A removal of artifacts that is under way. */
  #removing: Promise<void> | null = null;

  constructor(artifacts: Pick<ArtifactStore, "list" | "remove">) {
    this.#artifacts = artifacts;
  }

  /** From before an artifact is added until its version is kept; also while a backup copies what there is. */
  async take(): Promise<Disposable> {
    this.#inUse += 1;
    await this.#removing;
    return {
      [Symbol.dispose]: () => {
        this.#inUse -= 1;
      },
    };
  }

  /**
   * Removes artifacts that no version names any more. While a deploy is between its artifact and its version nothing is
   * removed: what stays costs disk, and is found by the next start.
   */
  async remove(digests: readonly string[]): Promise<void> {
    if (this.#inUse > 0) return;
    await this.#alone(async () => {
      for (const digest of digests) await this.#artifacts.remove(digest);
    });
  }

  /**
   * Removes every artifact that is in none of the versions that `referenced` finds. Waits for nothing, as above.
   *
   * @returns those that are gone
   */
  async removeUnreferenced(referenced: () => Promise<ReadonlySet<string>>): Promise<string[]> {
    const removed: string[] = [];
    if (this.#inUse > 0) return removed;
    await this.#alone(async () => {
      const digests = await referenced();
      for (const digest of await this.#artifacts.list()) {
        if (digests.has(digest)) continue;
        await this.#artifacts.remove(digest);
        removed.push(digest);
      }
    });
    return removed;
  }

  /** Runs a removal; deploys wait for it before they add an artifact. */
  async #alone(remove: () => Promise<void>): Promise<void> {
    const removing = (this.#removing ?? Promise.resolve()).then(remove);
    this.#removing = removing.catch(() => {});
    await removing;
  }
}
