/** `levain remove`: removes an app, a branch or a version for good. Consent is its name, typed once more. */
import { versionName } from "../base/version-spec.ts";
import { usageError } from "./failure.ts";
import { showCount } from "./units.ts";
import type { Verb } from "./verb.ts";
import { parseVersionNumber } from "./version-number.ts";

export const remove: Verb = {
  name: "remove",
  group: "Deploy",
  asksNode: true,
  summary: "Remove an app, a branch or a version",
  description:
    "An app goes with its processes, addresses, versions and logs. A branch goes with its address, its history and the " +
    "versions that were deployed to it, but for those that are live or the last known good elsewhere. A version goes " +
    "unless it is live. None of it can be undone, so the name has to be given twice; there is no flag that stands for it.",
  arguments: [["<app[@version]>", "name of the app, such as shop, or shop@v7"]],
  flags: [
    ["--branch <name>", "remove this branch only"],
    ["--confirm <name>", "what goes, once more: shop, the branch, or shop@v7"],
  ],
  examples: [
    ["levain remove shop --confirm shop", "the app with all of its versions"],
    ["levain remove shop --branch cart-fix --confirm cart-fix", "a preview"],
    ["levain remove shop@v7 --confirm shop@v7", "one version that is live nowhere"],
  ],
  async run(call) {
    const [app = "", ...rest] = (call.args[0] ?? "").split("@");
    const { branch, confirm } = call.flags;
    if (rest.length > 0 && branch !== undefined) {
      throw usageError("name a version or --branch, not both");
    }
    const query = {
      ...(typeof confirm === "string" ? { confirm } : {}),
      ...(typeof branch === "string" ? { branch } : {}),
      ...(rest.length > 0 ? { version: parseVersionNumber(rest.join("@"), "version") } : {}),
    };
    const data = await call.client.call("remove", { app, query });
    const what =
      data.version !== null
        ? `${app} ${versionName(data.version)}`
        : data.branch !== null
          ? `branch ${data.branch} of ${app}`
          : app;
    const count = data.version !== null ? "" : ` (${showCount(data.versions, "version")})`;
    const isApp = data.branch === null && data.version === null;
    return {
      data,
      next: [call.command(isApp ? "levain apps" : `levain versions ${app}`)],
      text: () => `${call.paint.green("✔")} ${what} is removed${count}`,
    };
  },
};
