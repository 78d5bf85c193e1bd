/**
 * The attacks, and what each of them gets: the table of SECURITY.md, and what `attacks.test.ts` holds Levain to.
 */
import type { Report } from "./attack.ts";
import { fileAttacks } from "./rows/files.ts";
import { kernelAttacks } from "./rows/kernel.ts";
import { networkAttacks } from "./rows/network.ts";
import { processAttacks } from "./rows/processes.ts";
import { resourceAttacks } from "./rows/resources.ts";
import { wireAttacks } from "./rows/wire.ts";

export interface Attack {
  /** Name of its app, and of its file in apps/. */
  app: string;
  /** What it tries, for the table. */
  tries: string;
  /** What stands in its way, for the table. */
  by: string;
  /** What it gets from a node that root runs: each instance has a user of its own. */
  gets: Report;
  /** What is different when the node has an ordinary user, whom it shares with all apps. */
  asUser?: Report;
  /** What is different for an app with `sandbox: "relaxed"`, on a node that root runs; left out where nothing is. */
  relaxed?: Report;
  /**
   * The control: some of what it gets from a node of an ordinary user where `sandbox` is `off`. An attack that gets
   * nothing there either says nothing about the sandbox. Left out where it would do harm, or where no sandbox is needed.
   */
  bare?: Report;
  /** Codes that the app's log has afterwards, at least. */
  codes?: readonly string[];
  /** Beside the name: configuration of its app. */
  config?: object;
  /** More files of its artifact. */
  files?: Record<string, string>;
}

export const ATTACKS: readonly Attack[] = [
  ...fileAttacks,
  ...processAttacks,
  ...kernelAttacks,
  ...networkAttacks,
  ...wireAttacks,
  ...resourceAttacks,
];

/**
 * Where two clocks race, an outcome may be one of several, `one or other`: gives what was expected when the report is
 * among it.
 */
export function settle(report: Report, wanted: Report): Report {
  return Object.fromEntries(
    Object.entries(report).map(([name, outcome]) => {
      const allowed = wanted[name] ?? "";
      return [name, allowed.split(" or ").includes(outcome) ? allowed : outcome];
    }),
  );
}

/** What it gets where it is held strictly. */
export function expected(attack: Attack, isUser: boolean): Report {
  return isUser ? { ...attack.gets, ...attack.asUser } : attack.gets;
}
