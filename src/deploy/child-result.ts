/** What the node and its build child say to each other. Plain JSON; the child's side is not believed. */
import { z } from "zod";
import type { PrepareRequest } from "../assets/prepare.ts";
import { packageList } from "./package-list.ts";

export interface ConfigRequest {
  task: "config";
  /** Absolute path of the config file. */
  file: string;
}

export interface BundleRequest {
  task: "bundle";
  /** Absolute path of the project's folder. */
  root: string;
  /** Relative to it. */
  entry: string;
  /** Absolute path of an empty folder. */
  outdir: string;
}

/** Asks the app's own schemas of an environment, whose values are in the child's environment. */
export interface EnvRequest {
  task: "env";
  /** Absolute path of the config file, or of what `schemas` made of it. */
  file: string;
  /** Of values whose rule is a schema. */
  names: readonly string[];
}

/** Bundles a config file, so that its schemas can be asked without the project. */
export interface SchemasRequest {
  task: "schemas";
  /** Absolute path of the config file. */
  file: string;
  /** Absolute path of an empty folder. */
  outdir: string;
}

export interface PackagesRequest {
  task: "packages";
  /** Absolute path of the project's folder. */
  root: string;
  /** Of the app in it; empty for the project itself. */
  folder: string;
  /** Name of its lockfile; null without one. */
  lockfile: string | null;
}

export type ChildRequest =
  | ConfigRequest
  | EnvRequest
  | SchemasRequest
  | BundleRequest
  | PackagesRequest
  | PrepareRequest;

export const childResult = z.union([
  z.object({ ok: z.literal(true), task: z.literal("config"), value: z.unknown() }),
  z.object({
    ok: z.literal(true),
    task: z.literal("bundle"),
    /** Path of the bundle, relative to the project's folder. */
    entry: z.string(),
    warnings: z.array(z.string()),
  }),
  z.object({
    ok: z.literal(true),
    task: z.literal("env"),
    issues: z.array(z.object({ name: z.string(), rules: z.array(z.string()) })),
    /** What the schemas gave for values that are not set. */
    defaults: z.record(z.string(), z.string()),
  }),
  z.object({ ok: z.literal(true), task: z.literal("schemas") }),
  z.object({ ok: z.literal(true), task: z.literal("packages"), list: packageList }),
  // What was found is in a file: it may be long.
  z.object({ ok: z.literal(true), task: z.literal("assets") }),
  z.object({
    ok: z.literal(false),
    problem: z.enum(["error", "module"]),
    message: z.string(),
    /** Name of the module that is missing, for `module`. */
    module: z.string().optional(),
    /** Everything that is wrong, a line each. */
    problems: z.array(z.string()).optional(),
  }),
]);

export type ChildResult = z.infer<typeof childResult>;
