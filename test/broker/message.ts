/** Messages as the platform hands them to a supervisor. */

/** What a runner and a message must share. */
export interface MachineKey {
  deployment: string;
  version: string;
  cpu: number;
  memory: number;
}

/** `snapshot`: its friendlyId, one for each attempt at a run. `output`: size of what a waitpoint carries. Bytes. */
export function messageOf(key: MachineKey, run: string, snapshot: string, output = 0): object {
  const at = "2026-11-21T10:00:00.000Z";
  return {
    version: "1",
    snapshot: {
      id: `id-${snapshot}`,
      friendlyId: snapshot,
      executionStatus: "PENDING_EXECUTING",
      description: "Run was dequeued for execution",
      createdAt: at,
    },
    dequeuedAt: at,
    image: "registry.example/app:1",
    completedWaitpoints:
      output === 0
        ? []
        : [
            {
              id: "w1",
              friendlyId: "waitpoint_1",
              type: "MANUAL",
              completedAt: at,
              output: "x".repeat(output),
              outputIsError: false,
            },
          ],
    backgroundWorker: { id: "bw1", friendlyId: "worker_1", version: key.version },
    deployment: { id: "d1", friendlyId: key.deployment },
    run: {
      id: `id-${run}`,
      friendlyId: run,
      isTest: false,
      isReplay: false,
      machine: { name: "small-1x", cpu: key.cpu, memory: key.memory, centsPerMs: 0.0000338 },
      attemptNumber: 1,
      masterQueue: "main",
      traceContext: {},
    },
    environment: { id: "e1", type: "PRODUCTION" },
    organization: { id: "o1" },
    project: { id: "p1" },
  };
}
