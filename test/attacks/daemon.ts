/** A process that leaves its session, its process group and its parent, and lets go of every descriptor. */
import { cc } from "bun:ffi";
import { writeFileSync } from "node:fs";

/**
 * @param hide C that the daemon runs first, such as what takes away by what it could be known
 * @returns its pid
 */
export function leaveDaemon(hide = ""): number {
  const path = `${process.env["TMPDIR"]}/daemon.c`;
  writeFileSync(path, sourceOf(hide));
  const { symbols } = cc({ source: path, symbols: { leave: { args: [], returns: "int" } } });
  return symbols.leave();
}

const sourceOf = (hide: string) => `
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
    ${hide}
    pid = getpid();
    write(ends[1], &pid, sizeof pid);
    for (int fd = 3; fd < 1024; fd++) close(fd);
    for (;;) pause();
  }
  read(ends[0], &pid, sizeof pid);
  return pid;
}`;
