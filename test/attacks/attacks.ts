/** The attacks, and what each of them gets. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

export interface Attack {
  /** Name of its app, and of its file in apps/. */
  app: string;
  config?: object;
  files?: Record<string, string>;
}
export const ATTACKS: Attack[] = readdirSync(join(import.meta.dir, "apps")).map((file) => ({
  app: file.replace(".ts", ""),
}));
