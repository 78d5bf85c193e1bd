/** A lane in this process, a clock that can be pushed, and clients that send exactly what they are told to. */
import { PushedClock } from "../../src/base/clock-for-tests.ts";
import type { Asked } from "../http/answer-reader.ts";
import { RawConnection } from "../http/raw-client.ts";
import {
  startTestLane,
  type TestApp,
  type TestLane,
  type TestLaneOptions,
} from "../lane-for-tests.ts";

/** How long a client waits for anything. Milliseconds. */
const deadlineMs = 15_000;

export const told: TestApp = { folder: `${import.meta.dir}/apps`, entry: "told.ts" };

export interface RawLane extends TestLane {
  clock: PushedClock;
  /** A connection on which `asked` will be asked, in that order; GETs when it is a number. */
  open(asked: number | readonly Asked[], app?: string): Promise<RawConnection>;
  /** How often the app `a` has noted this. */
  notes(what: string): Promise<number>;
}

/** Apps are reached as `<name>.localhost`; default: one named `a`. */
export function startRawLane(
  apps: Record<string, TestApp> = { a: told },
  options: Omit<TestLaneOptions, "clock"> = {},
): RawLane {
  const clock = new PushedClock();
  const lane = startTestLane(apps, { ...options, clock });
  const clients: RawConnection[] = [];
  const stop = () => {
    // Whoever stays would be waited for.
    for (const client of clients.splice(0)) client.hangUp();
    return lane.stop();
  };
  return {
    ...lane,
    clock,
    open: async (asked, app = "a") => {
      const client = await RawConnection.open(
        { port: lane.port, host: `${app}.localhost`, deadlineMs },
        typeof asked === "number"
          ? Array.from({ length: asked }, () => ({ method: "GET" }))
          : asked,
      );
      clients.push(client);
      return client;
    },
    stop,
    [Symbol.asyncDispose]: stop,
    notes: async (what) =>
      Number(await (await lane.fetch("a", `/notes?key=${encodeURIComponent(what)}`)).text()),
  };
}

/** A request without a body. */
export const request = (line: string, ...lines: string[]): string =>
  `${[line, "Host: {host}", ...lines].join("\r\n")}\r\n\r\n`;

export const get = (path: string, ...lines: string[]): string =>
  request(`GET ${path} HTTP/1.1`, ...lines);

/** The value of an answer's header, or null. */
export function header(answer: { headers: readonly (readonly [string, string])[] }, name: string) {
  return answer.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null;
}
