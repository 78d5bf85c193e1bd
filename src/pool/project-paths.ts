/**
 * Paths of an artifact as the author of the app knows them. What lies in the node's artifact store is called by where it
 * lies in the project, in places that name a line or a module: `src/cart.ts:2:9`. Other paths that an app prints are its
 * own affair. So are positions in the bundle that no source map explains.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Ending of the bundle that a deploy writes beside the entry. */
const BUNDLE_ENDING = ".levain.js";
const SOURCE_ENDINGS = [".ts", ".tsx", ".js", ".jsx", ".mts", ".mjs", ".cts", ".cjs"];

export class ProjectPaths {
  readonly #root: string;
  readonly #entry: string;
  readonly #positions: RegExp;
  readonly #importer: RegExp;

  /**
   * @param root folder of the artifact
   * @param entry module that is started, relative to it
   */
  constructor(root: string, entry: string) {
    this.#root = `${root}/`;
    this.#entry = entry;
    const start = RegExp.escape(this.#root);
    this.#positions = new RegExp(`${start}(?=[^\\s:"'()]+:\\d)`, "g");
    this.#importer = new RegExp(`\\bfrom (["'])${start}([^"']+)\\1`, "g");
  }

  /** A line of output or the message of an error. */
  shown(text: string): string {
    if (!text.includes(this.#root)) return text;
    return text
      .replace(this.#positions, "")
      .replace(this.#importer, (_, quote: string, path: string) => {
        return `from ${quote}${path === this.#entry ? this.entry() : path}${quote}`;
      });
  }

  /** The entry as the project has it. Looks at the disk when it is a bundle. */
  entry(): string {
    if (!this.#entry.endsWith(BUNDLE_ENDING)) return this.#entry;
    const stem = this.#entry.slice(0, -BUNDLE_ENDING.length);
    const ending = SOURCE_ENDINGS.find((end) => existsSync(join(this.#root, stem + end)));
    return stem + (ending ?? "");
  }
}
