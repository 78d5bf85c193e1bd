/**
 * What a request costs an app that listens with node:http, next to one with a handler, and next to HAProxy in front of the
 * same app: requests per second and CPU time of all processes that the peer is made of.
 *
 *   bun bench/node-http.ts [--rounds 3] [--seconds 2] [--write]
 *
 * Fresh processes in each round, in turned order. Trust the ratios, which are taken within a round. `--write` puts the table
 * into `bench/RESULTS.md`.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { turned } from "./measure.ts";
import { startAlone, startLevain } from "./peers.ts";
import { cpuTimeMs } from "./processes.ts";
import { haproxy, startProxy } from "./proxies.ts";
import { type RoundValue, ratiosOf, spread } from "./ratios.ts";
import { machine, withSection } from "./report.ts";
import type { RunningPeer } from "./running-peer.ts";
import { wrk, wrkMissing } from "./wrk.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
    write: { type: "boolean", default: false },
  },
});
const missing = wrkMissing();
if (missing !== null) throw new Error(missing);

const apps = join(import.meta.dir, "apps");
const handler = join(apps, "noop.ts");
const node = join(apps, "noop-node.ts");
const server = "serve-node-app.ts";

const peers: Record<string, () => Promise<RunningPeer>> = {
  "Levain, a handler": () => startLevain({ module: handler, isEphemeral: false }),
  "Levain, node:http": () => startLevain({ module: node, isEphemeral: false }),
  "HAProxy → node:http": () => startProxy(node, haproxy, server),
  "bare node:http": () => startAlone(server, node),
};

interface Measured {
  rates: RoundValue[];
  cpuUs: RoundValue[];
}

const before = machine();
const found = new Map<string, Measured>(
  Object.keys(peers).map((name) => [name, { rates: [], cpuUs: [] }]),
);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const name of turned(Object.keys(peers), round)) {
    await using peer = await peers[name]!();
    const cpuMs = () => Object.values(peer.processes).reduce((sum, pid) => sum + cpuTimeMs(pid), 0);
    const run = {
      url: `http://127.0.0.1:${peer.port}/`,
      headers: [`Host: ${peer.host}`],
      connections: 50,
    };
    await wrk({ ...run, seconds: 1 });
    const before = cpuMs();
    const { requests, requestsPerS, errors } = await wrk({
      ...run,
      seconds: Number(values.seconds),
    });
    if (errors > 0) throw new Error(`${name}: ${errors} errors`);
    const { rates, cpuUs } = found.get(name)!;
    rates.push({ round, value: requestsPerS });
    cpuUs.push({ round, value: ((cpuMs() - before) * 1000) / requests });
  }
}

const reference = found.get("HAProxy → node:http")!;
const table = [
  "| peer | requests/s | to HAProxy | CPU µs per request | to HAProxy |",
  "| --- | --- | --- | --- | --- |",
];
for (const [name, { rates, cpuUs }] of found) {
  const of = (list: RoundValue[]) => list.map(({ value }) => value);
  const cells = [
    spread(of(rates), 0),
    spread(ratiosOf(rates, reference.rates), 2),
    spread(of(cpuUs), 1),
    spread(ratiosOf(cpuUs, reference.cpuUs), 2),
  ];
  table.push(`| ${name} | ${cells.join(" | ")} |`);
}
console.log(table.join("\n"));
if (values.write) {
  const file = Bun.file(join(import.meta.dir, "RESULTS.md"));
  const text = [
    "## Servers of node:http",
    `${before} \`bun bench/node-http.ts\`: ${values.rounds} rounds of ${values.seconds} s, 50 connections, GET, two bytes, ` +
      "fresh processes in each. CPU time is that of all processes of the peer; medians, with the range.",
    table.join("\n"),
  ].join("\n\n");
  await Bun.write(file, withSection(await file.text(), "node-http", text));
}
