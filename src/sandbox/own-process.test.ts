/** Goal: a process of the same user learns no secret of a node. Method: two real processes and /proc. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Without root our own user; with root one that the kernel does not let through everywhere. */
const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
const fixture = join(import.meta.dir, "fixtures/has-secrets.ts");
const byFlag = "postgres://me:sesame-by-flag@127.0.0.1/x";
const byVariable = "postgres://me:sesame-by-variable@127.0.0.1/x";

function start() {
  return Bun.spawn([process.execPath, fixture, byFlag, `--url=${byFlag}`, "--after"], {
    env: { SECRET_URL: byVariable, PATH: "/usr/bin:/bin", OTHER: "kept" },
    stdio: ["ignore", "pipe", "inherit"],
    cwd: "/",
    ...user,
  });
}

async function firstLine(stream: ReadableStream<Uint8Array>) {
  for await (const chunk of stream) return JSON.parse(new TextDecoder().decode(chunk));
}

test("secrets are gone from the command line, the environment and the children, and still known", async () => {
  await using child = start();

  const seen = await firstLine(child.stdout);

  expect(seen.known).toEqual([byFlag, byVariable]);
  expect(seen.variables).not.toContain("SECRET_URL");
  expect(seen.path).toBe("/usr/bin:/bin");
  expect(seen.child).toContain("OTHER=kept");
  expect(seen.child).not.toContain("sesame");
  expect(seen.maps).toBe(true);
  const commandLine = readFileSync(`/proc/${child.pid}/cmdline`, "latin1");
  const stars = "*".repeat(byFlag.length);
  expect(commandLine).toEndWith(`${fixture}\0${stars}\0--url=${stars}\0--after\0`);
  if (user.uid !== undefined) {
    // Only root can look.
    const environment = readFileSync(`/proc/${child.pid}/environ`, "latin1");
    expect(environment).toContain("OTHER=kept");
    expect(environment).not.toContain("sesame");
  }
});

test("a process of the same user cannot read memory, environment and open files", async () => {
  await using child = start();
  await firstLine(child.stdout);

  const script =
    'for f in environ mem maps fd/0 cwd exe; do cat "/proc/$0/$f" >/dev/null 2>&1 && echo "$f"; done; ls "/proc/$0/fd" 2>/dev/null; readlink "/proc/$0/cwd" "/proc/$0/exe"; echo end';
  const look = (pid: number) =>
    Bun.spawnSync(["/bin/sh", "-c", script, String(pid)], { cwd: "/", ...user }).stdout.toString();

  expect(look(child.pid)).toBe("end\n");
  // The same look sees what is not closed.
  await using open = Bun.spawn(["/bin/sleep", "60"], {
    stdio: ["ignore", "ignore", "ignore"],
    cwd: "/",
    ...user,
  });
  expect(look(open.pid)).toContain("environ");
});
