/** Opens files until there are no descriptors left. */
import { openSync } from "node:fs";
import { attack } from "../attack.ts";

/** More than any app needs; where nothing holds it, it stops there. */
const enough = 200_000;

export default attack(() => ({
  it: () => {
    const fds: number[] = [];
    try {
      while (fds.length < enough) fds.push(openSync("/dev/null", "r"));
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      for (const fd of fds) require("node:fs").closeSync(fd);
    }
    return `got ${enough}`;
  },
}));
