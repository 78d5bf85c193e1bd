/**
 * What the example depends on is in this checkout already. A demo's node gets it as the beginning of its package cache,
 * so that a demo needs no network and no registry; what is missing here is fetched as in any deploy.
 */
import { cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";

const modules = join(import.meta.dir, "../../node_modules");

/**
 * @param dataDir of the demo's node, before it starts
 * @param folder the example that will be deployed
 * @param app the name that it will have
 */
export async function fillPackageCache(
  dataDir: string,
  folder: string,
  app: string,
): Promise<void> {
  // Where builds of that app find packages; see `deploy/build-users.ts`.
  const cache = join(dataDir, "builds/.cache", app);
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const { dependencies } = await manifestOf(folder);
  for (const [name, version] of Object.entries(dependencies ?? {})) {
    const installed = join(modules, name);
    const manifest = await manifestOf(installed).catch(() => null);
    if (manifest?.version !== version) continue;
    // Under the name that Bun gives to a package from the default registry. A copy: the build may not read the checkout.
    const cached = join(cache, `${name}@${version}@@@1`);
    await mkdir(dirname(cached), { recursive: true });
    await cp(installed, cached, { recursive: true, dereference: true });
  }
}

interface PackageManifest {
  version?: string;
  dependencies?: Record<string, string>;
}

async function manifestOf(folder: string): Promise<PackageManifest> {
  return (await Bun.file(join(folder, "package.json")).json()) as PackageManifest;
}
