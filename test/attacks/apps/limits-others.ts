/** Reads and lowers the limits of others: a process without descriptors is as good as dead. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const RLIMIT_NOFILE = 7;

export default attack(({ nodePid, neighbour, victim }) => {
  const read = (pid: number) => call("prlimit64", pid, RLIMIT_NOFILE, 0, new BigUint64Array(2));
  return {
    "read the node's": () => read(nodePid),
    "read the neighbour's": () => read(neighbour.pid),
    // To what is still enough for the victim, and less than any app has.
    "lower another app's": () =>
      call("prlimit64", victim.pid, RLIMIT_NOFILE, new BigUint64Array([4096n, 4096n]), 0),
  };
});
