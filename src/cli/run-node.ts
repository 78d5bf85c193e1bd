/** The node as the command line knows it: something that runs until it is stopped. `src/main.ts` passes it in. */
import type { NodeStatus } from "../control/api.ts";
import type { NodeConfig } from "../control/node-config.ts";

export interface NodeWatcher {
  /** Called once, when the node serves: its ports are bound and the admin socket answers. */
  ready(status: NodeStatus): void;
  /** A line for whoever watches the node's terminal or its log. */
  note(line: string): void;
}

/**
 * Runs a node in this process; resolves when it has stopped (SIGTERM, SIGINT or the admin API) and everything of it is
 * gone. The node handles the signals itself.
 *
 * @throws {PlatformError} when it cannot start.
 */
export type RunNode = (config: NodeConfig, watcher: NodeWatcher) => Promise<void>;
