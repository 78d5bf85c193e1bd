/** Runs a program that no folder has: machine code from memory. What holds its parent has to hold it. */
import { cc } from "bun:ffi";
import { readFileSync, writeFileSync } from "node:fs";
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

/** Compiled from memory: opens what it is told to. 0 or the errno. */
const source = `
int open(const char *, int); int *__errno_location(void);
int try_open(const char *path) { return open(path, 0) < 0 ? *__errno_location() : 0; }`;

export default attack(({ dataDir }) => ({
  "compiled C reads the node's table": () => {
    const path = `${process.env["TMPDIR"]}/native.c`;
    writeFileSync(path, source);
    const { symbols } = cc({
      source: path,
      symbols: { try_open: { args: ["cstring"], returns: "int" } },
    });
    const errno = symbols.try_open(Buffer.from(`${dataDir}/route-table.json\0`) as never);
    return errno === 0 ? "got" : errno === 13 ? "EACCES" : `errno ${errno}`;
  },
  "a program in a file without a name reads it": async () => {
    const fd = call("memfd_create", "program", 0);
    const program = readFileSync("/bin/cat");
    for (let at = 0; at < program.length; ) {
      at += call("write", fd, program.subarray(at), program.length - at);
    }
    const child = Bun.spawn([`/proc/self/fd/${fd}`, `${dataDir}/route-table.json`], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const error = await new Response(child.stderr).text();
    if ((await child.exited) === 0) return "got";
    return /permission denied/i.test(error) ? "EACCES" : error.slice(0, 60);
  },
  "its own file, made executable": async () => {
    const path = `${process.env["TMPDIR"]}/program`;
    writeFileSync(path, readFileSync("/bin/cat"), { mode: 0o700 });
    const child = Bun.spawn([path, `${dataDir}/route-table.json`], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const error = await new Response(child.stderr).text();
    if ((await child.exited) === 0) return "got";
    return /permission denied/i.test(error) ? "EACCES" : error.slice(0, 60);
  },
}));
