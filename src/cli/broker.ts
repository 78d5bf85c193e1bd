/**
 * `levain broker`: runs the warm-start broker in this process, or asks one that runs. Needs no node, no data directory and no
 * PostgreSQL.
 *
 *   settings ──▶ listening ──SIGTERM──▶ draining ──▶ exit 0        a second signal ends it at once
 */
import { readFileSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { settlesWithin } from "../base/within.ts";
import { BROKER_SETTINGS, brokerFlags } from "../broker/broker-settings.ts";
import type { BrokerTarget } from "./broker-client.ts";
import { usageError } from "./failure.ts";
import { showCount } from "./units.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

const ACTIONS = ["status", "on", "off"] as const;

export const broker: Verb = {
  name: "broker",
  group: "Node",
  summary: "Give runs of Trigger.dev to runners that wait: warm starts",
  description:
    "Without an action it runs a broker until Ctrl-C, alone: no node, no data directory and no PostgreSQL. Set " +
    "TRIGGER_WARM_START_URL of your supervisor to its address. `status` shows hit rate, misses and who waits; `off` sends " +
    "runners home as they ask and answers dispatches with no, so that all start cold; `on` undoes that. Every setting is " +
    "also a LEVAIN_BROKER_* variable: LEVAIN_BROKER_CLAIM_TIMEOUT_MS is --claim-timeout-ms; a flag wins. Secrets are " +
    "variables or files alone. docs/warm-starts.md has the whole way.",
  arguments: [["[action]", "status, on or off; without: run one", ACTIONS]],
  flags: [
    ...brokerFlags(),
    ["--url <url>", "broker to ask; default: the settings' port on this machine"],
    ["--now", "with off: runners that wait now are sent home too"],
  ],
  exits: [
    [0, "done: it has drained, or was asked"],
    [1, "it could not start, or could not be asked"],
    [2, "a setting cannot be, or the command was not used as it is meant"],
  ],
  environment: [
    ["LEVAIN_BROKER_*", "each setting: LEVAIN_BROKER_PORT is --port; a flag wins"],
    ["LEVAIN_BROKER_TOKEN_SECRET", "WORKLOAD_TOKEN_SECRET of the supervisor"],
    ["LEVAIN_BROKER_DISPATCH_TOKEN", "what dispatches, metrics and control must show"],
    ["LEVAIN_BROKER_URL", "as --url"],
  ],
  examples: [
    ["levain broker --host 0.0.0.0", "one port, for runners and supervisors on other machines"],
    ["levain broker --host 0.0.0.0 --dispatch-port 4004 --dispatch-host 127.0.0.1", "two ports"],
    ["levain broker status --url http://127.0.0.1:4004", "how it does"],
    ["levain broker off --now --url http://127.0.0.1:4004", "everything starts cold from now on"],
  ],
  async run(call) {
    const [action] = call.args;
    const { now, url } = call.flags;
    if (now === true && action !== "off") throw usageError("--now goes with off");
    switch (action) {
      case undefined:
        if (url !== undefined) throw usageError("--url goes with status, on and off");
        return runBroker(call);
      case "status":
        return showStatus(call);
      case "on":
      case "off":
        return change(call, action === "on", now === true);
      default:
        throw usageError(`"${action}" is no action of broker; there are ${ACTIONS.join(", ")}`);
    }
  },
};

async function runBroker(call: Call): Promise<Outcome> {
  const { env, stdout, stderr } = call.io;
  const { readBrokerConfig } = await import("../broker/read-settings.ts");
  const config = readBrokerConfig({ flags: call.flags, env });
  const [
    { openBroker },
    { closeToOthers, hideSecrets },
    { openFilesMax },
    { onSignals },
    { platformVersion },
  ] = await Promise.all([
    import("../broker/open-broker.ts"),
    import("../sandbox/own-process.ts"),
    import("../sandbox/open-files.ts"),
    import("../base/stop-signals.ts"),
    import("../control/platform-version.ts"),
  ]);
  // Messages of all tenants pass through its memory.
  closeToOthers();
  hideSecrets([config.tokenSecret ?? undefined, config.dispatchToken ?? undefined]);

  const stopped = Promise.withResolvers<void>();
  const forget = onSignals(() => stopped.resolve());
  const running = await openBroker(config, {
    version: platformVersion(),
    filesMax: openFilesMax(),
    sink: async (text) => {
      stderr.write(text);
      await stderr.drained();
    },
  });
  const { startedText } = await import("./broker-started.ts");
  const { port, dispatchPort } = running;
  const data = {
    pid: process.pid,
    version: platformVersion(),
    port,
    dispatchPort,
    isOn: config.isOn,
  };
  const next = [`levain broker status --url http://127.0.0.1:${dispatchPort}`];
  stdout.write(
    call.isJson
      ? `${JSON.stringify({ ok: true, command: "broker", data, next })}\n`
      : `${startedText(config, data, call.paint)}\n`,
  );
  await stopped.promise;
  await running.drain();
  forget();
  // Whoever reads the log has had its time. One that has stopped would keep this process until it is killed.
  if (!(await settlesWithin(stderr.drained(), 0))) process.exit(0);
  return { data: null, isPrinted: true };
}

async function showStatus(call: Call): Promise<Outcome> {
  const target = targetOf(call);
  const { askBroker } = await import("./broker-client.ts");
  const { renderBrokerStatus } = await import("./broker-text.ts");
  const data = await askBroker(target);
  const { columns } = call.io.stdout;
  const view = { url: target.url, wallMs: Date.now(), columns, paint: call.paint };
  return { data, text: () => renderBrokerStatus(data, view) };
}

async function change(call: Call, isOn: boolean, now: boolean): Promise<Outcome> {
  const target = targetOf(call);
  const { switchBroker } = await import("./broker-client.ts");
  const data = await switchBroker(target, isOn, now);
  const { green } = call.paint;
  const { parked } = data.waiters;
  const off = now
    ? "runners that waited were sent home"
    : `${showCount(parked, "runner")} waiting now will end when they ask next`;
  return {
    data,
    next: [`levain broker status --url ${target.url}`],
    text: () =>
      isOn
        ? `${green("✔")} The broker is on: runners wait again as they finish their runs`
        : `${green("✔")} The broker is off: all runs start cold; ${off}`,
  };
}

/** Where a broker with these settings would listen for supervisors, when none is named. */
function targetOf({ flags, io: { env } }: Call): BrokerTarget {
  const given = (key: string, variable: string) => {
    const flag = flags[key];
    const text = typeof flag === "string" ? flag : env[variable];
    return text === undefined || text === "" ? null : text;
  };
  const dispatchToken = tokenOf(
    env.LEVAIN_BROKER_DISPATCH_TOKEN || null,
    given("dispatchTokenFile", "LEVAIN_BROKER_DISPATCH_TOKEN_FILE"),
  );
  const named = given("url", "LEVAIN_BROKER_URL");
  if (named !== null) {
    const url = URL.parse(named);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw usageError(`--url is "${named}", must be an address such as http://127.0.0.1:4003`);
    }
    return { url: url.origin, dispatchToken };
  }
  const defaultPort = BROKER_SETTINGS.find(({ key }) => key === "port") as { default: number };
  const port =
    given("dispatchPort", "LEVAIN_BROKER_DISPATCH_PORT") ??
    given("port", "LEVAIN_BROKER_PORT") ??
    String(defaultPort.default);
  const host =
    given("dispatchHost", "LEVAIN_BROKER_DISPATCH_HOST") ??
    given("host", "LEVAIN_BROKER_HOST") ??
    "127.0.0.1";
  return { url: `http://${reachable(host)}:${port}`, dispatchToken };
}

/** An address that stands for all of them, as one of them. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

function tokenOf(token: string | null, file: string | null): string | null {
  if (token !== null || file === null) return token;
  try {
    return readFileSync(file, "utf8").split("\n", 1)[0]?.trim() || null;
  } catch (error) {
    throw usageError(`the dispatch token's file ${file} cannot be read: ${messageOf(error)}`);
  }
}
