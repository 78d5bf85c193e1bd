/**
 * The process that loads a warm-start broker: reads a plan from stdin, carries it out, and prints the result as one line.
 *
 *   opening ──every controller has polled──▶ warm-up ──▶ counting ──▶ draining ──▶ the result
 */
import { processTime } from "../sandbox/process-facts.ts";
import { BrokerController } from "./broker-controller.ts";
import { BrokerDispatcher } from "./broker-dispatcher.ts";
import { processMemory } from "./broker-memory.ts";
import type { BrokerLoadPlan, BrokerLoadResult } from "./broker-plan.ts";
import { brokerKey, DispatchRequest, missingKey } from "./broker-requests.ts";
import { BrokerTally } from "./broker-tally.ts";
import {
  brokerDispatchTimeoutMs,
  brokerDrainMs,
  brokerOpeningsMax,
  brokerOpenTimeoutMs,
} from "./limits.ts";
import { randomOf } from "./load/choice.ts";

/** Between two looks at what is overdue. Milliseconds. */
const lookMs = 500;

async function runBrokerLoad(plan: BrokerLoadPlan): Promise<BrokerLoadResult> {
  const connectionTimeoutMs = await connectionTimeoutOf(plan.url);
  const tag = `bench${crypto.randomUUID().slice(0, 8)}`;
  const tally = new BrokerTally(tag, () => performance.now());
  const controllers = await openControllers(plan, tally);
  const dispatchers = openDispatchers(plan, tally);
  const timer = setInterval(() => {
    const nowMs = tally.nowMs();
    for (const controller of controllers) controller.look(nowMs, connectionTimeoutMs);
    for (const dispatcher of dispatchers) dispatcher.look(nowMs, brokerDispatchTimeoutMs);
  }, lookMs);
  try {
    await Bun.sleep(plan.warmUpMs);
    const counted = await countFor(plan, tally);
    const serverMemory = plan.serverPid === null ? null : processMemory(plan.serverPid);
    for (const dispatcher of dispatchers) dispatcher.stop();
    // What was said to have been delivered may come a moment later.
    const untilMs = tally.nowMs() + brokerDrainMs;
    const isUnsettled = () => dispatchers.some(({ isIdle }) => !isIdle) || tally.ledger.lost() > 0;
    while (isUnsettled() && tally.nowMs() < untilMs) await Bun.sleep(10);
    return { ...counted, ...tally.read(), serverMemory };
  } finally {
    clearInterval(timer);
    for (const dispatcher of dispatchers) dispatcher.close();
    for (const controller of controllers) controller.stop();
  }
}

async function countFor({ durationMs, serverPid }: BrokerLoadPlan, tally: BrokerTally) {
  const serverUs = () => (serverPid === null ? null : (processTime(serverPid)?.ownUs ?? null));
  const before = { serverUs: serverUs(), client: process.cpuUsage(), ms: tally.nowMs() };
  tally.count();
  await Bun.sleep(durationMs);
  tally.end();
  const { user, system } = process.cpuUsage(before.client);
  const after = serverUs();
  const isKnown = after !== null && before.serverUs !== null;
  return {
    durationMs: tally.nowMs() - before.ms,
    serverCpuUs: isKnown ? after - before.serverUs! : null,
    clientCpuUs: user + system,
  };
}

/** Few at a time, so that a listener's queue does not overflow. @throws when they do not all poll in time */
async function openControllers(plan: BrokerLoadPlan, tally: BrokerTally) {
  const controllers: BrokerController[] = [];
  const deadlineMs = tally.nowMs() + brokerOpenTimeoutMs;
  let polling = 0;
  while (polling < plan.controllers) {
    while (
      controllers.length < plan.controllers &&
      controllers.length - polling < brokerOpeningsMax
    ) {
      const index = controllers.length;
      const key = brokerKey(index % plan.keys);
      const name = `controller_${tally.tag}-${String(index).padStart(6, "0")}`;
      const onPolling = () => {
        polling += 1;
      };
      controllers.push(new BrokerController(new URL(plan.url), key, name, tally, onPolling));
    }
    if (tally.nowMs() > deadlineMs) {
      throw new Error(`${polling} of ${plan.controllers} controllers could connect`);
    }
    await Bun.sleep(1);
  }
  return controllers;
}

function openDispatchers(plan: BrokerLoadPlan, tally: BrokerTally): BrokerDispatcher[] {
  const url = new URL(plan.dispatchUrl);
  const random = randomOf(plan.seed);
  const request = (key: Parameters<typeof brokerKey>[0] | null) =>
    new DispatchRequest(
      url.host,
      plan.dispatchToken,
      key === null ? missingKey : brokerKey(key),
      tally.tag,
      plan.payloadBytes,
    );
  const requests = Array.from({ length: plan.keys }, (_, key) => request(key));
  const missing = request(null);
  const options = { url, requests, missing, hitRatio: plan.hitRatio, random, tally };
  return Array.from({ length: plan.dispatchers }, () => new BrokerDispatcher(options));
}

/** What the broker tells runners. Milliseconds. @throws when it cannot be asked, or tells them to go home */
async function connectionTimeoutOf(url: string): Promise<number> {
  const response = await fetch(new URL("/connect", url));
  if (!response.ok) throw new Error(`GET /connect was answered with ${response.status}`);
  const { connectionTimeoutMs = 30_000 } = (await response.json()) as Record<string, number>;
  if (connectionTimeoutMs === 0) throw new Error("the broker is off: it tells runners to go home");
  return connectionTimeoutMs;
}

if (import.meta.main) {
  try {
    const result = await runBrokerLoad((await Bun.stdin.json()) as BrokerLoadPlan);
    console.log(JSON.stringify(result));
  } catch (error) {
    console.log(JSON.stringify({ failure: (error as Error).message }));
  }
  process.exit(0);
}
