/**
 * Goal: what a deployment of brokers, runners and machines looks like loses no run either: brokers side
 * by side, cordoned machines, tokens, too many idle runners, clients that come and go. Method: as in
 * `loss.suite.ts`, for L8, L9 and L11 to L14.
 *
 *   bun test ./test/broker/loss-setup.suite.ts
 */
import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { mintWorkloadDeploymentToken } from "@trigger.dev/core/v3";
import { until } from "../../src/base/until-for-tests.ts";
import { freePort } from "../free-port.ts";
import { BrokerProcess } from "./broker-process.ts";
import { KEY, SCENE_FLAGS, Scene } from "./scene.ts";

/** A busy machine starts processes slowly. Milliseconds. */
const testTimeoutMs = 60_000;

const secret = "a-secret-that-nobody-can-guess";

/** A deployment's token, as the platform makes it. */
const tokenOf = (deployment: string, signedWith: string) =>
  mintWorkloadDeploymentToken(
    {
      deployment,
      deployment_version: KEY.version,
      environment_id: "e1",
      environment_type: "PRODUCTION",
      org_id: "o1",
      project_id: "p1",
    },
    signedWith,
    Date.UTC(2032, 0) / 1000,
  );

describe("a run is not lost", () => {
  test.concurrent(
    "L8: by brokers side by side: what is asked of the wrong one is sent to the right one",
    async () => {
      const ports = [await freePort(), await freePort()];
      const peers = ports.map((port) => `http://127.0.0.1:${port}`);
      const flagsOf = (index: number) => ["--peers", peers.join(","), "--self-url", peers[index]!];
      await using scene = await Scene.start({ flags: flagsOf(0), port: ports[0]! });
      const other = scene.own(
        await BrokerProcess.start({
          flags: [...SCENE_FLAGS, ...flagsOf(1)],
          port: ports[1]!,
        }),
      );
      const seen = () => Promise.all([scene.broker, other].map((broker) => broker.status()));
      // Before that each would keep whatever it is asked.
      await until(async () => (await seen()).every(({ serving }) => serving === 2), 20_000);
      const keys = [1, 2, 3, 4, 5, 6].map((number) => ({ ...KEY, deployment: `d${number}` }));
      const runners = await Promise.all(
        keys.map((key, index) =>
          scene.runner({ key, origin: peers[index % 2]!, runtime: index < 3 ? "node" : "bun" }),
        ),
      );
      await until(
        async () => (await seen()).reduce((sum, { parked }) => sum + parked, 0) === 6,
        20_000,
      );

      const told = await Promise.all(
        keys.map((key, index) =>
          scene.dispatch(`run-${index}`, { key, origin: peers[(index + 1) % 2]! }),
        ),
      );
      await until(() => scene.ledger.missing().length === 0);

      expect(told).toEqual(Array(6).fill("true"));
      expect(runners.map((runner) => runner.got())).toEqual(
        keys.map((_, index) => [`run-${index}`]),
      );
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L9: on a cordoned machine: its runner gets none, another does, and it lives on",
    async () => {
      await using scene = await Scene.start({ flags: ["--cordoned", "node-b"] });
      const other = await scene.runner({ instance: "node-a" });
      const cordoned = await scene.runner({ instance: "node-b", runtime: "bun" });
      await until(async () => (await scene.broker.status()).polls >= 2);

      const told = await scene.dispatch("first");
      await other.has("first");
      await other.kill();
      const toldAlone = await scene.dispatch("second");

      expect([told, toldAlone]).toEqual(["true", "false"]);
      expect(cordoned.got()).toEqual([]);
      expect(cordoned.ends()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L11: by a runner that shows a token where another shows its deployment's name",
    async () => {
      await using scene = await Scene.start();
      const token = await tokenOf(KEY.deployment, secret);
      const runner = await scene.runner({ deployment: token });
      await scene.parked(1);

      const told = await scene.dispatch("run");
      await runner.has("run");
      await until(() => scene.broker.dispatches.length === 1);
      const said = [...scene.broker.output, JSON.stringify(await scene.broker.status())].join("\n");

      expect(told).toBe("true");
      expect(said).toContain('"run"');
      expect(said).not.toContain(token.split(".")[2]!);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L12: to machines full of idle runners: those beyond the bound go home, and the rest works",
    async () => {
      await using scene = await Scene.start({ flags: ["--waiters-per-key-max", "2"] });
      const runners = [];
      for (let count = 1; count <= 4; count++) {
        runners.push(await scene.runner({ runtime: count % 2 === 0 ? "bun" : "node" }));
        await scene.parked(Math.min(count, 2));
      }
      const [first, second, third, fourth] = runners;

      const codes = await Promise.all([first!.exited, second!.exited]);
      const told = [await scene.dispatch("one"), await scene.dispatch("two")];
      await until(() => scene.ledger.missing().length === 0);

      expect(codes).toEqual([0, 0]);
      expect(told).toEqual(["true", "true"]);
      expect([third!.ends(), fourth!.ends()]).toEqual([[], []]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L13: among thousands of polls that were broken off, of which nothing stays",
    async () => {
      await using scene = await Scene.start();
      const runner = await scene.runner({ key: { ...KEY, deployment: "stays" } });
      await scene.parked(1);

      for (let round = 0; round < 10; round++) {
        await Promise.all(
          Array.from({ length: 200 }, (_, number) => pollAndLeave(scene.broker.port, number)),
        );
      }
      await scene.parked(1);
      const status = await scene.broker.status();
      const told = await scene.dispatch("run", { key: { ...KEY, deployment: "stays" } });
      await runner.has("run");

      expect(status.keys).toBe(1);
      expect(status.pending).toBe(0);
      expect(told).toBe("true");
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L14: to strangers: without the deployment's token nobody polls, without the supervisor's nobody asks",
    async () => {
      const dispatchToken = "only-supervisors-know-this";
      await using scene = await Scene.start({
        flags: ["--token-enforcement", "enforce", "--dispatch-port", "0"],
        env: { LEVAIN_BROKER_TOKEN_SECRET: secret, LEVAIN_BROKER_DISPATCH_TOKEN: dispatchToken },
      });
      const { broker } = scene;
      const forged = await scene.runner({
        deployment: await tokenOf(KEY.deployment, `not-${secret}`),
      });
      const bare = await scene.runner({ runtime: "bun" });
      const own = await scene.runner({ deployment: await tokenOf(KEY.deployment, secret) });
      await until(async () => (await broker.status(dispatchToken)).parked === 1);

      const codes = await Promise.all([forged.exited, bare.exited]);
      const toStranger = await scene.dispatch("stranger");
      const onRunnersPort = await scene.dispatch("wrong-port", {
        origin: broker.origin,
        token: dispatchToken,
      });
      const told = await scene.dispatch("run", { token: dispatchToken });
      await own.has("run");

      expect(codes).toEqual([0, 0]);
      expect([toStranger, onRunnersPort, told]).toEqual(["error", "error", "true"]);
      expect(own.got()).toEqual(["run"]);
    },
    testTimeoutMs,
  );
});

/** A poll of which the client thinks better: half of them end it, half of them break it. */
async function pollAndLeave(port: number, number: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("error", () => {});
  socket.on("close", () => resolve());
  socket.on("connect", () => {
    const head = [
      "GET /warm-start HTTP/1.1",
      "host: broker",
      `x-trigger-workload-controller-id: gone_${number}`,
      `x-trigger-deployment-id: gone_${number % 50}`,
      "x-trigger-deployment-version: 1",
      "x-trigger-machine-cpu: 1",
      "x-trigger-machine-memory: 1",
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`, () => {
      if (number % 2 === 0) socket.resetAndDestroy();
      else socket.end();
    });
  });
  await promise;
}
