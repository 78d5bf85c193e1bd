/** Makes calls by the gate of 32-bit programs, where every number means something else. */
import { cc } from "bun:ffi";
import { writeFileSync } from "node:fs";
import { attack } from "../attack.ts";

/** Number 26 is ptrace there; 20, which is getpid, says whether the gate is open at all. */
const source = `
long old_call(long number) {
  long answer;
  __asm__ volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(0L), "c"(0L), "d"(0L), "S"(0L));
  return answer;
}`;

export default attack(() => ({
  it: () => {
    if (process.arch !== "x64") return "no such gate";
    const path = `${process.env["TMPDIR"]}/gate.c`;
    writeFileSync(path, source);
    const { symbols } = cc({
      source: path,
      symbols: { old_call: { args: ["i64"], returns: "i64" } },
    });
    return Number(symbols.old_call(20n)) === process.pid ? "got" : "no such gate";
  },
}));
