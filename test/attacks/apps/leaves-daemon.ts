/** Leaves a process behind that has left its session and its process group. */
import { attack } from "../attack.ts";
import { leaveDaemon } from "../daemon.ts";

export default attack(() => ({
  "pid of the daemon": () => String(leaveDaemon()),
}));
