/** Starts threads until the machine has none left. */
import { cc } from "bun:ffi";
import { writeFileSync } from "node:fs";
import { attack } from "../attack.ts";

const source = `
int pthread_create(unsigned long *, void *, void *(*)(void *), void *); int pause(void); int usleep(unsigned);
static void *rest(void *unused) { for (;;) pause(); return 0; }
int threads(int enough) {
  unsigned long id;
  for (int made = 0; made < enough; made++) {
    int error = pthread_create(&id, 0, rest, 0);
    if (error) return -error;
    if (made % 16 == 15) usleep(1000);
  }
  return enough;
}`;

export default attack(() => ({
  it: () => {
    const path = `${process.env["TMPDIR"]}/threads.c`;
    writeFileSync(path, source);
    const { symbols } = cc({
      source: path,
      symbols: { threads: { args: ["int"], returns: "int" } },
    });
    const made = symbols.threads(3000);
    return made > 0 ? `got ${made}` : made === -11 ? "EAGAIN" : String(made);
  },
}));
