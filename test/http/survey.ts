/**
 * Shows what each case gets from the bare app; with `--record` that becomes `corpus/bare-answers.json`.
 *
 *   bun test/http/survey.ts [--full] [--record] [words of the claim]
 */
import { type Case, summaryOf } from "./case.ts";
import { corpus } from "./corpus.ts";
import type { Transcript } from "./raw-client.ts";
import { runCase } from "./run-case.ts";
import { type Shape, shapes, startBare } from "./targets.ts";

/** Long enough for an answer; some cases never get one. Milliseconds. */
const deadlineMs = 1000;

const isFull = process.argv.includes("--full");
const isRecording = process.argv.includes("--record");
const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));

const recorded: Record<string, string> = {};
for (const shape of shapes) await survey(shape);
if (isRecording) {
  const path = `${import.meta.dir}/corpus/bare-answers.json`;
  await Bun.write(path, `${JSON.stringify(recorded, null, 2)}\n`);
}

async function survey(shape: Shape): Promise<void> {
  const target = await startBare(shape);
  try {
    console.log(`\n${shape} shape`);
    for (const one of corpus) {
      if (!(one.shapes ?? shapes).includes(shape) || !one.claim.includes(words.join(" "))) continue;
      const transcript = await runCase(one, target, target.host, deadlineMs);
      show(one, transcript);
      if (one.judge.kind === "strict" && !one.judge.bareVaries) record(one, transcript);
    }
  } finally {
    await target.stop();
  }
}

function record(one: Case, transcript: Transcript): void {
  const summary = summaryOf(transcript);
  const other = recorded[one.claim];
  if (other !== undefined && other !== summary) console.log(`  ✘ the other shape: ${other}`);
  recorded[one.claim] = summary;
}

function show(one: Case, transcript: Transcript): void {
  console.log(`${one.judge.kind.padEnd(6)} ${one.claim}\n         ${summaryOf(transcript)}`);
  if (!isFull) return;
  for (const { status, reason, headers, framing, body } of transcript.answers) {
    const lines = headers.map(([name, value]) => `${name}: ${value}`);
    const text = JSON.stringify(body.latin1Slice().slice(0, 600));
    for (const line of [`${status} ${reason}`, ...lines, framing, text])
      console.log(`           ${line}`);
  }
}
