/**
 * A broker, put together: who waits and who gets what (`broker.ts`), the sockets, whom it believes, and what its operator sees.
 *
 *   open ──▶ serving ──drain()──▶ draining ──▶ gone        stop() leads there at once
 */
import { systemClock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { TurnClock } from "../base/turn-clock.ts";
import { settlesWithin } from "../base/within.ts";
import { createBroker } from "./broker.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { RecentOutcomes, statusOf } from "./broker-status.ts";
import { connectionsMaxOf } from "./connections-max.ts";
import { createCordon } from "./cordon.ts";
import { createDeploymentTokens } from "./deployment-tokens.ts";
import { createDispatchGate } from "./dispatch-gate.ts";
import { BrokerLog, type LogSink } from "./dispatch-log.ts";
import { drainRoomMs, keysShownMax, lastLogFlushMs, tickMs } from "./limits.ts";
import { createMembership } from "./membership.ts";
import { brokerOperations } from "./operations.ts";
import { startBrokerServer } from "./server.ts";
import type { BrokerStatus } from "./status-api.ts";

export interface OpenBrokerOptions {
  /** Of Levain, as status and metrics say it. */
  version: string;
  /** Where lines of the log go: one of JSON for each dispatch at level `info`, and for what its operator should know. */
  sink: LogSink;
  /** Descriptors that this process may have; may be infinite. Count. */
  filesMax: number;
}

export interface RunningBroker {
  /** Where runners connect. */
  readonly port: number;
  /** Where supervisors connect; the same as `port` when they share it. */
  readonly dispatchPort: number;
  status(): BrokerStatus;
  /** @param now with `isOn` false: those who wait are sent home, too */
  switch(isOn: boolean, now: boolean): void;
  /**
   * Ends without harm to anybody: it listens no more, dispatches are answered with no, and waiters are sent elsewhere or
   * closed over `drainMs`. Resolves when it is gone, which it is soon after that at the latest. Twice is safe.
   */
  drain(): Promise<void>;
  /** Ends at once. Twice is safe. */
  stop(): void;
}

/**
 * Resolves when it listens. End it with `drain` or `stop`.
 *
 * @throws {PlatformError} `PORT_IN_USE`, `PORT_FORBIDDEN`, `BROKER_CONFIG_INVALID`; nothing of it is left then
 */
export async function openBroker(
  config: BrokerConfig,
  { version, sink, filesMax }: OpenBrokerOptions,
): Promise<RunningBroker> {
  const clock = new TurnClock(systemClock);
  const startedAtMs = clock.wallMs();
  const log = new BrokerLog({ level: config.logLevel, clock: systemClock, sink });
  const note = (line: string) => log.note("warn", line);

  const tokens = createDeploymentTokens({
    secret: config.tokenSecret,
    enforcement: config.tokenEnforcement,
    clock: systemClock,
  });
  const gate = createDispatchGate({ token: config.dispatchToken, clock: systemClock });
  const cordon = createCordon({ config, clock: systemClock, note });
  const membership = createMembership({ config, id: crypto.randomUUID(), note });
  const core = createBroker({
    config,
    clock,
    random: (below) => Math.floor(Math.random() * below),
    cordon,
    placement: config.peers.length === 0 && config.peersDns === null ? null : membership,
    onDispatch: log.onDispatch,
  });
  const recent = new RecentOutcomes(systemClock);
  const status = (): BrokerStatus => {
    const facts = core.facts();
    return statusOf({
      config,
      version,
      startedAtMs,
      ports: { port: server.port, dispatchPort: server.dispatchPort },
      core: facts,
      topKeys: core.keysMost(keysShownMax),
      server: server.facts(),
      tokens: tokens.facts(),
      cordon: cordon.facts(),
      membership: membership.facts(),
      recent: recent.read(facts.counters),
      logLinesDropped: log.dropped,
    });
  };
  const change = (isOn: boolean, now: boolean) => {
    core.switch(isOn, now);
    note(isOn ? "Switched on" : `Switched off${now ? "; runners that waited were sent home" : ""}`);
  };

  const { connectionsMax, note: fewFiles } = connectionsMaxOf(config.waitersMax, filesMax);
  if (fewFiles !== null) note(fewFiles);
  let server: ReturnType<typeof startBrokerServer>;
  try {
    if (!config.sharePort) assertFree(config);
    server = startBrokerServer({
      config,
      core,
      tokens,
      gate,
      membership,
      operations: brokerOperations({ config, status, switch: change }),
      clock,
      note,
      connectionsMax,
      reusePort: true,
    });
  } catch (error) {
    cordon.close();
    membership.close();
    throw listenError(error, config);
  }
  membership.start(server);
  membership.onChange(() => core.placementChanged());
  cordon.onChange(() => core.cordonChanged());
  const ticks = setInterval(() => core.tick(), tickMs);
  const minutes = setInterval(() => recent.keep(core.facts().counters), 60_000);

  let isGone = false;
  const stop = () => {
    if (isGone) return;
    isGone = true;
    core.stop();
    server.stop();
    clearInterval(ticks);
    clearInterval(minutes);
    cordon.close();
    membership.close();
  };
  let drained: Promise<void> | null = null;
  return {
    port: server.port,
    dispatchPort: server.dispatchPort,
    status,
    switch: change,
    stop,
    drain() {
      drained ??= (async () => {
        const left = core.drain();
        // Node follows an offer over a new connection when its poll is older than four seconds: first the claims, then
        // nobody new comes to one that ends, since a successor may listen already.
        const claimedMs = systemClock.nowMs() + config.claimTimeoutMs;
        while (core.facts().offered > 0 && systemClock.nowMs() < claimedMs && !isGone) {
          await Bun.sleep(tickMs);
        }
        const closed = server.drain();
        const all = left.then(() => closed);
        await settlesWithin(all, config.drainMs + config.claimTimeoutMs + drainRoomMs);
        stop();
        await settlesWithin(log.flush(), lastLogFlushMs);
      })();
      return drained;
    },
  };
}

/**
 * Brokers listen so that a successor can do so beside them. Two that were started by mistake would each get a part of the
 * runners, and miss the other part: nothing else would say so.
 *
 * @throws what the socket says when a port is taken, with its `setting`
 */
function assertFree({ host, port, dispatchHost, dispatchPort }: BrokerConfig): void {
  tryListening(host, port, "port");
  if (dispatchPort !== null) tryListening(dispatchHost, dispatchPort, "dispatchPort");
}

function tryListening(hostname: string, port: number, setting: string): void {
  if (port === 0) return;
  try {
    Bun.listen({ hostname, port, exclusive: true, socket: { data() {} } }).stop(true);
  } catch (error) {
    throw Object.assign(error as Error, { setting });
  }
}

/** What a socket that could not be bound means. Other errors are given back as they are. */
function listenError(error: unknown, config: BrokerConfig): unknown {
  const { code, setting } = error as { code?: unknown; setting?: unknown };
  const isDispatch = setting === "dispatchPort" && config.dispatchPort !== null;
  const name = isDispatch ? "dispatchPort" : "port";
  const port = (isDispatch ? config.dispatchPort : config.port) ?? 0;
  switch (code) {
    case "EADDRINUSE":
      return new PlatformError("PORT_IN_USE", [name, port], { cause: error });
    case "EACCES":
    case "EPERM":
      return new PlatformError("PORT_FORBIDDEN", [name, port], { cause: error });
    case "EADDRNOTAVAIL": {
      const host = isDispatch ? config.dispatchHost : config.host;
      const what = `this machine has no address ${host}`;
      return new PlatformError("BROKER_CONFIG_INVALID", [what], { cause: error });
    }
    default:
      return error;
  }
}
