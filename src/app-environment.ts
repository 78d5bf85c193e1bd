/** An app's environment with what Levain adds to it; documented in docs/environment.md. Pure. */
import type { BuildInfo } from "../sdk/src/build-info.ts";
import { type VersionSpec, versionName } from "./base/version-spec.ts";

export function appEnvironment(
  spec: VersionSpec,
  own: Record<string, string>,
): Record<string, string> {
  return {
    NODE_ENV: "production",
    ...own,
    LEVAIN_APP: spec.app,
    LEVAIN_BRANCH: spec.branch,
    LEVAIN_VERSION: versionName(spec.number),
    LEVAIN_BUILD_INFO: JSON.stringify(buildInfoOf(spec)),
  };
}

function buildInfoOf(spec: VersionSpec): BuildInfo {
  const { app, number, branch, digest, createdAtMs, buildFacts, declares } = spec;
  return {
    app,
    version: number,
    branch,
    digest,
    createdAtMs,
    ...(buildFacts ?? {
      bun: null,
      commit: null,
      gitBranch: null,
      isDirty: null,
      lockfileSha256: null,
      template: null,
    }),
    declares,
  };
}
