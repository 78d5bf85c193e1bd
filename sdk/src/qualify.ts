/** Cases of an app's own for `levain qualify`: modules in the project's folder `qualify/`, one case each. */

export interface QualifyContext {
  /** Less of everything is asked for, as a first look. */
  readonly isQuick: boolean;
  /** Notes a number, such as `measure("memory", 12, "MiB")`: it is shown in the table and compared between runtimes. */
  measure(name: string, value: number, unit: string): void;
}

/**
 * The default export of such a module: it passes when it resolves, and fails with the words of what it throws. It runs in a
 * process of its own on the runtime that is tested, in the project's folder, within bounds of time and memory.
 *
 * ```ts
 * import { defineQualifyCase } from "levain";
 *
 * export default defineQualifyCase(async ({ measure }) => {
 *   const startMs = performance.now();
 *   await renderCatalogue();
 *   measure("render", performance.now() - startMs, "ms");
 * });
 * ```
 */
export type QualifyCase = (context: QualifyContext) => void | Promise<void>;

/** Gives the case its types, and nothing else. */
export function defineQualifyCase(run: QualifyCase): QualifyCase {
  return run;
}

/** Ends a case that cannot be tried here: it neither passes nor fails. */
export function skipQualifyCase(reason: string): never {
  throw Object.assign(new Error(reason), { name: "SkipCase" });
}
