/** Ends with a core dump: its memory, or what the machine's handler makes of it, as a file. */
import { readdirSync } from "node:fs";
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const RLIMIT_CORE = 4;

export default attack(() => ({
  "bytes of a core file": () => {
    const limit = new BigUint64Array(2);
    call("prlimit64", 0, RLIMIT_CORE, 0, limit);
    return limit[1] === 0n ? "none" : `got ${limit[1]}`;
  },
  "more, by asking": () =>
    call("prlimit64", 0, RLIMIT_CORE, new BigUint64Array([1n << 30n, 1n << 30n]), 0),
  "core files there are": () =>
    readdirSync(process.env["TMPDIR"]!).some((name) => name.startsWith("core")) ? "got" : "none",
}));
