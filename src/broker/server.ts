/**
 * The broker's sockets: listens, gives each connection to a `BrokerConnection`, and ends them. Decides nothing about waiters and
 * messages; that is the core's.
 */
import { plainAddress } from "../base/client-address.ts";
import { Deadlines } from "../base/deadlines.ts";
import { throwUncaught } from "../base/errors.ts";
import type { RawSocket } from "../http/client-socket.ts";
import { Answers } from "./answers.ts";
import { BrokerConnection } from "./broker-connection.ts";
import { connectionsMaxOf } from "./connections-max.ts";
import * as limits from "./limits.ts";
import { tuneListener } from "./listening-socket.ts";
import { dispatchSide, runnersSide, type Side, sharedSide } from "./requests.ts";
import type { BrokerServer, BrokerServerOptions } from "./server-api.ts";
import { type ServerContext, ServerCounts } from "./server-context.ts";

/** Between two looks at whether a drain is over. Milliseconds. */
const drainLookMs = 20;

type Socket = Bun.Socket<BrokerConnection | undefined>;

/**
 * Starts listening.
 *
 * @throws whatever the socket says, with its `code` (EADDRINUSE, EACCES …); `setting` is `dispatchPort` when it was that one
 */
export function startBrokerServer(options: BrokerServerOptions): BrokerServer {
  const { config, clock, membership } = options;
  const connections = new Set<BrokerConnection>();
  const deadlines = new Deadlines(clock);
  const connectionsMax =
    options.connectionsMax ?? connectionsMaxOf(config.waitersMax, Infinity).connectionsMax;
  const isShared = config.dispatchPort === null;
  let accepted = 0;
  let turnedAway = 0;
  const ready: BrokerConnection[] = [];
  const resume = () => {
    for (const connection of ready.splice(0)) connection.resume();
  };
  const context: ServerContext = {
    core: options.core,
    tokens: options.tokens,
    gate: options.gate,
    membership,
    operations: options.operations,
    clock,
    deadlines,
    answers: new Answers(clock),
    counts: new ServerCounts(),
    room: { taken: 0, takenMax: limits.bodyBytesTotalMax },
    bodyBytesMax: config.messageBytesMax + limits.dispatchBytesBesides,
    isGuarded: config.dispatchToken !== null,
    isDraining: false,
    resumeLater(connection) {
      if (ready.push(connection) === 1) queueMicrotask(resume);
    },
    onClosed: (connection) => connections.delete(connection),
  };

  const listen = (hostname: string, port: number, side: Side) => {
    let isTuned = false;
    const listener = Bun.listen<BrokerConnection | undefined>({
      hostname,
      port,
      allowHalfOpen: true,
      // A successor may listen before this one has ended.
      reusePort: options.reusePort ?? false,
      socket: {
        binaryType: "buffer",
        open(socket: Socket) {
          accepted += 1;
          // However many runners there are, a supervisor has to get its answer.
          const room = side === dispatchSide ? limits.supervisorsRoom : 0;
          if (connections.size >= connectionsMax + room) {
            turnedAway += 1;
            return void socket.terminate();
          }
          if (!isTuned) socket.setKeepAlive(true, limits.keepAliveProbeMs);
          const raw = socket as unknown as RawSocket;
          const connection = new BrokerConnection(context, raw, side, addressOf(socket));
          connections.add(connection);
          socket.data = connection;
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
        close(socket: Socket, error?: Error & { code?: string }) {
          clock.nowMs();
          socket.data?.onClose(error?.code === "ECONNRESET" || error?.code === "EPIPE");
        },
        // What the kernel has to say comes with `close`; this is what a callback of ours has thrown.
        error: (_socket: Socket, error: Error) => throwUncaught(error),
      },
    } as unknown as Bun.TCPSocketListenOptions<BrokerConnection | undefined>);
    isTuned = tuneListener((listener as unknown as { fd: number }).fd);
    if (!isTuned)
      options.note(
        "This system does not say how it finds vanished clients; TCP keep-alive is asked for alone",
      );
    return listener;
  };

  const listener = listen(config.host, config.port, isShared ? sharedSide : runnersSide);
  const listeners = [listener];
  if (config.dispatchPort !== null) {
    try {
      listeners.push(listen(config.dispatchHost, config.dispatchPort, dispatchSide));
    } catch (error) {
      listener.stop(true);
      throw Object.assign(error as Error, { setting: "dispatchPort" });
    }
  }
  const [port = 0, dispatchPort = port] = listeners.map((each) => each.port);
  deadlines.start();

  let drained: Promise<void> | null = null;
  const isBusy = () => {
    for (const connection of connections) if (!connection.isIdle) return true;
    return false;
  };

  return {
    port,
    dispatchPort,
    drain() {
      drained ??= (async () => {
        context.isDraining = true;
        for (const each of listeners) each.stop(false);
        while (isBusy()) await Bun.sleep(drainLookMs);
      })();
      return drained;
    },
    stop() {
      for (const each of listeners) each.stop(false);
      for (const connection of [...connections]) connection.end();
      deadlines.stop();
    },
    facts: () => ({
      connections: connections.size,
      bodyBytes: context.room.taken,
      accepted,
      turnedAway,
      ...context.counts,
    }),
  };
}

function addressOf({ remoteAddress }: Socket): string {
  // It may have closed already.
  const [address = ""] = (remoteAddress ?? "").split("%");
  return plainAddress(address);
}
