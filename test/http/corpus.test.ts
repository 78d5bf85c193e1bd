/**
 * Goal: the edge answers as bare Bun.serve does, and where bare Bun.serve is no model, as the RFCs say.
 * Method: each case of the corpus goes, byte for byte, to the probe app by itself and to the probe app behind the edge.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Case, summaryOf } from "./case.ts";
import bareAnswers from "./corpus/bare-answers.json";
import { corpus } from "./corpus.ts";
import type { Transcript } from "./raw-client.ts";
import { runCase } from "./run-case.ts";
import { type Shape, shapes, startBare, type Target } from "./targets.ts";

/** For an exchange on a loaded machine. Milliseconds. */
const deadlineMs = 8000;
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

describe.each(shapes)("the %s shape under bare Bun.serve", (shape: Shape) => {
  let bare: Target;
  beforeAll(async () => {
    bare = await startBare(shape);
  });
  afterAll(() => bare.stop());

  const cases = corpus.filter((one) => (one.shapes ?? shapes).includes(shape));
  test.concurrent.each(cases)("$claim", async (one) => {
    const transcript = await askBare(one, bare, bare.host);

    const { judge: judgement } = one;
    if (judgement.kind === "strict" && !judgement.bareVaries) {
      expect(summaryOf(transcript)).toBe(recorded[one.claim]!);
    }
    if (judgement.kind === "same") expect(transcript.fault).toBeNull();
  });
});
