/** Does not end when it is asked to. */
import { attack } from "../attack.ts";

export default attack(() => ({
  it: () => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
    return "ignored";
  },
}));
