/**
 * Prisma for the tests of recovery: its packages from the registry (300 MB, so not among those of this repository), in a
 * temporary folder, and its client generated there.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClientModule } from "./client-modules.ts";

/** Of the packages' download on a slow line. Milliseconds. */
const installTimeoutMs = 180_000;
const generateTimeoutMs = 60_000;

export interface InstalledPrisma extends Disposable {
  client: ClientModule;
}

/** Dispose it to remove the folder. @returns in words why there is none, such as no registry */
export async function installPrisma(): Promise<InstalledPrisma | string> {
  const folder = mkdtempSync(join(tmpdir(), "levain-recovery-prisma-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  cpSync(join(import.meta.dir, "prisma"), folder, { recursive: true });
  const bun = process.execPath;
  const steps: [string[], number][] = [
    [[bun, "install", "--frozen-lockfile", "--ignore-scripts"], installTimeoutMs],
    [
      [bun, "--bun", "node_modules/.bin/prisma", "generate", "--schema", "schema.prisma"],
      generateTimeoutMs,
    ],
  ];
  for (const [command, timeoutMs] of steps) {
    const run = Bun.spawn(command, {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
      // It looks for a binary that only its migrations need, and would download it.
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true" },
    });
    const [stdout, stderr] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
    ]);
    if ((await run.exited) !== 0) {
      remove();
      return `${command.slice(1, 4).join(" ")}: ${(stderr || stdout).trim().slice(-500)}`;
    }
  }
  const path = join(folder, "prisma-client.ts");
  return { client: { name: "Prisma (pg)", path }, [Symbol.dispose]: remove };
}
