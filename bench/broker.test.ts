/** Goal: the benchmarks of the broker cannot rot. Method: each of them, as small as it goes, with the real broker. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { brokerPeers, levainDirect, levainOffer } from "./broker-peers.ts";
import { type BrokerSample, brokerRatios, brokerTable } from "./broker-rounds.ts";
import { traceMissing } from "./syscalls.ts";

async function run(script: string, ...flags: string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, script), "--tiny", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, failure] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect(failure).toBe("");
  expect(await child.exited).toBe(0);
  return output;
}

test("the broker is measured beside every broker that can be, and the others are named", async () => {
  const output = await run("broker.ts");

  for (const { name, missing } of brokerPeers) {
    expect(output).toContain(missing === null ? `| ${name} |` : `missing: ${name}`);
  }
  // Redirects per hit: offers were made, and nobody who was answered directly got one.
  const redirectsOf = (name: string) =>
    Number(
      output
        .split("\n")
        .find((line) => line.startsWith(`| ${name} |`))
        ?.split(" | ")
        .at(-4),
    );
  expect(redirectsOf(levainOffer)).toBeGreaterThan(0);
  expect(redirectsOf(levainDirect)).toBe(0);
  expect(output).toContain("| CPU per direct hit ≤ 0.8 × Bun.serve + Map |");
}, 60_000);

test("runners that are parked are counted, and come back after a restart", async () => {
  const output = await run("broker-parked.ts");

  expect(output).toMatch(/^\| Levain \| [\d.]+ \| \d+ \| \d+ \| \d+ \| \d+ \| \d+ \|/m);
  expect(output).toMatch(/^\| Levain .* \| 0 \|$/m);
}, 60_000);

test("polls that end without an answer leave nothing behind", async () => {
  const output = await run("broker-aborts.ts");

  expect(output).toMatch(/^\| Levain \| \d+ \| 0 \| 0 \|/m);
}, 60_000);

test("system calls per warm start are counted where strace may", async () => {
  const output = await run("broker-calls.ts");

  if ((await traceMissing()) !== null) return expect(output).toContain("missing: ");
  expect(output).toMatch(/^\| Levain, direct ×1 \| [\d.]+ \|/m);
}, 60_000);

test("the executable is built, and measured beside the broker that Bun runs", async () => {
  const output = await run("broker-compiled.ts");

  for (const name of ["run by Bun", "one executable"]) {
    expect(output).toMatch(new RegExp(`^\\| ${name} \\| \\d+ \\(.* 0 \\|$`, "m"));
  }
  expect(output).toMatch(/^\| one executable \| \d+\.\d \|$/m);
}, 60_000);

test("ratios of brokers are taken within a round", () => {
  const sample = (peer: string, round: number, cpuUs: number): BrokerSample => ({
    peer,
    round,
    cpuUs,
    hitsPerS: 1000,
    p50Ms: 1,
    p95Ms: 1,
    p99Ms: 1,
    maxMs: 1,
    clientCpuUs: 1,
    residentBytes: 2 ** 20,
    redirectsPerHit: 0,
    problems: 0,
  });
  const samples = [sample("a", 0, 10), sample("b", 0, 20), sample("a", 1, 30), sample("b", 1, 30)];

  expect(brokerRatios(samples, "cpuUs", "a", "b")).toEqual([0.5, 1]);
  expect(brokerTable(samples, { hitsPerS: "a", cpuUs: "b" })).toContain(
    "| a | 1000 (1000–1000) | 1.00 (1.00–1.00) | 20.0 (10.0–30.0) | 0.75 (0.50–1.00) |",
  );
});
