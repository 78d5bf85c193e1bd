/**
 * Shows what each case gets from the bare app; with `--record` that becomes `corpus/bare-answers.json` and
 * `corpus/bare-node-answers.json`. With `--edge`: shows in what the edge fails, case by case.
 *
 *   bun test/http/survey.ts [--full] [--record | --edge] [words of the claim]
 */
import { type Case, judge, summaryOf } from "./case.ts";
import { casesOf as casesOfShape, oracleOf } from "./corpus.ts";
import type { Transcript } from "./raw-client.ts";
import { runCase } from "./run-case.ts";
import { type Shape, shapes, startBare, startEdge } from "./targets.ts";

/** Long enough for an answer; some cases never get one. Milliseconds. */
const deadlineMs = 2500;

const isFull = process.argv.includes("--full");
const isJudging = process.argv.includes("--edge");
const isRecording = process.argv.includes("--record");
const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));

const recordedOf: Record<string, Record<string, string>> = { handler: {}, node: {} };
for (const shape of shapes) await (isJudging ? judgeEdge(shape) : survey(shape));
if (isRecording) {
  for (const [name, recorded] of Object.entries(recordedOf)) {
    const file = name === "node" ? "bare-node-answers" : "bare-answers";
    const path = `${import.meta.dir}/corpus/${file}.json`;
    await Bun.write(path, `${JSON.stringify(recorded, null, 2)}\n`);
  }
}

async function survey(shape: Shape): Promise<void> {
  const target = await startBare(shape);
  try {
    console.log(`\n${shape} shape`);
    for (const one of casesOf(shape)) {
      const transcript = await runCase(one, target, target.host, deadlineMs);
      show(one, transcript);
      if (one.judge.kind === "strict" && !one.judge.bareVaries) record(shape, one, transcript);
    }
  } finally {
    await target.stop();
  }
}

async function judgeEdge(shape: Shape): Promise<void> {
  const bare = await startBare(shape);
  const serve = await startBare("fetch");
  const edge = await startEdge(shape);
  try {
    console.log(`\n${shape} shape`);
    for (const one of casesOf(shape)) {
      const [expected, actual] = await Promise.all([
        runCase(one, oracleOf(shape, one) === shape ? bare : serve, edge.host, deadlineMs),
        runCase(one, edge, edge.host, deadlineMs),
      ]);
      const found = judge(one, actual, expected);
      if (found.length === 0) continue;
      console.log(`✘ ${one.claim}`);
      for (const line of found) console.log(`    ${line}`);
      console.log(`    edge: ${summaryOf(actual)}   bare: ${summaryOf(expected)}`);
      if (isFull) show(one, actual);
    }
  } finally {
    await Promise.all([bare.stop(), serve.stop(), edge.stop()]);
  }
}

function casesOf(shape: Shape): Case[] {
  return casesOfShape(shape).filter((one) => one.claim.includes(words.join(" ")));
}

function record(shape: Shape, one: Case, transcript: Transcript): void {
  const summary = summaryOf(transcript);
  const recorded = recordedOf[shape === "node" ? "node" : "handler"]!;
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
