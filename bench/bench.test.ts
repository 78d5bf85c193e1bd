import { expect, test } from "bun:test";
import { join } from "node:path";
import { known } from "./abilities.ts";
import { descriptorsFor, descriptorsMax } from "./descriptors.ts";
import { type FileSample, fileSizes, filesTable } from "./files.ts";
import { type Sample, stepsOf, turned } from "./measure.ts";
import { missing, peers } from "./peers.ts";
import { pgBouncerProgram } from "./pgbouncer.ts";
import { cpuTimeMs, start } from "./processes.ts";
import { median, percentile } from "./ratios.ts";
import { tableOf, withSection } from "./report.ts";
import { scenarios } from "./scenarios.ts";
import { judge, type Target, targets, targetsTable } from "./targets.ts";
import { readWrk, wrkMissing } from "./wrk.ts";

const sample = (
  peer: string,
  round: number,
  requestsPerS: number,
  scenario = "warm-noop",
): Sample => ({
  scenario,
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

test("files are served as they are measured, and ratios are of the same round", async () => {
  const script = join(import.meta.dir, "serve-files.ts");
  const command = [process.execPath, script, ...fileSizes.map(String)];
  await using lane = await start(command, "listening on ");
  const port = /\d+/.exec(lane.line)?.[0];
  for (const size of fileSizes) {
    const url = `http://127.0.0.1:${port}/${size}.bin`;
    const response = await fetch(url, { headers: { Host: "site.localhost" } });
    expect((await response.bytes()).length).toBe(size);
  }

  const sample = (peer: FileSample["peer"], requestsPerS: number): FileSample[] =>
    fileSizes.map((size) => ({ size, peer, requestsPerS, cpuUs: 20, errors: 0 }));
  const table = filesTable([...sample("Levain", 3000), ...sample("nginx", 2000)]);
  expect(table).toContain("| 1 KiB | Levain | 3.0 (3.0–3.0) k | 1.50 (1.50–1.50) | 20.0 | 0 |");
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

test("a peer that was measured in few rounds is compared with what ran in the same ones", () => {
  const table = tableOf([
    sample("bare Bun.serve", 0, 4000),
    sample("bare Bun.serve", 1, 8000),
    sample("nginx", 1, 2000),
  ]);

  expect(table).toContain("| peer | requests/s, median (range) | × bare Bun.serve | p50 ms |");
  expect(table).toContain("| nginx | 2.00 k (2.00–2.00) | 0.25 (0.25–0.25) |");
});

test("each round takes every scenario, the seldom peers in every third, the ephemeral one where it can", () => {
  const namesOf = (round: number) =>
    stepsOf(round, scenarios, peers).map(({ scenario, peer }) => `${scenario.name} ${peer.name}`);

  const often = peers.filter(({ everyRounds }) => everyRounds === 1).map(({ name }) => name);
  expect(namesOf(0).slice(0, peers.length)).toEqual(peers.map(({ name }) => `warm-noop ${name}`));
  expect(namesOf(1).slice(0, often.length)).toEqual(
    often.toReversed().map((name) => `warm-noop ${name}`),
  );
  expect(namesOf(3)).toHaveLength(namesOf(0).length);
  expect(namesOf(1).filter((name) => name.startsWith("ephemeral"))).toEqual([
    "ephemeral-noop Levain",
  ]);
});

test("a target is judged by ratios within rounds, in its own direction", () => {
  const samples = [
    sample("Levain", 0, 1000),
    sample("HAProxy", 0, 1000),
    sample("Levain", 1, 9000),
    sample("HAProxy", 1, 6000),
    sample("Levain", 2, 1300),
    sample("HAProxy", 2, 1000),
    // Without a partner in its round.
    sample("Levain", 3, 1),
  ];
  const target = targets[0]!;
  expect(target.name).toContain("1.2 × HAProxy");

  const { values, isMet, margin } = judge(target, samples);
  const most: Target = { ...target, bound: "most" };

  expect(values).toEqual([1, 1.5, 1.3]);
  expect(isMet).toBe(true);
  expect(margin).toBeCloseTo(1.3 / 1.2 - 1);
  expect(judge(most, samples)).toMatchObject({ isMet: false });
  expect(judge({ ...target, to: null, value: 2000 }, samples)).toMatchObject({
    isMet: false,
    margin: 1150 / 2000 - 1,
  });
  expect(judge(target, samples.slice(0, 1)).isMet).toBeNull();
});

test("the table of targets says what is met, what is missed by how much, and what was not measured", () => {
  const table = targetsTable([
    sample("Levain", 0, 1500),
    sample("HAProxy", 0, 1000),
    sample("bare Bun.serve", 0, 3000),
    sample("Levain", 0, 3000, "ephemeral-noop"),
  ]);

  expect(table).toContain("| `warm-noop` ≥ 1.2 × HAProxy | 1.50 (1.50–1.50) | met, by 25 % |");
  expect(table).toContain("| `warm-noop` ≥ 0.65 × bare | 0.50 (0.50–0.50) | **missed by 23 %** |");
  expect(table).toContain(
    "| `ephemeral-noop` ≥ 6,000 requests/s | 3000 (3000–3000) | **missed by 50 %** |",
  );
  expect(table).toContain("| `echo-1kb` ≥ 0.55 × bare | not measured | |");
});

test("targets are about scenarios and peers that exist, and every peer is described", () => {
  const names = scenarios.map(({ name }) => name);
  const peerNames = peers.map(({ name }) => name);
  for (const { of, to } of targets) {
    expect(names).toContain(of.scenario);
    expect(peerNames).toContain(of.peer);
    if (to !== null) expect(peerNames).toContain(to.peer);
  }
  expect(known.toSorted()).toEqual(peerNames.toSorted());
});

test("the bound of descriptors is read from the kernel", () => {
  expect(descriptorsMax()).toBeGreaterThan(100);
  expect(descriptorsFor(2000)).toBeGreaterThan(4000);
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

/** Goal: it cannot rot. Method: a few small apps on a real node, without swap. */
test("the benchmark of density runs and says what it aims at", async () => {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/density.ts`, "--tiny"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = await new Response(child.stdout).text();
  const failure = await new Response(child.stderr).text();

  expect(failure).toBe("");
  expect(await child.exited).toBe(0);
  expect(output).toContain("|  | none: frozen |");
  expect(output).toContain("| node at rest ≤ 1 % of a core | none |");
  expect(output).toContain("| no failed answer under load | none | 0 | met |");
}, 120_000);

test("a percentile is a value that was measured", () => {
  expect(percentile([3, 1, 2, 4], 0.5)).toBe(2);
  expect(percentile([3, 1, 2, 4], 0.99)).toBe(4);
  expect(percentile([5], 0)).toBe(5);
});

test("a copy of a database is measured with an app under load", async () => {
  const script = join(import.meta.dir, "branch-copy.ts");
  const child = Bun.spawn([process.execPath, script, "--tiny"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, problems] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);

  expect(problems).toBe("");
  // Every query of the app that was held was answered in the end.
  expect(output).toMatch(/^\| tiny \| \d+ \| 2 \|(?: [\d.]+ \|){9} 0 \|$/m);
}, 60_000);

/** Goal: it cannot rot. Method: one short round of one scenario, with every pooler that is installed. */
test("the benchmark of the relay runs and names what is missing", async () => {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/relay.ts`, "--tiny"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = await new Response(child.stdout).text();
  const failure = await new Response(child.stderr).text();

  expect(failure).toBe("");
  expect(await child.exited).toBe(0);
  for (const row of ["direct", "relay, session", "relay, transaction"]) {
    expect(output).toContain(`| ${row} |`);
  }
  expect(output).toContain(pgBouncerProgram() === null ? "missing: " : "| PgBouncer, session |");
}, 120_000);

test("what a query costs the relay in memory is measured for both ways of pooling", async () => {
  const script = join(import.meta.dir, "relay-in-memory.ts");
  const child = Bun.spawn([process.execPath, script, "--tiny"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = await new Response(child.stdout).text();
  const failure = await new Response(child.stderr).text();

  expect(failure).toBe("");
  for (const pooling of ["session", "transaction"]) {
    expect(output).toMatch(new RegExp(`\\| ${pooling} \\| simple \\| [\\d.]+ \\|`));
    expect(output).toMatch(new RegExp(`\\| ${pooling} \\| prepared \\| [\\d.]+ \\|`));
  }
}, 60_000);

/** Goal: memory stays bounded while rows pass. Method: rows that are larger than what the relay may hold. */
test("the benchmark of large rows runs, and the relay holds a part of them only", async () => {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/relay-rows.ts`, "--tiny"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = await new Response(child.stdout).text();
  const failure = await new Response(child.stderr).text();

  expect(failure).toBe("");
  expect(await child.exited).toBe(0);
  expect(output).toContain("COPY FROM STDIN: 16.0 MiB");
}, 120_000);
