/** The polls that are parked in `broker-model-for-tests.ts`, and which of them is next: a set that is looked through. */
import type { StillClock } from "../base/clock-for-tests.ts";
import type { ModelPoll } from "./broker-actors-for-tests.ts";
import type { BrokerConfig } from "./broker-config.ts";

export class ModelWaiters extends Set<ModelPoll> {
  readonly #config: BrokerConfig;
  readonly #clock: StillClock;
  readonly #cordoned: ReadonlySet<string>;

  constructor(config: BrokerConfig, clock: StillClock, cordoned: ReadonlySet<string>) {
    super();
    this.#config = config;
    this.#clock = clock;
    this.#cordoned = cordoned;
  }

  park(poll: ModelPoll): void {
    poll.state = "parked";
    for (const other of this) if (other.runner === poll.runner) other.rank = "doubtful";
    this.add(poll);
  }

  isUsable(poll: ModelPoll): boolean {
    const { connectionTimeoutMs } = this.#config;
    const marginMs = Math.min(1000, connectionTimeoutMs / 10);
    return this.#clock.timeMs - poll.beganMs < connectionTimeoutMs - marginMs;
  }

  isListed(poll: ModelPoll, key: string): boolean {
    const { instance, key: own } = poll.runner.poll;
    return own === key && !this.#cordoned.has(instance) && this.isUsable(poll);
  }

  /** The waiters of which one has to be offered the next message; several when nobody can tell from outside. */
  best(key: string): ModelPoll[] {
    const listed = [...this].filter((poll) => this.isListed(poll, key));
    const fresh = listed.filter(({ rank }) => rank === "fresh");
    const latest = fresh.toSorted((left, right) => right.number - left.number)[0];
    const unknown = listed.filter(({ rank }) => rank === "unknown");
    const doubtful = listed.filter(({ rank }) => rank === "doubtful");
    if (latest === undefined) return unknown.length > 0 ? [...unknown, ...doubtful] : doubtful;
    return [latest, ...unknown.filter(({ number }) => number > latest.number)];
  }
}
