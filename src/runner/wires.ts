/**
 * More wires of this process than the node's own: one for each edge in a process of its own that the app is lent to. They
 * carry requests and nothing else, and each may end at any time.
 */
import { receiveDescriptor } from "../wire/descriptors.ts";
import { FrameReader } from "../wire/frame-reader.ts";
import { FrameWriter, type WireSocket } from "../wire/frame-writer.ts";
import { FrameType } from "../wire/frames.ts";
import type { Requests } from "./requests.ts";
import { atTurnEnd } from "./turn-end.ts";

/** Where their ends come in. */
const descriptorsFd = 4;

interface EdgeSocket extends WireSocket {
  terminate(): void;
}

export class Wires {
  readonly #node: Requests;
  readonly #all = new Set<Requests>();

  /** @param node the requests of the node's own wire, which know the app */
  constructor(node: Requests) {
    this.#node = node;
  }

  /** Requests and tunnels open on them. Count. */
  get inFlight(): number {
    let count = 0;
    for (const requests of this.#all) count += requests.inFlight;
    return count;
  }

  /** Serves the end of a wire that has come. */
  take(): void {
    let writer: FrameWriter;
    const requests = this.#node.onAnotherWire(() => writer);
    const reader = new FrameReader((type, flags, id, buffer, start, end) => {
      if (type !== FrameType.PING) return requests.onFrame(type, flags, id, buffer, start, end);
      writer.frame(FrameType.PONG, 0, 0, buffer.subarray(start, end));
    });
    const onExit = () => writer.flush();
    const close = () => {
      if (!this.#all.delete(requests)) return;
      process.off("exit", onExit);
      requests.cancelAll();
      writer.close();
    };
    void Bun.connect({
      fd: receiveDescriptor(descriptorsFd),
      socket: {
        binaryType: "buffer",
        open: (socket: EdgeSocket) => {
          writer = new FrameWriter(socket, undefined, atTurnEnd);
          this.#all.add(requests);
          // Answers that the app gave in its last turn still leave.
          process.on("exit", onExit);
        },
        data: (socket: EdgeSocket, chunk: Buffer) => {
          try {
            reader.push(chunk);
          } catch (error) {
            console.error(error);
            socket.terminate();
          }
        },
        drain: () => writer.flush(),
        close,
        error: close,
      },
    } as never);
  }
}
