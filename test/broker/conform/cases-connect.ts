/** `GET /connect` of a broker, as clients take it. */
import { expect } from "bun:test";
import { type Case, connectionTimeoutMs } from "./case.ts";

export const CONNECT_CASES: readonly Case[] = [
  {
    claim: "/connect tells a runner both timeouts",
    isBrokenWithoutCare: false,
    async run(world) {
      const broker = await world.broker();
      const deployment = world.deployment();
      const runner = await world.runner({ url: broker.origin, deployment });

      await (await world.supervisor()).dispatchUntilTaken(broker.dispatchOrigin, { deployment });
      await runner.ended();

      expect(runner.connects).toMatchObject([{ success: true, data: { connectionTimeoutMs } }]);
    },
  },
  {
    claim: "a broker that is off sends runners home before they poll",
    isBrokenWithoutCare: true,
    async run(world) {
      const broker = await world.broker(["--is-on", "false"]);
      const deployment = world.deployment();

      const runner = await world.runner({ url: broker.origin, deployment, keepaliveMs: 1 });

      expect(await runner.ended()).toMatchObject({ how: "switched off", exitCode: 0, fetches: 1 });
    },
  },
];
