import { expect, test } from "bun:test";
import { type Sample, turned } from "./measure.ts";
import { missing, peers } from "./peers.ts";
import { cpuTimeMs } from "./processes.ts";
import { median, percentile, tableOf, withSection } from "./report.ts";
import { readWrk, wrkMissing } from "./wrk.ts";

const sample = (peer: string, round: number, requestsPerS: number): Sample => ({
  peer,
  round,
  requestsPerS,
  requests: requestsPerS,
  p50Ms: 1,
  p99Ms: 2,
  errors: 0,
  cpuMs: 0,
  cpuUs: { app: 5 },
});

test("a report of wrk is read with its errors", () => {
  const report = `Running 1s test @ http://127.0.0.1:4000/
  Latency Distribution
     50%  317.00us
     75%  390.00us
     90%    1.20ms
     99%    1.52s
  12345 requests in 1.00s, 1.50MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 5
Requests/sec:  12340.50
Transfer/sec:      1.50MB
`;

  expect(readWrk(report)).toEqual({
    requests: 12345,
    requestsPerS: 12340.5,
    p50Ms: 0.317,
    p99Ms: 1520,
    errors: 15,
  });
  expect(() => readWrk("unable to connect")).toThrow("not a report of wrk");
});

test("the order of peers is turned every round", () => {
  expect(turned(["a", "b", "c"], 0)).toEqual(["a", "b", "c"]);
  expect(turned(["a", "b", "c"], 1)).toEqual(["c", "b", "a"]);
});

test("ratios are taken within a round, not between medians", () => {
  const table = tableOf([
    sample("HAProxy", 0, 1000),
    sample("Levain", 0, 2000),
    sample("HAProxy", 1, 10_000),
    sample("Levain", 1, 10_000),
    sample("HAProxy", 2, 4000),
    sample("Levain", 2, 2000),
  ]);

  expect(table).toContain("| Levain | 2.0 k (2.0–10.0) | 1.00 (0.50–2.00) |");
});

test("the median of an even count lies between the middle two", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
});

test("a section of the results is replaced and the others are kept", () => {
  const first = withSection("# Results\n", "requests", "old");
  const both = withSection(first, "soak", "kept");

  const document = withSection(both, "requests", "new");

  expect(document).toBe(
    "# Results\n\n<!-- begin requests -->\nnew\n<!-- end requests -->\n\n" +
      "<!-- begin soak -->\nkept\n<!-- end soak -->\n",
  );
});

test("CPU time of a process grows when it computes", () => {
  const beforeMs = cpuTimeMs(process.pid);

  let sum = 0;
  while (cpuTimeMs(process.pid) < beforeMs + 20) sum += Math.sqrt(sum + 1);

  expect(sum).toBeGreaterThan(0);
});

/** Goal: the benchmark cannot rot. Method: one round of one second per peer that is installed. */
test("the benchmark runs with every peer that is installed and names the others", async () => {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/run.ts`, "--tiny"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = await new Response(child.stdout).text();
  const failure = await new Response(child.stderr).text();

  expect(failure).toBe("");
  expect(await child.exited).toBe(0);
  for (const peer of peers) {
    const absent = missing(peer);
    const isMeasured = absent === null && wrkMissing() === null;
    expect(output).toContain(isMeasured ? `| ${peer.name} |` : "missing: ");
  }
}, 30_000);

/** Goal: it cannot rot. Method: a few starts, wakes and seconds. */
test("the benchmark of starts runs and says what it aims at", async () => {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/starts.ts`, "--tiny"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = await new Response(child.stdout).text();
  const failure = await new Response(child.stderr).text();

  expect(failure).toBe("");
  expect(await child.exited).toBe(0);
  for (const row of ["cold", "frozen", "cold, spare"]) expect(output).toContain(`| ${row} |`);
  if (wrkMissing() === null) expect(output).toContain("| ephemeral |");
}, 60_000);

test("a percentile is a value that was measured", () => {
  expect(percentile([3, 1, 2, 4], 0.5)).toBe(2);
  expect(percentile([3, 1, 2, 4], 0.99)).toBe(4);
  expect(percentile([5], 0)).toBe(5);
});
