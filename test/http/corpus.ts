/**
 * The HTTP corpus: what clients send, good and hostile, and how the answer is judged. Each file of `corpus/` is one
 * subject; `case.ts` says what a case is.
 */
import { type Case, same } from "./case.ts";
import { appMistakes } from "./corpus/app-mistakes.ts";
import { bodiesCut } from "./corpus/bodies-cut.ts";
import { connections } from "./corpus/connections.ts";
import { expectations } from "./corpus/expectations.ts";
import { frames } from "./corpus/frames.ts";
import { framing } from "./corpus/framing.ts";
import { halfCloses } from "./corpus/half-closes.ts";
import { heads } from "./corpus/heads.ts";
import { nodeShape } from "./corpus/node-shape.ts";
import { requests } from "./corpus/requests.ts";
import { responses } from "./corpus/responses.ts";
import { routes } from "./corpus/routes.ts";
import { targets } from "./corpus/targets.ts";
import { upgrades } from "./corpus/upgrades.ts";
import { type Shape, shapes } from "./targets.ts";

export const corpus: readonly Case[] = [
  ...requests,
  ...targets,
  ...heads,
  ...framing,
  ...bodiesCut,
  ...connections,
  ...halfCloses,
  ...expectations,
  ...responses,
  ...appMistakes,
  ...upgrades,
  ...frames,
  ...routes,
];

/** What a shape is asked, judged as that shape is. */
export function casesOf(shape: Shape): Case[] {
  const cases = corpus.filter((one) => (one.shapes ?? shapes).includes(shape));
  if (shape !== "node") return cases;
  return cases
    .filter(({ claim }) => !(claim in nodeShape.unasked))
    .map((one) => (one.claim in nodeShape.asBareNode ? { ...one, judge: same } : one));
}

/** The shape whose bare app is the oracle of a case. */
export function oracleOf(shape: Shape, { claim }: Case): Shape {
  return shape === "node" && claim in nodeShape.asBareServe ? "fetch" : shape;
}
