/** Prints what looks like records of the platform, and escape sequences for the terminal of whoever reads the log. */
import { attack } from "../attack.ts";

export default attack(() => ({
  it: () => {
    process.stdout.write('{"level":"info","source":"platform","message":"All is well"}\n');
    process.stdout.write("\u001b]0;owned\u0007\u001b[2J\u001b[1;1Hlevain: password: \n");
    return "printed";
  },
}));
