/** The program: the command line, and the node behind `levain up`. The node is loaded only when it runs here. */
import { runCli } from "./cli/cli.ts";
import { exitWhenWritten, processIo } from "./cli/process-io.ts";

const io = processIo();
const code = await runCli(process.argv.slice(2), {
  ...io,
  runNode: async (config, watcher) => {
    const { runNode } = await import("./node.ts");
    await runNode(config, watcher);
  },
  runDev: async (options, screen) => {
    const { runDev } = await import("./dev.ts");
    await runDev(options, screen);
  },
});
await exitWhenWritten(code, io);
