/**
 * The runner: Levain's own code inside an app's process. Started without a version, so that it can stand ready; becomes
 * one by a `load` message.
 *
 *   started ──load──▶ loading ──▶ loaded ──(requests)──▶ wire closed: exit
 *                        └──▶ failed: exit 1
 *
 * The wire is file descriptor 3. When it closes, the node is gone, and so is the reason to live.
 *
 * A first request waits for this file and all it imports. So a node runs it as one file of bytecode (`pool/runner-bundle.ts`,
 * hence no `await` at the top), and none of Node's modules is loaded that not every app needs: `node:crypto` alone takes 11 ms.
 */
import { messageOf } from "../base/errors.ts";
import type { FailedMessage, LoadMessage, NodeMessage, RunnerMessage } from "../wire/control.ts";
import { FrameReader } from "../wire/frame-reader.ts";
import { FrameWriter, type WireSocket } from "../wire/frame-writer.ts";
import { FLAG_END, FrameType } from "../wire/frames.ts";
import { Captures } from "./capture.ts";
import { tagConsole } from "./console.ts";
import { holdToHosts } from "./declared-hosts.ts";
import { passEnvironment } from "./environment.ts";
import { EphemeralApp } from "./ephemeral.ts";
import { watchSlices } from "./file-answer.ts";
import { HeldGraphs } from "./held-graphs.ts";
import { AppLifecycle } from "./lifecycle.ts";
import { LoadError, load } from "./load.ts";
import { NodeApp } from "./node-app.ts";
import { NodeServers } from "./node-servers.ts";
import { refuseCluster, watchListeners } from "./other-servers.ts";
import { Requests } from "./requests.ts";
import { watchResponses } from "./response-source.ts";
import { atTurnEnd } from "./turn-end.ts";
import { Upgrades } from "./upgrades.ts";
import { Wires } from "./wires.ts";

const wireFd = 3;

/** Port of an app that is told none: Bun's own default. */
const defaultPort = 3000;

/** The part of a Bun socket that is used. */
interface RunnerSocket extends WireSocket {
  ref(): void;
  unref(): void;
}

watchResponses();
watchSlices();
tagConsole();

/** Pieces of a control message. */
let control: Buffer[] = [];
let socket: RunnerSocket;
let writer: FrameWriter;
const lifecycle = new AppLifecycle(say);
const requests = new Requests(() => writer, lifecycle.nap);
/** Those of edges in processes of their own. */
const wires = new Wires(requests);
const reader = new FrameReader((type, flags, id, buffer, start, end) => {
  if (type === FrameType.PING) {
    writer.frame(FrameType.PONG, 0, 0, buffer.subarray(start, end));
  } else if (type === FrameType.CONTROL) {
    control.push(Buffer.from(buffer.subarray(start, end)));
    if ((flags & FLAG_END) === 0) return;
    const message = JSON.parse(Buffer.concat(control).toString()) as NodeMessage;
    control = [];
    onMessage(message);
  } else {
    requests.onFrame(type, flags, id, buffer, start, end);
  }
});

void Bun.connect({
  fd: wireFd,
  socket: {
    binaryType: "buffer",
    open: (opened: RunnerSocket) => {
      socket = opened;
      writer = new FrameWriter(opened, undefined, atTurnEnd);
      // Answers that the app gave in its last turn still leave.
      process.on("exit", () => writer.flush());
      say({ type: "started" });
    },
    data: (_socket: unknown, chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        // No code of the app's throws through here: what the node said cannot be understood.
        console.error(error);
        process.exit(1);
      }
    },
    drain: () => writer.flush(),
    close: () => process.exit(0),
    error: () => process.exit(0),
  },
} as never);

function onMessage(message: NodeMessage): void {
  switch (message.type) {
    case "load":
      return void become(message);
    case "wire":
      wires.take();
      return say({ type: "wired" });
    case "settle":
      return lifecycle.nap.settle(message.turn);
    case "resume":
      return lifecycle.nap.resume();
    case "heard":
      return lifecycle.holders.onHeard();
  }
}

function say(message: RunnerMessage): void {
  writer.frame(FrameType.CONTROL, FLAG_END, 0, Buffer.from(JSON.stringify(message)));
}

async function become(message: LoadMessage): Promise<void> {
  const { root, entry, args, ephemeral, env, socketPath } = message;
  const path = `${root}/${entry}`;
  const port = Number(env["PORT"] ?? defaultPort) || defaultPort;
  let isLoading = true;
  const refuse = (failure: FailedMessage) => {
    // Later it is an error like any other that `listen` may meet.
    if (!isLoading) return;
    isLoading = false;
    say(new LoadError(failure).failure);
    writer.flush();
    process.exit(1);
  };
  const nodeApp = new NodeApp(() => nodeServers.path);
  const nodeServers = new NodeServers({
    port,
    folder: socketPath.slice(0, socketPath.lastIndexOf("/")),
    mayListen: message.listen,
    onRefused: refuse,
    seen: (url) => nodeApp.seen(url),
  });
  const captures = new Captures({
    upgrades: new Upgrades(socketPath),
    nodeServers: ephemeral ? null : nodeServers,
    requestsInFlight: () => requests.inFlight + wires.inFlight,
  });
  // The wire alone must not keep an app alive that has nothing to do.
  socket.unref();
  try {
    passEnvironment({ PORT: String(port), ...env });
    refuseCluster(refuse);
    const listeners = watchListeners();
    process.on("exit", (code) => {
      const { refusedPort } = listeners;
      // It was most likely what the app has died of.
      if (code !== 0 && refusedPort !== null) {
        refuse({ type: "failed", code: "TCP_SERVER", message: String(refusedPort) });
      }
    });
    process.chdir(root);
    captures.install();
    if (message.connect !== null) holdToHosts(message.connect);
    lifecycle.install();
    if (ephemeral) {
      lifecycle.graphs = new HeldGraphs();
      const app = new EphemeralApp(path, captures, lifecycle.graphs);
      await app.check();
      requests.serveEphemeral(app);
    } else {
      const onWaiting = () => say({ type: "waiting" });
      const capture = await load({ path, args, captures, nodeServers, onWaiting });
      if (capture === null) requests.serveNode(nodeApp);
      else requests.serve(capture);
    }
    isLoading = false;
    socket.ref();
    say({ type: "loaded" });
  } catch (error) {
    const failure =
      error instanceof LoadError
        ? error
        : new LoadError({ type: "failed", code: "THREW", message: messageOf(error) }, error);
    if (failure.cause !== undefined) console.error(failure.cause);
    say(failure.failure);
    process.exit(1);
  }
}
