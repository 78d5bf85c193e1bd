/** The version of this program, as `package.json` has it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

let known: string | undefined;

/** Such as `0.1.0`. */
export function platformVersion(): string {
  if (known === undefined) {
    const manifest = readFileSync(join(import.meta.dir, "../../package.json"), "utf8");
    known = (JSON.parse(manifest) as { version: string }).version;
  }
  return known;
}
