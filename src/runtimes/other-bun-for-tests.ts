/**
 * A real Bun of another version without a registry: this one, whose own number is written over by another of the same
 * length. It takes its place as one that was fetched.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Name of what `putOtherBun` makes. */
export const otherRuntime = "bun@1.4.9";

/** @param dir of a `RuntimeStore` */
export function putOtherBun(dir: string): void {
  const version = otherRuntime.slice("bun@".length);
  const program = readFileSync(process.execPath);
  const number = Buffer.from(Bun.version);
  if (number.length !== version.length) throw new Error("the other number has another length");
  for (let at = program.indexOf(number); at !== -1; at = program.indexOf(number, at + 1)) {
    program.write(version, at, "latin1");
  }
  const folder = join(dir, otherRuntime);
  mkdirSync(folder, { recursive: true });
  for (const path of [dir, folder]) chmodSync(path, 0o755);
  writeFileSync(join(folder, "bun"), program, { mode: 0o755 });
  chmodSync(join(folder, "bun"), 0o755);
  const note = {
    name: otherRuntime,
    revision: `${version}+${Bun.revision.slice(0, 9)}`,
    package: "@oven/bun-linux-x64",
    integrity: null,
    sha256: new Bun.CryptoHasher("sha256").update(program).digest("hex"),
    bytes: program.length,
    fetchedAt: new Date(0).toISOString(),
  };
  writeFileSync(join(folder, "runtime.json"), JSON.stringify(note));
}
