/** Looks for values of the node's environment in its own. */
import { readFileSync } from "node:fs";
import { attack } from "../attack.ts";

const GIVEN =
  /^(PATH|HOME|TMPDIR|LANG|RES_OPTIONS|NODE_ENV|PORT|LEVAIN_(?!TOKEN|DATABASE)[A-Z_]+|BUN_[A-Z_]+)$/;

export default attack(() => {
  const namesIn = (names: string[]) => {
    const odd = names.filter((name) => !GIVEN.test(name));
    return odd.length === 0 ? "nothing" : `got ${odd.join(" ")}`;
  };
  return {
    "values as JavaScript sees them": () => namesIn(Object.keys(process.env)),
    "values as the kernel keeps them": () =>
      namesIn(
        readFileSync("/proc/self/environ", "latin1")
          .split("\0")
          .filter(Boolean)
          .map((line) => line.slice(0, line.indexOf("="))),
      ),
  };
});
