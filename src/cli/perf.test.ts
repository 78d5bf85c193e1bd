/** Goal: `levain perf` measures what it says and fails when it should. Method: the real program, nodes and load. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { until } from "../base/until-for-tests.ts";
import { PERF_FLAGS, variableOf } from "../perf/options.ts";
import type { PerfReport } from "../perf/report.ts";
import { scenarioNames } from "../perf/scenarios.ts";
import { childrenOf } from "../sandbox/process-facts.ts";
import { cli, spawnCli } from "./cli-process-for-tests.ts";
import { perf } from "./perf.ts";
import { readWords } from "./program.ts";

const root = join(import.meta.dir, "../..");

function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "levain-perf-test-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs it with all of its files in a folder of its own. */
async function runPerf(words: readonly string[], env: Record<string, string> = {}) {
  using folder = temporaryFolder();
  const run = await cli(["perf", "--json", ...words], { env: { TMPDIR: folder.path, ...env } });
  const object = JSON.parse(run.stdout);
  const schema = z.fromJSONSchema(await Bun.file(join(root, "docs/schemas/perf.json")).json());
  expect(schema.safeParse(object).error).toBeUndefined();
  expect(run.stderr).toBe("");
  const data: PerfReport = object.ok ? object.data : object.error.detail?.report;
  return { ...run, object, data, left: leftIn(folder.path) };
}

const quick = ["--duration-ms", "100", "--warmup-ms", "20", "--concurrency", "3"];

test("--smoke measures every scenario without an error and leaves nothing behind", async () => {
  const { code, data, left } = await runPerf(["--smoke"]);

  expect(data.breaches).toEqual([]);
  expect(code).toBe(0);
  expect(data.scenarios.map(({ name }) => name)).toEqual([...scenarioNames]);
  for (const { name, summary } of data.scenarios) {
    expect(summary.requests, name).toBeGreaterThan(0);
    expect(summary.latencyMs.p50, name).toBeGreaterThan(0);
    expect(summary.memoryBytes!.node.peak, name).toBeGreaterThan(2 ** 20);
    expect(summary.memoryBytes!.apps.peak, name).toBeGreaterThan(2 ** 20);
  }
  const pools = Object.fromEntries(data.scenarios.map(({ name, summary }) => [name, summary.pool]));
  expect(pools["warm-noop"]).toMatchObject({ active: 1, hitRate: 1, creations: 0, failures: 0 });
  expect(pools["cold-start"]).toMatchObject({ hits: 0, hitRate: 0, failures: 0 });
  expect(pools["cold-start"]!.creations).toBe(pools["cold-start"]!.misses);
  expect(pools["wake"]).toMatchObject({ misses: 0, creations: 0 });
  expect(left).toEqual([]);
}, 120_000);

test("--mode direct makes the same load in the node's own process", async () => {
  const names = ["warm-noop", "echo-1kb", "ephemeral-noop", "stream-1mb", "websocket-echo"];

  const words = ["--smoke", "--mode", "direct", "--scenarios", names.join(",")];
  const { code, data } = await runPerf(words);

  expect(data.breaches).toEqual([]);
  expect(code).toBe(0);
  for (const { name, summary } of data.scenarios) {
    expect(summary.requests, name).toBeGreaterThan(0);
    if (name !== "websocket-echo") expect(summary.pool, name).toMatchObject({ hitRate: 1 });
  }
}, 120_000);

test("more apps than places are started, evicted and started again", async () => {
  const words = ["--scenarios", "many-apps", "--apps", "6", "--pool-size", "2"];
  const load = ["--concurrency", "2", "--duration-ms", "1500", "--warmup-ms", "0"];

  const { data } = await runPerf([...words, ...load]);

  const { pool, errors } = data.scenarios[0]!.summary;
  expect(errors.total).toBe(0);
  expect(pool!.creations).toBeGreaterThan(0);
  expect(pool!.evictions).toBeGreaterThan(0);
  expect(pool!.hitRate).toBeLessThan(1);
}, 120_000);

test("each flag is read under its own name, and has a variable of that name", () => {
  const words = PERF_FLAGS.flatMap(([syntax]) => {
    const [flag = "", value] = syntax.split(" ");
    return value === undefined ? [flag] : [flag, "1"];
  });

  const { flags } = readWords(["perf", ...words], [perf])!;

  for (const [syntax] of PERF_FLAGS) {
    const words = syntax.split(" ")[0]!.slice(2).split("-");
    const name = words
      .map((word, index) => (index === 0 ? word : word[0]!.toUpperCase() + word.slice(1)))
      .join("");
    expect(flags[name], name).toBeDefined();
    expect(variableOf(name)).toBe(`PERF_${words.join("_").toUpperCase()}`);
  }
});

test("PERF_JSON asks for JSON as --json does", async () => {
  const { stdout } = await cli(["perf", "--list"], { env: { PERF_JSON: "1" } });

  expect(JSON.parse(stdout).data.scenarios[0].name).toBe("warm-noop");
  expect((await cli(["perf", "--list"], { env: { PERF_JSON: "0" } })).stdout).toStartWith(
    "SCENARIO",
  );
});

describe("a running app", () => {
  test("is driven by a scenario's own requests and counted as any other", async () => {
    let posted = 0;
    await using app = Bun.serve({
      port: 0,
      async fetch(request) {
        const { byteLength } = await request.arrayBuffer();
        posted += 1;
        return request.method === "POST" && byteLength === 1024
          ? new Response("taken")
          : new Response("no", { status: 400 });
      },
    });

    const words = ["--url", `http://localhost:${app.port}/inbox?x=1`, "--scenarios", "echo-1kb"];
    const { code, data } = await runPerf([...words, ...quick]);

    const [scenario] = data.scenarios;
    expect(code).toBe(0);
    expect(scenario!.summary).toMatchObject({
      errors: { total: 0 },
      pool: null,
      memoryBytes: null,
    });
    expect(scenario!.summary.requests).toBeGreaterThan(0);
    expect(scenario!.summary.requests).toBeLessThanOrEqual(posted);
    expect(data.options.url).toBe(`http://localhost:${app.port}/inbox`);
  });

  test("that fails makes the command fail, with what it answered", async () => {
    let asked = 0;
    await using app = Bun.serve({
      port: 0,
      fetch: () => new Response("x", { status: asked++ % 10 === 9 ? 503 : 200 }),
    });

    const { code, object, data } = await runPerf([
      "--url",
      `http://127.0.0.1:${app.port}/`,
      ...quick,
    ]);

    expect(code).toBe(1);
    expect(object.error.code).toBe("PERF_GATE_BROKEN");
    expect(object.error.detail.breaches[0]).toMatch(
      /^warm-noop: maxErrors is (\d+), must be at most 0 \(\1 × status 503\)$/,
    );
    expect(data.scenarios[0]!.summary.errors.status["503"]).toBeGreaterThan(0);
  });

  test("that is not there, or answers 404, is not measured", async () => {
    await using app = Bun.serve({ port: 0, fetch: () => new Response("", { status: 404 }) });
    const code = async (url: string) => (await runPerf(["--url", url, ...quick])).object.error.code;

    expect(await code(`http://127.0.0.1:${app.port}/`)).toBe("PERF_PROBE_FAILED");
    expect(await code("http://127.0.0.1:1/")).toBe("PERF_PROBE_FAILED");
  });
});

test("a limit that is not kept is shown below the table, with value and limit, and exits with 1", async () => {
  using folder = temporaryFolder();
  const gates = join(folder.path, "gates.json");
  writeFileSync(gates, '{"scenarios":{"warm-noop":{"minRps":1e9,"maxRssMb":4000}}}');
  const env = {
    PERF_GATE_FILE: gates,
    PERF_SCENARIOS: "warm-noop",
    PERF_OUTPUT_FILE: "report.json",
  };

  const run = await cli(["perf", ...quick], { env, cwd: folder.path });

  expect(run.code).toBe(1);
  expect(run.stdout).toMatch(/^SCENARIO .*\nwarm-noop /);
  for (const line of run.stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  expect(run.stderr).toContain("✘ PERF_GATE_BROKEN");
  expect(run.stderr).toMatch(/warm-noop: minRps is \d+(\.\d+)?, must be at least 1000000000/);
  expect(run.stderr).not.toContain("maxRssMb");
  const written: PerfReport = JSON.parse(readFileSync(join(folder.path, "report.json"), "utf8"));
  expect(written).toMatchObject({ isPassed: false, scenarios: [{ name: "warm-noop" }] });
});

test("a report is compared with an earlier one, and says what makes them less comparable", async () => {
  using folder = temporaryFolder();
  const base = join(folder.path, "base.json");
  const one = ["--scenarios", "warm-noop", ...quick];
  await runPerf([...one, "--repeat", "2", "--output-file", base]);

  const words = [
    ...one,
    "--repeat",
    "2",
    "--pool-size",
    "7",
    "--compare",
    base,
    "--tolerance",
    "1000",
  ];
  const { code, data } = await runPerf(words);

  expect(code).toBe(0);
  expect(data.comparison).toMatchObject({
    base,
    isInterleaved: false,
    scenarios: [{ scenario: "warm-noop", rounds: 2 }],
  });
  expect(data.comparison!.notes.join("\n")).toContain("poolSize: 100 in the base, 7 now");

  const once = await runPerf([...one, "--compare", base, "--repeat", "1"]);
  expect(once.code).toBe(2);
  expect(once.object.error.code).toBe("PERF_NOT_COMPARABLE");
  expect(once.object.error.message).toContain("warm-noop: this is 1 run, a spread needs 5");
});

test("another checkout takes turns with this one", async () => {
  const words = ["--against", root, "--repeat", "2", "--scenarios", "warm-noop,wake", ...quick];

  const { data } = await runPerf([...words, "--tolerance", "1000"]);

  expect(data.comparison).toMatchObject({ base: root, isInterleaved: true, notes: [] });
  const [load, shots] = data.comparison!.scenarios;
  expect(Object.keys(load!.metrics).sort()).toEqual(["cpu", "p50", "p99", "rate"]);
  expect(shots!.metrics.rate).toBeUndefined();
}, 120_000);

test("hooks take turns with none, and what they cost is no failure", async () => {
  using folder = temporaryFolder();
  const hook = join(folder.path, "slow.ts");
  writeFileSync(
    hook,
    "export const onRequest = () => { const end = performance.now() + 5; while (performance.now() < end); };",
  );
  const config = join(folder.path, "levain.node.json");
  writeFileSync(config, '{ "hooks": ["./slow.ts"] }');
  const words = [
    "--hooks",
    "--config",
    config,
    "--scenarios",
    "warm-noop",
    "--repeat",
    "2",
    ...quick,
  ];

  const { code, data } = await runPerf(words);

  const [scenario] = data.comparison!.scenarios;
  expect(data.comparison).toMatchObject({ kind: "hooks", base: "./slow.ts", isInterleaved: true });
  expect(scenario!.metrics.rate!.ratio).toBeLessThan(1);
  expect(scenario!.cpuUsAdded!.median).toBeGreaterThan(0);
  expect(scenario!.isSlower).toBe(true);
  expect(code).toBe(0);
}, 120_000);

test("a hook that throws is shown with its own error", async () => {
  using folder = temporaryFolder();
  writeFileSync(
    join(folder.path, "broken.ts"),
    'export function onRequest() { throw new TypeError("no quota known"); }',
  );
  const config = join(folder.path, "levain.node.json");
  writeFileSync(config, '{ "hooks": ["./broken.ts"] }');

  const words = ["perf", "--hooks", "--config", config, "--scenarios", "warm-noop", ...quick];
  const { code, stderr } = await cli(words);

  expect(code).toBe(1);
  expect(stderr).toContain("its app answered 500: HOOK_FAILED, Cannot answer");
  expect(stderr).toContain("hook ./broken.ts:");
  expect(stderr).toContain("TypeError: no quota known");
}, 120_000);

test("--hooks without any hook says so", async () => {
  const { code, object } = await runPerf(["--hooks", ...quick]);

  expect(code).toBe(2);
  expect(object.error.message).toContain("names none");
});

test("a folder that is no Levain is refused before anything is done", async () => {
  using folder = temporaryFolder();

  const { code, object, left } = await runPerf(["--against", folder.path, ...quick]);

  expect(code).toBe(2);
  expect(object.error.message).toContain(`--against ${folder.path}: no checkout of Levain`);
  expect(left).toEqual([]);
});

test("a port that is taken is said with its number", async () => {
  await using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const words = ["--scenarios", "warm-noop", "--port", `${other.port}`, ...quick];

  const { object } = await runPerf(words);

  expect(object.error.code).toBe("PORT_IN_USE");
  expect(object.error.message).toContain(`--port ${other.port}`);
});

test("fixtures that are kept are apps that can be deployed; a folder with anything else is refused", async () => {
  using folder = temporaryFolder();
  const dir = join(folder.path, "apps");
  const words = [
    "--scenarios",
    "ephemeral-noop",
    "--fixture-dir",
    dir,
    "--keep-fixtures",
    ...quick,
  ];

  expect((await runPerf(words)).code).toBe(0);
  expect((await runPerf(words)).code).toBe(0);
  expect(readdirSync(join(dir, "ephemeral-noop")).sort()).toEqual([
    "index.levain.js",
    "index.ts",
    "levain.config.json",
  ]);
  expect(await Bun.file(join(dir, "ephemeral-noop/levain.config.json")).json()).toEqual({
    name: "ephemeral-noop",
    ephemeral: true,
  });

  const refused = await runPerf(["--fixture-dir", folder.path, ...quick]);
  expect(refused.object.error.message).toContain("must be empty");
  const file = join(folder.path, "file");
  writeFileSync(file, "");
  const impossible = await runPerf(["--fixture-dir", join(file, "apps"), ...quick]);
  expect(impossible.object.error.code).toBe("INPUT_INVALID");
});

/** The run is under load once a process of it has children of its own. */
async function underLoad(run: { pid: number }): Promise<number[]> {
  while (!childrenOf(run.pid).some((pid) => childrenOf(pid).length > 0)) await Bun.sleep(5);
  return childrenOf(run.pid).flatMap((pid) => [pid, ...childrenOf(pid)]);
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("Ctrl-C ends the load and the node, and removes what was written", async () => {
  using folder = temporaryFolder();
  const words = ["perf", "--scenarios", "warm-noop", "--duration-ms", "60000"];
  const run = spawnCli(words, { env: { TMPDIR: folder.path } });
  const below = await underLoad(run);

  run.kill("SIGINT");

  expect(await run.exited).toBe(1);
  expect(await new Response(run.stderr).text()).toContain("INTERRUPTED");
  expect(leftIn(folder.path)).toEqual([]);
  for (const pid of below) expect(isThere(pid)).toBe(false);
}, 120_000);

test.each([
  [["SIGTERM"], [143]],
  // The first may have ended it before the second is heard, or both are heard as one.
  [
    ["SIGINT", "SIGINT"],
    [130, 1],
  ],
] as const)(
  "%j does the same without waiting",
  async (signals, codes: readonly number[]) => {
    using folder = temporaryFolder();
    const words = ["perf", "--scenarios", "warm-noop", "--duration-ms", "60000"];
    const run = spawnCli(words, { env: { TMPDIR: folder.path } });
    const below = await underLoad(run);

    for (const signal of signals) {
      run.kill(signal);
      // Two of a kind that are pending at once are one.
      await Bun.sleep(1);
    }

    expect(codes).toContain(await run.exited);
    expect(leftIn(folder.path)).toEqual([]);
    await until(() => !below.some(isThere));
  },
  120_000,
);

test("a report that could not be written is refused before anything is measured", async () => {
  using folder = temporaryFolder();
  const refusalOf = async (path: string) => {
    const { code, object } = await runPerf(["--output-file", path, ...quick]);
    expect(code).toBe(2);
    return object.error.message;
  };

  expect(await refusalOf(folder.path)).toContain("it is a folder, must be a file");
  expect(await refusalOf(join(folder.path, "no/report.json"))).toContain("there is no folder");
});

/** What is there, without the headers that Bun keeps for its C compiler. */
function leftIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => !name.startsWith("bun-cc-"));
}
