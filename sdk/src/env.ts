/**
 * What an app says of its environment in `levain.config.ts`, and typed access to it.
 *
 * ```ts
 * // levain.config.ts
 * import { defineConfig, enumOf, port, url } from "levain";
 *
 * export default defineConfig({
 *   env: { DATABASE_URL: url(), REGION: enumOf("eu", "us").default("eu"), PORT: port().default(3000) },
 * });
 *
 * // src/env.ts
 * import { readEnv } from "levain";
 * import config from "../levain.config.ts";
 *
 * export const env = readEnv(config.env); // { DATABASE_URL: string, REGION: "eu" | "us", PORT: number }
 * ```
 */

/** A rule as the node gets it; `levain.config.json` has rules in this form. */
export interface EnvRule {
  type: "string" | "secret" | "url" | "enum" | "port" | "number" | "boolean";
  /** It may be missing. */
  optional?: boolean;
  /** Taken when nothing is set. */
  default?: string | number | boolean;
  /** Of an `enum`. */
  choices?: readonly string[];
  /** Of a `url`, such as `https:`. Default: any. */
  protocols?: readonly string[];
  /** Of a `number`. */
  min?: number;
  max?: number;
  /** For people. */
  description?: string;
}

/** What reads one value. */
export interface EnvReader<Value> {
  /** @throws {TypeError} naming the rule, and not the value */
  parse(text: string | undefined): Value;
  toJSON(): EnvRule;
}

/** A rule that knows what it makes of a value. */
export interface EnvType<Value> extends EnvReader<Value> {
  /** It may be missing. */
  optional(): EnvType<Value | undefined>;
  /** What it is when nothing is set. Stands in the code: not for secrets. */
  default(value: NonNullable<Value>): EnvType<NonNullable<Value>>;
  /** What it is for, for people. */
  describe(text: string): EnvType<Value>;
}

/** What zod, Valibot, ArkType and others have in common (standardschema.dev). */
export interface StandardSchema<Value = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Value> | Promise<StandardResult<Value>>;
    readonly types?: { readonly input: unknown; readonly output: Value } | undefined;
  };
}

type StandardResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** `env` of a configuration: values, and rules for values that are set apart from it. */
export type EnvSchema = Readonly<
  Record<string, string | number | boolean | EnvRule | EnvReader<unknown> | StandardSchema>
>;

/** What `readEnv` makes of it. */
export type EnvOf<Schema extends EnvSchema> = {
  readonly [Name in keyof Schema]: Schema[Name] extends EnvReader<infer Value>
    ? Value
    : Schema[Name] extends StandardSchema<infer Value>
      ? Value
      : string;
};

/** A text that is not empty. */
export function string(): EnvType<string> {
  return rule({ type: "string" }, (text) => text);
}

/** A text that nobody should see: as `string()`, but without a default. */
export function secret(): Omit<EnvType<string>, "default"> {
  return rule({ type: "secret" }, (text) => text);
}

/** An address such as `postgres://…`. @param protocols such as `"https:"`; default: any */
export function url(...protocols: string[]): EnvType<string> {
  return rule({ type: "url", ...(protocols.length === 0 ? {} : { protocols }) }, (text) => text);
}

export function enumOf<const Choice extends string>(...choices: Choice[]): EnvType<Choice> {
  return rule({ type: "enum", choices }, (text) => text as Choice);
}

/** A TCP port. */
export function port(): EnvType<number> {
  return rule({ type: "port" }, Number);
}

export function number(range: { min?: number; max?: number } = {}): EnvType<number> {
  return rule({ type: "number", ...range }, Number);
}

/** `true`, `false`, `1` or `0`. */
export function boolean(): EnvType<boolean> {
  return rule({ type: "boolean" }, (text) => text === "true" || text === "1");
}

/**
 * The values of an environment as their rules say. On Levain they were checked before the app was started; anywhere else
 * (`bun index.ts`, tests) this is the check.
 *
 * @param values default: `process.env`
 * @throws {TypeError} naming what is missing or not as its rule says, and no value
 */
export function readEnv<const Schema extends EnvSchema>(
  schema: Schema,
  values: Readonly<Record<string, string | undefined>> = process.env,
): EnvOf<Schema> {
  const read: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, given] of Object.entries(schema)) {
    try {
      read[name] = readOne(given, values[name]);
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new TypeError(`Environment: ${problems.join("; ")}`);
  return Object.freeze(read) as EnvOf<Schema>;
}

declare const process: { env: Record<string, string | undefined> };

function readOne(given: EnvSchema[string], text: string | undefined): unknown {
  if (isStandard(given)) {
    const result = given["~standard"].validate(text);
    if (result instanceof Promise) throw new TypeError("has a schema that needs a promise");
    if (result.issues === undefined) return result.value;
    throw new TypeError(`is not as its schema says: ${result.issues[0]?.message ?? "no"}`);
  }
  if (typeof given !== "object") return text ?? String(given);
  if ("parse" in given) return given.parse(text);
  return typeOf(given).parse(text);
}

function typeOf(given: EnvRule): EnvType<unknown> {
  const { type } = given;
  const isNumber = type === "port" || type === "number";
  const isTrue = (text: string) => text === "true" || text === "1";
  return rule<unknown>(given, isNumber ? Number : type === "boolean" ? isTrue : (text) => text);
}

function isStandard(given: unknown): given is StandardSchema {
  if ((typeof given !== "object" && typeof given !== "function") || given === null) return false;
  return "~standard" in given;
}

function rule<Value>(given: EnvRule, read: (text: string) => Value): EnvType<Value> {
  return {
    optional: () => rule<Value | undefined>({ ...given, optional: true }, read),
    default: (value) =>
      rule({ ...given, default: value as string }, read as (text: string) => NonNullable<Value>),
    describe: (description) => rule({ ...given, description }, read),
    parse(text) {
      const value = text ?? (given.default === undefined ? undefined : String(given.default));
      if (value === undefined) {
        if (given.optional === true) return undefined as Value;
        throw new TypeError("is missing");
      }
      if (!isAsAsked(given, value)) throw new TypeError(`is no ${given.type} as its rule asks`);
      return read(value);
    },
    toJSON: () => given,
  };
}

/** As `obeys` of the node's `src/secrets/rules.ts`, which a test holds against this. */
function isAsAsked({ type, choices, protocols, min, max }: EnvRule, value: string): boolean {
  const number = Number(value);
  switch (type) {
    case "string":
    case "secret":
      return value !== "";
    case "enum":
      return choices?.includes(value) ?? false;
    case "boolean":
      return /^(true|false|1|0)$/.test(value);
    case "port":
      return /^\d{1,5}$/.test(value) && number <= 65_535;
    case "number":
      if (value.trim() === "" || !Number.isFinite(number)) return false;
      return number >= (min ?? -Infinity) && number <= (max ?? Infinity);
    case "url": {
      const parsed = URL.canParse(value) ? new URL(value) : null;
      return parsed !== null && (protocols?.includes(parsed.protocol) ?? true);
    }
  }
}
