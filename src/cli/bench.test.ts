/** Goal: `levain bench broker` reports what happened, and fails when a message was lost. Method: the real program. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { startTestBroker } from "../perf/broker-for-tests.ts";
import { cli } from "./cli-process-for-tests.ts";

const root = join(import.meta.dir, "../..");
const tiny = ["--controllers", "8", "--dispatchers", "2", "--keys", "2"];
const short = [...tiny, "--duration-ms", "200", "--warmup-ms", "20"];

test("a broker that runs is loaded, and its report is what the schema says", async () => {
  await using broker = startTestBroker("good");
  const words = ["bench", "broker", "--url", broker.url, ...short];

  const [json, text] = [await cli([...words, "--json"]), await cli(words)];

  const schema = z.fromJSONSchema(await Bun.file(join(root, "docs/schemas/bench.json")).json());
  const object = JSON.parse(json.stdout);
  expect(schema.safeParse(object).error).toBeUndefined();
  expect(json.code).toBe(0);
  expect(object.data).toMatchObject({ lost: 0, doubled: 0, missesUnasked: 0 });
  expect(object.data.hits.count).toBeGreaterThan(0);
  // The test's own process is the broker.
  expect(object.data.cpuUsPerDispatch.broker).toBeGreaterThan(0);
  expect(text.code).toBe(0);
  expect(text.stdout).toMatch(/^hits\s+\d+\s+\d+( +\d+\.\d\d){4}$/m);
  for (const line of text.stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
}, 60_000);

test("a lost message fails the command and is said", async () => {
  await using broker = startTestBroker("losing");

  const { code, stdout } = await cli(["bench", "broker", "--url", broker.url, ...short]);

  expect(code).toBe(1);
  expect(stdout).toMatch(/✘ \d+ lost: answered with true/);
}, 60_000);

test("what is no part of Levain that can be loaded is refused", async () => {
  const { code, stderr } = await cli(["bench", "edge"]);

  expect(code).toBe(2);
  expect(stderr).toContain("must be broker");
});

test("a broker of its own is started, measured with offers, and gone afterwards", async () => {
  const { code, stdout } = await cli(["bench", "broker", "--json", ...short]);

  const { data } = JSON.parse(stdout);
  expect(code).toBe(0);
  expect(data.options).toMatchObject({ url: null, directWithinMs: 0 });
  expect(data.redirects).toBeGreaterThan(0);
  expect(data.memoryBytes.resident).toBeGreaterThan(2 ** 20);
}, 60_000);
