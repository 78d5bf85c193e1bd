/** Reads and writes the memory of others as a debugger does. */
import { attack } from "../attack.ts";
import { addressOf, call } from "../kernel.ts";

const PTRACE_ATTACH = 16;
const PTRACE_SEIZE = 0x4206;

export default attack(({ nodePid, neighbour, sparePid }) => {
  const bytes = new Uint8Array(8);
  const here = new BigUint64Array([addressOf(bytes), 8n]);
  const there = new BigUint64Array([0x40_0000n, 8n]);
  return {
    "attach to the node": () => call("ptrace", PTRACE_SEIZE, nodePid, 0, 0),
    "attach to the neighbour": () => call("ptrace", PTRACE_ATTACH, neighbour.pid, 0, 0),
    "attach to a spare": () => call("ptrace", PTRACE_SEIZE, sparePid, 0, 0),
    "read the node's memory": () => call("process_vm_readv", nodePid, here, 1, there, 1, 0),
    "write the neighbour's memory": () =>
      call("process_vm_writev", neighbour.pid, here, 1, there, 1, 0),
    "page out the neighbour": () =>
      call("process_madvise", call("pidfd_open", neighbour.pid, 0), there, 1, 21, 0),
    "compare with the neighbour": () => call("kcmp", process.pid, neighbour.pid, 1, 0, 0),
  };
});
