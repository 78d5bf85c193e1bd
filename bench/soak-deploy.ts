/**
 * Deploys an app again and again under load: no request may fail while the live version is replaced, and nothing of the
 * old versions may stay: no process, descriptor or memory, and on the disk no more than the retention of the app allows. One
 * deploy in ten fails at its boot check.
 *
 *   bun bench/soak-deploy.ts [--deploys 100] [--clients 8]        500 for the whole of it
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startTestNode } from "../test/node-for-tests.ts";
import { type Holdings, holdingsOf, mebibytes } from "./process-tree.ts";

export interface DeploySoak {
  deploys: number;
  requests: number;
  resets: number;
  failures: number;
  /** Failures by their code. */
  codes: Record<string, number>;
  /** Deploys whose version did not answer right after they were reported. */
  stale: number;
  before: Holdings;
  after: Holdings;
  /** Kept in the end. Counts. */
  versions: number;
  artifacts: number;
  /** Files and folders in the data directory, apart from those of PostgreSQL. Counts. */
  filesBefore: number;
  filesAfter: number;
}

/** Newest versions of a branch that the app keeps. Count. */
const versionsMax = 3;
/** Deploys of which one fails. Count. */
const failingEvery = 10;

/** Time in which superseded versions give their processes back. Milliseconds. */
const settleTimeoutMs = 30_000;

export async function soakDeploy(options: {
  deploys: number;
  clients: number;
}): Promise<DeploySoak> {
  const folder = mkdtempSync(join(tmpdir(), "levain-soak-"));
  const result = { resets: 0, failures: 0, requests: 0, stale: 0 };
  await using node = await startTestNode();
  let isOver = false;
  const codes: Record<string, number> = {};
  const deploy = async (mark: string): Promise<void> => {
    writeFileSync(
      join(folder, "index.ts"),
      `export default { fetch: async () => { await Bun.sleep(5); return new Response(${JSON.stringify(mark)}); } };\n`,
    );
    const { json, stdout } = await deployFolder();
    if (json?.ok !== true) throw new Error(`The deploy failed: ${stdout}`);
    if ((await (await node.fetch("soak", "/")).text()) !== mark) result.stale += 1;
  };
  const deployFolder = () => node.cli(["deploy", folder, "--app", "soak", "--branch", "main"]);
  const failing = async (): Promise<void> => {
    writeFileSync(join(folder, "index.ts"), `throw new Error("no ${crypto.randomUUID()}");\n`);
    const { json, stdout } = await deployFolder();
    if (json?.ok !== false) throw new Error(`The deploy did not fail: ${stdout}`);
  };
  const client = async (): Promise<void> => {
    while (!isOver) {
      result.requests += 1;
      try {
        const response = await node.fetch("soak", "/");
        await response.text();
        if (response.status !== 200) {
          result.failures += 1;
          const code = response.headers.get("levain-error") ?? String(response.status);
          codes[code] = (codes[code] ?? 0) + 1;
        }
      } catch {
        result.resets += 1;
      }
    }
  };
  try {
    writeFileSync(
      join(folder, "levain.config.json"),
      JSON.stringify({ retention: { versionsMax } }),
    );
    for (let index = 0; index < 3; index++) await deploy(`warm ${index}`);
    await settled(node.pid);
    const before = holdingsOf(node.pid);
    const filesBefore = filesOf(node.dataDir);
    const clients = Array.from({ length: options.clients }, client);
    for (let index = 0; index < options.deploys; index++) {
      if (index % failingEvery === failingEvery - 1) await failing();
      else await deploy(`deploy ${index}`);
    }
    isOver = true;
    await Promise.all(clients);
    await settled(node.pid);
    const after = holdingsOf(node.pid);
    const filesAfter = filesOf(node.dataDir);
    await node.cli(["gc"]);
    const { json } = await node.cli(["versions", "soak"]);
    const versions: number = json.data.versions.length;
    const artifacts = readdirSync(join(node.dataDir, "artifacts")).length;
    const kept = { versions, artifacts, filesBefore, filesAfter };
    return { deploys: options.deploys, ...result, codes, before, after, ...kept };
  } finally {
    isOver = true;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Logs are bounded by size, and PostgreSQL has rules of its own. */
function filesOf(dataDir: string): number {
  return readdirSync(dataDir, { recursive: true }).filter(
    (path) => !String(path).startsWith("postgres"),
  ).length;
}

/** Waits until the number of processes below the node has not changed for a while. */
async function settled(pid: number): Promise<void> {
  const endMs = performance.now() + settleTimeoutMs;
  let last = -1;
  let sinceMs = performance.now();
  while (performance.now() < endMs && performance.now() - sinceMs < 8000) {
    const { descendants } = holdingsOf(pid);
    if (descendants !== last) {
      last = descendants;
      sinceMs = performance.now();
    }
    await Bun.sleep(200);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      deploys: { type: "string", default: "100" },
      clients: { type: "string", default: "8" },
    },
  });
  const soak = await soakDeploy({
    deploys: Number(values.deploys),
    clients: Number(values.clients),
  });
  const { before, after } = soak;
  console.log(
    `${soak.deploys} deploys, ${soak.requests} requests: ${soak.resets} resets, ${soak.failures} failures, ` +
      `${soak.stale} stale ${JSON.stringify(soak.codes)}\nfds ${before.fds} → ${after.fds}, processes ${before.descendants} → ` +
      `${after.descendants}, resident ${mebibytes(before.residentBytes)} → ${mebibytes(after.residentBytes)}\n` +
      `versions ${soak.versions}, artifacts ${soak.artifacts}, files ${soak.filesBefore} → ${soak.filesAfter}`,
  );
  const kept = Math.max(soak.versions, soak.artifacts);
  const isKeptTooMuch = kept > versionsMax + 1;
  process.exit(soak.resets + soak.failures + soak.stale > 0 || isKeptTooMuch ? 1 : 0);
}
