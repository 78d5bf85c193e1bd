/**
 * One edge process, seen from its node: what is said to it, and the leases it has. When it ends, they are given back.
 */
import { closeSync } from "node:fs";
import { PlatformError } from "./base/errors.ts";
import type { EdgeConfig, EdgeReport, FromEdge, PlainCounters, ToEdge } from "./edge-protocol.ts";
import { type FromNodeChild, NodeChild } from "./node-child.ts";
import type { Instance } from "./pool/instance.ts";
import type { LeaseReport, VersionKey } from "./pool/lent-pools.ts";
import type { Lessee } from "./pool/lessee.ts";
import type { RouteTable } from "./router/route-table.ts";
import { sendDescriptor } from "./wire/descriptors.ts";
import type { WakeFrom } from "./wire/wake.ts";

export interface EdgeChildOptions {
  config: EdgeConfig;
  /** Clock time. Milliseconds. */
  startedAtMs: number;
  onNeed(child: EdgeChild, version: VersionKey): void;
  onReport(child: EdgeChild, report: EdgeReport): void;
  note(line: string): void;
}

export class EdgeChild implements Lessee {
  readonly pid: number;
  readonly startedAtMs: number;
  /** Resolves when it listens. @throws what it has against it */
  readonly listening: Promise<number>;
  /** Resolves with how it ended; leases were given back before. Never rejects. */
  readonly exited: Promise<string>;
  counters: PlainCounters = { connections: 0, requests: 0, verdicts: 0 };
  readonly #options: EdgeChildOptions;
  readonly #child: NodeChild<ToEdge, Exclude<FromEdge, FromNodeChild>>;
  /** By the number that the edge knows. */
  readonly #leases = new Map<number, Instance>();
  readonly #numbers = new Map<Instance, number>();
  /** By the number of a table: told when it is applied, or when the process has ended. */
  readonly #awaited = new Map<number, () => void>();
  #lastId = 0;

  constructor(options: EdgeChildOptions) {
    this.#options = options;
    this.startedAtMs = options.startedAtMs;
    this.#child = new NodeChild({
      module: "edge-process.ts",
      first: { type: "open", config: options.config },
      hasSocket: true,
      hear: (message) => this.#hear(message),
    });
    this.pid = this.#child.pid;
    this.listening = this.#child.listening;
    this.exited = this.#child.exited.then((how) => {
      this.counters = { ...this.counters, connections: 0 };
      for (const lease of [...this.#leases.keys()]) this.#giveBack(lease, null);
      closeSync(this.#child.descriptor);
      for (const resolve of this.#awaited.values()) resolve();
      return how;
    });
  }

  /**
   * Resolves when it routes by the table, or has ended: because it did not in time, or by itself. No race with `exited`, which
   * would keep what raced with it for as long as the process lives.
   */
  async publish(table: RouteTable, timeoutMs: number): Promise<void> {
    if (this.#child.hasExited) return;
    this.#lastId += 1;
    const id = this.#lastId;
    const applied = new Promise<void>((resolve) => this.#awaited.set(id, resolve));
    this.#child.send({ type: "table", id, table });
    const timer = setTimeout(() => this.kill(), timeoutMs);
    await applied;
    clearTimeout(timer);
    this.#awaited.delete(id);
  }

  refuse(version: VersionKey, error: PlatformError): void {
    this.#child.send({ type: "refused", version, error: error.toBody() });
  }

  found(version: VersionKey, from: WakeFrom | null): void {
    this.#child.send({ type: "found", version, from });
  }

  notYet(version: VersionKey): void {
    this.#child.send({ type: "notYet", version });
  }

  note({ lease, ...use }: LeaseReport): void {
    this.#leases.get(lease)?.leases.noteUse(this, use);
  }

  /** Lets it drain. Resolves when it is gone. */
  stop(drainTimeoutMs: number, endTimeoutMs: number): Promise<void> {
    return this.#child.stop({ type: "stop", drainTimeoutMs }, drainTimeoutMs + endTimeoutMs);
  }

  kill(): void {
    this.#child.kill();
  }

  // --- what the pools ask ---

  grant(instance: Instance): void {
    if (this.#child.hasExited) throw new Error("Cannot lend to an edge that has ended");
    const wire = instance.openWire();
    try {
      sendDescriptor(this.#child.descriptor, wire);
    } finally {
      closeSync(wire);
    }
    this.#lastId += 1;
    const lease = this.#lastId;
    this.#leases.set(lease, instance);
    this.#numbers.set(instance, lease);
    const { app, number, digest } = instance.spec;
    const version = { app, number, digest };
    this.#child.send({ type: "grant", version, lease, instance: instance.id ?? "" });
  }

  recall(instance: Instance): void {
    const lease = this.#numbers.get(instance);
    if (lease !== undefined) this.#child.send({ type: "recall", lease });
  }

  ended(instance: Instance, error: PlatformError): void {
    const lease = this.#numbers.get(instance);
    if (lease === undefined) return;
    this.#forget(lease, instance);
    this.#child.send({ type: "ended", lease, error: error.toBody() });
  }

  // --- private ---

  #hear(message: Exclude<FromEdge, FromNodeChild>): void {
    switch (message.type) {
      case "applied":
        return this.#awaited.get(message.id)?.();
      case "need":
        return this.#options.onNeed(this, message.version);
      case "giveBack":
        return this.#giveBack(message.lease, message.opened);
      case "broken": {
        const instance = this.#leases.get(message.lease);
        const { app } = instance?.spec ?? { app: "" };
        instance?.kill(new PlatformError("APP_PROTOCOL_BROKEN", [app, message.why]));
        return;
      }
      case "note":
        return this.#options.note(message.line);
      case "report":
        this.counters = message.report.counters;
        return this.#options.onReport(this, message.report);
    }
  }

  #giveBack(lease: number, opened: number | null): void {
    const instance = this.#leases.get(lease);
    // Its process may have ended meanwhile.
    if (instance === undefined) return;
    if (opened !== null) instance.leases.noteUse(this, { inFlight: 0, running: 0, opened });
    this.#forget(lease, instance);
    instance.leases.returned(this);
  }

  #forget(lease: number, instance: Instance): void {
    this.#leases.delete(lease);
    this.#numbers.delete(instance);
  }
}
