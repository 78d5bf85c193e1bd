/**
 * The runner: Levain's own code inside an app's process. Started without a version, so that it can stand ready; becomes
 * one by a `load` message.
 *
 *   started ──load──▶ loading ──▶ loaded ──(requests)──▶ wire closed: exit
 *                        └──▶ failed: exit 1
 *
 * The wire is file descriptor 3. When it closes, the node is gone, and so is the reason to live.
 */
import { join } from "node:path";
import type { NodeMessage, RunnerMessage } from "../wire/control.ts";
import { FrameReader } from "../wire/frame-reader.ts";
import { FrameWriter } from "../wire/frame-writer.ts";
import { FLAG_END, FrameType } from "../wire/frames.ts";
import { Captures } from "./capture.ts";
import { tagConsole } from "./console.ts";
import { passEnvironment } from "./environment.ts";
import { EphemeralApp } from "./ephemeral.ts";
import { LoadError, load } from "./load.ts";
import { Requests } from "./requests.ts";
import { watchResponses } from "./response-source.ts";
import { PendingUpgrades } from "./upgrades.ts";

const wireFd = 3;

watchResponses();
tagConsole();

let writer!: FrameWriter;
/** Pieces of a control message, bytes as latin1. */
let controlText = "";
const requests = new Requests(() => writer);
const upgrades = new PendingUpgrades(() => requests.inFlight);

const reader = new FrameReader((type, flags, id, buffer, start, end) => {
  if (type === FrameType.PING) {
    writer.frame(FrameType.PONG, 0, 0, buffer.subarray(start, end));
  } else if (type === FrameType.CONTROL) {
    controlText += buffer.latin1Slice(start, end);
    if ((flags & FLAG_END) === 0) return;
    const message = JSON.parse(Buffer.from(controlText, "latin1").toString()) as NodeMessage;
    controlText = "";
    void become(message);
  } else {
    requests.onFrame(type, flags, id, buffer, start, end);
  }
});

const socket = await Bun.connect({
  fd: wireFd,
  socket: {
    binaryType: "buffer",
    data: (_socket: unknown, chunk: Buffer) => reader.push(chunk),
    drain: () => writer.flush(),
    close: () => process.exit(0),
    error: () => process.exit(0),
  },
} as never);
writer = new FrameWriter(socket as never);
say({ type: "started" });

function say(message: RunnerMessage): void {
  writer.frame(FrameType.CONTROL, 0, 0, Buffer.from(JSON.stringify(message)));
}

async function become(message: NodeMessage): Promise<void> {
  const { root, entry, ephemeral, env, socketPath } = message;
  passEnvironment(env);
  process.chdir(root);
  const path = join(root, entry);
  const captures = new Captures({
    socketPath,
    upgrades,
    contextOf: (request) => requests.contextOf(request),
  });
  captures.install();
  try {
    if (ephemeral) {
      const app = new EphemeralApp(path, captures);
      await app.check();
      requests.serveEphemeral(app);
    } else {
      const capture = await load(path, captures, onlyWireIsLeft);
      requests.serve(capture, upgrades);
    }
    say({ type: "loaded" });
  } catch (error) {
    if (!(error instanceof LoadError)) {
      console.error(error);
      say({ type: "failed", code: "THREW", message: String(error) });
    } else {
      if (error.cause !== undefined) console.error(error.cause);
      say(error.failure);
    }
    writer.flush();
    process.exit(1);
  }
}

/** While held, the wire alone does not keep the process alive, so that `beforeExit` shows an app with nothing to do. */
function onlyWireIsLeft(): Disposable {
  (socket as unknown as { unref(): void }).unref();
  return { [Symbol.dispose]: () => (socket as unknown as { ref(): void }).ref() };
}
