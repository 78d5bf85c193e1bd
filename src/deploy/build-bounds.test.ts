/** Goal: no build outlives its bounds. Method: build commands that misbehave, and a look at what is left running. */
import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { until } from "../base/until-for-tests.ts";
import { TestBuilds } from "./build-for-tests.ts";
import { outputCharactersMax } from "./limits.ts";
import { BUILD_MARK, killBuild } from "./process-tree.ts";

const open: TestBuilds[] = [];
afterEach(() => {
  for (const builds of open.splice(0)) builds[Symbol.dispose]();
});
const setup = () => {
  const builds = new TestBuilds();
  open.push(builds);
  return builds;
};

/** A project whose build prints its pids, which are also in `$P`, and then does something. */
const misbehaving = (command: string) => ({
  "index.ts": "export default { fetch: () => new Response('x') };",
  "levain.config.json": JSON.stringify({
    build: `export P=$TMPDIR/pids; echo pid $$ | tee $P; ${command}`,
  }),
});
const pids = (builds: TestBuilds) =>
  builds.output.flatMap((line) => (line.startsWith("pid ") ? [Number(line.slice(4))] : []));
const isRunning = (pid: number) => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");
  } catch {
    return false;
  }
};
test("a build that takes too long is ended, whatever it ignores", async () => {
  const builds = setup();

  const error = await builds.failure(
    misbehaving("trap '' TERM INT HUP; echo started; sleep 100 & sleep 100"),
    // Time enough for it to start.
    { timeoutMs: 2000 },
  );

  expect(error.code).toBe("BUILD_TIMEOUT");
  expect(error.detail?.lastLines).toContain("started");
  expect(pids(builds).some(isRunning)).toBe(false);
});

test("a build that takes too much memory is ended, counted over all its processes", async () => {
  const builds = setup();
  const eater = `bun -e 'globalThis.a = Buffer.alloc(90e6, 1); setInterval(() => {}, 1000)' &`;

  const error = await builds.failure(misbehaving(`${eater} ${eater} wait`), {
    memoryBytesMax: 150e6,
    timeoutMs: 20_000,
  });

  expect(error.code).toBe("BUILD_MEMORY_EXCEEDED");
  expect(pids(builds).some(isRunning)).toBe(false);
});

test("what a build leaves in the background is gone when it is done", async () => {
  const builds = setup();

  await builds.build(
    misbehaving(
      `setsid sh -c 'echo pid $$ | tee -a '$P'; exec sleep 300' & (sh -c 'echo pid $$ | tee -a '$P'; cd /; exec sleep 300' &) ;
       setsid env -i sh -c 'echo pid $$ | tee -a '$P'; exec sleep 300' 2>&1 &
       while [ $(wc -l < $P) -lt 4 ]; do sleep 0.02; done`,
    ),
  );

  expect(pids(builds)).toHaveLength(4);
  expect(pids(builds).filter(isRunning)).toEqual([]);
});

test("an abort ends the build at once with the signal's reason", async () => {
  const builds = setup();
  const aborter = new AbortController();
  const building = builds.failure(misbehaving("sleep 100"), { signal: aborter.signal });
  await until(() => pids(builds).length > 0);

  aborter.abort(new Error("gone"));

  expect((await building).message).toBe("gone");
  expect(pids(builds).some(isRunning)).toBe(false);
});

test("two apps build at the same time and end only their own processes", async () => {
  const builds = setup();
  const other = setup();
  const aborter = new AbortController();
  const kept = builds.build(
    misbehaving("while [ ! -e over ]; do sleep 0.02; done; echo survived"),
    { app: "kept" },
  );
  const ended = other.failure(misbehaving("sleep 100"), {
    app: "ended",
    signal: aborter.signal,
  });
  await until(() => pids(builds).length > 0 && pids(other).length > 0);

  aborter.abort(new Error("gone"));
  await ended;
  builds.data.write({ "builds/kept/app/over": "" });
  await kept;

  expect(builds.output).toContain("survived");
});

test("endless output is bounded, and the build goes on", async () => {
  const builds = setup();

  await builds.build(
    misbehaving("yes 0123456789012345678901234567890123456789 | head -c 6000000; echo; echo end"),
  );

  const characters = builds.output.reduce((sum, line) => sum + line.length + 1, 0);
  expect(characters).toBeLessThan(outputCharactersMax + 200);
  expect(builds.output.at(-1)).toContain("the rest is left out");
});

test("what a killed node left running is found by its mark", async () => {
  const builds = setup();
  const child = Bun.spawn(["sleep", "300"], {
    env: { [BUILD_MARK]: builds.workFolder("shop") },
    detached: true,
    stdio: ["ignore", "ignore", "ignore"],
  });

  const killed = await killBuild(builds.data.at("builds"));

  expect(killed).toBe(1);
  expect(await child.exited).toBe(137);
});

test("builds leave no descriptor open, whether they succeed or fail", async () => {
  const builds = setup();
  const descriptors = () => readdirSync("/proc/self/fd").length;
  await builds.build(misbehaving("true"));
  await builds.failure(misbehaving("false"));
  const before = descriptors();

  for (let round = 0; round < 3; round++) {
    await builds.build(misbehaving("echo done"));
    await builds.failure(misbehaving("exit 1"));
  }

  await until(() => descriptors() <= before);
});
