import { describe, expect, test } from "bun:test";
import { readPerfOptions } from "./options.ts";
import { scenarioNames } from "./scenarios.ts";

const read = (
  flags: Record<string, string | boolean> = {},
  env: Record<string, string> = {},
  cwd = "/srv",
) => readPerfOptions({ flags, env, cwd });

test("nothing said is what users of PERF_* variables know", () => {
  const options = read();

  expect(options).toMatchObject({
    mode: "http",
    durationMs: 10_000,
    warmUpMs: 2_000,
    concurrency: 50,
    poolSize: 100,
    clientTimeoutMs: 10_000,
    port: 0,
    repeat: 1,
    keepFixtures: false,
    outputFile: null,
    gateFile: null,
    url: null,
  });
  expect(options.scenarios.map(({ name }) => name)).toEqual([...scenarioNames]);
});

test("every flag with a value is a variable, and the flag wins", () => {
  const env = {
    PERF_MODE: "direct",
    PERF_DURATION_MS: "1000",
    PERF_WARMUP_MS: "0",
    PERF_CONCURRENCY: "5",
    PERF_POOL_SIZE: "10",
    PERF_CLIENT_TIMEOUT_MS: "300",
    PERF_PORT: "32001",
    PERF_SCENARIOS: "echo-1kb, warm-noop",
    PERF_OUTPUT_FILE: "out.json",
    PERF_GATE_FILE: "/etc/gates.json",
    PERF_KEEP_FIXTURES: "1",
    PERF_FIXTURE_DIR: "apps",
    PERF_RATE: "",
  };

  const options = read({ concurrency: "7" }, env);

  expect(options).toMatchObject({
    mode: "direct",
    durationMs: 1000,
    warmUpMs: 0,
    concurrency: 7,
    poolSize: 10,
    clientTimeoutMs: 300,
    port: 32001,
    outputFile: "/srv/out.json",
    gateFile: "/etc/gates.json",
    keepFixtures: true,
    fixtureDir: "/srv/apps",
    ratePerS: null,
  });
  expect(options.scenarios.map(({ name }) => name)).toEqual(["echo-1kb", "warm-noop"]);
});

describe("refused, with the name and the value", () => {
  const refused: [Record<string, string>, Record<string, string>, string][] = [
    [{ mode: "https" }, {}, '--mode is "https", must be http or direct'],
    [{ durationMs: "0" }, {}, '--duration-ms is "0", must be a number from 1'],
    [{ durationMs: "1e3" }, {}, '--duration-ms is "1e3"'],
    [{ concurrency: "2.5" }, {}, '--concurrency is "2.5", must be a whole number'],
    [{}, { PERF_CONCURRENCY: "many" }, 'PERF_CONCURRENCY is "many"'],
    [
      { scenarios: "wake,warm-nop" },
      {},
      "must be scenarios that there are, not warm-nop (did you mean warm-noop?)",
    ],
    [{ scenarios: "nothing-like-it" }, {}, "not nothing-like-it; known are warm-noop, echo"],
    [{}, { PERF_DURATION: "1" }, "PERF_DURATION is not a variable; did you mean PERF_DURATION_MS?"],
    [{}, { PERF_RATES: "1", PERF_PROT: "1" }, "2 problems"],
    [{ url: "shop.localhost" }, {}, '--url is "shop.localhost", must be an address with http://'],
    [{ url: "http://x/", mode: "direct" }, {}, "--url needs --mode http"],
    [{ url: "http://x/", scenarios: "wake" }, {}, "--url can only ask one"],
    [{ compare: "a.json", against: ".." }, {}, "--against and --compare do not go together"],
    [{ edges: "2", mode: "direct" }, {}, "--edges needs --mode http"],
    [{ edges: "2", url: "http://x/" }, {}, "--url and --edges do not go together"],
    [{ port: "4000", against: ".." }, {}, "two nodes run at once"],
    [{ url: "http://x/", against: ".." }, {}, "--url and --against do not go together"],
    [{ url: "http://x/" }, { PERF_HOOKS: "1" }, "--url and --hooks do not go together"],
  ];

  test.each(refused)("%j %j", (flags, env, message) => {
    expect(() => read(flags, env)).toThrow(message);
  });
});

test("a comparison repeats each run five times unless it is told otherwise", () => {
  expect(read({ compare: "base.json" }).repeat).toBe(5);
  expect(read({ against: "../main" }).against).toBe("/main");
  expect(read({ against: "../main", repeat: "2" }).repeat).toBe(2);
});

test("--smoke makes everything short, and what is given as well still wins", () => {
  expect(read({ smoke: true, concurrency: "9" })).toMatchObject({
    durationMs: 250,
    concurrency: 9,
    apps: 6,
  });
  expect(read({}, { PERF_SMOKE: "0" }).durationMs).toBe(10_000);
});

test("a running app is asked once unless scenarios are named", () => {
  const names = (flags: Record<string, string>) => read(flags).scenarios.map(({ name }) => name);

  expect(names({ url: "http://shop.localhost:4000/" })).toEqual(["warm-noop"]);
  expect(names({ url: "http://shop.localhost:4000/", scenarios: "echo-1kb" })).toEqual([
    "echo-1kb",
  ]);
});
