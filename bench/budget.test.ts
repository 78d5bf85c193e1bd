/**
 * Goal: a warm request costs what ARCHITECTURE.md says and not more. Method: system calls are counted by strace, the rest
 * by a process that counts its own work; nothing is timed. Skipped where strace is missing or not allowed.
 */
import { expect, test } from "bun:test";
import { budgetTable, type Cost, measureBudget, questions } from "./budget.ts";
import { breaches } from "./budget-ceilings.ts";
import { readTrace, traceMissing } from "./syscalls.ts";

const missing = await traceMissing();
if (missing !== null) console.log(`the lane's budget is not counted: ${missing}`);

const none = { recv: 1, send: 1, epoll: 0, other: 0, others: {}, timers: 0, turns: 0 };
const cheap: Cost = {
  method: "GET",
  depth: 50,
  requests: 500,
  node: { ...none, copiedBytes: 10, textBytes: 10 },
  app: { ...none, recv: 0, send: 0, copiedBytes: 10, textBytes: 10 },
  frames: 2,
  framesPerWrite: 50,
};

test("a trace is read with what was moved, and without signals and calls that never returned", () => {
  const calls = readTrace(
    [
      'sendto(22, "\\x48\\x54\\x54\\x50", 4, MSG_NOSIGNAL, NULL, 0) = 4',
      'recvfrom(23, "\\x47\\x45\\x54", 524288, MSG_DONTWAIT, NULL, NULL) = 3',
      "recvfrom(23, 0x7f01, 524288, MSG_DONTWAIT, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable)",
      "--- SIGCONT {si_signo=SIGCONT, si_code=SI_USER, si_pid=1, si_uid=0} ---",
      "epoll_pwait2(3, [{events=EPOLLIN, data=0x1}], 1024, NULL, [], 8) = 1",
      "epoll_pwait2(3,  <detached ...>",
    ].join("\n"),
  );

  expect(calls.map(({ name, fd, result }) => [name, fd, result])).toEqual([
    ["sendto", 22, 4],
    ["recvfrom", 23, 3],
    ["recvfrom", 23, -1],
    ["epoll_pwait2", 3, 1],
  ]);
  expect(calls.map(({ bytes }) => bytes.latin1Slice())).toEqual(["HTTP", "GET", "", ""]);
});

test("what is dearer than it may be is named with its number", () => {
  expect(breaches(cheap)).toEqual([]);
  expect(breaches({ ...cheap, node: { ...cheap.node, timers: 1 } })).toEqual([
    "GET ×50: timers of the node is 1.00, at most 0.02",
  ]);
  expect(breaches({ ...cheap, app: { ...cheap.app, other: 1, others: { getpid: 500 } } })).toEqual([
    'GET ×50: other of the app is 1.00, at most 0.3 {"getpid":500}',
  ]);
  expect(breaches({ ...cheap, frames: 3 })).toEqual(["GET ×50: 3.00 frames, at most 2"]);
  expect(breaches({ ...cheap, framesPerWrite: 1 })).toEqual([
    "GET ×50: 1.0 frames per write, at least 20",
  ]);
});

test.skipIf(missing !== null)(
  "a warm request costs no more system calls, timers, frames and copies than its budget",
  async () => {
    const costs = await measureBudget(100);

    expect(costs.flatMap(breaches), budgetTable(costs)).toEqual([]);
    expect(costs.map(({ method, depth }) => ({ method, depth }))).toEqual([...questions]);
    // A request cannot cost less than this: if it does, nothing was counted.
    for (const { node, app, frames } of costs) {
      expect(node.recv).toBeGreaterThanOrEqual(1);
      expect(node.send).toBeGreaterThanOrEqual(1);
      expect(app.recv).toBeGreaterThan(0);
      expect(node.copiedBytes + node.textBytes).toBeGreaterThan(0);
      expect(frames).toBe(2);
    }
  },
  60_000,
);
