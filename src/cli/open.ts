/** `levain open`: the URL of an app's branch, and a browser on it when somebody sits in front of one. */
import { PlatformError } from "../base/errors.ts";
import { appArgument } from "./app-argument.ts";
import { branchArgument } from "./branch-argument.ts";
import type { CliIo } from "./cli-io.ts";
import type { Verb } from "./verb.ts";

export const open: Verb = {
  name: "open",
  group: "Observe",
  asksNode: true,
  summary: "Print the URL of an app and open it",
  description:
    "A browser is opened only from a terminal that has a display; the URL is always printed. " +
    "The default of --branch is that of `levain deploy` for the app of this folder, and main for " +
    "every other app.",
  arguments: [["[app]", "name of the app; default: the app of this folder"]],
  flags: [["--branch <name>", "branch to open (default: the Git branch, else main)"]],
  examples: [
    ["levain open shop", "shop, where it is live"],
    ["curl $(levain open shop)", "ask it from the command line"],
    ["levain open shop --branch cart-fix", "a branch of it"],
  ],
  async run(call) {
    const app = await appArgument(call);
    const branch = await branchArgument(call, app);
    const { apps } = await call.client.call("apps");
    const found = apps.find(({ name }) => name === app);
    if (found === undefined) throw new PlatformError("APP_UNKNOWN", [app]);
    const target = found.branches.find(({ name }) => name === branch);
    if (target === undefined) throw new PlatformError("BRANCH_UNKNOWN", [app, branch]);
    if (target.live === null) throw new PlatformError("BRANCH_NOT_LIVE", [app, branch]);
    const isOpened = !call.isJson && openBrowser(target.url, call.io);
    return {
      data: { app, branch, version: target.live, url: target.url, isOpened },
      next: [call.command(`levain logs ${app} --follow`)],
      text: () => target.url,
    };
  },
};

function openBrowser(url: string, { stdout, env }: CliIo): boolean {
  const hasDisplay = (env.DISPLAY ?? "") !== "" || (env.WAYLAND_DISPLAY ?? "") !== "";
  if (!stdout.isTerminal || !hasDisplay) return false;
  const opener = Bun.which("xdg-open", { PATH: env.PATH ?? "" });
  if (opener === null) return false;
  // Its own session, so that closing the terminal does not close the browser.
  const stdio = ["ignore", "ignore", "ignore"] as const;
  Bun.spawn([opener, url], { stdio: [...stdio], detached: true }).unref();
  return true;
}
