/** docs/perf.md is written by hand: what there is must be in it, under its own name and with its own default. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { GATE_NAMES, implicitGate } from "./gates.ts";
import { PERF_FLAGS, readPerfOptions, variableOf } from "./options.ts";
import { scenarioNames } from "./scenarios.ts";

const doc = await Bun.file(join(import.meta.dir, "../../docs/perf.md")).text();

test("every scenario, gate and flag is in docs/perf.md", () => {
  const names = [
    ...scenarioNames,
    ...GATE_NAMES,
    implicitGate,
    ...PERF_FLAGS.map(([syntax]) => syntax.split(" ")[0]!),
  ];

  expect(names.filter((name) => !doc.includes(`\`${name}\``))).toEqual([]);
});

test("the defaults in docs/perf.md are those of the program", () => {
  const options = readPerfOptions({ flags: {}, env: {}, cwd: "/" });
  const rows = {
    durationMs: options.durationMs,
    warmupMs: options.warmUpMs,
    concurrency: options.concurrency,
    poolSize: options.poolSize,
    clientTimeoutMs: options.clientTimeoutMs,
    mode: `\`${options.mode}\``,
  };

  for (const [name, value] of Object.entries(rows)) {
    expect(doc).toContain(`\`${variableOf(name)}\` | ${value} |`);
  }
});
