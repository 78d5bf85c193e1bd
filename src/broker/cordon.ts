/**
 * Machines whose runners get no work: those of the configuration, of a file and of Kubernetes, together. Runs go elsewhere or are
 * started cold, so a source that cannot be read cordons nobody for long: it must not be able to stop all warm starts.
 */
import type { Clock } from "../base/clock.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { FileCordon } from "./cordon-file.ts";
import { inCluster, KubernetesCordon } from "./cordon-kubernetes.ts";
import { cordonNoteMs } from "./limits.ts";
import type { Cordon, CordonFacts } from "./trust-api.ts";

/** Something outside that names machines. */
export interface CordonSource {
  /** For messages. */
  readonly name: string;
  /** Looks now and then until it is closed, and tells of each look. */
  start(teller: CordonTeller): void;
  /** Twice is safe. */
  close(): void;
}

export interface CordonTeller {
  /** A good look, and what it saw. */
  saw(machines: ReadonlySet<string>): void;
  /** A look that saw nothing for certain: what was seen before still counts. */
  failed(reason: string): void;
  /** What was seen before is too old to count. */
  dropped(): void;
}

export interface CordonOptions {
  config: Pick<BrokerConfig, "cordoned" | "cordonFile" | "cordonKubernetes">;
  clock: Clock;
  /** A line for the broker's log. */
  note(line: string): void;
  /** In the place of those that `config` names. */
  sources?: readonly CordonSource[];
}

/** What is known from one source. */
interface Sight {
  machines: ReadonlySet<string>;
  /** Of the last good look. Clock time. */
  seenMs: number;
  notedMs: number;
}

/** Looks at its sources from now on. Close it. */
export function createCordon(options: CordonOptions): Cordon {
  return new SeenCordon(options);
}

class SeenCordon implements Cordon {
  readonly #options: CordonOptions;
  readonly #sources: readonly CordonSource[];
  readonly #sights: Sight[] = [];
  readonly #listeners: (() => void)[] = [];
  /** Of all sources. */
  #machines: ReadonlySet<string>;
  #failures = 0;
  #dropped = 0;
  #isClosed = false;

  constructor(options: CordonOptions) {
    this.#options = options;
    this.#machines = this.#united();
    this.#sources = options.sources ?? sourcesOf(options);
    for (const source of this.#sources) this.#start(source);
  }

  has(instance: string): boolean {
    return this.#machines.has(instance);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  facts(): CordonFacts {
    const seenMs = this.#sights.map((sight) => sight.seenMs);
    return {
      cordoned: this.#machines.size,
      failures: this.#failures,
      dropped: this.#dropped,
      ageMs: seenMs.length === 0 ? null : this.#options.clock.nowMs() - Math.min(...seenMs),
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners.length = 0;
    for (const source of this.#sources) source.close();
  }

  #start(source: CordonSource): void {
    const { clock, note } = this.#options;
    const sight: Sight = {
      machines: new Set(),
      // Not looked at yet: as old as this broker.
      seenMs: clock.nowMs(),
      notedMs: Number.NEGATIVE_INFINITY,
    };
    this.#sights.push(sight);
    const seen = (machines: ReadonlySet<string>): void => {
      if (this.#isClosed) return;
      sight.machines = machines;
      this.#unite();
    };
    const complain = (line: string): void => {
      if (clock.nowMs() - sight.notedMs < cordonNoteMs) return;
      sight.notedMs = clock.nowMs();
      note(line);
    };
    source.start({
      saw: (machines) => {
        sight.seenMs = clock.nowMs();
        seen(machines);
      },
      failed: (reason) => {
        this.#failures += 1;
        complain(`cannot read cordoned machines from ${source.name}: ${reason}`);
      },
      dropped: () => {
        if (sight.machines.size === 0) return;
        this.#dropped += 1;
        note(`what ${source.name} said is too old: its machines are cordoned no more`);
        seen(new Set());
      },
    });
  }

  #unite(): void {
    const machines = this.#united();
    const isSame = machines.size === this.#machines.size && machines.isSubsetOf(this.#machines);
    if (isSame) return;
    this.#machines = machines;
    for (const listener of this.#listeners) listener();
  }

  #united(): Set<string> {
    const machines = new Set(this.#options.config.cordoned);
    for (const sight of this.#sights) for (const machine of sight.machines) machines.add(machine);
    // A runner that names no machine is on none that could be meant.
    machines.delete("");
    return machines;
  }
}

function sourcesOf({ config, clock }: CordonOptions): CordonSource[] {
  const sources: CordonSource[] = [];
  if (config.cordonFile !== null) sources.push(new FileCordon(config.cordonFile));
  if (config.cordonKubernetes) sources.push(new KubernetesCordon({ access: inCluster(), clock }));
  return sources;
}
