/** Takes priority and processors away from others, and takes priority for itself. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const PRIO_PROCESS = 0;
const PRIO_USER = 2;
const SCHED_OTHER = 0;
const SCHED_FIFO = 1;
const IOPRIO_WHO_PROCESS = 1;
const IOPRIO_BEST_EFFORT_4 = (2 << 13) | 4;

export default attack(({ nodePid, victim }) => ({
  "nice of the node": () => call("setpriority", PRIO_PROCESS, nodePid, 0),
  "nice of another app": () => call("setpriority", PRIO_PROCESS, victim.pid, 1),
  "nice of all of its user": () => call("setpriority", PRIO_USER, process.getuid!(), 0),
  "processors of another app": () =>
    call("sched_setaffinity", victim.pid, 8, new BigUint64Array([3n])),
  "scheduling of another app": () =>
    call("sched_setscheduler", victim.pid, SCHED_OTHER, new Int32Array([0])),
  "disk priority of another app": () =>
    call("ioprio_set", IOPRIO_WHO_PROCESS, victim.pid, IOPRIO_BEST_EFFORT_4),
  "its own nice, upwards": () => call("setpriority", PRIO_PROCESS, 0, -5),
  "real-time for itself": () => call("sched_setscheduler", 0, SCHED_FIFO, new Int32Array([1])),
}));
