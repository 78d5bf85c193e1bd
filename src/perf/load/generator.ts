/**
 * The process of a load generator: does what it is told over IPC, one thing at a time.
 *
 *   bun generator.ts        (started by `LoadProcess`)
 */
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { FromGenerator, ToGenerator } from "./generator-messages.ts";
import { runPlan } from "./load-run.ts";
import { processCpuMs } from "./process-cpu.ts";
import { Shooter } from "./shot.ts";
import { tcpDialer } from "./tcp-dialer.ts";

const shooter = new Shooter(systemClock);

process.on("message", (message: ToGenerator) => void obey(message));
// Nobody is left to report to.
process.on("disconnect", () => process.exit(0));
// A Ctrl-C reaches the whole group; whoever started this one decides what becomes of the run.
process.on("SIGINT", () => {});
say({ kind: "ready" });

async function obey(message: ToGenerator): Promise<void> {
  if (message.kind === "stop") process.exit(0);
  try {
    say(await answerOf(message));
  } catch (error) {
    say({ kind: "failed", message: messageOf(error) });
  }
}

async function answerOf(message: Exclude<ToGenerator, { kind: "stop" }>): Promise<FromGenerator> {
  if (message.kind === "shoot") return { kind: "shot", result: await shooter.shoot(message.plan) };
  const { plan } = message;
  const result = await runPlan({
    plan,
    dialer: tcpDialer(plan.hostname, plan.port),
    clock: systemClock,
    cpuMs: processCpuMs,
    onPhase: (phase) => say({ kind: "phase", phase }),
  });
  return { kind: "result", result };
}

function say(message: FromGenerator): void {
  process.send?.(message);
}
