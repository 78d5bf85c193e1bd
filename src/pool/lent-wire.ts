/**
 * The wire to one instance that the node has lent to this process, from when its end has come until it is given back.
 *
 *   lent ──recalled──▶ recalled ──nothing open──▶ given back
 *    ├── idle for long enough ──────────────────▶ given back
 *    └── socket closed, or the node says that the process has exited ──both, or a moment later──▶ lost
 */
import { messageOf, PlatformError } from "../base/errors.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import { Channel, type ChannelOwner } from "../wire/channel.ts";
import type { WireSocket } from "../wire/frame-writer.ts";
import type { WireProtocolError } from "../wire/frames.ts";
import type { Wake } from "../wire/wake.ts";
import { wireGraceMs } from "./limits.ts";

export interface LentWireOwner {
  /** One stream fewer is open. */
  onStreamClosed(wire: LentWire): void;
  /** It takes no more requests. Called once, whatever the reason. */
  onGoing(wire: LentWire): void;
  /** What came over it breaks the protocol: the node has to end the process. */
  onBroken(wire: LentWire, why: string): void;
}

/** The part of a Bun socket that is used. */
interface Wire extends WireSocket {
  end(): void;
  terminate(): void;
}

export class LentWire implements ChannelOwner {
  /** Names the lease, to the node. */
  readonly lease: number;
  readonly channel: Channel;
  readonly isAsleep = false;
  /** Clock time. Milliseconds. */
  idleSinceMs: number;
  readonly #app: string;
  readonly #owner: LentWireOwner;
  readonly #clock: TurnClock;
  #wire: Wire | null = null;
  /** Of the request that has woken or started the process, until it gives a sign of life. */
  #wake: Wake | null = null;
  #isGoing = false;
  #isOver = false;
  #hasClosed = false;
  #error: PlatformError | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** @param descriptor our end; this closes it */
  constructor(
    lease: number,
    app: string,
    descriptor: number,
    clock: TurnClock,
    owner: LentWireOwner,
  ) {
    this.lease = lease;
    this.#app = app;
    this.#owner = owner;
    this.#clock = clock;
    this.idleSinceMs = clock.nowMs();
    this.channel = new Channel(
      { write: (data, offset, bytes) => this.#wire?.write(data, offset, bytes) ?? 0 },
      this,
    );
    void this.#connect(descriptor);
  }

  /** Requests that are no tunnels. Count. */
  get running(): number {
    return this.channel.openStreams - this.channel.openTunnels;
  }

  /** Notes when the process gives a sign of life. Call it before the first request is sent. */
  awaitLife(wake: Wake): void {
    this.#wake = wake;
    this.channel.ping(0);
  }

  /** It takes no more requests; those that are open go on. */
  recall(): void {
    if (this.#isGoing) return;
    this.#isGoing = true;
    this.#owner.onGoing(this);
  }

  /** Closes our end; nothing is open on it. */
  giveBack(): void {
    this.recall();
    this.#isOver = true;
    this.#wire?.end();
  }

  /** The process has exited: what is open is lost with `error` when all that it sent before was read. */
  ended(error: PlatformError): void {
    this.recall();
    this.#error ??= error;
    if (this.#hasClosed) this.#lose();
    else this.#loseSoon();
  }

  // --- what the wire says ---

  onControl(): void {}

  onPong(): void {
    this.#wake?.done(this.#clock.lastMs);
    this.#wake = null;
  }

  onStreamClosed(): void {
    this.#owner.onStreamClosed(this);
  }

  onBroken(error: WireProtocolError): void {
    this.#error ??= new PlatformError("APP_PROTOCOL_BROKEN", [this.#app, messageOf(error)]);
    this.recall();
    this.#owner.onBroken(this, messageOf(error));
    this.#lose();
  }

  // --- private ---

  async #connect(fd: number): Promise<void> {
    const onClosed = () => {
      this.#wire = null;
      this.#hasClosed = true;
      if (this.#isOver) return;
      this.recall();
      // Why it ended, the node knows.
      if (this.#error !== null) this.#lose();
      else this.#loseSoon();
    };
    try {
      await Bun.connect({
        fd,
        socket: {
          binaryType: "buffer",
          open: (socket: Wire) => {
            this.#wire = socket;
            if (this.#isOver) socket.end();
            else this.channel.onDrain();
          },
          data: (_socket: unknown, chunk: Buffer) => {
            this.#clock.nowMs();
            this.channel.onBytes(chunk);
          },
          drain: () => this.channel.onDrain(),
          close: onClosed,
          error: onClosed,
        },
      } as never);
    } catch {
      onClosed();
    }
  }

  #loseSoon(): void {
    this.#timer ??= setTimeout(() => this.#lose(), wireGraceMs);
  }

  /** Twice is safe. */
  #lose(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#wire?.terminate();
    const lost = () => new PlatformError("APP_EXITED", [this.#app, "its wire was lost"]);
    this.channel.close(this.#error ?? lost());
  }
}
