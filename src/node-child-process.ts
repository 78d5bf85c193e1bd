/** What each process of the node's own does that is told what to do by it: see `node-child.ts`. */
import { messageOf } from "./base/errors.ts";
import type { FromNodeChild } from "./node-child.ts";
import { closeToOthers } from "./sandbox/own-process.ts";

/** Call it first: nobody else looks into this process, it hears the node, and ends with it. */
export function serveNode<To>(hear: (message: To) => void | Promise<void>): void {
  closeToOthers();
  process.on("message", (message: To) => void hear(message));
  process.on("disconnect", () => process.exit(0));
  // A terminal's Ctrl-C reaches this process too; when it ends, the node says.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
}

/** Why it cannot listen. */
export function failedToListen(error: unknown): FromNodeChild {
  const { code } = error as { code?: unknown };
  return {
    type: "failed",
    code: typeof code === "string" ? code : null,
    message: messageOf(error),
  };
}
