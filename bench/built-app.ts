/** An app as a deploy leaves it: its modules are one, which says that it need not be transpiled again. */

export interface BuiltApp {
  folder: string;
  /** Module in it. */
  entry: string;
}

/** Builds `module` into `folder`, whose owner removes it. @throws {AggregateError} when it cannot be built. */
export async function builtApp(module: string, folder: string): Promise<BuiltApp> {
  const entry = "app.js";
  await Bun.build({
    entrypoints: [module],
    outdir: folder,
    naming: entry,
    target: "bun",
    format: "esm",
    sourcemap: "linked",
  });
  return { folder, entry };
}
