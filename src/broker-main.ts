/**
 * The broker as a program of its own, `levain-broker`: what `levain broker` is, without the rest of Levain, so that it can be one
 * file in a small container. `scripts/broker-executable.ts` builds it.
 */
import { exitWhenWritten, processIo } from "./cli/process-io.ts";
import { runWords } from "./cli/run-words.ts";

const io = processIo();
const absent = () => Promise.reject(new Error("This program is the broker alone"));
const words = process.argv.slice(2);
const asksVersion = words[0] === "--version" || words[0] === "-V";
const code = await runWords(
  asksVersion ? words : ["broker", ...words],
  { ...io, runNode: absent, runDev: absent },
  {
    broker: async () => (await import("./cli/broker.ts")).broker,
    version: async () => (await import("./cli/version.ts")).version,
  },
  {},
);
await exitWhenWritten(code, io);
