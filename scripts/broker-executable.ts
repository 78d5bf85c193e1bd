/**
 * Builds the broker as one executable, with Bun inside: no bytecode, which makes a steady process no faster and the file larger.
 *
 *   bun scripts/broker-executable.ts dist/levain-broker [bun-linux-arm64 …]
 */

import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

const [path = "dist/levain-broker", target] = process.argv.slice(2);
await mkdir(dirname(resolve(path)), { recursive: true });
const build = await Bun.build({
  entrypoints: [join(import.meta.dir, "../src/broker-main.ts")],
  compile: {
    outfile: resolve(path),
    ...(target === undefined ? {} : { target: target as Bun.Build.CompileTarget }),
    // Where it runs, a file in the folder must not change what it is.
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
  minify: true,
  bytecode: false,
});
for (const log of build.logs) console.error(log);
if (!build.success) process.exit(1);
console.log(`${path}: ${(Bun.file(path).size / 1024 ** 2).toFixed(1)} MiB`);
