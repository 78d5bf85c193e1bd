/** The memory of a node that only tests know. */
import type { NodeStatus } from "./api.ts";

/** A node with 8 GiB of its machine's 10, and hardly anything in use. */
export const testMemory: NodeStatus["memory"] = {
  budgetBytes: 8 * 1024 ** 3,
  usedBytes: 160 * 1024 ** 2,
  level: "calm",
  nodeBytes: 90 * 1024 ** 2,
  edgesBytes: 0,
  relayBytes: 0,
  brokerBytes: 0,
  postgresBytes: 40 * 1024 ** 2,
  sparesBytes: 10 * 1024 ** 2,
  buildsBytes: 0,
  zramBytes: 0,
  warmBytes: 20 * 1024 ** 2,
  frozenBytes: 0,
  pagedBytes: 0,
  swapBytes: 0,
  startsWaiting: 0,
  reliefs: { freeze: 0, page: 0, stop: 0 },
  machine: {
    totalBytes: 10 * 1024 ** 3,
    availableBytes: 9 * 1024 ** 3,
    swapTotalBytes: 0,
    swapFreeBytes: 0,
    zramBytes: 0,
    pressureSome: 0,
    pressureFull: 0,
  },
};
