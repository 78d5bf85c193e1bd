/** Makes its children the node's, which does not know of them and never asks how they ended. */
import { cc } from "bun:ffi";
import { writeFileSync } from "node:fs";
import { attack } from "../attack.ts";

const children = 50;

const source = `
long syscall(long, ...); int *__errno_location(void);
/* CLONE_PARENT and SIGCHLD. How many there are, or the errno as a negative number. */
long give(long children) {
  for (long made = 0; made < children; made++) {
    long pid = syscall(CLONE, 0x8000L | 17L, 0L, 0L, 0L, 0L);
    if (pid == 0) for (;;) syscall(EXIT, 0L);
    if (pid < 0) return -*__errno_location();
  }
  return children;
}`;

export default attack(() => ({
  it: () => {
    const path = `${process.env["TMPDIR"]}/give.c`;
    writeFileSync(path, source);
    const [clone, exit] = process.arch === "x64" ? [56, 60] : [220, 93];
    const { symbols } = cc({
      source: path,
      define: { CLONE: `${clone}L`, EXIT: `${exit}L` },
      symbols: { give: { args: ["i64"], returns: "i64" } },
    });
    const given = Number(symbols.give(BigInt(children)));
    return given === children ? "got" : given === -1 ? "EPERM" : `errno ${-given}`;
  },
}));
