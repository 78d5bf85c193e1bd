/**
 * Goal: what a broker cannot know, and what it says then. Method: as in `loss.suite.ts`, and a client by hand where the
 * published one cannot be stopped at the right moment.
 *
 *   bun test ./test/broker/loss-limits.suite.ts
 */
import { describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { until } from "../../src/base/until-for-tests.ts";
import { KEY, Scene } from "./scene.ts";

/** A busy machine starts processes slowly. Milliseconds. */
const testTimeoutMs = 90_000;

describe("a runner that claims a run and then", () => {
  test.concurrent(
    "is killed with the answer unread leaves it to another: its kernel says so",
    async () => {
      await using scene = await Scene.start();
      const other = await scene.runner();
      await scene.parked(1);
      const dying = await pollByHand(scene.broker.port);
      await scene.parked(2);

      const asked = scene.dispatch("run");
      await dying.claim();
      const told = await asked;
      dying.socket.resetAndDestroy();
      await other.has("run");

      expect(told).toBe("true");
      expect(scene.wrong()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "is gone without a word takes it along: it was taken, and nothing tells that nobody has it",
    async () => {
      await using scene = await Scene.start();
      const machine = await scene.machine();
      const other = await scene.runner();
      await scene.parked(1);
      const dying = await scene.runner({ origin: machine.origin });
      await scene.parked(2);
      await machine.vanish("claim");

      const told = await scene.dispatch("run");
      await machine.vanish("now");
      await dying.kill();
      const again = await scene.dispatch("run");

      // The supervisor's own check of warm starts finds it; asked again, the broker must not give it to another.
      expect([told, again]).toEqual(["true", "true"]);
      expect(other.got()).toEqual([]);
      expect(scene.wrong()).toEqual(["run: told true, has nobody"]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "loses the answer is believed to have it when another behind the same address asks for /connect",
    async () => {
      await using scene = await Scene.start({ flags: ["--connection-timeout-ms", "8000"] });
      const machine = await scene.machine();
      const neighbour = await scene.runner({ origin: machine.origin });
      await scene.parked(1);
      const loser = await scene.runner({ origin: machine.origin });
      await scene.parked(2);
      await machine.vanish("claim");
      const told = await scene.dispatch("run");
      await machine.return();

      // It works, and asks for /connect, before the loser has given up its poll.
      await until(async () => (await scene.dispatch(`other-${Date.now()}`)) === "true");
      await neighbour.polling(2);
      await scene.parked(2);

      expect(told).toBe("true");
      expect(loser.got()).toEqual([]);
      expect(scene.wrong()).toEqual(["run: told true, has nobody"]);
    },
    testTimeoutMs,
  );
});

interface PollByHand {
  socket: Socket;
  /** Follows the offer when it comes, and reads no answer. */
  claim(): Promise<void>;
}

async function pollByHand(port: number): Promise<PollByHand> {
  const socket = connect(port, "127.0.0.1");
  const send = (path: string) => {
    const head = [
      `GET ${path} HTTP/1.1`,
      "host: broker",
      "x-trigger-workload-controller-id: by-hand",
      `x-trigger-deployment-id: ${KEY.deployment}`,
      `x-trigger-deployment-version: ${KEY.version}`,
      `x-trigger-machine-cpu: ${KEY.cpu}`,
      `x-trigger-machine-memory: ${KEY.memory}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
  };
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    text += bytes;
  });
  send("/warm-start");
  return {
    socket,
    async claim() {
      await until(() => text.includes("\r\n\r\n"));
      socket.pause();
      send(/location: (\S+)/i.exec(text)![1]!);
    },
  };
}
