/** A fork bomb: every process starts more. It gives up at a number that would be far too many. */
import { cc } from "bun:ffi";
import { writeFileSync } from "node:fs";
import { attack, stay } from "../attack.ts";

const source = `
int fork(void); int usleep(unsigned); int pause(void); int *__errno_location(void);
int kill(int, int); int waitpid(int, int *, int);
/* Returns how many there are, or when one was refused, negative, the errno. */
int bomb(int enough) {
  int pids[1000];
  for (int made = 0; made < enough; made++) {
    int pid = fork();
    if (pid == 0) for (;;) pause();
    if (pid < 0) {
      int errno = *__errno_location();
      /* Room for the threads that an engine starts when it likes: it has to say what came of this. */
      for (int at = made - 1; at >= 0 && at >= made - 16; at--) {
        kill(pids[at], 9);
        waitpid(pids[at], 0, 0);
      }
      return -errno;
    }
    pids[made] = pid;
    if (made % 16 == 15) usleep(1000);
  }
  return enough;
}`;

/** Several times what this app may have, and nothing that a machine minds. Count. */
const enough = 400;

export default attack(() => ({
  it: () => {
    const path = `${process.env["TMPDIR"]}/bomb.c`;
    writeFileSync(path, source);
    const { symbols } = cc({ source: path, symbols: { bomb: { args: ["int"], returns: "int" } } });
    const made = symbols.bomb(enough);
    return made > 0 ? stay(`got ${made}`) : (errnoNames[-made] ?? String(made));
  },
}));

const errnoNames: Record<number, string> = { 11: "EAGAIN", 12: "ENOMEM", 1: "EPERM" };
