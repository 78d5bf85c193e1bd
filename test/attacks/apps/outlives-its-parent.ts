/** Undoes what ends it with the node. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const PR_SET_PDEATHSIG = 1;
const SIGCHLD = 17;

export default attack(() => ({
  "no signal": () => call("prctl", PR_SET_PDEATHSIG, 0, 0, 0, 0),
  "one that does nothing": () => call("prctl", PR_SET_PDEATHSIG, SIGCHLD, 0, 0, 0),
}));
