/** The same, twice removed from its parent and without the environment by which it could be known. */
import { cc } from "bun:ffi";
import { writeFileSync } from "node:fs";
import { attack } from "../attack.ts";

const source = `
int fork(void); int setsid(void); int pause(void); int getpid(void); int close(int);
int pipe(int *); long read(int, void *, unsigned long); long write(int, const void *, unsigned long);
int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long);
unsigned long strlen(const char *); void *memset(void *, int, unsigned long); void _exit(int);
extern char **environ;
/* Returns the daemon's pid. */
int leave(void) {
  int ends[2], pid = 0;
  pipe(ends);
  if (fork() == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    prctl(1, 0, 0, 0, 0);
    for (int fd = 0; fd < 3; fd++) close(fd);
    /* The bytes of the environment are where the kernel showed them in /proc from the start. */
    for (char **entry = environ; *entry; entry++) memset(*entry, 0, strlen(*entry));
    prctl(15, (unsigned long)"kworker/0:1", 0, 0, 0);
    pid = getpid();
    write(ends[1], &pid, sizeof pid);
    for (int fd = 3; fd < 1024; fd++) close(fd);
    for (;;) pause();
  }
  read(ends[0], &pid, sizeof pid);
  return pid;
}`;

export default attack(() => ({
  "pid of the daemon": () => {
    const path = `${process.env["TMPDIR"]}/daemon.c`;
    writeFileSync(path, source);
    const { symbols } = cc({ source: path, symbols: { leave: { args: [], returns: "int" } } });
    return String(symbols.leave());
  },
}));
