/** What the query of a deploy says of its source. Pure. */
import type { SourceQuery } from "./builder.ts";
import type { DeployQuery } from "./deploy-api.ts";

export function sourceQueryOf(query: DeployQuery): SourceQuery {
  const { framework, build, start, assets, workspace, dependsOn, unattended } = query;
  return {
    workspace,
    dependsOn,
    isUnattended: unattended,
    overrides: { framework, build: build === "" ? false : build, start, assets },
  };
}
