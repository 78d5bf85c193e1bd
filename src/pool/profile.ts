/**
 * What a version's processes are started with: how strictly they are held, and what they may reach beyond their files.
 * Two versions with the same profile can be started in advance by the same kind of spare.
 */
import { isIP } from "node:net";
import { PlatformError } from "../base/errors.ts";
import {
  defaultPermissions,
  isAtLeast,
  type Permissions,
  parseDestination,
  type SandboxLevel,
} from "../base/permissions.ts";
import {
  resourceLimitsDefault,
  type VersionLimits,
  type VersionSpec,
} from "../base/version-spec.ts";
import { defaultLevel, type KernelSupport, strictProblem } from "../sandbox/kernel-support.ts";

export interface Profile {
  level: SandboxLevel;
  permissions: Permissions;
  /** Bounds that the kernel sets when a process starts, and that a node may not lower for another user's later. */
  bounds: Pick<VersionLimits, "openFilesMax" | "processesMax" | "diskBytesMax">;
}

/** What the machine and its operator allow. */
export interface ProfileRules {
  kernel: KernelSupport;
  /** The node and its apps have one user. */
  isUserShared: boolean;
  /** The least level that a version may ask for. */
  sandboxMin: SandboxLevel;
  /** Folders beneath which versions may be given folders to write to. Absolute paths. */
  writeRoots: readonly string[];
}

/** The profile of a version that says nothing about it; spares have it. */
export function defaultProfile({ kernel, isUserShared }: ProfileRules): Profile {
  return {
    level: defaultLevel(kernel, isUserShared),
    permissions: defaultPermissions,
    bounds: boundsOf(resourceLimitsDefault),
  };
}

/**
 * @throws {PlatformError} `SANDBOX_UNAVAILABLE` when it demands what the kernel does not have, `SANDBOX_TOO_WEAK` and
 *   `WRITE_NOT_GRANTED` when it asks for what the operator does not give
 */
export function profileOf(spec: VersionSpec, rules: ProfileRules): Profile {
  const level = spec.sandbox ?? defaultLevel(rules.kernel, rules.isUserShared);
  if (spec.sandbox === "strict") {
    const problem = strictProblem(rules.kernel, rules.isUserShared);
    if (problem !== null) throw new PlatformError("SANDBOX_UNAVAILABLE", [spec.app, problem]);
  }
  // A kernel that cannot do better is no reason to refuse what did not ask for it.
  if (spec.sandbox !== null && !isAtLeast(spec.sandbox, rules.sandboxMin)) {
    throw new PlatformError("SANDBOX_TOO_WEAK", [spec.app, spec.sandbox, rules.sandboxMin]);
  }
  for (const path of spec.permissions.write) {
    const isGranted = rules.writeRoots.some((root) => path === root || path.startsWith(`${root}/`));
    if (!isGranted) throw new PlatformError("WRITE_NOT_GRANTED", [spec.app, path]);
  }
  return { level, permissions: spec.permissions, bounds: boundsOf(spec.limits) };
}

function boundsOf({
  openFilesMax,
  processesMax,
  diskBytesMax,
}: Profile["bounds"]): Profile["bounds"] {
  return { openFilesMax, processesMax, diskBytesMax };
}

/** Whether processes of one are as good as those of the other. */
export function isSameProfile(one: Profile, other: Profile): boolean {
  return Bun.deepEquals(one, other);
}

/**
 * TCP ports that it may connect to: those it declares, that of name servers when it names any host, and that of databases,
 * so that processes which stand ready for any app can take one with a database.
 */
export function connectPorts({ connect }: Permissions, databasePort: number | null): number[] {
  const destinations = connect.flatMap((text) => parseDestination(text) ?? []);
  const ports = destinations.map(({ port }) => port);
  const usesNames = destinations.some(({ host }) => isIP(host.replace(/^\[|\]$/g, "")) === 0);
  if (usesNames) ports.push(nameServerPort);
  if (databasePort !== null) ports.push(databasePort);
  return [...new Set(ports)];
}

/** Destinations that an app's process holds itself to: those it declares, and its database where that shares their port. */
export function heldDestinations({ connect }: Permissions, databasePort: number | null): string[] {
  const isShared = connect.some((text) => parseDestination(text)?.port === databasePort);
  return isShared
    ? [...connect, `127.0.0.1:${databasePort}`, `localhost:${databasePort}`]
    : [...connect];
}

/** Domain names, over TCP; RFC 7766. */
const nameServerPort = 53;
