/**
 * What the children of a build see of the machine: a PATH that begins with this Bun, a home of their own, and the
 * operator's settings for registries and proxies. Nothing else of the node's environment and nothing of the app's.
 */
import { existsSync } from "node:fs";
import { mkdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Settings of the operator that builds need to reach a registry. */
const PASSED_ON = [
  "NPM_CONFIG_REGISTRY",
  "npm_config_registry",
  "BUN_CONFIG_REGISTRY",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
];

const PATH_DEFAULT = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface BuildHome {
  /** Home of all builds; keeps the package manager's cache warm. */
  home: string;
  /** An empty bunfig.toml: a project's own would run its `preload` in our children. */
  emptyConfig: string;
}

/**
 * Makes what builds share. Twice is safe.
 *
 * @param buildsDir the folder of all builds; is made
 */
export async function prepareBuildHome(buildsDir: string): Promise<BuildHome> {
  const home = join(buildsDir, ".home");
  const emptyConfig = join(home, "empty-bunfig.toml");
  await mkdir(join(home, "bin"), { recursive: true, mode: 0o700 });
  await mkdir(join(home, "last-bin"), { recursive: true });
  for (const name of ["bin/bun", "bin/bunx", "last-bin/node"]) {
    await linkToBun(join(home, name));
  }
  if (!existsSync(emptyConfig)) await writeFile(emptyConfig, "");
  return { home, emptyConfig };
}

/**
 * @param home of `prepareBuildHome`
 * @param project the folder that is built
 * @param nodeEnv the node's own environment, of which little is passed on
 */
export function buildEnvironment(
  home: string,
  project: string,
  temporary: string,
  nodeEnv: Record<string, string | undefined>,
): Record<string, string> {
  const passedOn = PASSED_ON.flatMap((name) => {
    const value = nodeEnv[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    // Without a Node of the machine, scripts that ask for one get Bun.
    PATH: [
      join(home, "bin"),
      join(project, "node_modules/.bin"),
      nodeEnv.PATH ?? PATH_DEFAULT,
      join(home, "last-bin"),
    ].join(":"),
    HOME: home,
    TMPDIR: temporary,
    CI: "1",
    NODE_ENV: "production",
    NO_COLOR: "1",
    LANG: "C.UTF-8",
    TZ: "UTC",
    ...Object.fromEntries(passedOn),
  };
}

async function linkToBun(path: string): Promise<void> {
  // Levain may have moved to another Bun since; otherwise builds that run are not disturbed.
  if ((await readlink(path).catch(() => null)) === process.execPath) return;
  await rm(path, { force: true });
  await symlink(process.execPath, path).catch((error) => {
    if (error.code !== "EEXIST") throw error; // another build was faster
  });
}
