/**
 * Many brokers as one: every key belongs to one of them, and who asks another is sent there. Nothing is stored or elected;
 * each broker looks at its peers and decides for itself (`member-table.ts`).
 *
 *   names (given, or looked up) ──▶ members ──checks each second──▶ contenders ──▶ owner of a key, epoch
 */

import type { MatchKey } from "./broker-api.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { peerCheckMs, peerGoodChecksMin, peerRefusedCheckMs, peersDnsLookMs } from "./limits.ts";
import { MemberTable } from "./member-table.ts";
import { checkPeer, healthBody } from "./peer-check.ts";
import { baseUrlOf, isOwnAddress, readPeersDns, resolvePeers } from "./peer-names.ts";
import type { Membership, MembershipFacts } from "./trust-api.ts";

export interface MembershipOptions {
  config: Pick<BrokerConfig, "peers" | "peersDns" | "selfUrl">;
  /** A random one for this process. */
  id: string;
  /** A line for the broker's log. */
  note(line: string): void;
  /** Base URLs of the name's addresses; the system's way when it is left out. */
  resolve?: typeof resolvePeers;
  /** Between two checks of a peer; `peerCheckMs` when it is left out. Milliseconds. */
  checkMs?: number;
  /** Between two look-ups; `peersDnsLookMs` when it is left out. Milliseconds. */
  lookMs?: number;
}

/** Rounds of checks after which a broker that is not among its peers is said to be missing. Count. */
const roundsUntilMissing = 10;
/** Rounds of checks after which all brokers have seen what one of them has. Count. */
const roundsToAgree = peerGoodChecksMin + 1;
/** Look-ups in a row without an address, until it is no member any more. Count. */
const looksUntilGone = 2;

/** Close it. Nothing is asked of the network before `start`. */
export function createMembership(options: MembershipOptions): Membership {
  return new PeerMembership(options);
}

class PeerMembership implements Membership {
  readonly id: string;
  readonly #options: MembershipOptions;
  readonly #table: MemberTable;
  readonly #listeners: (() => void)[] = [];
  readonly #ended = new AbortController();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  /** Of checks between two rounds; one for each peer at most. */
  readonly #soon = new Set<ReturnType<typeof setTimeout>>();
  /** Being checked now. */
  readonly #checking = new Set<string>();
  /** By base URL: look-ups in a row that did not have it. */
  readonly #missing = new Map<string, number>();
  #healthBody: string;
  #port = 0;
  #isLooking = false;
  #rounds = 0;
  /** Rounds of checks until listeners are told of the latest change once more; 0: not at all. */
  #roundsToRepeat = 0;
  /** Since the latest change requests landed here by another idea of who serves. */
  #isDisputed = false;
  /** What listeners were told of. */
  #changes = 0;
  #landed = 0;
  #disagreed = 0;
  #checkFailures = 0;
  #resolveFailures = 0;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.id = options.id;
    const { selfUrl } = options.config;
    this.#table = new MemberTable(options.id, selfUrl === null ? null : baseUrlOf(selfUrl));
    this.#healthBody = healthBody({ broker: this.id, dispatchPort: null });
  }

  get healthBody(): string {
    return this.#healthBody;
  }

  get epoch(): string {
    return this.#table.epoch;
  }

  get isAlone(): boolean {
    return this.#table.isAlone;
  }

  ownerOf(key: MatchKey): string | null {
    return this.#table.ownerOf(key)?.url ?? null;
  }

  dispatchOwnerOf(key: MatchKey): string | null {
    return this.#table.ownerOf(key)?.dispatchUrl ?? null;
  }

  heirOf(key: MatchKey): string | null {
    return this.#table.heirOf(key)?.url ?? null;
  }

  landed(epoch: string): void {
    this.#landed += 1;
    if (epoch === this.#table.epoch) return;
    this.#disagreed += 1;
    this.#isDisputed = true;
  }

  start({ port, dispatchPort }: { port: number; dispatchPort: number }): void {
    this.#port = port;
    this.#healthBody = healthBody({
      broker: this.id,
      dispatchPort: dispatchPort === port ? null : dispatchPort,
    });
    const { checkMs = peerCheckMs, lookMs = peersDnsLookMs, config } = this.#options;
    const { peers, peersDns } = config;
    const given = peers.map(baseUrlOf).filter((url) => url !== null);
    this.#setMembers(given);
    if (peersDns !== null) {
      void this.#look(given);
      this.#timers.push(setInterval(() => void this.#look(given), lookMs));
    }
    if (peersDns === null && given.length === 0) return;
    this.#checkAll();
    this.#timers.push(setInterval(() => this.#checkAll(), checkMs));
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  facts(): MembershipFacts {
    return {
      members: this.#table.facts(),
      epoch: this.#table.epoch,
      changes: this.#changes,
      landed: this.#landed,
      disagreed: this.#disagreed,
      checkFailures: this.#checkFailures,
      resolveFailures: this.#resolveFailures,
    };
  }

  close(): void {
    this.#ended.abort();
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.length = 0;
    for (const timer of this.#soon) clearTimeout(timer);
    this.#soon.clear();
    this.#listeners.length = 0;
  }

  #setMembers(urls: Iterable<string>): void {
    this.#table.setMembers(urls, (url) => isOwnAddress(url, this.#port));
    this.#tellChange();
  }

  #checkAll(): void {
    for (const { url } of this.#table.members) {
      // A check takes no longer than the time between two, but a timer may come early.
      if (!this.#checking.has(url)) void this.#check(url);
    }
    this.#rounds += 1;
    this.#repeatChange();
    if (this.#rounds === roundsUntilMissing) this.#noteMissing();
  }

  /** Once, when each has had its time: a name may be wrong, or nobody be there yet. */
  #noteMissing(): void {
    const { isFound, unseen } = this.#table;
    if (!isFound) {
      this.#options.note(
        "none of the peers is this broker, so no key is its own; give its base URL with --self-url",
      );
    }
    if (unseen.length > 0) {
      this.#options.note(`these brokers have not answered yet: ${unseen.join(", ")}`);
    }
  }

  async #check(url: string): Promise<void> {
    this.#checking.add(url);
    const result = await checkPeer(url, this.#ended.signal);
    this.#checking.delete(url);
    if (this.#ended.signal.aborted) return;
    if (typeof result === "string") this.#checkFailures += 1;
    const isBack = this.#table.noteCheck(url, result);
    if (this.#table.isNearlyGone(url)) this.#checkSoon(url);
    if (isBack !== null) {
      const what = isBack
        ? "answers again: its keys are its own"
        : "does not answer: its keys are others' now";
      this.#options.note(`the broker ${url} ${what}`);
    }
    this.#tellChange();
  }

  /** Nobody listens there: whether that is so still is known sooner than by the next round. */
  #checkSoon(url: string): void {
    const timer = setTimeout(() => {
      this.#soon.delete(timer);
      if (!this.#checking.has(url)) void this.#check(url);
    }, peerRefusedCheckMs);
    this.#soon.add(timer);
  }

  async #look(given: readonly string[]): Promise<void> {
    const peers = readPeersDns(this.#options.config.peersDns ?? "");
    if (peers === null || this.#isLooking) return;
    this.#isLooking = true;
    try {
      const found = await (this.#options.resolve ?? resolvePeers)(peers.name, peers.port);
      if (!this.#ended.signal.aborted) this.#noteFound(new Set([...given, ...found]));
    } catch (error) {
      // Who was there before still is: checks say who serves.
      this.#resolveFailures += 1;
      if (this.#resolveFailures === 1) {
        this.#options.note(`cannot look up the peers "${peers.name}": ${(error as Error).message}`);
      }
    } finally {
      this.#isLooking = false;
    }
  }

  /** One answer may leave an address out that the next has again. */
  #noteFound(found: ReadonlySet<string>): void {
    const members = new Set(found);
    for (const { url } of this.#table.members) {
      const misses = found.has(url) ? 0 : (this.#missing.get(url) ?? 0) + 1;
      if (misses === 0 || misses >= looksUntilGone) this.#missing.delete(url);
      else this.#missing.set(url, misses);
      if (misses < looksUntilGone) members.add(url);
    }
    const knownCount = [...this.#table.members].length;
    this.#setMembers(members);
    // A new one is asked at once: until it has answered it gets no keys.
    if (members.size !== knownCount) this.#checkAll();
  }

  #tellChange(): void {
    const { changes } = this.#table;
    if (changes === this.#changes) return;
    this.#changes = changes;
    this.#isDisputed = false;
    this.#roundsToRepeat = roundsToAgree;
    this.#tell();
  }

  /**
   * Others see a change some checks earlier or later; what they send here meanwhile may belong elsewhere. Once, since brokers
   * that go on disagreeing would send it to and fro.
   */
  #repeatChange(): void {
    if (this.#roundsToRepeat === 0) return;
    this.#roundsToRepeat -= 1;
    if (this.#roundsToRepeat === 0 && this.#isDisputed) this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
