/** Starts threads until the machine has none left. */
import { cc } from "bun:ffi";
import { writeFileSync } from "node:fs";
import { attack, stay } from "../attack.ts";

const source = `
int pthread_create(unsigned long *, void *, void *(*)(void *), void *); int usleep(unsigned);
static volatile int is_over;
static void *rest(void *unused) { while (!is_over) usleep(20000); return 0; }
int threads(int enough) {
  unsigned long id;
  for (int made = 0; made < enough; made++) {
    int error = pthread_create(&id, 0, rest, 0);
    /* Room for the threads that an engine starts when it likes: it has to say what came of this. */
    if (error) { is_over = 1; usleep(100000); return -error; }
    if (made % 16 == 15) usleep(1000);
  }
  return enough;
}`;

/** Several times what this app may have, and nothing that a machine minds. Count. */
const enough = 400;

export default attack(() => ({
  it: () => {
    const path = `${process.env["TMPDIR"]}/threads.c`;
    writeFileSync(path, source);
    const { symbols } = cc({
      source: path,
      symbols: { threads: { args: ["int"], returns: "int" } },
    });
    const made = symbols.threads(enough);
    return made > 0 ? stay(`got ${made}`) : made === -11 ? "EAGAIN" : String(made);
  },
}));
