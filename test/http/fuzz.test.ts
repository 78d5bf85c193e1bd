/**
 * Goal: no bytes of a client harm the node, or make more of a request than it is.
 * Method: damaged requests from a printed seed, each on a connection of its own that is then half-closed. `FUZZ_SEED`
 * repeats a run; `FUZZ_MS` makes it longer.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Dice, damaged, pieces, wellFormed } from "./mutations.ts";
import { converse } from "./raw-client.ts";
import { markCount } from "./run-case.ts";
import { startEdge, type Target } from "./targets.ts";

/** How long requests are made. Milliseconds. */
const fuzzMs = Number(process.env["FUZZ_MS"] ?? 2000);
/** Connections at once. */
const clients = 8;
/** After the half-close the edge answers or closes; it never waits for more. Milliseconds. */
const deadlineMs = 5000;

let edge: Target;
beforeAll(async () => {
  edge = await startEdge("fetch");
});
afterAll(() => edge?.stop());

/** In what the edge failed with these bytes; null when it did not. */
async function failureOf(dice: Dice, path: string): Promise<string | null> {
  const whole = wellFormed(dice, path) + (dice.roll(3) === 0 ? wellFormed(dice, path) : "");
  const text = damaged(dice, whole, 1 + dice.roll(4)).replaceAll("{host}", edge.host);
  // Damage can make requests of bodies, so that their number is not known; but each ends in an empty line.
  const requestsMax = 1 + text.split(/\r?\n\r?\n/).length;
  const transcript = await converse({
    port: edge.port,
    host: edge.host,
    steps: [...pieces(dice, text), { halfClose: true }],
    // HEAD is the only method that changes how an answer is read; damage decides which requests have it.
    asked: Array.from({ length: requestsMax }, () => ({ method: "GET" })),
    finally: "wait",
    deadlineMs,
  });
  // Asked on a fresh connection: it also shows that the edge and the app still answer.
  const marks = await markCount(edge, edge.host, path).catch((error: Error) => error.message);
  const mentions = text.split(path).length - 1;
  const isAboutHead = /HEAD/.test(text);
  const problems = [
    transcript.fault !== null && !isAboutHead ? `sent what it may not: ${transcript.fault}` : "",
    transcript.end === "silent" ? "neither answered nor closed" : "",
    typeof marks === "string" ? marks : "",
    Number(marks) > mentions ? `the app saw ${marks} requests, sent were ${mentions}` : "",
    transcript.answers.length > requestsMax ? `${transcript.answers.length} answers` : "",
  ].filter((problem) => problem !== "");
  return problems.length === 0 ? null : `${problems.join("; ")}: ${JSON.stringify(text)}`;
}

test(
  "damaged requests neither harm the node nor become more requests",
  async () => {
    const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`FUZZ_SEED=${seed}`);
    const endAtMs = performance.now() + fuzzMs;
    const failures: string[] = [];
    let sent = 0;

    const run = async (client: number) => {
      // Each client has dice of its own, so that a seed gives the same bytes however the clients interleave.
      const dice = new Dice(seed + client);
      for (let index = 0; performance.now() < endAtMs && failures.length < 5; index++) {
        const failure = await failureOf(dice, `/mark/fuzz-${seed}-${client}-${index}`);
        if (failure !== null) failures.push(failure);
        sent += 1;
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, client) => run(client)));

    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(clients);
    expect(await markCount(edge, edge.host, "/mark/none")).toBe(0);
  },
  fuzzMs + 20_000,
);
