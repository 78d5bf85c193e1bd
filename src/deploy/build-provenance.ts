/** The part of a version's provenance that its build knows. Pure. */
import type { SandboxLevel } from "../base/permissions.ts";
import type { BuildFacts } from "../base/version-spec.ts";
import type { Manifest } from "../project/framework.ts";
import type { AppConfig } from "./app-config.ts";
import type { DeployQuery } from "./deploy-api.ts";
import { scriptsOf } from "./installed-packages.ts";
import { packageTextCharactersMax } from "./limits.ts";
import type { PackageList } from "./package-list.ts";
import type { GitSource, Provenance } from "./provenance.ts";

export type BuildProvenance = Omit<
  Provenance,
  "levain" | "git" | "deployedBy" | "runtimeForced" | "ms" | "files" | "largest"
>;

export interface BuildParts {
  /** package.json as it was uploaded. */
  manifest: Manifest;
  config: AppConfig;
  lockfile: { name: string; sha256: string } | null;
  /** What was started before it was bundled. */
  entry: string | null;
  bundled: boolean;
  framework: string | null;
  /** The build command that ran. */
  command: string | null;
  packages: PackageList | null;
  /** How the kernel held the build. */
  sandbox: SandboxLevel;
}

export function buildProvenance(parts: BuildParts): BuildProvenance {
  const { manifest, config, lockfile, entry, bundled, framework, command, packages, sandbox } =
    parts;
  const own = scriptsOf(manifest as Record<string, unknown>);
  const withScripts = packages?.packages.filter(({ scripts }) => scripts.length > 0) ?? [];
  return {
    bun: Bun.version,
    bunRevision: Bun.revision,
    builder: { platform: process.platform, arch: process.arch, sandbox },
    template: templateOf(manifest),
    framework,
    command,
    lockfile: lockfile?.name ?? null,
    lockfileSha256: lockfile?.sha256 ?? null,
    configSha256: new Bun.CryptoHasher("sha256").update(JSON.stringify(config)).digest("hex"),
    entry,
    bundled,
    packages: packages === null ? null : countsOf(packages),
    scripts: {
      declared: [
        ...(own.length === 0 ? [] : [{ name: ".", scripts: own }]),
        ...withScripts.map(({ name, version, scripts }) => ({
          name: `${name}@${version}`,
          scripts,
        })),
      ],
      ran: [],
    },
    declares: config.declares,
    rebound: null,
  };
}

function countsOf({ packages, leftOut }: PackageList): Provenance["packages"] {
  const development = packages.filter(({ isDevelopment }) => isDevelopment).length;
  return { production: packages.length - development, development, leftOut };
}

/** `levain.template` of package.json, which `levain new` writes. */
function templateOf(manifest: Manifest): string | null {
  const { levain } = manifest as { levain?: { template?: unknown } | null };
  const template = levain?.template;
  return typeof template === "string" ? template.slice(0, packageTextCharactersMax) : null;
}

/** The Git working tree that a deploy was made from, as its client says; null when it says nothing. */
export function gitOf({ commit, gitBranch, dirty }: DeployQuery): GitSource | null {
  if (commit === undefined && gitBranch === undefined) return null;
  return {
    commit: commit ?? null,
    branch: gitBranch ?? null,
    isDirty: dirty ?? null,
  };
}

/** What the app itself may know of its build. */
export function buildFactsOf(query: DeployQuery, built: BuildProvenance): BuildFacts {
  const git = gitOf(query);
  return {
    bun: Bun.version,
    commit: git?.commit ?? null,
    gitBranch: git?.branch ?? null,
    isDirty: git?.isDirty ?? null,
    lockfileSha256: built.lockfileSha256,
    template: built.template,
  };
}
