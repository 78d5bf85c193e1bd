/** A key as people see it. */
import type { MatchKey } from "./broker-api.ts";

export interface KeyParts {
  deployment: string;
  version: string;
  /** Of the machine, as the message has it: `0.5`. */
  cpu: string;
  /** GB. */
  memory: string;
}

/** Pure. What the key lacks is empty. */
export function partsOfKey(key: MatchKey): KeyParts {
  const [deployment = "", version = "", cpu = "", memory = ""] = key.split("\0");
  return { deployment, version, cpu, memory };
}
