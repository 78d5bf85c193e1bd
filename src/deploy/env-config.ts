/**
 * `env` of a config file: for each name a value, or a rule that says what is to be set. Rules come from the SDK's `url()`
 * and its like, or are written as it gives them: `{ "type": "url" }`.
 */
import { z } from "zod";
import { envBytesMax } from "../secrets/limits.ts";
import { envNameProblem } from "../secrets/names.ts";
import { describeRule, type EnvDeclaration, type EnvRule, obeys } from "../secrets/rules.ts";
import { valueProblem } from "../secrets/value-check.ts";
import { envRule } from "../secrets/version-environment.ts";

const envName = z.string().superRefine((name, context) => {
  const message = envNameProblem(name);
  if (message !== null) context.addIssue({ code: "custom", message, input: name });
});

const plain = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const rule = z.strictObject({
  ...envRule.shape,
  default: plain.optional(),
});

type Entry = { value: string } | { rule: EnvRule };

const entry = z.unknown().transform((given, context): Entry => {
  const refuse = (message: string): Entry => {
    context.addIssue({ code: "custom", message, input: given });
    return z.NEVER;
  };
  const asValue = plain.safeParse(given);
  if (asValue.success) {
    // Of a value that is set apart from the code the same is asked.
    const problem = valueProblem(asValue.data);
    return problem === null ? { value: asValue.data } : refuse(problem);
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    return refuse("must be a string, a number, a boolean or a rule such as url()");
  }
  const asRule = rule.safeParse(given);
  if (!asRule.success) {
    const [issue] = asRule.error.issues;
    return refuse(`its rule is wrong at ${issue?.path.join(".") || "its keys"}`);
  }
  const problem = ruleProblem(asRule.data);
  return problem === null ? { rule: asRule.data } : refuse(problem);
});

/** What is wrong with a rule as a whole, or null. */
function ruleProblem(given: EnvRule): string | null {
  if (given.type === "enum" && (given.choices?.length ?? 0) === 0) return "an enum needs choices";
  if (given.default === undefined) return null;
  if (given.type === "secret") return "a secret has no default: it would be in the code";
  if (!obeys(given, given.default)) return `its default must be ${describeRule(given)}`;
  const wrong = valueProblem(given.default);
  return wrong === null ? null : `as its default, ${wrong}`;
}

export const envSchema = z
  .record(envName, entry)
  .refine(
    (env) => Buffer.byteLength(JSON.stringify(env)) <= envBytesMax,
    `all of it together must have at most ${envBytesMax} bytes`,
  )
  .default({})
  .transform(
    (env): EnvDeclaration => ({
      rules: Object.fromEntries(
        Object.entries(env).flatMap(([name, given]) =>
          "rule" in given ? [[name, given.rule]] : [],
        ),
      ),
      values: Object.fromEntries(
        Object.entries(env).flatMap(([name, given]) =>
          "value" in given ? [[name, given.value]] : [],
        ),
      ),
    }),
  );
