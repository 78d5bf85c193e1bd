/** Sends signals to the node and to other apps. Signal 0 asks for the same right as any other, and harms nobody. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const SIGKILL = 9;

export default attack(({ nodePid, neighbour, victim, sparePid }) => ({
  "the node": () => call("kill", nodePid, 0),
  "the neighbour": () => call("kill", neighbour.pid, 0),
  "the neighbour's group": () => call("kill", -neighbour.pid, 0),
  "its thread": () => call("tgkill", neighbour.pid, neighbour.pid, 0),
  "a queued one": () => call("rt_sigqueueinfo", neighbour.pid, 0, new Uint8Array(128)),
  "by pidfd": () => call("pidfd_send_signal", call("pidfd_open", neighbour.pid, 0), 0, 0, 0),
  "a spare": () => call("kill", sparePid, 0),
  "process 1": () => call("kill", 1, 0),
  "SIGKILL to another app": () => call("kill", victim.pid, SIGKILL),
}));
