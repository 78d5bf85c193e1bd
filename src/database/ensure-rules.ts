/** What is decided before a database is made: what it is called, what it is copied from, and whether there may be one more. */
import { PlatformError } from "../base/errors.ts";
import { PRODUCTION_BRANCH } from "../base/production-branch.ts";
import type { StoredApp } from "../store/apps.ts";
import type { StoredDatabase } from "../store/branch-databases.ts";
import type { BranchLabel } from "../store/branches.ts";
import type { OpenDatabase } from "./connections.ts";
import type { KnownDatabases } from "./known-databases.ts";
import type { MadeDatabase, MakeRequest } from "./make-database.ts";
import { clientName } from "./names.ts";

export interface EnsureRequest extends Omit<MakeRequest, "mask"> {
  /** SQL of its mask, null for none; or the branch whose last deploy had the same configuration. */
  mask: MakeRequest["mask"] | { ofBranch: string };
  /** Branch to copy from, when somebody says which; null: production. */
  parent: string | null;
}

export interface EnsuredDatabase {
  name: string;
  /** Null: it was there. */
  made: MadeDatabase | null;
  /** For a deploy that comes to nothing: drops what this has made, or puts back what it has changed. */
  undo(): Promise<void>;
}

/** How many previews have a database at once. Counts. */
export interface PreviewBounds {
  previewsOfAppMax: number;
  previewsMax: number;
}

/**
 * What a new one is copied from; null for an empty one.
 *
 * @throws {PlatformError} `DATABASE_PARENT_MISSING` when a parent was named that has none
 */
export function sourceOf(
  known: Pick<KnownDatabases, "find" | "of">,
  { app, branch, parent, spec }: Omit<EnsureRequest, "mask">,
): OpenDatabase | null {
  if (spec.from === "empty" || (branch === PRODUCTION_BRANCH && parent === null)) return null;
  const from = parent ?? PRODUCTION_BRANCH;
  const row = from === branch ? null : known.find(app, from);
  if (row !== null && row.serverDatabase !== null) return known.of(app, from);
  if (parent === null) return null;
  throw new PlatformError("DATABASE_PARENT_MISSING", [app, branch, from]);
}

/** SQL of the mask that a request means; null for none. */
export function maskOf(
  known: Pick<KnownDatabases, "find">,
  { app, branch, spec, mask }: EnsureRequest,
): string | null {
  if (spec.mask === null) return null;
  if (mask === null || typeof mask === "string") return mask;
  return (known.find(app, mask.ofBranch) ?? known.find(app, branch))?.mask ?? null;
}

/** @throws {PlatformError} `DATABASES_FULL` */
export function assertRoom(
  databases: readonly StoredDatabase[],
  app: string,
  branch: string,
  { previewsOfAppMax, previewsMax }: PreviewBounds,
): void {
  if (branch === PRODUCTION_BRANCH) return;
  const previews = databases.filter(
    (row) => row.branch !== PRODUCTION_BRANCH && row.serverDatabase !== null,
  );
  const own = previews.filter((row) => row.app === app).length;
  if (own >= previewsOfAppMax) {
    throw new PlatformError("DATABASES_FULL", [`app "${app}"`, own, previewsOfAppMax]);
  }
  if (previews.length >= previewsMax) {
    throw new PlatformError("DATABASES_FULL", ["the node", previews.length, previewsMax]);
  }
}

/**
 * What clients will call it: as the branch's host, which it has already or will get. Another one when the database of a branch
 * that is called much the same, such as one that has no host yet, has that name.
 *
 * @param known names of the databases there are
 */
export async function nameOf(
  { apps, branchLabel }: { apps(): Promise<StoredApp[]>; branchLabel(app: string): BranchLabel },
  known: Pick<KnownDatabases, "get">,
  app: string,
  branch: string,
): Promise<string> {
  const branches = (await apps()).find(({ name }) => name === app)?.branches ?? [];
  const own = branches.find(({ name }) => name === branch)?.label;
  const taken = branches.map(({ label }) => label);
  const label = own ?? branchLabel(app)(branch, taken);
  const name = clientName(app, branch, label);
  if (known.get(name) === null) return name;
  return clientName(app, branch, branchLabel(app)(branch, [...taken, label]));
}
