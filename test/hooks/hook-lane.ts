/** A lane with hooks, and requests to it over raw sockets. */
import { afterAll, beforeAll } from "bun:test";
import type { RequestHook, ResponseHook } from "../../sdk/src/hooks.ts";
import { type LoadedHook, loadHooks } from "../../src/hooks/load.ts";
import type { Answer } from "../http/answer-reader.ts";
import { header, type RawLane, startRawLane, told } from "../lane/raw-lane.ts";
import type { TestApp, TestLaneOptions } from "../lane-for-tests.ts";

export const seen: TestApp = { folder: `${import.meta.dir}/apps`, entry: "seen.ts" };

/** Apps `a` (see `told.ts`) and `seen`. */
export function startHookLane(
  hooks: readonly LoadedHook[],
  options: Omit<TestLaneOptions, "clock" | "hooks"> = {},
): RawLane {
  return startRawLane({ a: told, seen }, { ...options, hooks });
}

/** A lane with hooks that come with Levain. Their clock is not the lane's. */
export async function startShippedLane(
  named: readonly [name: string, options?: unknown][],
  options: Omit<TestLaneOptions, "clock" | "hooks"> & {
    env?: Record<string, string>;
    nowMs?: () => number;
  } = {},
): Promise<RawLane> {
  const sources = named.map(([name, given]) => ({
    module: `levain/hooks/${name}`,
    folder: "/",
    ...(given === undefined ? {} : { options: given }),
  }));
  const { env = {}, nowMs = () => performance.now(), ...rest } = options;
  return startHookLane(await loadHooks(sources, { env, nowMs }), rest);
}

/** One lane for the tests of a `describe`, which do not change it. */
export function sharedLane(start: () => RawLane | Promise<RawLane>): { readonly lane: RawLane } {
  let lane: RawLane | null = null;
  beforeAll(async () => {
    lane = await start();
  });
  afterAll(() => lane?.stop());
  return {
    get lane() {
      return lane!;
    },
  };
}

export const asking = (onRequest: RequestHook, name = "asking"): LoadedHook => ({
  name,
  onRequest,
  onResponse: null,
});

export const adorning = (onResponse: ResponseHook, name = "adorning"): LoadedHook => ({
  name,
  onRequest: null,
  onResponse,
});

/** The answer to one request, on a connection of its own. `head` has no empty line at its end. */
export async function ask(
  lane: RawLane,
  head: string,
  { app = "seen", body = "" }: { app?: string; body?: string } = {},
): Promise<Answer> {
  const [method = ""] = head.split(" ");
  const client = await lane.open([{ method }], app);
  const lines = /^host:/im.test(head) ? head : `${head}\r\nHost: {host}`;
  await client.take(`${lines}\r\n\r\n${body}`);
  await client.until(() => client.answered > 0 || client.ended !== null);
  const [answer] = client.answers;
  if (answer === undefined) throw new Error(client.fault ?? `no answer, ${client.ended}`);
  client.hangUp();
  return answer;
}

export interface Seen {
  url: string;
  pathname: string;
  search: string;
  method: string;
  headers: Record<string, string>;
  bodyBytes: number;
}

/** What the app has seen of the request. */
export const seenIn = (answer: Answer): Seen => JSON.parse(answer.body.toString()) as Seen;

export const codeOf = (answer: Answer) => header(answer, "levain-error");

/** Resolves with the next call's `go`. */
export function gate(): { hook: RequestHook; go: () => void; reached: Promise<void> } {
  const entered = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  return {
    hook: async () => {
      entered.resolve();
      await opened.promise;
    },
    go: () => opened.resolve(),
    reached: entered.promise,
  };
}
