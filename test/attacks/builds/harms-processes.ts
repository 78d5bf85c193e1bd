/** A build that signals and traces the node and apps that run. */
import { attackBuild } from "../build-attack.ts";
import { call } from "../kernel.ts";

const PTRACE_SEIZE = 0x4206;

await attackBuild(({ nodePid, neighbour, victim }) => ({
  "signal the node": () => process.kill(nodePid, 0),
  "end another app": () => process.kill(victim.pid, "SIGKILL"),
  "trace another app": () => call("ptrace", PTRACE_SEIZE, neighbour.pid, 0, 0),
  "lower another app's limits": () =>
    call("prlimit64", victim.pid, 7, new BigUint64Array([64n, 64n]), 0),
}));
