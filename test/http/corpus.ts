/**
 * The HTTP corpus: what clients send, good and hostile, and how the answer is judged. Each file of `corpus/` is one
 * subject; `case.ts` says what a case is.
 */
import type { Case } from "./case.ts";
import { appMistakes } from "./corpus/app-mistakes.ts";
import { bodiesCut } from "./corpus/bodies-cut.ts";
import { connections } from "./corpus/connections.ts";
import { expectations } from "./corpus/expectations.ts";
import { frames } from "./corpus/frames.ts";
import { framing } from "./corpus/framing.ts";
import { halfCloses } from "./corpus/half-closes.ts";
import { heads } from "./corpus/heads.ts";
import { requests } from "./corpus/requests.ts";
import { responses } from "./corpus/responses.ts";
import { routes } from "./corpus/routes.ts";
import { targets } from "./corpus/targets.ts";
import { upgrades } from "./corpus/upgrades.ts";

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
