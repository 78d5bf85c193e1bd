/**
 * Goal: the edge answers as bare Bun.serve and node:http do, and where these are no model, as the RFCs say.
 * Method: each case of the corpus goes, byte for byte, to the probe app by itself and to the probe app behind the edge.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Case, judge, summaryOf } from "./case.ts";
import bareAnswers from "./corpus/bare-answers.json";
import bareNodeAnswers from "./corpus/bare-node-answers.json";
import { nodeShape } from "./corpus/node-shape.ts";
import { casesOf, corpus, oracleOf } from "./corpus.ts";
import type { Transcript } from "./raw-client.ts";
import { markCount, runCase } from "./run-case.ts";
import { type Shape, shapes, startBare, startEdge, type Target } from "./targets.ts";

/** For an exchange on a loaded machine. Milliseconds. */
const deadlineMs = 10_000;
/** For an exchange that is known to end in silence. Milliseconds. */
const silentDeadlineMs = 1000;

/** What bare apps answer to strict cases. */
const recordedOf = (shape: Shape): Record<string, string> =>
  shape === "node" ? bareNodeAnswers : bareAnswers;
const isRecorded = ({ judge }: Case): boolean => judge.kind === "strict" && !judge.bareVaries;

async function askBare(one: Case, shape: Shape, bare: Target, host: string): Promise<Transcript> {
  const isSilent = recordedOf(shape)[one.claim]?.endsWith("silent") ?? false;
  return runCase(one, bare, host, isSilent ? silentDeadlineMs : deadlineMs);
}

test("claims are unique", () => {
  const claims = corpus.map(({ claim }) => claim);

  expect(claims.filter((claim, index) => claims.indexOf(claim) !== index)).toEqual([]);
});

test.each(shapes)("every strict case of the %s shape, and no other, is recorded", (shape) => {
  const shapesTogether: Shape[] = shape === "node" ? ["node"] : ["fetch", "serve"];
  const claims = shapesTogether.flatMap(casesOf).filter(isRecorded);

  expect(Object.keys(recordedOf(shape)).sort()).toEqual(
    [...new Set(claims.map(({ claim }) => claim))].sort(),
  );
});

test("what is said of the node shape is said of cases that there are", () => {
  const claims = new Set(corpus.map(({ claim }) => claim));
  const said = Object.values(nodeShape).flatMap((reasons) => Object.keys(reasons));

  expect(said.filter((claim) => !claims.has(claim))).toEqual([]);
});

describe.each(shapes)("the %s shape", (shape: Shape) => {
  const cases = casesOf(shape);
  const oracles = new Set(cases.map((one) => oracleOf(shape, one)));
  const bare = new Map<Shape, Target>();
  let edge: Target;
  beforeAll(async () => {
    // One after the other, so that what has started is stopped when the next does not start.
    for (const oracle of oracles) bare.set(oracle, await startBare(oracle));
    edge = await startEdge(shape);
  });
  afterAll(async () => {
    await Promise.all([...bare.values(), edge].map((target) => target?.stop()));
  });

  describe("behind the edge", () => {
    test.concurrent.each(cases)("$claim", async (one) => {
      const [actual, expected] = await Promise.all([
        runCase(one, edge, edge.host, deadlineMs),
        askBare(one, shape, bare.get(oracleOf(shape, one))!, edge.host),
      ]);

      expect(judge(one, actual, expected)).toEqual([]);
      // Asked on a connection of its own, so it also shows that the edge still serves.
      const marks = await markCount(edge, edge.host, one.unreached ?? "/mark/none");
      expect(marks).toBe(0);
    });
  });

  // What a strict case is strict about stays known: a new Bun that answers otherwise is seen here.
  describe("without Levain", () => {
    const strict = cases.filter(isRecorded);
    test.concurrent.each(strict)("$claim", async (one) => {
      const target = bare.get(shape)!;

      const transcript = await askBare(one, shape, target, target.host);

      expect(summaryOf(transcript)).toBe(recordedOf(shape)[one.claim]!);
    });
  });
});
