/** What a process of the node's own does first that is told what to do by it: an edge, the relay, the broker, a backup. */
import { closeToOthers } from "./own-process.ts";

/** Call it first: nobody else looks into this process, it hears the node, and ends with it. */
export function serveNode<To>(hear: (message: To) => void | Promise<void>): void {
  closeToOthers();
  process.on("message", (message: To) => void hear(message));
  process.on("disconnect", () => process.exit(0));
  // A terminal's Ctrl-C reaches this process too; when it ends, the node says.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
}
