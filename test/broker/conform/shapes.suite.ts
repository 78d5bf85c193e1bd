/**
 * Goal: no message that a client's schema refuses reaches a runner, since its controller would end with 1; and none that a
 * platform could write is held back. Method: some fifteen hundred messages, each wrong in one place, through
 * `levain broker` to runners that take whatever comes; the schemas of both published versions judge.
 *
 *   bun test ./test/broker/conform/shapes.suite.ts
 */
import { expect, test } from "bun:test";
import { DequeuedMessage } from "@trigger.dev/core/v3/schemas";
import { DequeuedMessage as DequeuedMessageOfAutumn } from "trigger-core-autumn/v3/schemas";
import { BrokerProcess } from "../broker-process.ts";
import { type Shape, shapesOf, wholeMessage } from "./shapes.ts";

const testTimeoutMs = 60_000;
const deployment = "deployment_shapes";
/** Each has a runner or two to itself. Count. */
const supervisorsCount = 6;
const runnersCount = 12;
/** Tries of a message that has to arrive: runners may all be between two polls. Count. */
const triesMax = 50;

let snapshots = 0;
const whole = () => {
  snapshots += 1;
  return wholeMessage(deployment, `snapshot_${snapshots}`);
};

test(
  "what reaches a runner is what both versions of the schema read, and only that is held back",
  async () => {
    await using broker = await BrokerProcess.start();
    const stop = new AbortController();
    const runners = Array.from({ length: runnersCount }, (_, index) =>
      takeAll(broker.origin, `controller_${index}`, stop.signal),
    );
    const shapes = shapesOf(whole);
    const deadly: string[] = [];
    const heldBack: string[] = [];

    let next = 0;
    const supervise = async () => {
      for (;;) {
        const shape = shapes[next];
        next += 1;
        if (shape === undefined) return;
        const isReadable = isReadByAll(shape.message);
        const isTaken = await dispatch(broker.dispatchOrigin, shape, isReadable);
        if (isTaken && !isReadable) deadly.push(shape.name);
        if (!isTaken && isReadable && shape.isPlausible) heldBack.push(shape.name);
      }
    };
    await Promise.all(Array.from({ length: supervisorsCount }, supervise));
    stop.abort();
    await Promise.all(runners);

    expect(deadly).toEqual([]);
    expect(heldBack).toEqual([]);
    expect(shapes.length).toBeGreaterThan(1000);
  },
  testTimeoutMs,
);

function isReadByAll(message: object): boolean {
  return [DequeuedMessage, DequeuedMessageOfAutumn].every(
    (schema) => schema.safeParse(message).success,
  );
}

/** Whether a runner took it. Again, with another snapshot, while it should be taken. */
async function dispatch(origin: string, shape: Shape, isReadable: boolean): Promise<boolean> {
  const tries = isReadable && shape.isPlausible ? triesMax : 1;
  const { message } = shape;
  for (let count = 0; count < tries; count += 1) {
    const response = await fetch(`${origin}/warm-start`, {
      method: "POST",
      body: JSON.stringify({ dequeuedMessage: message }),
    });
    const body = (await response.json().catch(() => null)) as { didWarmStart?: boolean } | null;
    if (response.ok && body?.didWarmStart === true) return true;
    if (!response.ok) return false;
    if (typeof message.snapshot === "object")
      message.snapshot.friendlyId = whole().snapshot.friendlyId;
  }
  return false;
}

/** A runner that nothing ends. */
async function takeAll(origin: string, controller: string, signal: AbortSignal): Promise<void> {
  const headers = {
    "x-trigger-workload-controller-id": controller,
    "x-trigger-deployment-id": deployment,
    "x-trigger-deployment-version": "20260101.1",
    "x-trigger-machine-cpu": "0.5",
    "x-trigger-machine-memory": "0.5",
  };
  while (!signal.aborted) {
    try {
      // Without it a second poll would say that the first message did not arrive.
      await (await fetch(`${origin}/connect`, { signal })).text();
      await (await fetch(`${origin}/warm-start`, { headers, signal })).text();
    } catch {
      // Over, or the broker closed the connection.
    }
  }
}
