/** `levain version` and `levain --version`. */
import { platformVersion } from "../control/platform-version.ts";
import type { Verb } from "./verb.ts";

export const version: Verb = {
  name: "version",
  group: "Levain",
  summary: "Print the version of Levain and of Bun",
  examples: [
    ["levain version", "Levain and the Bun it runs on"],
    ["levain --version", "the same"],
  ],
  async run() {
    const data = { version: platformVersion(), bun: Bun.version };
    return { data, text: () => `levain ${data.version} (Bun ${data.bun})` };
  },
};
