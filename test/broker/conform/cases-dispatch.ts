/** What a supervisor is answered, and what becomes of its message. */
import { expect } from "bun:test";
import { type Case, parked } from "./case.ts";
import { bodyOf, createMessage } from "./messages.ts";

export const DISPATCH_CASES: readonly Case[] = [
  {
    claim: "a dispatch that no runner waits for is answered false",
    isBrokenWithoutCare: false,
    async run(world) {
      const { dispatchOrigin } = await world.broker();
      const supervisor = await world.supervisor();

      const { body } = createMessage({ deployment: world.deployment() });
      const answer = await supervisor.dispatch(dispatchOrigin, body);

      expect(answer).toMatchObject({ status: 200, text: '{"didWarmStart":false}' });
    },
  },
  {
    claim: "a message dispatched twice is delivered once, and both are told so",
    isBrokenWithoutCare: true,
    isOfRuntime: true,
    async run(world) {
      await using broker = await world.ownBroker();
      const { origin, dispatchOrigin } = broker;
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      const runners = [
        await world.runner({ url: origin, deployment }),
        await world.runner({ url: origin, deployment }),
      ];
      await parked(broker, 2);

      const message = createMessage({ deployment });
      // Two at once, which join, and one that comes after the verdict.
      const answers = await Promise.all([
        supervisor.dispatch(dispatchOrigin, message.body),
        supervisor.dispatch(dispatchOrigin, message.body),
      ]);
      answers.push(await supervisor.dispatch(dispatchOrigin, message.body));
      const next = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment });
      const got = [(await runners[0]!.message()).run, (await runners[1]!.message()).run];

      expect(answers.map(({ text }) => text)).toEqual(Array(3).fill('{"didWarmStart":true}'));
      expect(got.sort()).toEqual([message.run, next.run].sort());
    },
  },
  {
    claim: "a message that was answered false stays so when it is dispatched again",
    isBrokenWithoutCare: true,
    async run(world) {
      await using broker = await world.ownBroker();
      const { origin, dispatchOrigin } = broker;
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      const message = createMessage({ deployment });

      // The supervisor has started a runner cold by the time of the second.
      const before = await supervisor.dispatch(dispatchOrigin, message.body);
      const runner = await world.runner({ url: origin, deployment, rounds: 2 });
      const first = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment });
      await runner.message();
      await runner.polls(2);
      await parked(broker, 1);
      const after = await supervisor.dispatch(dispatchOrigin, message.body);
      const second = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment });
      await runner.ended();

      expect([before.didWarmStart, after.didWarmStart]).toEqual([false, false]);
      expect(runner.messages.map(({ run }) => run)).toEqual([first.run, second.run]);
    },
  },
  {
    claim: "a body that is no message is refused with 4xx, and no runner sees it",
    isBrokenWithoutCare: true,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker();
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      const runner = await world.runner({ url: origin, deployment, rounds: 2 });
      const first = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment });
      await runner.message();

      const answers = await Promise.all(
        malformed(deployment).map((body) => supervisor.dispatch(dispatchOrigin, body)),
      );
      const second = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment });

      expect(answers.filter(({ status }) => status < 400 || status > 499)).toEqual([]);
      expect(await runner.ended()).toMatchObject({ how: "done" });
      expect(runner.messages.map(({ run }) => run)).toEqual([first.run, second.run]);
    },
  },
  {
    claim: "a message without its deployment's id is answered false",
    isBrokenWithoutCare: false,
    async run(world) {
      const { dispatchOrigin } = await world.broker();
      const { text } = createMessage({ deployment: "deployment_x" });
      const nameless = text.replace('"friendlyId":"deployment_x",', "");

      const answer = await (await world.supervisor()).dispatch(dispatchOrigin, bodyOf(nameless));

      expect(nameless).not.toBe(text);
      expect(answer).toMatchObject({ status: 200, text: '{"didWarmStart":false}' });
    },
  },
  {
    claim: "a message whose supervisor went away during the offer is given to nobody",
    isBrokenWithoutCare: true,
    isOfRuntime: true,
    async run(world) {
      await using broker = await world.ownBroker({ flags: patiently });
      const { origin, dispatchOrigin } = broker;
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      await using runners = await world.ownRunners();
      const runner = runners.session({ client: world.client, url: origin, deployment });
      await parked(broker, 1);

      await runners.freeze();
      const abandoned = createMessage({ deployment });
      const hangUp = { timeoutMs: 300 };
      const answer = await supervisor.dispatch(dispatchOrigin, abandoned.body, hangUp);
      runners.thaw();
      const next = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment });

      expect(answer).toMatchObject({ status: 0, didWarmStart: false });
      expect(await runner.message()).toMatchObject({ run: next.run });
    },
  },
];

/** An offer that outlasts the supervisor. */
const patiently = ["--claim-timeout-ms", "5000", "--dispatch-timeout-ms", "5000"];

/** What must reach no runner: its controller would crash on it. */
function malformed(deployment: string): string[] {
  const { text } = createMessage({ deployment });
  return [
    "",
    "{",
    "null",
    "[]",
    '"dequeuedMessage"',
    "{}",
    '{"dequeuedMessage":null}',
    '{"dequeuedMessage":"{}"}',
    '{"dequeuedMessage":[]}',
    text,
    bodyOf(text).slice(0, -1),
    `${bodyOf(text)}}`,
    bodyOf(text.replace('"cpu":0.5', '"cpu":0.5,')),
    bodyOf(text.replace('"version": "1"', '"version":1')),
    bodyOf(text.replace('"version": "1"', '"version":"2"')),
    bodyOf(text.replace('"completedWaitpoints":[]', '"completedWaitpoints":{}')),
    bodyOf(text.replace('"attemptNumber":1', '"attemptNumber":"1"')),
    bodyOf(text.replace('"isTest":false,', "")),
    bodyOf(text.replace('"PENDING_EXECUTING"', '"PENDING"')),
    bodyOf(text.replace('"small-1x"', '"small-3x"')),
    bodyOf(text.replace('"PRODUCTION"', '"PROD"')),
  ];
}
