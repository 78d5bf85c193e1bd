import { afterEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeDataDir } from "./data-dir-modes.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A data directory as a careless `chmod -R a+rwX` leaves it. */
function openDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), "levain-modes-"));
  folders.push(dataDir);
  for (const name of ["logs", "requests", "run", "builds", "artifacts", "runner", "postgres"]) {
    mkdirSync(join(dataDir, name));
    chmodSync(join(dataDir, name), 0o777);
  }
  for (const name of ["node.lock", "admin-token", "route-table.json", "postgres/password"]) {
    writeFileSync(join(dataDir, name), "");
    chmodSync(join(dataDir, name), 0o666);
  }
  chmodSync(dataDir, 0o755);
  return dataDir;
}

function mode(...path: string[]): number {
  return statSync(join(...path)).mode & 0o777;
}

test("what others could read is closed, and each is said with its mode", () => {
  const dataDir = openDataDir();

  const lines = closeDataDir(dataDir, false);

  expect(mode(dataDir)).toBe(0o700);
  for (const name of ["logs", "requests", "run", "builds", "artifacts", "runner", "postgres"]) {
    expect(mode(dataDir, name), name).toBe(0o700);
  }
  for (const name of ["node.lock", "admin-token", "route-table.json", "postgres/password"]) {
    expect(mode(dataDir, name), name).toBe(0o600);
  }
  expect(lines).toHaveLength(12);
  expect(lines).toContain(
    `${dataDir}/admin-token was open to other users (mode 666): closed it (600)`,
  );
});

test("a root node lets others pass and neither list nor read", () => {
  const dataDir = openDataDir();

  closeDataDir(dataDir, true);

  expect(mode(dataDir)).toBe(0o711);
  expect(mode(dataDir, "run")).toBe(0o711);
  expect(mode(dataDir, "logs")).toBe(0o700);
});

test("what is closed stays as it is, and nothing is said", () => {
  const dataDir = openDataDir();
  closeDataDir(dataDir, true);
  chmodSync(dataDir, 0o710);
  chmodSync(join(dataDir, "run"), 0o700);
  chmodSync(join(dataDir, "postgres/password"), 0o400);

  expect(closeDataDir(dataDir, true)).toEqual([]);

  expect(mode(dataDir)).toBe(0o710);
  expect(mode(dataDir, "run")).toBe(0o700);
  expect(mode(dataDir, "postgres/password")).toBe(0o400);
});
