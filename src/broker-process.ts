/**
 * A node's broker in a process of its own: neither waits for the other. A part of the composition root. Ends with its node.
 *
 *   started ──open──▶ listening ──stop──▶ draining ──▶ exit 0        any of them ──the node is gone──▶ exit
 */
import type { BrokerConfig } from "./broker/broker-config.ts";
import type { LogSink } from "./broker/dispatch-log.ts";
import { openBroker, type RunningBroker } from "./broker/open-broker.ts";
import { brokerReportMs, type FromBroker, type ToBroker } from "./broker-protocol.ts";
import { failedToListen } from "./node-child.ts";
import { serveNode } from "./sandbox/child-of-node.ts";
import { openFilesMax } from "./sandbox/open-files.ts";

let running: RunningBroker | null = null;

// Messages of all tenants pass through its memory.
serveNode(hear);

async function hear(message: ToBroker): Promise<void> {
  switch (message.type) {
    case "open":
      return open(message.config, message.version);
    case "stop":
      await running?.drain();
      process.exit(0);
  }
}

async function open(config: BrokerConfig, version: string): Promise<void> {
  try {
    running = await openBroker(config, {
      version,
      filesMax: openFilesMax(),
      sink: stderrSink(),
    });
  } catch (error) {
    return send(failedToListen(error));
  }
  report();
  send({ type: "listening", port: running.port });
  setInterval(report, brokerReportMs);
}

/** A reader that has gone away (EPIPE) is no failure of the broker's: it goes on without a log, as its node does. */
function stderrSink(): LogSink {
  const lines = Bun.stderr.writer();
  let isClosed = false;
  return async (text) => {
    if (isClosed) return;
    try {
      lines.write(text);
      await lines.flush();
    } catch {
      isClosed = true;
    }
  };
}

function report(): void {
  if (running !== null) send({ type: "status", status: running.status() });
}

function send(message: FromBroker): void {
  process.send?.(message);
}
