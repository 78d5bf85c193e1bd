/**
 * What the children of a build see of the machine: a PATH that begins with this Bun, which is `node` there too, and a
 * home of their own. Steps that
 * fetch packages get the operator's settings for registries and proxies, which may hold credentials; the project's own
 * code does not. Nothing else of the node's environment and nothing of the app's.
 */
import { join } from "node:path";
import type { BuildPlaces, BuildStep } from "./build-grants.ts";
import type { BuildPrograms } from "./build-programs.ts";

/** The node's own environment, of which little is passed on. */
export type NodeEnvironment = Readonly<Record<string, string | undefined>>;

/** Settings of the operator that name an address. */
const REGISTRY_SETTINGS = [
  "NPM_CONFIG_REGISTRY",
  "npm_config_registry",
  "BUN_CONFIG_REGISTRY",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "http_proxy",
  "https_proxy",
];

/** Files that hold what TLS goes by. */
const CERTIFICATE_SETTINGS = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];

/** Tools that tell their makers about builds unless they are told not to. */
const TELEMETRY_OFF = {
  ASTRO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
  GATSBY_TELEMETRY_DISABLED: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  NG_CLI_ANALYTICS: "false",
  NUXT_TELEMETRY_DISABLED: "1",
  TURBO_TELEMETRY_DISABLED: "1",
};

const PATH_DEFAULT = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function pathOf(nodeEnv: NodeEnvironment): string {
  return nodeEnv.PATH || PATH_DEFAULT;
}

export function buildEnvironment(
  step: BuildStep,
  places: BuildPlaces,
  cwd: string,
  programs: BuildPrograms,
  nodeEnv: NodeEnvironment,
): Record<string, string> {
  const { project, home, temporary, cache } = places;
  const isFetching = step === "install" || step === "prune";
  return {
    PATH: [
      programs.bin,
      // A workspace's own tools, then those of all.
      ...new Set([join(cwd, "node_modules/.bin"), join(project, "node_modules/.bin")]),
      pathOf(nodeEnv),
    ].join(":"),
    HOME: home,
    TMPDIR: temporary,
    CI: "1",
    NODE_ENV: "production",
    NO_COLOR: "1",
    LANG: "C.UTF-8",
    TZ: "UTC",
    ...TELEMETRY_OFF,
    ...passedOn(CERTIFICATE_SETTINGS, nodeEnv),
    ...(isFetching ? passedOn([...REGISTRY_SETTINGS, "NO_PROXY", "no_proxy"], nodeEnv) : {}),
    ...(isFetching && cache !== null ? { BUN_INSTALL_CACHE_DIR: cache } : {}),
  };
}

/** Ports of the operator's registries and proxies. */
export function registryPorts(nodeEnv: NodeEnvironment): number[] {
  return REGISTRY_SETTINGS.flatMap((name) => {
    const url = URL.parse(nodeEnv[name] ?? "");
    if (url === null) return [];
    return url.port === "" ? [] : [Number(url.port)];
  });
}

/** Files that the settings for TLS name. */
export function certificateFiles(nodeEnv: NodeEnvironment): string[] {
  return Object.values(passedOn(CERTIFICATE_SETTINGS, nodeEnv));
}

function passedOn(names: readonly string[], nodeEnv: NodeEnvironment): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = nodeEnv[name];
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}
