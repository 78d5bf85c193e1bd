/** `levain inspect`: all there is to know of one version, and what its processes were really given. */
import { PlatformError } from "../base/errors.ts";
import { versionName } from "../base/version-spec.ts";
import { platformVersion } from "../control/platform-version.ts";
import { appOfFolder } from "./app-argument.ts";
import { branchArgument } from "./branch-argument.ts";
import { usageError } from "./failure.ts";
import { renderInspection } from "./inspection-text.ts";
import type { Call, Outcome, Verb } from "./verb.ts";
import { parseVersionNumber } from "./version-number.ts";

export const inspect: Verb = {
  name: "inspect",
  group: "Observe",
  asksNode: true,
  summary: "Show a version, and what its processes were given",
  description:
    "What the version is, how it was built and of which packages, the database of its branch, how long it stays awake, its " +
    "limits and what it may reach; then, for each of its processes, " +
    "what the kernel really holds it to, and in words what it could not be held to. Of environment values " +
    "only the names. Looking never wakes an app. Without a version it is the one that is live on the branch; the " +
    "default of --branch is that of `levain deploy` for the app of this folder, and main for every other app.",
  arguments: [["[app@version]", "such as shop, shop@v7 or @v7; default: the app of this folder"]],
  flags: [
    ["--branch <name>", "the version that is live there (default: the Git branch, else main)"],
    ["--sbom", "print its packages as CycloneDX JSON instead"],
  ],
  examples: [
    ["levain inspect shop", "the version that is live"],
    ["levain inspect shop@v7", "a version by its number"],
    ["levain inspect shop@v7 --sbom", "the packages it was built with"],
    ["levain inspect shop --json | jq '.data.processes[].sandbox'", "for a program"],
  ],
  async run(call) {
    const { app, version } = await versionArgument(call);
    if (version !== null && call.flags.branch !== undefined) {
      throw usageError("name a version or --branch, not both");
    }
    // Which app it is about says whether this folder's Git branch counts.
    const named = { ...call, args: isFolder(call) ? [] : [app] };
    const query =
      version === null ? { branch: await branchArgument(named, app) } : { version: version };
    const data = await call.client.call("inspect", { app, query });
    if (call.flags.sbom === true) return sbomOf(call, app, data.number);
    const { columns } = call.io.stdout;
    return {
      data,
      next: [
        call.command(`levain logs ${app} --version ${versionName(data.number)}`),
        call.command("levain ps"),
      ],
      text: () => renderInspection(data, { wallMs: Date.now(), columns, paint: call.paint }),
    };
  },
};

async function sbomOf(call: Call, app: string, version: number): Promise<Outcome> {
  const found = await call.client.call("packages", { app, query: { version } });
  const { packages } = found;
  if (packages === null) throw new PlatformError("PACKAGES_UNKNOWN", [app, versionName(version)]);
  const { renderSbom } = await import("./sbom.ts");
  const text = renderSbom({ ...found, packages, levain: platformVersion() });
  // The document is what was asked for, with --json too: nothing around it.
  call.io.stdout.write(text);
  return { data: null, isPrinted: true };
}

/** Whether the app is the folder's. */
function isFolder({ args }: Call): boolean {
  return args[0] === undefined || args[0].startsWith("@");
}

/** @throws {PlatformError} `INPUT_INVALID` */
async function versionArgument(call: Call): Promise<{ app: string; version: number | null }> {
  const [app = "", ...rest] = (call.args[0] ?? "").split("@");
  const version = rest.length === 0 ? null : parseVersionNumber(rest.join("@"), "version");
  return { app: app === "" ? await appOfFolder(call.io.cwd) : app, version };
}
