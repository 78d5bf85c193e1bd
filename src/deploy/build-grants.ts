/**
 * What each step of a build may reach, as plain values; docs/deploying.md says it for people. The project's code runs in
 * all of them: a config file is code, an install reads what the project says about registries, a bundler runs macros.
 */
import {
  defaultPermissions,
  type Permissions,
  parseDestination,
  type SandboxLevel,
} from "../base/permissions.ts";
import type { Grants } from "../sandbox/app-confinement.ts";

export type BuildStep =
  | "config"
  | "env"
  | "schemas"
  | "install"
  | "build"
  | "prune"
  | "bundle"
  | "migrate"
  | "packages"
  | "assets";

/** Where things are. Absolute paths. */
export interface BuildPlaces {
  /** The project's folder. */
  project: string;
  /** Folders of this build alone, made anew for it. */
  home: string;
  temporary: string;
  /** Where the bundler writes. */
  out: string;
  /** Packages that builds of the same app have fetched; null for reading a configuration. */
  cache: string | null;
  /** Programs and modules that children run. */
  programs: readonly string[];
}

export interface BuildRules {
  /** How strictly the kernel holds a build. */
  level: SandboxLevel;
  /** The node and its builds have one user. */
  isUserShared: boolean;
  /** What the app may reach when it runs; its build command may reach the same. */
  permissions: Permissions;
  /** Ports of the operator's registries and proxies. */
  registryPorts: readonly number[];
  /** Port of the database that migrations are for; left out: there are none. */
  databasePort?: number | undefined;
}

/** What one step's processes are given. */
export function grantsOf(step: BuildStep, places: BuildPlaces, rules: BuildRules): Grants {
  const { project, home, temporary, out, cache, programs } = places;
  const { level, isUserShared, permissions, registryPorts, databasePort } = rules;
  const held = {
    level,
    isUserShared,
    // Archivers and copying tools set modes and times of what they write, and fail when they may not.
    isOwnerIgnored: true,
    connectPorts: [],
    listen: false,
    udp: false,
  };
  const own = [home, temporary];
  const some = (path: string | null) => (path === null ? [] : [path]);
  switch (step) {
    case "config":
    case "env":
    case "packages":
      return { ...held, read: [...programs, project], write: own };
    case "install":
      return {
        ...held,
        // Programs that come in packages are made executable; no code of the project's runs meanwhile.
        isUserShared: false,
        read: programs,
        write: [project, ...own, ...some(cache)],
        connectPorts: [...new Set([...webPorts, ...registryPorts, ...portsOf(permissions)])],
        // Names are resolved the ordinary way.
        udp: true,
      };
    case "prune":
      return { ...held, read: programs, write: [project, ...own, ...some(cache)] };
    case "build":
      return {
        ...held,
        // Tools start tools, and a Bun or a Node does not start without what /proc says about itself.
        read: [...programs, "/proc"],
        write: [project, ...own],
        connectPorts: portsOf(permissions),
        listen: permissions.listen,
        udp: permissions.udp,
      };
    case "migrate":
      return {
        ...held,
        read: [...programs, "/proc"],
        write: [project, ...own],
        connectPorts: [
          ...portsOf(permissions),
          ...(databasePort === undefined ? [] : [databasePort]),
        ],
        listen: permissions.listen,
        udp: permissions.udp,
      };
    case "bundle":
    case "schemas":
    case "assets":
      return { ...held, read: [...programs, project], write: [...own, out] };
  }
}

/** What a configuration that is not read yet is held to. */
export const unknownPermissions: Permissions = { ...defaultPermissions, connect: [] };

/** Registries and what they lead to. */
const webPorts = [80, 443];

function portsOf({ connect }: Permissions): number[] {
  return connect.flatMap((text) => parseDestination(text)?.port ?? []);
}
