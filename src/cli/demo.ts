/**
 * `levain demo`: a node, an app and a nap, in front of whoever watches.
 *
 *   node ─▶ deploy ─▶ page ─▶ api ─▶ cart ─▶ websocket ─▶ events ─▶ freeze ─▶ wake ─▶ log ─▶ stays up, until Ctrl-C
 *                                                                                      └─ --once ─▶ stop
 *
 * A step that fails ends it with exit 1. However it ends, a node of its own is stopped and its directory removed.
 */
import { type ErrorBody, PlatformError } from "../base/errors.ts";
import type { DeployResult } from "../deploy/deploy-api.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import { type AdminClient, NodeError } from "./admin-client.ts";
import type { CliIo } from "./cli-io.ts";
import { chooseApp, deployExample, exampleFolder } from "./demo-deploy.ts";
import { DemoEdge } from "./demo-edge.ts";
import { type DemoNode, findRunningNode, OwnNode } from "./demo-node.ts";
import { DemoScreen, noScreen } from "./demo-screen.ts";
import {
  askApi,
  askPage,
  type DemoShop,
  fillCart,
  readClock,
  readLog,
  useWebSocket,
  waitForFreeze,
  wake,
} from "./demo-shop.ts";
import { DemoSteps, type StepScope } from "./demo-steps.ts";
import {
  demoDeployTimeoutMs,
  demoLogTail,
  demoNodeTimeoutMs,
  demoStepTimeoutMs,
  demoStopTimeoutMs,
} from "./limits.ts";
import type { Call, Verb } from "./verb.ts";

export const demo: Verb = {
  name: "demo",
  group: "Node",
  summary: "Show it all: deploy, ask, freeze and wake an app",
  description:
    "Starts a node on free ports with its data in a temporary folder, or uses the one that runs on " +
    "the data directory. Deploys examples/shop as `levain deploy` does, asks it through the edge " +
    "(page, API, WebSocket, server-sent events), waits until it is frozen, wakes it and shows that " +
    "its memory survived. Then it stays up and follows the app's log until Ctrl-C, which stops the " +
    "node and removes the folder. On a node that ran before, the app stays.",
  flags: [["--once", "check each step, stop everything, exit 0 or 1"]],
  examples: [
    ["levain demo", "watch it, then open the URL it prints"],
    ["levain demo --once", "does everything work on this machine?"],
    ["levain demo --once --json", "the same for a program, with the time of each step"],
  ],
  async run(call) {
    const own = new OwnNode(call, exampleFolder);
    const screen = call.isJson ? null : new DemoScreen(call.io.stdout, call.paint);
    const stop = AbortSignal.any([interruption(call.io), own.lost]);
    const nowMs = () => performance.now();
    const steps = new DemoSteps({ screen: screen ?? noScreen, nowMs, stop });
    const demo: Demo = { call, own, screen, steps, nowMs, stop };
    let hasStopped = false;
    try {
      const shown = await show(demo);
      if (call.flags.once !== true) {
        await stayUp(demo, shown);
        return { data: null, isPrinted: true };
      }
      hasStopped = true;
      await steps.run("stop", demoStopTimeoutMs, (scope) => cleanUp(demo, shown, scope));
      screen?.print("", `${call.paint.green("✔")} ${steps.ended.length} steps, all as they should`);
      const next = [call.command("levain up --detach"), call.command("levain deploy")];
      return { data: dataOf(demo, shown), next, ...(call.isJson ? {} : { isPrinted: true }) };
    } catch (thrown) {
      throw withSteps(thrown, demo);
    } finally {
      // After a failed stop another try would only wait for the same.
      if (!hasStopped) await Promise.race([own.stop(), Bun.sleep(demoStopTimeoutMs)]);
    }
  },
};

interface Demo {
  call: Call;
  own: OwnNode;
  /** Null with --json. */
  screen: DemoScreen | null;
  steps: DemoSteps;
  nowMs(): number;
  /** Aborted when the demo is to end early. */
  stop: AbortSignal;
}

/** What a demo has shown. */
interface Shown {
  node: DemoNode;
  isOwnNode: boolean;
  result: DeployResult;
  /** The app was not there before. */
  isNewApp: boolean;
}

async function show(demo: Demo): Promise<Shown> {
  const { call, own, screen, steps, nowMs } = demo;
  screen?.print(
    `${call.paint.bold("Levain")} deploys a bakery, asks it, lets it sleep and wakes it.`,
    "",
  );
  let isOwnNode = false;
  const node = await steps.run("node", demoNodeTimeoutMs, async (scope) => {
    const running = await findRunningNode(call);
    isOwnNode = running === null;
    const found = running ?? (await own.start(scope));
    const { pid, edgePort } = found.status;
    const how = isOwnNode ? "a node of its own" : `the node that runs (process ${pid})`;
    scope.say(`${how}, apps on port ${edgePort}`);
    return found;
  });
  const { result, isNewApp } = await steps.run("deploy", demoDeployTimeoutMs, async (scope) => {
    const { name, isNew } = await chooseApp(node.client, scope.signal);
    return { result: await deployExample(call, node.client, name, scope), isNewApp: isNew };
  });
  const { app, version, url } = result;
  const shop: DemoShop = { client: node.client, edge: new DemoEdge(url), app, version, nowMs };
  const run = <T>(step: string, work: (shop: DemoShop, scope: StepScope) => Promise<T>) =>
    steps.run(step, demoStepTimeoutMs, (scope) => work(shop, scope));
  await run("page", askPage);
  await run("api", askApi);
  await run("cart", fillCart);
  await run("websocket", useWebSocket);
  await run("events", readClock);
  const memory = await run("freeze", waitForFreeze);
  await run("wake", (awake, scope) => wake(awake, memory, scope));
  await run("log", readLog);
  return { node, isOwnNode, result, isNewApp };
}

async function stayUp(demo: Demo, shown: Shown): Promise<void> {
  const { call, screen } = demo;
  const { node, isOwnNode, result } = shown;
  const command = commandFor(demo, shown);
  const { app, url, versionUrl } = result;
  const next = [command(`levain open ${app}`), command(`levain logs ${app} --follow`)];
  if (screen === null) {
    const object = { ok: true, command: "demo", data: dataOf(demo, shown), next };
    call.io.stdout.write(`${JSON.stringify(object)}\n`);
  } else {
    const { bold, cyan, dim } = call.paint;
    const { hostname, port } = new URL(url);
    const end = isOwnNode
      ? [`  ${dim("Ctrl-C")}     stops the node and removes ${node.status.dataDir}`]
      : [
          `  ${dim("remove")}     ${command(`levain remove ${app} --confirm ${app}`)}`,
          `  ${dim("Ctrl-C")}     ends this; app and node go on`,
        ];
    screen.print(
      "",
      `  ${bold("Open")}       ${cyan(url)}`,
      `  ${dim("version")}    ${versionUrl}`,
      `  ${dim("ask")}        curl -H "Host: ${hostname}" http://127.0.0.1:${port}/api/cart`,
      `  ${dim("look")}       ${command("levain ps")}`,
      ...end,
      "",
    );
  }
  const signal = AbortSignal.any([demo.stop, call.io.stdout.closed]);
  if (screen !== null) await followLog(node.client, app, screen, signal);
  // The log may break off before the node does, and with --json there is none.
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  }
  screen?.print("");
}

async function followLog(
  client: AdminClient,
  app: string,
  screen: DemoScreen,
  signal: AbortSignal,
): Promise<void> {
  try {
    const query = { follow: true, tail: demoLogTail };
    for await (const record of client.stream("logs", { app, query, signal })) {
      screen.record(record as LogRecord);
    }
  } catch (error) {
    if (!signal.aborted) screen.print(`  the log broke off: ${(error as Error).message}`);
  }
}

async function cleanUp({ own }: Demo, shown: Shown, { say, signal }: StepScope): Promise<void> {
  const { node, isOwnNode, isNewApp, result } = shown;
  if (isOwnNode) {
    await own.stop();
    return say("the node has stopped and its data is removed");
  }
  const { app } = result;
  if (!isNewApp) return say(`${app} stays: it was there before`);
  await node.client.call("remove", { app, query: { confirm: app }, signal });
  say(`${app} is removed, the node goes on`);
}

function dataOf({ steps }: Demo, { node, isOwnNode, result }: Shown) {
  const { app, version, url, versionUrl } = result;
  const { dataDir } = node.status;
  return { url, versionUrl, app, version, isOwnNode, dataDir, steps: steps.ended };
}

/** A command that reaches the demo's node. */
function commandFor({ call }: Demo, { node, isOwnNode }: Shown): (words: string) => string {
  return (words) =>
    isOwnNode ? `${words} --data-dir ${node.status.dataDir}` : call.command(words);
}

/** Ctrl-C as the reason of an abort. */
function interruption(io: CliIo): AbortSignal {
  const interrupted = new AbortController();
  const onInterrupt = () => interrupted.abort(new PlatformError("INTERRUPTED", []));
  const signal = io.interrupt();
  if (signal.aborted) onInterrupt();
  else signal.addEventListener("abort", onInterrupt, { once: true });
  return interrupted.signal;
}

/** For a program, a failure comes with the steps before it. */
function withSteps(thrown: unknown, { call, steps }: Demo): unknown {
  if (!call.isJson || !(thrown instanceof NodeError)) return thrown;
  const body: ErrorBody = thrown.body;
  return new NodeError({ ...body, detail: { ...body.detail, steps: steps.ended } });
}
