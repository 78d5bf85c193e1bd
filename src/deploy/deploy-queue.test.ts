import { expect, test } from "bun:test";
import { DeployQueue } from "./deploy-queue.ts";

const never = new AbortController().signal;
const setup = (bounds = {}) =>
  new DeployQueue({ buildsMax: 2, waitingMax: 2, deploysMax: 5, deploysOfOneMax: 5, ...bounds });

/** Enters and says when it is in. */
const enter = (queue: DeployQueue, app: string, signal = never) => {
  const entry = { app, turn: null as Disposable | null, error: null as unknown };
  const settled = queue.enter(app, signal).then(
    (turn) => {
      entry.turn = turn;
    },
    (error) => {
      entry.error = error;
    },
  );
  return Object.assign(entry, { settled });
};
const turns = () => new Promise((resolve) => setImmediate(resolve));

test("deploys of one app run one after the other, in order", async () => {
  const queue = setup();
  const [one, two, three] = [enter(queue, "a"), enter(queue, "a"), enter(queue, "a")];
  await turns();
  expect([one.turn, two.turn, three.turn].map(Boolean)).toEqual([true, false, false]);

  one.turn?.[Symbol.dispose]();
  await two.settled;

  expect(three.turn).toBeNull();
  two.turn?.[Symbol.dispose]();
  await three.settled;
  expect(queue.running).toBe(1);
});

test("apps run beside each other up to the bound, and none is held up by another's line", async () => {
  const queue = setup();
  const [a, again, b, c] = ["a", "a", "b", "c"].map((app) => enter(queue, app));
  await turns();
  expect([a, again, b, c].map((entry) => Boolean(entry?.turn))).toEqual([true, false, true, false]);

  b?.turn?.[Symbol.dispose]();
  await c?.settled;

  expect(again?.turn).toBeNull();
});

test("a line that is full refuses", async () => {
  const queue = setup();
  for (let count = 0; count < 3; count += 1) enter(queue, "a");
  const refused = enter(queue, "a");
  await refused.settled;
  expect(refused.error).toMatchObject({ code: "DEPLOY_IN_PROGRESS" });
});

test("no more deploys are admitted than the node has places, and each gives back one", () => {
  const queue = setup({ deploysMax: 2 });
  const [first] = [queue.admit(null), queue.admit(null)];

  expect(() => queue.admit(null)).toThrow("the node has 2");
  first?.[Symbol.dispose]();
  first?.[Symbol.dispose]();
  using _third = queue.admit(null);
  expect(() => queue.admit(null)).toThrow("the node has 2");
});

test("one token cannot take all places, and the others go on", () => {
  const queue = setup({ deploysMax: 4, deploysOfOneMax: 2 });
  const [first] = [queue.admit("slow"), queue.admit("slow")];

  expect(() => queue.admit("slow")).toThrow('token "slow" has 2');
  using _other = queue.admit("ci");
  using _own = queue.admit(null);
  expect(() => queue.admit("ci")).toThrow("the node has 4");
  first?.[Symbol.dispose]();
  using _again = queue.admit("slow");
});

test("one that gives up while it waits leaves the line", async () => {
  const queue = setup();
  const aborter = new AbortController();
  const first = enter(queue, "a");
  const waiting = enter(queue, "a", aborter.signal);
  const behind = enter(queue, "a");
  await turns();

  aborter.abort(new Error("gone"));
  await waiting.settled;
  first.turn?.[Symbol.dispose]();
  await behind.settled;

  expect(waiting.error).toMatchObject({ message: "gone" });
  expect(behind.turn).not.toBeNull();
});

test("a turn that is given back twice does not free another's", async () => {
  const queue = setup();
  const first = enter(queue, "a");
  const second = enter(queue, "a");
  const third = enter(queue, "a");
  await first.settled;

  first.turn?.[Symbol.dispose]();
  first.turn?.[Symbol.dispose]();
  await second.settled;
  await turns();

  expect(third.turn).toBeNull();
});

test("who has to wait is told so, and who has not is not", async () => {
  const queue = new DeployQueue();
  const { signal } = new AbortController();
  const told: string[] = [];

  const first = await queue.enter("shop", signal, () => told.push("first"));
  const second = queue.enter("shop", signal, () => told.push("second"));
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();

  expect(told).toEqual(["second"]);
});
