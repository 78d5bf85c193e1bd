/**
 * Goal: whatever hooks do and whenever they are done, each request gets exactly its own answer, and nothing is left. Method:
 * hooks that decide at random, at once or later; pipelined and broken-off requests on many connections. The seed of a
 * failure is in its message; LEVAIN_TEST_SEED repeats it.
 */
import { expect, test } from "bun:test";
import type { HookRequest, HookResponse } from "../../sdk/src/hooks.ts";
import { pick, type Random, randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { storyTime } from "../../src/base/story-for-tests.ts";
import { until } from "../../src/base/until-for-tests.ts";
import type { LoadedHook } from "../../src/hooks/load.ts";
import { header, type RawLane } from "../lane/raw-lane.ts";
import { type Seen, startHookLane } from "./hook-lane.ts";

const seconds = Number(process.env["LEVAIN_TEST_SECONDS"] ?? 3);

/** What a request asks of the hooks: its path says it, so that the answer can be judged. */
const WISHES = ["pass", "pass", "edit", "answer", "reject", "throw", "adorn", "spoil"];

/** Does what the path wishes of the hook `index`: `/<number>/<wish>/<index>/<delay>`. */
function hookOf(index: number, random: Random): LoadedHook {
  const name = `hook-${index}`;
  const later = (): Promise<void> | undefined => {
    const ms = random(4) - 1;
    if (ms < 0) return undefined;
    return ms === 0 ? Promise.resolve() : Bun.sleep(ms);
  };
  const wishOf = ({ path }: Readonly<HookRequest>) => {
    const [, number, wish, at] = path.split("/");
    return Number(at) === index ? { number, wish } : { number, wish: "pass" };
  };
  const decide = (request: HookRequest) => {
    const { number, wish } = wishOf(request);
    if (wish === "throw") throw new Error("as wished");
    if (wish === "answer") return { status: 200, body: `answer ${number}` };
    if (wish === "reject") return { reject: `number ${number}`, status: 418 };
    if (wish === "edit") {
      request.headers.set("x-edit", `${number} ${request.headers.get("x-number")}`);
      request.rewrite(`${request.target}&edited`);
    }
    return undefined;
  };
  const adorn = (response: HookResponse, request: Readonly<HookRequest>) => {
    const { number, wish } = wishOf(request);
    if (wish === "spoil") throw new Error("as wished");
    if (wish === "adorn") response.headers.set("x-adorn", `${number}`);
    response.headers.append("x-seen", `${index}:${request.headers.get("x-number")}`);
  };
  return {
    name,
    onRequest: (request) => later()?.then(() => decide(request)) ?? decide(request),
    onResponse: (response, request) =>
      later()?.then(() => adorn(response, request)) ?? adorn(response, request),
  };
}

/** So many requests on one connection, some of them sent ahead; perhaps the client breaks off. Returns how many were judged. */
async function client(lane: RawLane, random: Random, from: number, why: string): Promise<number> {
  const wishes = Array.from({ length: 1 + random(8) }, () => pick(random, WISHES));
  const bodies = wishes.map(() => pick(random, [0, 0, 5, 70_000]));
  const connection = await lane.open(
    bodies.map((bytes) => ({ method: bytes === 0 ? "GET" : "POST" })),
    "seen",
  );
  const texts = wishes.map((wish, index) => {
    const number = from + index;
    const bytes = bodies[index]!;
    const lines = [
      `${bytes === 0 ? "GET" : "POST"} /${number}/${wish}/${random(3)}/?q HTTP/1.1`,
      "Host: {host}",
      `X-Number: ${number}`,
      ...(bytes === 0 ? [] : [`Content-Length: ${bytes}`]),
    ];
    return `${lines.join("\r\n")}\r\n\r\n${"b".repeat(bytes)}`;
  });
  const isBrokenOff = random(5) === 0;
  const sending = connection.take(texts.join(""));
  if (isBrokenOff) {
    await Promise.race([sending, Bun.sleep(random(6))]);
    connection.hangUp();
    return 0;
  }
  await Promise.all([
    sending,
    connection.until(
      () => connection.answers.length === wishes.length || connection.ended !== null,
    ),
  ]);
  expect([connection.fault, connection.answers.length], why).toEqual([null, wishes.length]);
  for (const [index, answer] of connection.answers.entries()) {
    const number = from + index;
    const wish = wishes[index]!;
    const text = answer.body.toString();
    const seenBy = header(answer, "x-seen");
    switch (wish) {
      case "throw":
      case "spoil":
        expect([answer.status, header(answer, "levain-error"), seenBy], why).toEqual([
          500,
          "HOOK_FAILED",
          null,
        ]);
        break;
      case "answer":
        expect([answer.status, text], why).toEqual([200, `answer ${number}`]);
        break;
      case "reject":
        expect(answer.status, why).toBe(418);
        expect(text, why).toContain(`number ${number}`);
        break;
      default: {
        const { headers, bodyBytes, search } = JSON.parse(text) as Seen;
        expect([headers["x-number"], bodyBytes], why).toEqual([`${number}`, bodies[index]!]);
        const edited = wish === "edit" ? [`${number} ${number}`, "?q&edited"] : [undefined, "?q"];
        expect([headers["x-edit"], search], why).toEqual(edited as [string, string]);
        expect(headers["x-request-id"], why).toBe(header(answer, "x-request-id")!);
        expect(header(answer, "x-adorn"), why).toBe(wish === "adorn" ? `${number}` : null);
        const seen = [2, 1, 0].map((hook) => `${hook}:${number}`);
        expect(
          answer.headers.filter(([key]) => key === "x-seen").map(([, value]) => value),
          why,
        ).toEqual(seen);
      }
    }
  }
  connection.hangUp();
  return wishes.length;
}

test(
  "every request gets its own answer, and nothing is left",
  async () => {
    const seed = testSeed();
    const random = randomOf(seed);
    const why = `seed ${seed}`;
    await using lane = startHookLane([0, 1, 2].map((index) => hookOf(index, random)));
    let number = 0;
    let judged = 0;
    const goesOn = storyTime(seconds, () => judged > 50);

    await Promise.all(
      Array.from({ length: 10 }, async () => {
        while (goesOn()) {
          number += 100;
          judged += await client(lane, random, number, why);
        }
      }),
    );

    expect(judged, why).toBeGreaterThan(50);
    await until(() => lane.lane.edge.counters.connections === 0);
    await until(() => lane.lane.pools.of(lane.spec("seen")).facts(0).requestsInFlight === 0);
  },
  (seconds + 60) * 1000,
);
