/** The version of this program, as `package.json` has it. */
import manifest from "../../package.json" with { type: "json" };

/** Such as `0.1.0`. Imported, so that an executable has it too. */
export function platformVersion(): string {
  return manifest.version;
}
