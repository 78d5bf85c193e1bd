/** The backups of a node: what is copied, and what stays while it is. A part of the composition root. */

import type { BackupManifest } from "./backup/backup-manifest.ts";
import { Backups, type HeldNode } from "./backup/backups.ts";
import { passphraseOf } from "./backup/passphrase-file.ts";
import { accessOf } from "./backup/storage.ts";
import type { Clock } from "./base/clock.ts";
import type { NodeConfig } from "./control/node-config.ts";
import { SECRETS, SETTINGS } from "./control/node-settings.ts";
import { platformVersion } from "./control/platform-version.ts";
import type { Deployer } from "./deploy/deployer.ts";
import type { NodeStore } from "./node-store.ts";
import { masterKeyPath } from "./secrets/key-file.ts";
import type { Keyring } from "./secrets/keyring.ts";

export interface NodeBackupsParts {
  config: NodeConfig;
  store: NodeStore;
  keyring: Keyring;
  deployer: Pick<Deployer, "holdArtifacts">;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  note(line: string): void;
}

/** @throws {PlatformError} `NODE_CONFIG_INVALID` for a file of the passphrase that cannot be read */
export function openBackups({
  config,
  store,
  keyring,
  deployer,
  env,
  clock,
  note,
}: NodeBackupsParts): Backups {
  const { dataDir, backups } = config;
  const { passphrase, passphraseFile, endpoint, region, ...plan } = backups;
  const own = accessOf(env);
  return new Backups({
    dataDir,
    plan: { ...plan, passphrase: passphraseOf(passphrase, passphraseFile) },
    access: { ...own, endpoint: endpoint ?? own.endpoint, region: region ?? own.region },
    env,
    clock,
    note,
    async hold(): Promise<HeldNode> {
      const apps = await store.store.apps();
      const all = await store.store.databases.list();
      const databases = all.filter(({ serverDatabase }) => serverDatabase !== null);
      const artifacts = await deployer.holdArtifacts();
      // A rotation that begins now keeps the old keys until this is let go.
      const keys = keyring.hold();
      return {
        job: {
          connection: store.connection,
          masterKeyFile: keyring.isGiven ? null : (config.masterKeyFile ?? masterKeyPath(dataDir)),
          givenKeyIds: keyring.isGiven ? keyring.keyIds : [],
          levain: platformVersion(),
          settings: settingsOf(config),
          counts: { apps: apps.length, databases: databases.length },
        },
        release() {
          artifacts[Symbol.dispose]();
          keys[Symbol.dispose]();
        },
      };
    },
  });
}

/** Those that were set to something else than the default, by their key; what can hold a secret is left out. */
function settingsOf(config: NodeConfig): BackupManifest["settings"] {
  const found: Record<string, unknown> = {};
  for (const [key, shape] of Object.entries(SETTINGS)) {
    if (SECRETS.includes(key) || key === "dataDir") continue;
    const [group = "", name] = key.split(".");
    const outer = (config as Record<string, unknown>)[group];
    const value = name === undefined ? outer : (outer as Record<string, unknown>)?.[name];
    const isDefault = JSON.stringify(value) === JSON.stringify(shape.default);
    if (value !== undefined && value !== null && !isDefault) found[key] = value;
  }
  // As it is stored; whatever has no form in JSON is none of it.
  return JSON.parse(JSON.stringify(found));
}
