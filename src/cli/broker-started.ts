/** What `levain broker` says when it listens: where, and what to tell the supervisor. */
import type { BrokerConfig } from "../broker/broker-config.ts";
import type { Paint } from "./paint.ts";

export interface StartedBroker {
  pid: number;
  version: string;
  port: number;
  dispatchPort: number;
}

/** Without a final newline. Pure. */
export function startedText(
  { host, dispatchHost, isOn, dispatchToken }: BrokerConfig,
  { pid, version, port, dispatchPort }: StartedBroker,
  paint: Paint,
): string {
  const isOnePort = port === dispatchPort;
  const lines = [
    `${paint.green("✔")} The broker of Levain ${version} is running (process ${pid})${isOn ? "" : paint.yellow(", switched off")}`,
    `  runners      ${paint.cyan(originOf(host, port))}`,
    `  supervisors  ${isOnePort ? "the same" : paint.cyan(originOf(dispatchHost, dispatchPort))}`,
    `  stop         Ctrl-C`,
    "",
    "Set on the supervisor of Trigger.dev, with a name that its runners reach:",
    `  TRIGGER_WARM_START_URL=${originOf(host, port)}`,
    ...(isOnePort
      ? []
      : [`  TRIGGER_WARM_START_DISPATCH_URL=${originOf(dispatchHost, dispatchPort)}`]),
  ];
  if (isLoopback(host)) {
    lines.push("", "Only this machine reaches it; for runners in containers: --host 0.0.0.0");
  }
  if (dispatchToken !== null) {
    lines.push(
      "",
      "Dispatches must show the dispatch token; the supervisor cannot, so a proxy has to add it.",
    );
  }
  return lines.join("\n");
}

function originOf(host: string, port: number): string {
  if (host === "0.0.0.0" || host === "::") return `http://<this machine>:${port}`;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1";
}
