import { expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import { withTestPostgres } from "./postgres-for-tests.ts";
import { openStore } from "./store.ts";
import { StoreWatch } from "./store-watch.ts";

const postgres = withTestPostgres();

test("a server that is stopped and goes on is seen to be silent and to answer again", async () => {
  const store = openStore({ connection: await postgres.database(), clock: systemClock });
  // A connection that is kept: it goes on answering while the server takes no other.
  await store.ping();
  const pid = postgres.server.pid as number;
  const changes: (string | null)[] = [];
  const silent = Promise.withResolvers<void>();
  const back = Promise.withResolvers<void>();
  const watch = new StoreWatch({
    ping: () => store.probe(200),
    onChange(cause) {
      changes.push(cause);
      (cause === null ? back : silent).resolve();
    },
    pauses: { answersMs: 5, silentMs: 5 },
  });
  watch.start();

  process.kill(pid, "SIGSTOP");
  try {
    await silent.promise;
    expect(watch.cause).toContain("Cannot reach the store");
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await back.promise;
  watch.stop();
  await store.close();

  expect(watch.cause).toBeNull();
  expect(changes).toHaveLength(2);
});

test("after stop nothing is asked or said any more", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const changes: unknown[] = [];
  const watch = new StoreWatch({
    ping() {
      asked.resolve();
      return answer.promise;
    },
    onChange: (cause) => void changes.push(cause),
    pauses: { answersMs: 1, silentMs: 1 },
  });
  watch.start();
  await asked.promise;

  watch.stop();
  answer.reject(new Error("late"));
  await answer.promise.catch(() => {});
  await Promise.resolve();

  expect(watch.cause).toBeNull();
  expect(changes).toEqual([]);
});
