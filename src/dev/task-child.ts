/**
 * The child of `project-tasks.ts`: started before there is anything to do, given one task, gone when it is done. It is the
 * child of a deploy's build with its modules loaded in advance.
 */
import "levain";
import "../deploy/bundle.ts";

process.once("message", (words: [request: string, resultPath: string]) => {
  process.argv.splice(2, process.argv.length, ...words);
  process.disconnect?.();
  // It reads its arguments, writes the result and ends the process.
  void import("../deploy/build-child.ts");
});
// Nobody will give it anything any more.
process.once("disconnect", () => {
  if (process.argv.length <= 2) process.exit(0);
});
