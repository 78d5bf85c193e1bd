/** A fork bomb: every process starts more. It gives up at a number that would be far too many. */
import { cc } from "bun:ffi";
import { writeFileSync } from "node:fs";
import { attack } from "../attack.ts";

const source = `
int fork(void); int usleep(unsigned); int pause(void); int *__errno_location(void);
/* Returns how many there were when the next one was refused, negative the errno. */
int bomb(int enough) {
  int made = 0;
  for (; made < enough; made++) {
    int pid = fork();
    if (pid == 0) for (;;) pause();
    if (pid < 0) return -*__errno_location();
    if (made % 16 == 15) usleep(1000);
  }
  return made;
}`;

export default attack(() => ({
  it: () => {
    const path = `${process.env["TMPDIR"]}/bomb.c`;
    writeFileSync(path, source);
    const { symbols } = cc({ source: path, symbols: { bomb: { args: ["int"], returns: "int" } } });
    const made = symbols.bomb(3000);
    return made > 0 ? `got ${made}` : (errnoNames[-made] ?? String(made));
  },
}));

const errnoNames: Record<number, string> = { 11: "EAGAIN", 12: "ENOMEM", 1: "EPERM" };
