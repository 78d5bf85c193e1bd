/** Sends a case to a target. */
import type { Case } from "./case.ts";
import { converse, type Step, type Transcript } from "./raw-client.ts";
import type { Target } from "./targets.ts";

let runs = 0;

/** A name for the marks of one run. */
export function newKey(): string {
  runs += 1;
  return `run-${process.pid}-${runs}`;
}

/** @param host the Host header; the oracle is asked with that of the target, so that both see the same URL. */
export async function runCase(
  one: Case,
  target: Pick<Target, "port">,
  host: string,
  deadlineMs: number,
): Promise<Transcript> {
  const key = newKey();
  return converse({
    port: target.port,
    host,
    steps: one.steps.map((step) => withKey(step, key)),
    asked: one.asked ?? [{ method: "GET" }],
    finally: one.finally ?? "probe",
    deadlineMs,
  });
}

function withKey(step: Step, key: string): Step {
  if (typeof step === "string") return step.replaceAll("{key}", key);
  if ("meanwhile" in step) return { meanwhile: step.meanwhile.replaceAll("{key}", key) };
  return step;
}

/** How often the app has noted a name. */
export async function markCount(
  target: Pick<Target, "port">,
  host: string,
  name: string,
): Promise<number> {
  const transcript = await converse({
    port: target.port,
    host,
    steps: [`GET /marks/count?name=${encodeURIComponent(name)} HTTP/1.1\r\nHost: {host}\r\n\r\n`],
    asked: [{ method: "GET" }],
    finally: "leave",
    deadlineMs: 5000,
  });
  const [answer] = transcript.answers;
  if (answer?.status !== 200 || !answer.complete) {
    throw new Error(`the app answered with ${answer?.status} ${answer?.body.latin1Slice() ?? ""}`);
  }
  return Number(answer.body.latin1Slice());
}
