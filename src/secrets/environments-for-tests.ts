/** Environments with a key of their own, over values that a test keeps in an array. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import type { StoredEnvValue } from "../store/env-values.ts";
import { Environments } from "./environments.ts";
import { Keyring } from "./keyring.ts";
import type { OpenEnvironment } from "./version-environment.ts";

export function testKeyring(): Keyring {
  const folder = mkdtempSync(join(tmpdir(), "levain-key-"));
  try {
    return Keyring.open({ path: join(folder, "master-key") });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function testEnvironments(values: readonly StoredEnvValue[] = []): Environments {
  const store = { envValues: async () => [...values], changeEnv: async () => [] };
  return new Environments({ keyring: testKeyring(), store, clock: systemClock });
}

/** Nothing is declared and nothing is set. */
export const emptyEnvironment: OpenEnvironment = {
  declaration: { rules: {}, values: {} },
  run: new Map(),
  build: new Map(),
};
