/**
 * One case in a process of its own, on the Bun that is tested. A module alone, so that it starts on any version.
 *
 *   bun run-case.ts <module> <file for the outcome> <0 or 1: quick> <address of the peer>
 *
 * The outcome is written beside its place and renamed: it is whole or absent. What the case prints is no part of it.
 */
import { renameSync, writeFileSync } from "node:fs";
import type { CaseContext, CaseOutcome, Measure } from "./case-context.ts";

const [, , modulePath = "", outcomePath = "", quick = "0", peer = ""] = process.argv;
const measures: Measure[] = [];
const context: CaseContext = {
  isQuick: quick === "1",
  peer,
  measure: (name, value, unit) => void measures.push({ name, value, unit }),
};

function leave(outcome: CaseOutcome): never {
  writeFileSync(`${outcomePath}.part`, JSON.stringify(outcome));
  renameSync(`${outcomePath}.part`, outcomePath);
  process.exit(0);
}

/** A module of an app's own may be an object with `run`, or the function itself. */
function runOf(exported: unknown): (context: CaseContext) => unknown {
  if (typeof exported === "function") return exported as never;
  const { run } = (exported ?? {}) as { run?: unknown };
  if (typeof run !== "function") throw new Error("its default export is no case: it has no run()");
  return run.bind(exported) as never;
}

function explain(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}

// Also what nobody caught is a failure with words.
process.on("uncaughtException", (error) => {
  console.error(error);
  leave({ status: "fail", reason: `uncaught: ${explain(error)}`, measures });
});
process.on("unhandledRejection", (error) => {
  console.error(error);
  leave({ status: "fail", reason: `unhandled: ${explain(error)}`, measures });
});

/** `import … from "levain"` works in a project that has not installed it, as in its deploy. */
function provideSdk(): void {
  try {
    Bun.resolveSync("levain", process.cwd());
  } catch {
    Bun.plugin({
      name: "levain-sdk",
      setup(builder) {
        builder.module("levain", async () => ({
          exports: (await import(`${import.meta.dir}/../../sdk/src/index.ts`)) as Record<
            string,
            unknown
          >,
          loader: "object",
        }));
      },
    });
  }
}

try {
  provideSdk();
  const { default: exported } = (await import(modulePath)) as { default?: unknown };
  await runOf(exported)(context);
  leave({ status: "pass", reason: null, measures });
} catch (error) {
  const { name } = (error ?? {}) as { name?: unknown };
  const isSkipped = name === "SkipCase";
  if (!isSkipped && name !== "CaseFailed") console.error(error);
  leave({ status: isSkipped ? "skip" : "fail", reason: explain(error), measures });
}
