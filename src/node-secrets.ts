/** The node's master keys and the environments that they seal. A part of the composition root. */
import type { Clock } from "./base/clock.ts";
import type { NodeConfig } from "./control/node-config.ts";
import type { Publisher } from "./control/publisher.ts";
import type { RouteTable } from "./router/route-table.ts";
import { Environments } from "./secrets/environments.ts";
import { masterKeyPath } from "./secrets/key-file.ts";
import { Keyring } from "./secrets/keyring.ts";
import { Rotation } from "./secrets/rotation.ts";
import { keyIdOf } from "./secrets/seal.ts";
import type { Store } from "./store/store.ts";

export interface SecretsOptions {
  config: NodeConfig;
  /** What the node serves from at first. */
  table: RouteTable;
  /** Asked only when a call needs it: the store starts later. */
  store(): Store;
  publisher: Publisher;
  /** Passwords of databases; see `RotationOptions`. */
  sealOthers(unreadable: string[]): Promise<number>;
  clock: Clock;
  /** A line for the node's log. */
  note(line: string): void;
}

/** @throws {PlatformError} `MASTER_KEY_INVALID` */
export function openSecrets(options: SecretsOptions): {
  environments: Environments;
  rotation: Rotation;
  keyring: Keyring;
} {
  const { config, table, store, publisher, sealOthers, clock, note } = options;
  const keyring = openKeyring(config, table, note);
  const environments = new Environments({
    keyring,
    clock,
    store: {
      envValues: (app) => store().envValues(app),
      changeEnv: (input) => store().changeEnv(input),
    },
  });
  const rotation = new Rotation({
    keyring,
    note,
    sealOthers,
    store: {
      valuesToReseal: (...args) => store().valuesToReseal(...args),
      versionsToReseal: (...args) => store().versionsToReseal(...args),
      putResealed: (values) => store().putResealed(values),
      putResealedVersions: (versions) => store().putResealedVersions(versions),
    },
    async publish() {
      await publisher.publish();
      return publisher.isOnDisk;
    },
  });
  return { environments, rotation, keyring };
}

/**
 * Says so when values in the table were sealed with a key that is not here: their apps cannot start, all others can.
 *
 * @throws {PlatformError} `MASTER_KEY_INVALID`
 */
function openKeyring(
  { dataDir, masterKey, masterKeyFile }: NodeConfig,
  table: RouteTable,
  note: (line: string) => void,
): Keyring {
  const path = masterKeyFile ?? masterKeyPath(dataDir);
  const keyring = Keyring.open({ path, given: masterKey });
  const lost = new Set<string>();
  for (const [app, { versions }] of Object.entries(table.apps)) {
    for (const { env } of Object.values(versions)) {
      for (const text of Object.values(env)) {
        const keyId = keyIdOf(text);
        if (keyId !== null && !keyring.has(keyId)) lost.add(`${app} (key ${keyId})`);
      }
    }
  }
  if (lost.size > 0) {
    const made = keyring.isNew ? `${path} was missing and is new` : `${path} has another key`;
    note(
      `Cannot open the environment values of ${[...lost].join(", ")}: ${made}. Stop the node, put the old file in its place, and start it again`,
    );
  }
  return keyring;
}
