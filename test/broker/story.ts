/**
 * A random story: runs are dispatched, repeated and given up, runners freeze, lose answers, are killed and come anew, the
 * broker is frozen, killed, drained and replaced. What must hold whatever happens:
 *
 *   - a run that was said to be taken is with a runner, unless that runner, or the broker since, was ended
 *   - no run is with two runners; beside an answer of `false` it is with none
 *   - every dispatch is answered or broken off in bounded time
 *   - no runner ends by itself, except when it finds no broker at all
 */
import { pick, type Random } from "../../src/base/random-for-tests.ts";
import { until } from "../../src/base/until-for-tests.ts";
import type { BrokerProcess, DispatchLine } from "./broker-process.ts";
import type { Machine, Machines } from "./machines.ts";
import type { MachineKey } from "./message.ts";
import type { RunnerEvent } from "./runner-events.ts";
import { RunnerProcess } from "./runner-process.ts";
import { dispatch, type Verdict } from "./supervisor.ts";

/** Count. */
const runnersAtOnce = 10;
/** Those that were killed or ended come anew, at most so fast. Milliseconds. */
const birthPauseMs = 100;
/** Dispatches without an answer. Count. */
const openMax = 30;
/**
 * Within this a message has arrived, or been sent again: each time its runner may be frozen for 2.5 s and lose answers for 1.5 s
 * beside the second of its poll. Milliseconds.
 */
const arrivalMsMax = 8000;
/** Longest a dispatch may take: its own bound, and the time that the broker may be frozen or gone. Milliseconds. */
const answerMsMax = 15_000;

interface Run {
  snapshot: string;
  told: Verdict[];
  runners: string[];
  /** Broker processes that were asked for it. */
  asked: Set<number>;
  /** When it was first said to be taken. */
  takenAtMs: number;
  /** Its supervisor went before the answer. */
  isGivenUp: boolean;
}

interface Idle {
  id: string;
  process: RunnerProcess;
  machine: Machine;
}

export class Story {
  readonly #broker: BrokerProcess;
  readonly #machines: Machines;
  readonly #random: Random;
  readonly #runs = new Map<string, Run>();
  readonly #idle: Idle[] = [];
  /** Controllers that were killed, and broker processes that are no more. */
  readonly #killedAtMs = new Map<string, number>();
  readonly #endedAtMs = new Map<number, number>();
  readonly #open = new Set<Promise<void>>();
  readonly #pauses = new Set<Promise<void>>();
  readonly wrong: string[] = [];
  readonly counts = {
    asked: 0,
    repeated: 0,
    givenUp: 0,
    taken: 0,
    fenced: 0,
    freezes: 0,
    answersLost: 0,
    runnersKilled: 0,
    brokerFrozen: 0,
    brokerKilled: 0,
    brokerDrained: 0,
    brokerReplaced: 0,
    lostWithRunner: 0,
    lostWithBroker: 0,
  };
  /** Of broker processes, from 1. */
  #process = 1;
  #isDown = false;
  #lastDownMs = Number.NEGATIVE_INFINITY;
  #born = 0;
  #bornAtMs = Number.NEGATIVE_INFINITY;

  constructor(broker: BrokerProcess, machines: Machines, random: Random) {
    this.#broker = broker;
    this.#machines = machines;
    this.#random = random;
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: runnersAtOnce }, () => this.#bear()));
    await until(async () => (await this.#broker.status()).parked === runnersAtOnce, 30_000);
  }

  async step(): Promise<void> {
    const random = this.#random;
    const action = random(1000);
    if (action < 400) {
      if (this.#open.size < openMax) this.#ask(`snapshot_${this.#runs.size}`);
    } else if (action < 420) this.#repeat();
    else if (action < 460) this.#freeze();
    else if (action < 466) await this.#loseAnswer();
    else if (action < 468) await this.#killRunner();
    else if (action < 470) this.#disturb(() => this.#freezeBroker());
    else if (action < 472) this.#disturb(() => this.#kill());
    else if (action < 474) this.#disturb(() => this.#drain());
    else if (action < 476) this.#disturb(() => this.#replace());
    else await Bun.sleep(random(20));
    if (this.#idle.length < runnersAtOnce && performance.now() - this.#bornAtMs > birthPauseMs)
      await this.#bear();
  }

  /** Everybody thaws, what is under way ends; then what is wrong is in `wrong`. */
  async end(): Promise<void> {
    await Promise.all(this.#pauses);
    await Promise.all(this.#open);
    // Not that all runners wait again: after some outages a client may pause for minutes between two attempts.
    const isQuiet = async () =>
      (await this.#broker.status()).pending === 0 && this.#missing().length === 0;
    await until(isQuiet, 20_000).catch(async () => {
      const { pending } = await this.#broker.status();
      if (pending > 0) this.wrong.push(`${pending} dispatches are pending`);
    });
    for (const run of this.#missing()) this.wrong.push(`lost: ${this.#show(run)}`);
    for (const run of this.#runs.values()) this.#judge(run);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#idle.map(({ process }) => process.kill()));
  }

  /** Said to be taken, nobody has it, and nobody who could have had it was ended before it could arrive. */
  #missing(): Run[] {
    return [...this.#runs.values()].filter(
      (run) =>
        run.told.includes("true") &&
        run.runners.length === 0 &&
        !this.#wentWithRunner(run) &&
        !this.#wentWithBroker(run),
    );
  }

  #wentWithRunner(run: Run): boolean {
    const { controller = "" } = this.#lineOf(run.snapshot) ?? {};
    const killedAtMs = this.#killedAtMs.get(controller) ?? Number.POSITIVE_INFINITY;
    return killedAtMs < run.takenAtMs + arrivalMsMax;
  }

  #wentWithBroker({ asked, takenAtMs }: Run): boolean {
    const endsMs = [...asked].map((one) => this.#endedAtMs.get(one) ?? Number.POSITIVE_INFINITY);
    return Math.min(...endsMs) < takenAtMs + arrivalMsMax;
  }

  #judge(run: Run): void {
    const { told, runners, asked, isGivenUp } = run;
    if (told.includes("true")) {
      this.counts.taken += 1;
      if (runners.length === 0 && !this.#missing().includes(run)) {
        if (this.#wentWithRunner(run)) this.counts.lostWithRunner += 1;
        else this.counts.lostWithBroker += 1;
      }
    }
    const isAmbiguous = isGivenUp || told.includes("error") || asked.size > 1;
    if (runners.length > 1) this.wrong.push(`doubled: ${this.#show(run)}`);
    else if (runners.length === 1 && !told.includes("true")) {
      if (isAmbiguous) this.counts.fenced += 1;
      else this.wrong.push(`doubled by a cold start: ${this.#show(run)}`);
    }
  }

  #show({ snapshot, told, runners, asked }: Run): string {
    const brokers = `${[...asked].join(", ")} of ${this.#process}`;
    const line = JSON.stringify(this.#lineOf(snapshot) ?? null);
    return `${snapshot}: told ${told.join(", ")}; has ${runners.join(", ") || "nobody"}; broker ${brokers}; ${line}`;
  }

  #lineOf(snapshot: string): DispatchLine | undefined {
    return this.#broker.dispatches.find((line) => line.snapshot === snapshot && line.didWarmStart);
  }

  #keyOf(number: number): MachineKey {
    return { deployment: `deployment_${number % 3}`, version: "1", cpu: 1, memory: 0.5 };
  }

  async #bear(): Promise<void> {
    this.#born += 1;
    this.#bornAtMs = performance.now();
    const number = this.#born;
    const id = `controller_${number}`;
    const machine = await this.#machines.add(this.#broker.port);
    const key = this.#keyOf(this.#random(3));
    const controller = {
      id,
      apiUrl: machine.origin,
      deployment: key.deployment,
      version: key.version,
      cpu: String(key.cpu),
      memory: String(key.memory),
      instance: machine.name,
      runMs: this.#random(40),
    };
    const runtime = this.#random(2) === 0 ? "node" : "bun";
    const onEvent = (event: RunnerEvent) => this.#hear(event);
    const process = await RunnerProcess.start({ runtime, controllers: [controller], onEvent });
    this.#idle.push({ id, process, machine });
  }

  #hear(event: RunnerEvent): void {
    if (event.kind === "got") this.#runs.get(event.snapshot)?.runners.push(event.controller);
    if (event.kind !== "ended") return;
    const at = this.#idle.findIndex(({ id }) => id === event.controller);
    if (at >= 0) this.#idle.splice(at, 1);
    // Three attempts at `/connect` within a second, all without a broker: the client's own end.
    const wasDown = this.#isDown || performance.now() - this.#lastDownMs < 10_000;
    const isWithoutBroker = event.why.startsWith("connect") && wasDown;
    if (!isWithoutBroker && !this.#killedAtMs.has(event.controller))
      this.wrong.push(`${event.controller} ended: ${event.code} ${event.why}`);
  }

  #ask(snapshot: string): void {
    const known = this.#runs.get(snapshot);
    const run: Run = known ?? {
      snapshot,
      told: [],
      runners: [],
      asked: new Set(),
      takenAtMs: Number.POSITIVE_INFINITY,
      isGivenUp: false,
    };
    this.#runs.set(snapshot, run);
    run.asked.add(this.#process);
    this.counts.asked += 1;
    const isGivenUp = known === undefined && this.#random(40) === 0;
    if (isGivenUp) {
      this.counts.givenUp += 1;
      run.isGivenUp = true;
    }
    const signal = AbortSignal.timeout(isGivenUp ? 1 + this.#random(50) : answerMsMax);
    const key = this.#keyOf(this.#random(3));
    const startedAtMs = performance.now();
    const ask = { key, run: `run_${snapshot}`, snapshot, signal };
    const asked = dispatch(this.#broker.dispatchOrigin, ask).then((verdict) => {
      run.told.push(verdict);
      if (verdict === "true") run.takenAtMs = Math.min(run.takenAtMs, performance.now());
      // Between two processes of a broker it may have been either that answered.
      run.asked.add(this.#process);
      const tookMs = performance.now() - startedAtMs;
      if (!isGivenUp && tookMs >= answerMsMax) this.wrong.push(`${snapshot} was not answered`);
      const wasDown = this.#isDown || this.#lastDownMs > startedAtMs - 2000;
      if (verdict === "error" && !run.isGivenUp && !wasDown)
        this.wrong.push(`${snapshot} was broken off`);
    });
    const tracked = asked.finally(() => this.#open.delete(tracked));
    this.#open.add(tracked);
  }

  /** The same again, as a supervisor does that has forgotten: of the process that was asked the first time. */
  #repeat(): void {
    const recent = [...this.#runs.values()].slice(-20);
    if (recent.length === 0 || this.#open.size >= openMax) return;
    const run = pick(this.#random, recent);
    if (run.isGivenUp || this.#isDown || [...run.asked].some((one) => one !== this.#process))
      return;
    this.counts.repeated += 1;
    this.#ask(run.snapshot);
  }

  #freeze(): void {
    if (this.#idle.length === 0) return;
    const { process } = pick(this.#random, this.#idle);
    if (process.isFrozen || this.#idle.filter((one) => one.process.isFrozen).length > 3) return;
    this.counts.freezes += 1;
    process.freeze();
    const forMs = this.#random(4) === 0 ? this.#random(2500) : this.#random(300);
    this.#pause(forMs, () => {
      if (!process.isKilled) process.thaw();
    });
  }

  async #loseAnswer(): Promise<void> {
    if (this.#idle.length === 0) return;
    const { machine } = pick(this.#random, this.#idle);
    this.counts.answersLost += 1;
    await machine.vanish("claim");
    this.#pause(this.#random(1500), () => void machine.return());
  }

  async #killRunner(): Promise<void> {
    const at = this.#random(this.#idle.length);
    const [runner] = this.#idle.splice(at, 1);
    if (runner === undefined) return;
    this.counts.runnersKilled += 1;
    this.#killedAtMs.set(runner.id, performance.now());
    await runner.process.kill();
  }

  /** One trouble of the broker's at a time, beside all else that happens. */
  #disturb(trouble: () => Promise<void>): void {
    if (this.#isDown) return;
    this.#isDown = true;
    const over = trouble()
      .catch((error: Error) => void this.wrong.push(error.message))
      .finally(() => {
        this.#pauses.delete(over);
        this.#isDown = false;
        this.#lastDownMs = performance.now();
      });
    this.#pauses.add(over);
  }

  async #freezeBroker(): Promise<void> {
    this.counts.brokerFrozen += 1;
    this.#broker.freeze();
    await Bun.sleep(this.#random(800));
    this.#broker.thaw();
  }

  async #kill(): Promise<void> {
    this.counts.brokerKilled += 1;
    await this.#broker.kill();
    await this.#broker.start();
    this.#next();
  }

  async #drain(): Promise<void> {
    this.counts.brokerDrained += 1;
    this.#exited(await this.#broker.drain());
    await this.#broker.start();
    this.#next();
  }

  async #replace(): Promise<void> {
    this.counts.brokerReplaced += 1;
    this.#exited(await this.#broker.replace());
    this.#next();
  }

  #next(): void {
    this.#endedAtMs.set(this.#process, performance.now());
    this.#process += 1;
  }

  #exited(code: number): void {
    if (code !== 0) this.wrong.push(`a drained broker ended with ${code}`);
  }

  #pause(forMs: number, after: () => void): void {
    const paused = Bun.sleep(forMs).then(() => {
      after();
      this.#pauses.delete(paused);
    });
    this.#pauses.add(paused);
  }
}
