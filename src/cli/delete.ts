/** `levain delete`: removes an app for good. Consent is the app's name, typed once more. */
import { showCount } from "./units.ts";
import type { Verb } from "./verb.ts";

export const deleteVerb: Verb = {
  name: "delete",
  group: "Deploy",
  asksNode: true,
  summary: "Delete an app with all of its versions",
  description:
    "Its processes end, its addresses stop answering and its logs are removed. This cannot be " +
    "undone, so the name has to be given twice.",
  arguments: [["<app>", "name of the app"]],
  flags: [["--confirm <app>", "the app's name once more; without it nothing happens"]],
  examples: [["levain delete shop --confirm shop", "delete shop, its versions and its branches"]],
  async run(call) {
    const [app = ""] = call.args;
    const { confirm } = call.flags;
    const query = typeof confirm === "string" ? { confirm } : {};
    const data = await call.client.call("delete", { app, query });
    return {
      data,
      next: [call.command("levain apps")],
      text: () =>
        `${call.paint.green("✔")} ${app} is deleted (${showCount(data.versions, "version")})`,
    };
  },
};
