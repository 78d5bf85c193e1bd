/**
 * What the measured processes have used, read from /proc: the node, and the processes of apps below it. Processes that come and go
 * in between are counted: the kernel adds their time to their parent's when they end.
 */
import {
  childrenOf,
  descriptorCount,
  privateMemoryBytes,
  processTime,
  residentMemoryBytes,
} from "../sandbox/process-facts.ts";

export interface ProcessSample {
  /** CPU time so far. Microseconds. */
  nodeCpuUs: number;
  appsCpuUs: number;
  /** Resident memory of the node. Bytes. */
  nodeBytes: number;
  /** Memory that is the apps' own: what they share with each other is there once, whoever counts. Bytes. */
  appsBytes: number;
  /** Open file descriptors. Counts. */
  nodeFds: number;
  appsFds: number;
}

/**
 * @param nodePids the node's own processes; what they have started and is none of them is an app's. What an app starts in
 *   turn is only counted when it has ended.
 */
export function sampleProcesses(nodePids: readonly number[]): ProcessSample {
  const sample: ProcessSample = {
    nodeCpuUs: 0,
    appsCpuUs: 0,
    nodeBytes: 0,
    appsBytes: 0,
    nodeFds: 0,
    appsFds: 0,
  };
  for (const nodePid of nodePids) {
    const node = processTime(nodePid);
    if (node === null) continue;
    sample.nodeCpuUs += node.ownUs;
    // What has ended below it was an app's.
    sample.appsCpuUs += node.endedChildrenUs;
    sample.nodeBytes += residentMemoryBytes(nodePid) ?? 0;
    sample.nodeFds += descriptorCount(nodePid) ?? 0;
    for (const pid of childrenOf(nodePid)) {
      const app = nodePids.includes(pid) ? null : processTime(pid);
      if (app === null) continue;
      sample.appsCpuUs += app.ownUs + app.endedChildrenUs;
      sample.appsBytes += privateMemoryBytes(pid) ?? 0;
      sample.appsFds += descriptorCount(pid) ?? 0;
    }
  }
  return sample;
}
