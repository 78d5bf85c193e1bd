/**
 * The listening side of a node: accepts connections and gives each to a `Connection`. HTTP/1.x is parsed and written by
 * our own code over raw sockets (docs/decisions/0001-edge-speaks-http-itself.md).
 */
import { randomFillSync } from "node:crypto";
import { noSites, type Sites } from "../assets/sites.ts";
import { plainAddress } from "../base/client-address.ts";
import { Deadlines } from "../base/deadlines.ts";
import { PlatformError, throwUncaught } from "../base/errors.ts";
import { isTrustedProxy, type TrustedProxies, trustedProxies } from "../base/trusted-proxies.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import type { LoadedHook } from "../hooks/loaded-hook.ts";
import type { RawSocket } from "../http/client-socket.ts";
import type { Router } from "../router/router.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import { AnswerCounts } from "../telemetry/traffic.ts";
import { VerdictLog } from "../telemetry/verdict-log.ts";
import { Connection } from "./connection.ts";
import { refusalsBeyond } from "./connection-room.ts";
import { DateLine, type EdgeContext } from "./edge-context.ts";
import { Peer } from "./forwarded-head.ts";
import { HookChain } from "./hook-chain.ts";
import { connectionsMax as connectionsMaxDefault, keepAliveProbeMs } from "./limits.ts";
import { TraceLines } from "./trace-lines.ts";

export interface EdgeOptions {
  hostname: string;
  /** 0 = any free one. */
  port: number;
  router: Router;
  /** Gets a record of each answer of the platform's own, within a budget. */
  log: LogSink;
  /** That of the pools, which read it when a wire has something to say. */
  clock: TurnClock;
  /** The files of versions that have some; whoever gives them closes them when the edge has stopped. Default: none. */
  sites?: Sites;
  /** Addresses and CIDR ranges of proxies whose `x-forwarded-*` lines are believed. */
  trustedProxies: readonly string[];
  /** Connections open at once. Default `connectionsMax`. */
  connectionsMax?: number;
  /** The operator's request hooks, in order. Default: none. */
  hooks?: readonly LoadedHook[];
  /** Whether other processes of ours listen on the same port. Default false. */
  reusePort?: boolean;
  /** Lines for the operator, about hooks that fail. Default: nowhere. */
  note?(line: string): void;
}

export interface Edge {
  readonly port: number;
  readonly counters: Readonly<EdgeContext["counters"]>;
  /** Takes a connection as the listener does, from wherever it comes. @param peer default: this machine, not trusted. */
  accept(socket: RawSocket, peer?: Peer): Connection;
  /** An app was deleted: nothing is said about it any more. */
  forget(app: string): void;
  /**
   * Stops accepting, lets answers under way finish, and closes what is left after `drainTimeoutMs`. Resolves when every
   * connection has closed. Twice is safe.
   */
  stop(drainTimeoutMs: number): Promise<void>;
}

/** Starts listening. @throws whatever the socket says, with its `code` (EADDRINUSE, EACCES …). */
export function startEdge(options: EdgeOptions): Edge {
  const { hostname, port, router, log, clock, connectionsMax = connectionsMaxDefault } = options;
  const refusals = refusalsBeyond(connectionsMax);
  const connections = new Set<Connection>();
  const trusted = trustedProxies(options.trustedProxies);
  const deadlines = new Deadlines(clock);
  const context: EdgeContext = {
    router,
    verdictLog: new VerdictLog(log, clock, deadlines),
    clock,
    trace: new TraceLines((bytes) => randomFillSync(bytes)),
    deadlines,
    counters: { connections: 0, requests: 0, verdicts: 0, unrouted: new AnswerCounts() },
    date: new DateLine(clock),
    sites: options.sites ?? noSites,
    hooks: chainOf(options, trusted),
    isTrusted: (address) => isTrustedProxy(address, trusted),
    isDraining: false,
    onClosed: (connection) => {
      connections.delete(connection as Connection);
      context.counters.connections = connections.size;
      if (connections.size === 0) onEmpty?.();
    },
  };
  let onEmpty: (() => void) | null = null;

  const accept = (raw: RawSocket, peer: Peer): Connection => {
    const connection = new Connection(context, raw, peer);
    connections.add(connection);
    context.counters.connections = connections.size;
    return connection;
  };

  type Socket = Bun.Socket<Connection | undefined>;
  const listener = Bun.listen<Connection | undefined>({
    hostname,
    port,
    allowHalfOpen: true,
    reusePort: options.reusePort ?? false,
    socket: {
      binaryType: "buffer",
      open(socket: Socket) {
        // Even to say why takes a connection, for a while.
        if (connections.size >= connectionsMax + refusals) return void socket.terminate();
        socket.setNoDelay(true);
        // A tunnel has no deadline: the kernel notices a client that vanished.
        socket.setKeepAlive(true, keepAliveProbeMs);
        const connection = accept(socket as unknown as RawSocket, peerOf(socket, trusted));
        socket.data = connection;
        if (connections.size > connectionsMax) {
          connection.refuse(new PlatformError("CONNECTIONS_FULL", [connectionsMax]));
        }
      },
      data(socket: Socket, chunk: Buffer) {
        clock.nowMs();
        socket.data?.onData(chunk);
      },
      drain(socket: Socket) {
        clock.nowMs();
        socket.data?.onDrain();
      },
      end(socket: Socket) {
        clock.nowMs();
        socket.data?.onEnd();
      },
      close: (socket: Socket) => socket.data?.onClose(),
      // What the kernel has to say comes with `close`; this is what a callback of ours has thrown.
      error: (_socket: Socket, error: Error) => throwUncaught(error),
    },
  } as unknown as Bun.TCPSocketListenOptions<Connection | undefined>);
  deadlines.start();

  let stopped: Promise<void> | null = null;
  return {
    port: (listener as unknown as { port: number }).port,
    counters: context.counters,
    accept: (socket, peer = localPeer) => accept(socket, peer),
    forget: (app) => context.verdictLog.forget(app),
    stop(drainTimeoutMs) {
      stopped ??= (async () => {
        context.isDraining = true;
        listener.stop(false);
        const empty = new Promise<void>((resolve) => {
          onEmpty = resolve;
        });
        for (const connection of [...connections]) connection.drain();
        if (connections.size > 0) {
          const timer = setTimeout(() => {
            for (const connection of [...connections]) connection.abort();
          }, drainTimeoutMs);
          await empty;
          clearTimeout(timer);
        }
        context.verdictLog.close();
        deadlines.stop();
      })();
      return stopped;
    },
  };
}

const localPeer = new Peer("127.0.0.1", 0, false);

function peerOf(
  socket: { remoteAddress: string; remotePort?: number },
  trusted: TrustedProxies,
): Peer {
  // It may have closed already.
  const [raw = ""] = (socket.remoteAddress ?? "").split("%");
  const address = plainAddress(raw);
  return new Peer(address, socket.remotePort ?? 0, isTrustedProxy(address, trusted));
}

function chainOf(
  { hooks = [], clock, note = () => {} }: EdgeOptions,
  trusted: TrustedProxies,
): HookChain | null {
  if (hooks.length === 0) return null;
  return new HookChain({
    hooks,
    clock,
    note,
    isTrusted: (address) => isTrustedProxy(address, trusted),
  });
}
