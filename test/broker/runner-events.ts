/** What `fixtures/controllers.ts` is told and says. */

export interface ControllerOptions {
  /** `x-trigger-workload-controller-id`. */
  id: string;
  /** Origin of the broker, or of what stands in front of it. */
  apiUrl: string;
  /** A friendlyId or a token. */
  deployment: string;
  version: string;
  cpu: string;
  memory: string;
  /** The machine it says it runs on. */
  instance: string;
  /** How long each run takes. Milliseconds. */
  runMs: number;
}

export interface ControllersOptions {
  controllers: readonly ControllerOptions[];
}

export type RunnerEvent =
  | { kind: "polling"; controller: string }
  | { kind: "got"; controller: string; run: string; snapshot: string }
  | { kind: "ended"; controller: string; code: 0 | 1; why: string };
