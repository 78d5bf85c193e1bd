/**
 * An app as one archive that can be taken elsewhere: what it is, its versions, how they were built, and their artifacts.
 * Environment values are not in it, only their names. docs/operating.md has the layout.
 */
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { type VersionSpec, versionName } from "../base/version-spec.ts";
import { type TarEntry, tarStream } from "../deploy/tar-stream.ts";
import type { KeptVersion } from "../store/removal.ts";
import type { QueryOf } from "./api.ts";
import type { AdminDeps } from "./deps.ts";
import { platformVersion } from "./platform-version.ts";

type ExportDeps = Pick<AdminDeps, "store" | "artifacts" | "clock">;

/**
 * The archive is written as it is read. An artifact that is removed meanwhile cuts it off.
 *
 * @throws {PlatformError} `APP_UNKNOWN`, `ARTIFACT_MISSING`, `STORE_UNAVAILABLE`
 */
export async function exportApp(
  deps: ExportDeps,
  app: string,
  { all }: QueryOf<"export">,
): Promise<Response> {
  const kept = await deps.store.keptVersions(app);
  const versions = kept.filter(
    ({ liveOn, rollbackOf }) => all || liveOn.length > 0 || rollbackOf.length > 0,
  );
  for (const { digest } of versions) deps.artifacts.path(digest);
  const body = tarStream(entriesOf(deps, app, versions), new Date(deps.clock.wallMs()));
  const headers = { "content-type": "application/gzip", "cache-control": "no-store" };
  return new Response(body, { headers });
}

async function* entriesOf(
  deps: ExportDeps,
  app: string,
  versions: readonly KeptVersion[],
): AsyncGenerator<TarEntry> {
  yield { path: "export.json", text: json(await overviewOf(deps, app, versions)) };
  for (const version of versions) {
    const name = versionName(version.number);
    const whole = await deps.store.version(app, version.number);
    yield { path: `versions/${name}.json`, text: json(describe(version, whole)) };
    const { list } = await deps.store.versionPackages(app, version.number);
    if (list !== null) yield { path: `versions/${name}.packages.json`, text: json(list) };
  }
  for (const digest of new Set(versions.map(({ digest }) => digest))) {
    const folder = deps.artifacts.path(digest);
    const manifest = join(folder, "..", "manifest.json");
    yield { path: `artifacts/${digest}/manifest.json`, file: manifest, isExecutable: false };
    for (const entry of await deps.artifacts.entries(digest)) {
      const path = `artifacts/${digest}/files/${entry.path}`;
      if ("link" in entry) yield { path, link: entry.link };
      else yield { path, file: join(folder, entry.path), isExecutable: entry.executable };
    }
  }
}

async function overviewOf(
  { store, clock }: Pick<ExportDeps, "store" | "clock">,
  app: string,
  versions: readonly KeptVersion[],
) {
  const found = (await store.apps()).find(({ name }) => name === app);
  if (found === undefined) throw new PlatformError("APP_UNKNOWN", [app]);
  const values = await store.envValues(app);
  return {
    format: 1,
    levain: platformVersion(),
    exportedAtMs: clock.wallMs(),
    app,
    branches: found.branches.map(({ name, live }) => ({
      name,
      live,
      rollbackTo: versions.find(({ rollbackOf }) => rollbackOf.includes(name))?.number ?? null,
    })),
    versions: versions.map(({ number }) => number),
    environment: values.map(({ name, scope, branch, atBuild, atRun }) => ({
      name,
      scope,
      branch: branch === "" ? null : branch,
      atBuild,
      atRun,
    })),
  };
}

interface Whole {
  spec: VersionSpec;
  message: string | null;
  commit: string | null;
  provenance: object;
}

function describe({ liveOn }: KeptVersion, { spec, message, commit, provenance }: Whole) {
  const { env, ...shown } = spec;
  return { ...shown, environment: Object.keys(env).sort(), liveOn, message, commit, provenance };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
