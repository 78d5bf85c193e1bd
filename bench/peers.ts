/**
 * What is compared: the same app, served in different ways. Every peer listens on a free port of the loopback interface
 * and is made of fresh processes each time.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtApp } from "./built-app.ts";
import { type Started, start } from "./processes.ts";
import { caddy, haproxy, nginx, startProxy } from "./proxies.ts";
import { portIn, type RunningPeer, running } from "./running-peer.ts";

export interface Peer {
  name: string;
  /** What has to be installed for it; null: nothing. */
  needs: string | null;
  /**
   * Measured in the first round and in every so many after it. Those that Levain's targets are about are measured in
   * each, the others less often, so that the run ends.
   */
  everyRounds: number;
  /** Can give each request fresh module state. */
  isEphemeral: boolean;
  start(app: PeerApp): Promise<RunningPeer>;
}

export interface PeerApp {
  /** Absolute path. */
  module: string;
  isEphemeral: boolean;
}

const folder = import.meta.dir;
const laneProcess = join(folder, "../test/http/edge-process.ts");

/** More than any scenario has connections, as for the proxies. Count. */
const concurrencyMax = 8192;

const usual = { needs: null, everyRounds: 1, isEphemeral: false };
const seldom = { ...usual, everyRounds: 3 };

export const peers: readonly Peer[] = [
  { ...usual, name: "bare Bun.serve", start: ({ module }) => startAlone("serve-app.ts", module) },
  {
    ...usual,
    name: "HAProxy",
    needs: "haproxy",
    start: ({ module }) => startProxy(module, haproxy),
  },
  { ...usual, name: "Levain", isEphemeral: true, start: startLevain },
  { ...seldom, name: "nginx", needs: "nginx", start: ({ module }) => startProxy(module, nginx) },
  { ...seldom, name: "Caddy", needs: "caddy", start: ({ module }) => startProxy(module, caddy) },
  {
    ...seldom,
    name: "Bun.serve → fetch(unix)",
    start: ({ module }) => startProxy(module, bunRelay),
  },
  {
    ...seldom,
    name: "Bun.serve → Worker",
    start: ({ module }) => startAlone("serve-worker.ts", module),
  },
];

/** Why a peer cannot be started here, or null. */
export function missing(peer: Peer): string | null {
  if (peer.needs === null || Bun.which(peer.needs) !== null) return null;
  return `${peer.name} (${peer.needs} is not installed)`;
}

const bunRelay = {
  configure: () => "",
  command: (_config: string, port: number, unix: string) => [
    process.execPath,
    join(folder, "serve-relay.ts"),
    String(port),
    unix,
  ],
  workerOf: (pid: number) => pid,
};

/** One process that listens and answers. */
export async function startAlone(script: string, module: string): Promise<RunningPeer> {
  const app = await start([process.execPath, join(folder, script), module], "listening on");
  return running(portIn(app.line), { app: app.pid }, [app]);
}

export async function startLevain({ module, isEphemeral }: PeerApp): Promise<RunningPeer> {
  await using begun = new AsyncDisposableStack();
  const artifact = mkdtempSync(join(tmpdir(), "levain-bench-"));
  begun.defer(() => rmSync(artifact, { recursive: true }));
  const { entry } = await builtApp(module, artifact);
  const options = JSON.stringify({
    ephemeral: isEphemeral,
    limits: { concurrencyMax, queueMax: concurrencyMax },
  });
  const command = [laneProcess, artifact, entry, options];
  const node: Started = await start([process.execPath, ...command], "listening on");
  begun.use(node);
  const port = portIn(node.line);
  const app = Number(/app (\d+)/.exec(node.line)?.[1]);
  const processes = { edge: node.pid, app };
  return { ...running(port, processes, [begun.move()]), host: `probe.localhost:${port}` };
}
