/** Errors about what a version is made of, and about removing versions. */
import type { ErrorRow } from "./error-row.ts";

export const versionErrors = {
  PACKAGES_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (app: string, version: string) =>
      `Cannot list the packages of version "${version}" of app "${app}": they were not written down at its deploy`,
    remedy: (app: string) => `Deploy "${app}" again; its next version has the list`,
  },
  BUILD_DIFFERS: {
    owner: "user",
    status: 409,
    message: (digest: string, built: string) =>
      `Cannot verify artifact ${digest.slice(0, 12)}: building the folder gives ${built.slice(0, 12)}`,
    remedy:
      "Look at the files that differ; check out the commit that `levain inspect` shows, without changes, and keep dates and random values out of the build",
  },
  VERSION_OTHER_DATABASE: {
    owner: "user",
    status: 409,
    message: (app: string, version: string, branch: string, own: string) =>
      `Cannot roll ${branch} of "${app}" back to ${version}: it works on the database of ${own}`,
    remedy: (app: string, version: string, branch: string) =>
      `Make it live with the database of ${branch}: \`levain promote ${app} ${version} --branch ${branch}\``,
  },
  VERSION_LIVE: {
    owner: "user",
    status: 409,
    message: (app: string, version: string, branches: string) =>
      `Cannot remove version "${version}" of app "${app}": it is live on ${branches}`,
    remedy: (app: string) =>
      `Roll back or promote another version first, or remove the branch: \`levain remove ${app} --branch …\``,
  },
} satisfies Record<string, ErrorRow>;
