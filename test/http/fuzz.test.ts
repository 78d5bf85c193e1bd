/**
 * Goal: no bytes of a client harm the node, or make more of a request than it is.
 * Method: requests from a printed seed. Damaged ones, each on a connection of its own that is then half-closed; and
 * well-formed ones in odd pieces, whose bodies look like requests. `FUZZ_SEED` repeats a run, `FUZZ_MS` makes it longer.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { onlyValueOf } from "./answer-reader.ts";
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

/** A path that damage does not turn into the path of another request: its name carries its own sum. */
function pathOf(name: string): string {
  return `/mark/fuzz-${name}-${Bun.hash(name).toString(16)}`;
}

/** In what the edge failed with a damaged request; null when it did not. */
async function failureOfDamaged(dice: Dice, path: string): Promise<string | null> {
  const make = () => wellFormed(dice, edge.host, path, path).text;
  const whole = make() + (dice.roll(3) === 0 ? make() : "");
  const text = damaged(dice, whole, 1 + dice.roll(4));
  // Damage can make requests of bodies, so that their number is not known; but each ends in an empty line.
  const requestsMax = 1 + text.split(/\r?\n\r?\n/).length;
  const transcript = await converse({
    port: edge.port,
    host: edge.host,
    steps: [...pieces(dice, text), { halfClose: true }],
    asked: Array.from({ length: requestsMax }, () => ({ method: "GET" })),
    finally: "wait",
    deadlineMs,
  });
  // By its name alone: dot segments and slashes that damage put before it do not change where it leads.
  const mentions = text.split(path.slice(path.lastIndexOf("/") + 1)).length - 1;
  const marks = await marksOf(path);
  // HEAD is the only method that changes how an answer is read; damage decides which requests have it.
  const isReadable = !text.includes("HEAD");
  return failure(text, {
    [`sent what it may not: ${transcript.fault}`]: transcript.fault !== null && isReadable,
    "neither answered nor closed": transcript.end === "silent",
    [`the app saw ${marks} requests, sent were ${mentions}`]: !(marks <= mentions),
  });
}

/** In what the edge failed with well-formed requests in odd pieces; null when it did not. */
async function failureOfPipelined(dice: Dice, path: string): Promise<string | null> {
  const bodyPath = `${path}-body`;
  const count = 1 + dice.roll(3);
  const requests = Array.from({ length: count }, () => wellFormed(dice, edge.host, path, bodyPath));
  const text = requests.map((request) => request.text).join("");
  const transcript = await converse({
    port: edge.port,
    host: edge.host,
    steps: pieces(dice, text),
    asked: requests,
    finally: "probe",
    deadlineMs,
  });
  const marks = await marksOf(path);
  const bodyMarks = await marksOf(bodyPath);
  const answered = transcript.answers.filter(({ status, complete }) => status === 200 && complete);
  const last = transcript.answers.at(-1);
  // The app reads no body. A server that answers before the end of one may say that it closes, and then it may.
  const isGoodbye = last !== undefined && onlyValueOf(last, "connection") === "close";
  return failure(text, {
    [`sent what it may not: ${transcript.fault}`]: transcript.fault !== null,
    [`answered ${answered.length} of ${count}, ${transcript.end}`]:
      answered.length !== count && !isGoodbye,
    [`the app saw ${marks} requests, answered ${answered.length}`]: marks !== answered.length,
    [`the app saw ${bodyMarks} requests that were bodies`]: bodyMarks !== 0,
  });
}

/** Asked on a fresh connection, so it also shows that the edge and the app still answer: NaN when they do not. */
async function marksOf(path: string): Promise<number> {
  return markCount(edge, edge.host, path).catch(() => Number.NaN);
}

function failure(text: string, problems: Record<string, boolean>): string | null {
  const found = Object.keys(problems).filter((problem) => problems[problem]);
  const shown = text.length > 2000 ? `${text.slice(0, 2000)}…` : text;
  return found.length === 0 ? null : `${found.join("; ")}: ${JSON.stringify(shown)}`;
}

test(
  "odd and damaged requests neither harm the node nor become more requests",
  async () => {
    const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`FUZZ_SEED=${seed}`);
    const endAtMs = performance.now() + fuzzMs;
    const failures: string[] = [];
    let sent = 0;

    const run = async (client: number) => {
      // Each client has dice of its own, so that a seed gives the same bytes however the clients interleave.
      const dice = new Dice(seed + client * 0x9e3779b1);
      for (let index = 0; performance.now() < endAtMs && failures.length < 5; index++) {
        const failureOf = dice.roll(3) === 0 ? failureOfPipelined : failureOfDamaged;
        const failure = await failureOf(dice, pathOf(`${seed}-${client}-${index}`));
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
