/** What this kernel can hold a process with. Looked at once; nothing changes while a node runs. */
import type { SandboxLevel } from "../base/permissions.ts";
import { LEVEL } from "./landlock.ts";
import { hasSeccomp, landlockAbi } from "./libc.ts";

export interface KernelSupport {
  /** Level of Landlock; 0 = none. */
  landlock: number;
  seccomp: boolean;
  /** As `process.arch` says; the filter knows the calls of these. */
  arch: "x64" | "arm64";
}

let support: KernelSupport | null = null;

export function kernelSupport(): KernelSupport {
  support ??= {
    landlock: landlockAbi(),
    seccomp: hasSeccomp(),
    arch: process.arch === "arm64" ? "arm64" : "x64",
  };
  return support;
}

/**
 * Why processes cannot be held strictly here, or null when they can.
 *
 * @param isUserShared the node and its apps have one user: then only Landlock keeps them from signalling each other
 */
export function strictProblem(kernel: KernelSupport, isUserShared: boolean): string | null {
  if (!kernel.seccomp) return "the kernel has no seccomp filters";
  const least = isUserShared ? LEVEL.scopes : LEVEL.tcp;
  if (kernel.landlock >= least) return null;
  const found = kernel.landlock === 0 ? "none" : `level ${kernel.landlock}`;
  const since = isUserShared ? "6.12" : "6.7";
  return `Landlock level ${least} is needed (Linux ${since}), and there is ${found}`;
}

/** The level of a version that names none. */
export function defaultLevel(kernel: KernelSupport, isUserShared: boolean): SandboxLevel {
  return strictProblem(kernel, isUserShared) === null ? "strict" : "relaxed";
}
