/**
 * The route table: everything the request lane knows about apps. An immutable snapshot, made by control, kept on disk
 * as JSON and in memory; a request is served from it and never asks the store.
 */
import type { VersionSpec } from "../base/version-spec.ts";

export interface RouteTable {
  /** Grows with every publication. */
  revision: number;
  /** By app name. */
  apps: Record<string, RouteTableApp>;
}

export interface RouteTableApp {
  /** By branch name as the user wrote it. */
  branches: Record<string, RouteTableBranch>;
  /** By version number. */
  versions: Record<string, VersionSpec>;
  /** Branch by host of the app's own, which was proved to be its owner's; absent for none. */
  domains?: Record<string, string> | undefined;
}

export interface RouteTableBranch {
  /** The branch's name as a host label part: `feature/x` is `feature-x`. Unique within the app. */
  label: string;
  /** Number of the live version, or null when nothing was taken live yet. */
  live: number | null;
}

export const emptyRouteTable: RouteTable = { revision: 0, apps: {} };
