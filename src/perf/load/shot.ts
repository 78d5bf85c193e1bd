/** Single requests, one at a time and each measured alone. Keeps at most one connection from one to the next. */
import type { Clock } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import { ClientConnection, type ConnectionOwner, type Failure } from "./client-connection.ts";
import type { ShotPlan, ShotResult } from "./plan.ts";
import { HttpProtocol } from "./protocol.ts";
import { httpRequest } from "./request-bytes.ts";
import { isGood } from "./tally.ts";
import { tcpDialer } from "./tcp-dialer.ts";

/** What a connection has to say to the one who waits for it. */
type Heard =
  | { kind: "idle" }
  | { kind: "answer"; nowMs: number }
  | { kind: "gone"; failure: Failure };

export class Shooter implements ConnectionOwner {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  /** What the latest shot has left, and where it leads. */
  #kept: { connection: ClientConnection; address: string } | null = null;
  /** Where the connection in use leads. */
  #address = "";
  #heard = Promise.withResolvers<Heard>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock);
  }

  /** One at a time. Never rejects for what the server does. */
  async shoot(plan: ShotPlan): Promise<ShotResult> {
    // Nobody has looked at the time since the last one.
    this.#deadlines.advance();
    this.#deadlines.start();
    try {
      return await this.#shoot(plan);
    } finally {
      this.#deadlines.stop();
    }
  }

  /** Closes what is kept. */
  stop(): void {
    this.#kept?.connection.close();
    this.#kept = null;
  }

  async #shoot(plan: ShotPlan): Promise<ShotResult> {
    const request = httpRequest(plan.request);
    const result: ShotResult = {
      latencyMs: 0,
      connectMs: 0,
      status: null,
      bytesRead: 0,
      error: null,
    };
    let connection = this.#takeKept(plan);
    if (connection === null) {
      const dialledMs = this.#clock.nowMs();
      this.#heard = Promise.withResolvers();
      connection = this.#dial(plan);
      const opened = await this.#heard.promise;
      result.connectMs = this.#clock.nowMs() - dialledMs;
      if (opened.kind === "gone") return { ...result, error: opened.failure };
    }
    this.#heard = Promise.withResolvers();
    const begunMs = this.#clock.nowMs();
    if (!connection.send(request, begunMs)) return { ...result, error: "reset" };
    const heard = await this.#heard.promise;
    if (heard.kind !== "answer") {
      const error = heard.kind === "gone" ? heard.failure : "protocol";
      return { ...result, latencyMs: this.#clock.nowMs() - begunMs, error };
    }
    const { status, answerBytes } = connection;
    return {
      ...result,
      latencyMs: heard.nowMs - begunMs,
      status,
      bytesRead: answerBytes,
      error: isGood(status) ? null : "status",
    };
  }

  #takeKept({ hostname, port, connection }: ShotPlan): ClientConnection | null {
    const kept = this.#kept;
    this.#kept = null;
    const address = `${hostname} ${port}`;
    if (kept !== null && connection === "kept" && kept.address === address) return kept.connection;
    kept?.connection.close();
    this.#address = address;
    return null;
  }

  #dial({ hostname, port, clientTimeoutMs }: ShotPlan): ClientConnection {
    const connection = new ClientConnection({
      owner: this,
      protocol: new HttpProtocol(),
      deadlines: this.#deadlines,
      clientTimeoutMs,
      nowMs: () => this.#clock.nowMs(),
    });
    connection.dial(tcpDialer(hostname, port));
    return connection;
  }

  // --- what the connection says ---

  onIdle(connection: ClientConnection, isFirst: boolean): void {
    if (isFirst) this.#heard.resolve({ kind: "idle" });
    else this.#kept = { connection, address: this.#address };
  }

  onAnswer(_connection: ClientConnection, nowMs: number): void {
    this.#heard.resolve({ kind: "answer", nowMs });
  }

  onGone(connection: ClientConnection, failure: Failure | null): void {
    if (this.#kept?.connection === connection) this.#kept = null;
    this.#heard.resolve({ kind: "gone", failure: failure ?? "reset" });
  }
}
