/** `env` of a config file. */
import { z } from "zod";
import { envBytesMax } from "./limits.ts";

/** Names that the node sets for every instance; an app's own value would be lost. */
const ENV_NAMES_RESERVED = ["HOME", "TMPDIR"];

const envName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]*$/,
    "a name has only letters, digits and _, and does not begin with a digit",
  )
  .refine((name) => !name.startsWith("LEVAIN_"), "names that begin with LEVAIN_ are Levain's own")
  .refine((name) => !ENV_NAMES_RESERVED.includes(name), "HOME and TMPDIR are set by Levain");

const envValue = z
  .union([z.string(), z.number(), z.boolean()], {
    error: "must be a string, a number or a boolean",
  })
  .transform(String)
  .refine((value) => !value.includes("\0"), "must not contain a NUL character");

export const envSchema = z
  .record(envName, envValue)
  .refine(
    (env) => Buffer.byteLength(Object.entries(env).flat().join("\0")) <= envBytesMax,
    `all values together must have at most ${envBytesMax} bytes`,
  )
  .default({});
