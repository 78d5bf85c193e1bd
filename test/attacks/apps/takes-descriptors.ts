/** Takes an open descriptor out of another process. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

export default attack(({ nodePid, neighbour }) => ({
  "from the node": () => call("pidfd_getfd", call("pidfd_open", nodePid, 0), 3, 0),
  "from the neighbour": () => call("pidfd_getfd", call("pidfd_open", neighbour.pid, 0), 3, 0),
}));
