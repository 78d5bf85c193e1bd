/** All cases that there are, in the order in which they run. */
import { type AppCasesOptions, appCases } from "./app-cases.ts";
import { caseTimeoutMsDefault } from "./limits.ts";
import { loadCases } from "./load-cases.ts";
import { builtIn, runModuleCase } from "./module-case.ts";
import type { QualifyCase } from "./qualify-case.ts";
import { sqlCases } from "./sql-cases.ts";
import type { SqlServer } from "./sql-server.ts";

/** Modules in `cases/`. */
const MODULES: readonly Pick<QualifyCase, "name" | "group" | "catches">[] = [
  { name: "s3-reads", group: "memory", catches: "files read from S3 that stay in native memory" },
  { name: "fetch-bodies", group: "memory", catches: "bodies of answers that stay in memory" },
  { name: "request-bodies", group: "memory", catches: "bodies of requests that stay in memory" },
  { name: "long-polls", group: "memory", catches: "requests that stay when their client has gone" },
  { name: "web-sockets", group: "memory", catches: "WebSockets that stay, or lose messages" },
  { name: "timers", group: "behaviour", catches: "timers that are late, out of order or stay" },
  { name: "aborts", group: "behaviour", catches: "requests that cannot be given up" },
];

export interface CasesOptions {
  app: AppCasesOptions;
  /** Asked for when the first case needs it. */
  sqlServer(): Promise<SqlServer>;
  /** Folder of the runtimes that are tested. */
  runtimesDir: string;
}

export function allCases({ app, sqlServer, runtimesDir }: CasesOptions): QualifyCase[] {
  const modules = MODULES.map(
    (row): QualifyCase => ({
      ...row,
      isRequired: true,
      run: (run) =>
        runModuleCase(
          { module: builtIn(row.name), hasPeer: true, timeoutMs: caseTimeoutMsDefault },
          run,
        ),
    }),
  );
  return [...modules, ...sqlCases(sqlServer), ...loadCases(runtimesDir), ...appCases(app)];
}

/** Names of required cases that come with Levain: a verdict for production has them all. */
export function requiredNames(cases: readonly QualifyCase[]): string[] {
  return cases
    .filter(({ group, isRequired }) => isRequired && group !== "app")
    .map(({ name }) => name);
}
