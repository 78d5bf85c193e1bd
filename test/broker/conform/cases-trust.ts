/** Tokens of deployments and of supervisors, cordoned machines, surplus runners. */
import { expect } from "bun:test";
import { mintWorkloadDeploymentToken } from "@trigger.dev/core/v3";
import { type Case, deliveryOf } from "./case.ts";
import { createMessage } from "./messages.ts";

const secret = "secret-of-the-supervisor";
const dispatchToken = "of-supervisors-alone";
const enforced = ["--token-enforcement", "enforce"];
const withSecret = { LEVAIN_BROKER_TOKEN_SECRET: secret };
/** 2032, as the supervisor has it. */
const expiresAtSeconds = 1_956_528_000;
const machineVersion = "20260101.1";

export const TRUST_CASES: readonly Case[] = [
  {
    claim: "a runner that shows a token gets what is for the token's deployment",
    isBrokenWithoutCare: true,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker(enforced, withSecret);
      const deployment = world.deployment();
      const token = await mint({ deployment });
      const runner = await world.runner({ url: origin, deployment: token, keepsBytes: true });

      const message = await (await world.supervisor()).dispatchUntilTaken(dispatchOrigin, {
        deployment,
      });

      expect(await runner.message()).toMatchObject(deliveryOf(message));
    },
  },
  {
    claim: "without a secret a token is believed",
    isBrokenWithoutCare: true,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker();
      const deployment = world.deployment();
      const token = await mint({ deployment }, "whatever-it-was-signed-with");
      const runner = await world.runner({ url: origin, deployment: token });

      const message = await (await world.supervisor()).dispatchUntilTaken(dispatchOrigin, {
        deployment,
      });

      expect(await runner.message()).toMatchObject({ run: message.run });
    },
  },
  {
    claim:
      "under enforcement a runner with a forged token, another version's, or none goes home with 0",
    isBrokenWithoutCare: true,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker(enforced, withSecret);
      const deployment = world.deployment();
      const shown = [
        await mint({ deployment }, "another-secret-than-it-is"),
        await mint({ deployment, deployment_version: "20260101.2" }),
        deployment,
      ];

      const runners = await Promise.all(
        shown.map((token) => world.runner({ url: origin, deployment: token })),
      );
      const ends = await Promise.all(runners.map((runner) => runner.ended()));
      const { body } = createMessage({ deployment });
      const answer = await (await world.supervisor()).dispatch(dispatchOrigin, body);

      const home = { how: "null", exitCode: 0 };
      expect(ends).toMatchObject([home, home, home]);
      expect(answer.text).toBe('{"didWarmStart":false}');
    },
  },
  {
    claim: "under enforcement a token of one deployment gets nothing of another's",
    isBrokenWithoutCare: true,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker(enforced, withSecret);
      const supervisor = await world.supervisor();
      const [theirs, ours] = [world.deployment(), world.deployment()];
      const token = await mint({ deployment: ours });
      const runner = await world.runner({ url: origin, deployment: token, rounds: 2 });
      const first = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment: ours });
      await runner.message();
      await runner.polls(2);

      const { body } = createMessage({ deployment: theirs });
      const answer = await supervisor.dispatch(dispatchOrigin, body);
      const second = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment: ours });
      await runner.ended();

      expect(answer.text).toBe('{"didWarmStart":false}');
      expect(runner.messages.map(({ run }) => run)).toEqual([first.run, second.run]);
    },
  },
  {
    claim: "a broker that wants a token of supervisors answers only those that have it",
    isBrokenWithoutCare: true,
    async run(world) {
      const variables = { LEVAIN_BROKER_DISPATCH_TOKEN: dispatchToken };
      const { origin, dispatchOrigin } = await world.broker([], variables);
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      const runner = await world.runner({ url: origin, deployment, keepsBytes: true });
      await runner.polls();

      const { body } = createMessage({ deployment });
      const stranger = await supervisor.dispatch(dispatchOrigin, body);
      const liar = await supervisor.dispatch(dispatchOrigin, body, bearer(`${dispatchToken}1`));
      const message = await supervisor.dispatchUntilTaken(
        dispatchOrigin,
        { deployment },
        bearer(dispatchToken),
      );

      expect([stranger.status, liar.status]).toEqual([401, 401]);
      expect(await runner.message()).toMatchObject(deliveryOf(message));
    },
  },
  {
    claim: "a runner on a cordoned machine gets nothing and goes on waiting",
    isBrokenWithoutCare: true,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker(["--cordoned", "machine-9"]);
      const deployment = world.deployment();
      const cordoned = await world.runner({ url: origin, deployment, instance: "machine-9" });
      await cordoned.polls();
      const other = await world.runner({ url: origin, deployment });

      const message = await (await world.supervisor()).dispatchUntilTaken(dispatchOrigin, {
        deployment,
      });

      expect(await other.message()).toMatchObject({ run: message.run });
      expect([cordoned.messages, cordoned.end]).toEqual([[], null]);
      cordoned.abort();
    },
  },
  {
    claim: "a runner more than a deployment may have sends the one that waited longest home with 0",
    isBrokenWithoutCare: true,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker(["--waiters-per-key-max", "1"]);
      const deployment = world.deployment();
      const runners = [await world.runner({ url: origin, deployment })];
      await runners[0]!.polls();
      runners.push(await world.runner({ url: origin, deployment }));

      // Which of the two came first is up to their connections.
      const surplus = await Promise.race(
        runners.map(async (runner) => ((await runner.ended()).how === "null" ? runner : null)),
      );
      const message = await (await world.supervisor()).dispatchUntilTaken(dispatchOrigin, {
        deployment,
      });
      const left = runners.find((runner) => runner !== surplus)!;

      expect(surplus?.end).toMatchObject({ how: "null", exitCode: 0, fetches: 2 });
      expect(await left.message()).toMatchObject({ run: message.run });
    },
  },
  {
    claim:
      "polls and dispatches that come to another broker than their deployment's find each other",
    isBrokenWithoutCare: true,
    async run(world) {
      const [first, second] = await world.peers({ LEVAIN_BROKER_DISPATCH_TOKEN: dispatchToken });
      const supervisor = await world.supervisor();

      // Whichever owns a deployment: either the poll or the dispatch is at the wrong one.
      const meet = async () => {
        const deployment = world.deployment();
        const runner = await world.runner({ url: first.origin, deployment, keepsBytes: true });
        const message = await supervisor.dispatchUntilTaken(
          second.dispatchOrigin,
          { deployment },
          bearer(dispatchToken),
        );
        return { got: await runner.message(), expected: deliveryOf(message) };
      };
      const met = await Promise.all(Array.from({ length: 6 }, meet));

      expect(met.map(({ got }) => got)).toMatchObject(met.map(({ expected }) => expected));
    },
  },
];

function bearer(token: string) {
  return { headers: { authorization: `Bearer ${token}` } };
}

function mint(
  claims: { deployment: string; deployment_version?: string },
  by = secret,
): Promise<string> {
  const place = {
    environment_id: "e",
    environment_type: "PRODUCTION",
    org_id: "o",
    project_id: "p",
  };
  const all = { deployment_version: machineVersion, ...place, ...claims };
  return mintWorkloadDeploymentToken(all, by, expiresAtSeconds);
}
