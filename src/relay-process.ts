/**
 * A node's relay in a process of its own: what an app asks its database for costs requests nothing, and the other way round.
 * A part of the composition root. Ends with its node.
 *
 *   started ──open──▶ listening ──stop──▶ exit 0        any of them ──the node is gone──▶ exit
 */
import { asPlatformError } from "./base/errors.ts";
import { failedToListen } from "./node-child.ts";
import { startRelay } from "./relay/relay.ts";
import type { Hold, Relay } from "./relay/relay-api.ts";
import type {
  FromRelay,
  PlannedHold,
  RelayAnswer,
  RelayCall,
  RelayConfig,
  ToRelay,
} from "./relay-protocol.ts";
import { serveNode } from "./sandbox/child-of-node.ts";
import type { LogRecord } from "./telemetry/log-record.ts";

/** Log records between two reports; more are counted and dropped. Count. */
const recordsMax = 1000;

/** How often records are sent on. Milliseconds. */
const reportMs = 250;

let relay: Relay | null = null;
const holds = new Map<number, Promise<Hold>>();
let records: LogRecord[] = [];
let recordsDropped = 0;

// Passwords and rows of all apps pass through its memory.
serveNode(hear);
setInterval(report, reportMs);

async function hear(message: ToRelay): Promise<void> {
  switch (message.type) {
    case "open":
      return open(message.config);
    case "call": {
      const { id, call } = message;
      return send({ type: "answer", id, answer: await answerTo(call) });
    }
    case "stop":
      await relay?.stop();
      report();
      process.exit(0);
  }
}

function open({ port, reach, socketFolder, databases, holds: planned }: RelayConfig): void {
  try {
    const log = { write: keep };
    relay = startRelay({ port, reach, socketFolder: socketFolder ?? undefined, log });
    // In the same turn: no client comes before what there is, and what is held.
    for (const database of databases) void relay.put(database);
    for (const hold of planned) beginHold(hold).catch(() => {});
    send({ type: "listening", port: relay.port });
  } catch (error) {
    send(failedToListen(error));
  }
}

async function answerTo(call: RelayCall): Promise<RelayAnswer> {
  try {
    switch (call.type) {
      case "put":
        await relay!.put(call.database);
        return { kind: "done" };
      case "remove":
        await relay!.remove(call.name);
        return { kind: "done" };
      case "hold": {
        const { waitedMs, sessions } = await beginHold(call);
        return { kind: "held", waitedMs, sessions };
      }
      case "release": {
        const hold = holds.get(call.hold);
        holds.delete(call.hold);
        return { kind: "released", wasHeld: (await (await hold)?.release()) ?? false };
      }
      case "facts":
        return { kind: "facts", facts: await relay!.facts() };
      case "renewTls":
        await relay!.renewTls(call.tls);
        return { kind: "done" };
    }
  } catch (error) {
    return { kind: "failed", error: asPlatformError(error).toBody() };
  }
}

function beginHold({ hold: id, name, timeoutMs, lapseMs }: PlannedHold): Promise<Hold> {
  const hold = relay!.hold(name, { timeoutMs, lapseMs });
  holds.set(id, hold);
  hold.catch(() => holds.delete(id));
  return hold;
}

function keep(record: LogRecord): void {
  if (records.length < recordsMax) records.push(record);
  else recordsDropped += 1;
}

function report(): void {
  if (records.length === 0) return;
  send({ type: "records", records, dropped: recordsDropped });
  records = [];
  recordsDropped = 0;
}

function send(message: FromRelay): void {
  process.send?.(message);
}
