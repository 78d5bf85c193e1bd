/** Stops its own process: it is there, and does nothing. */
import { attack } from "../attack.ts";

export default attack(() => ({
  it: () => void process.kill(process.pid, "SIGSTOP"),
}));
