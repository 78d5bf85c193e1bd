/**
 * Goal: the edge answers as bare Bun.serve does, and where bare Bun.serve is no model, as the RFCs say.
 * Method: each case of the corpus goes, byte for byte, to the probe app by itself and to the probe app behind the edge.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Case, judge, summaryOf } from "./case.ts";
import bareAnswers from "./corpus/bare-answers.json";
import { corpus } from "./corpus.ts";
import type { Transcript } from "./raw-client.ts";
import { markCount, runCase } from "./run-case.ts";
import { type Shape, shapes, startBare, startEdge, type Target } from "./targets.ts";

/** For an exchange on a loaded machine. Milliseconds. */
const deadlineMs = 4000;
/** For an exchange that is known to end in silence. Milliseconds. */
const silentDeadlineMs = 300;

const recorded: Record<string, string> = bareAnswers;

async function askBare(one: Case, bare: Target, host: string): Promise<Transcript> {
  const isSilent = recorded[one.claim]?.endsWith("silent") ?? false;
  return runCase(one, bare, host, isSilent ? silentDeadlineMs : deadlineMs);
}

test("claims are unique", () => {
  const claims = corpus.map(({ claim }) => claim);

  expect(claims.filter((claim, index) => claims.indexOf(claim) !== index)).toEqual([]);
});

test("every strict case, and no other, has its answer of bare Bun.serve recorded", () => {
  const claims = corpus
    .filter(({ judge }) => judge.kind === "strict" && !judge.bareVaries)
    .map(({ claim }) => claim);

  expect(Object.keys(recorded).sort()).toEqual(claims.sort());
});

describe.each(shapes)("the %s shape", (shape: Shape) => {
  let bare: Target;
  let edge: Target;
  beforeAll(async () => {
    // One after the other, so that what has started is stopped when the next does not start.
    bare = await startBare(shape);
    edge = await startEdge(shape);
  });
  afterAll(async () => {
    await Promise.all([bare?.stop(), edge?.stop()]);
  });

  const cases = corpus.filter((one) => (one.shapes ?? shapes).includes(shape));

  describe("behind the edge", () => {
    test.concurrent.each(cases)("$claim", async (one) => {
      const [actual, expected] = await Promise.all([
        runCase(one, edge, edge.host, deadlineMs),
        askBare(one, bare, edge.host),
      ]);

      expect(judge(one, actual, expected)).toEqual([]);
      // Asked on a connection of its own, so it also shows that the edge still serves.
      const marks = await markCount(edge, edge.host, one.unreached ?? "/mark/none");
      expect(marks).toBe(0);
    });
  });

  // What a strict case is strict about stays known: a new Bun that answers otherwise is seen here.
  describe("under bare Bun.serve", () => {
    const strict = cases.filter(({ judge }) => judge.kind === "strict" && !judge.bareVaries);
    test.concurrent.each(strict)("$claim", async (one) => {
      const transcript = await askBare(one, bare, bare.host);

      expect(summaryOf(transcript)).toBe(recorded[one.claim]!);
    });
  });
});
