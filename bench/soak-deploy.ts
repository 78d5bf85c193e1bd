/**
 * Deploys an app again and again under load: no request may fail while the live version is replaced, and nothing of the
 * old versions may stay.
 *
 *   bun bench/soak-deploy.ts [--deploys 100] [--clients 8]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
}

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
    const { json, stdout } = await node.cli([
      "deploy",
      folder,
      "--app",
      "soak",
      "--branch",
      "main",
    ]);
    if (json?.ok !== true) throw new Error(`The deploy failed: ${stdout}`);
    if ((await (await node.fetch("soak", "/")).text()) !== mark) result.stale += 1;
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
    for (let index = 0; index < 3; index++) await deploy(`warm ${index}`);
    await settled(node.pid);
    const before = holdingsOf(node.pid);
    const clients = Array.from({ length: options.clients }, client);
    for (let index = 0; index < options.deploys; index++) await deploy(`deploy ${index}`);
    isOver = true;
    await Promise.all(clients);
    await settled(node.pid);
    return { deploys: options.deploys, ...result, codes, before, after: holdingsOf(node.pid) };
  } finally {
    isOver = true;
    rmSync(folder, { recursive: true, force: true });
  }
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
      `${after.descendants}, resident ${mebibytes(before.residentBytes)} → ${mebibytes(after.residentBytes)}`,
  );
  process.exit(soak.resets + soak.failures + soak.stale > 0 ? 1 : 0);
}
