/** The settings' table as a schema, for a broker that runs alone and for the key `broker` of a node's configuration. */
import { isIP } from "node:net";
import { isAbsolute } from "node:path";
import { z } from "zod";
import type { BrokerConfig } from "./broker-config.ts";
import {
  BROKER_SETTINGS,
  type BrokerSetting,
  secretCharactersMin,
  type TextRule,
} from "./broker-settings.ts";
import { baseUrlOf, readPeersDns } from "./peer-names.ts";

/** As they were given and checked, one by one. */
export type BrokerSettings = {
  [Key in keyof BrokerConfig]: null extends BrokerConfig[Key]
    ? Exclude<BrokerConfig[Key], null> | undefined
    : BrokerConfig[Key];
} & {
  dispatchTokenFile?: string | undefined;
  tokenSecretFile?: string | undefined;
};

/** @param defaults those that differ from the table's; null: none */
export function brokerSchema(
  defaults: Readonly<Record<string, null | string>> = {},
): z.ZodType<BrokerSettings, Partial<BrokerSettings>> {
  const shape = Object.fromEntries(
    BROKER_SETTINGS.map((setting) => [
      setting.key,
      fieldOf(
        Object.hasOwn(defaults, setting.key)
          ? ({ ...setting, default: defaults[setting.key] } as BrokerSetting)
          : setting,
      ),
    ]),
  );
  return z.strictObject(shape) as unknown as z.ZodType<BrokerSettings, Partial<BrokerSettings>>;
}

function fieldOf(setting: BrokerSetting): z.ZodType {
  switch (setting.kind) {
    case "number": {
      const field = z.int().min(setting.min).max(setting.max);
      return setting.default === null ? field.optional() : field.default(setting.default);
    }
    case "switch":
      return z.boolean().default(setting.default);
    case "choice":
      return z.enum(setting.choices).default(setting.default);
    case "text": {
      const field = textOf(setting.rule);
      return setting.default === null ? field.optional() : field.default(setting.default);
    }
    case "list":
      return z.array(textOf(setting.rule)).max(setting.countMax).default([]);
  }
}

function textOf(rule: TextRule): z.ZodType<string> {
  switch (rule) {
    case "address":
      return z
        .string()
        .refine((value) => isIP(value) !== 0, "must be an IP address, such as 0.0.0.0");
    case "origin":
      return z
        .string()
        .refine(
          (value) => baseUrlOf(value) !== null,
          "must be an address such as http://broker-1:4003",
        )
        .transform((value) => baseUrlOf(value)!);
    case "hostPort":
      return z
        .string()
        .refine(
          (value) => readPeersDns(value) !== null,
          "must be a name and a port, such as brokers:4003",
        );
    case "absolutePath":
      return z.string().refine(isAbsolute, "must be an absolute path");
    case "machine":
      return z.string().min(1).max(253);
    case "secret":
      return z.string().min(secretCharactersMin);
  }
}
