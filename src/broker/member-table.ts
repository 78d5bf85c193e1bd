/**
 * The brokers that this one knows, and which of them a key belongs to. Decides from what it is told: names, checks, which one
 * is itself. Brokers may differ in what they know for a while; a request is redirected once, so that they cannot play ball.
 *
 *   contenders = this broker, once it is found among the members, and those peers that are healthy
 */
import type { MatchKey } from "./broker-api.ts";
import { ownersRememberedMax, peersMax } from "./limits.ts";
import type { PeerFailure } from "./peer-check.ts";
import { PeerHealth } from "./peer-health.ts";
import { type Contender, seedOf, winnerOf } from "./rendezvous.ts";
import type { MemberFacts } from "./trust-api.ts";

/** What a peer's `/healthz` said. */
export interface PeerAnswer {
  /** The random id of its process. */
  readonly broker: string;
  /** Where it takes dispatches; null: where it takes polls. */
  readonly dispatchPort: number | null;
}

export interface Member extends Contender {
  readonly health: PeerHealth;
  isSelf: boolean;
  /** Base URL that dispatches go to. */
  dispatchUrl: string;
}

/** Where one key's requests go. */
interface Placement {
  /** Null: this broker. */
  readonly owner: Member | null;
  /** The best of the others; null: there is none. */
  readonly heir: Member | null;
}

const here: Placement = { owner: null, heir: null };

export class MemberTable {
  readonly #id: string;
  readonly #selfUrl: string | null;
  readonly #members = new Map<string, Member>();
  #contenders: readonly Member[] = [];
  #epoch = epochOf([]);
  /** Names of the contenders, and which of them is this broker. */
  #sides = "";
  #changes = 0;
  #isAlone = true;
  /** By key, until `epoch` changes. */
  readonly #placements = new Map<MatchKey, Placement>();

  /**
   * @param id random, of this process
   * @param selfUrl this broker's name among the members, when it is told; null: found out
   */
  constructor(id: string, selfUrl: string | null) {
    this.#id = id;
    this.#selfUrl = selfUrl;
  }

  /** Fingerprint of the contenders. */
  get epoch(): string {
    return this.#epoch;
  }

  /** How often keys may have got another owner. Count. */
  get changes(): number {
    return this.#changes;
  }

  /** Nobody but this broker is a member. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  /** Whether this broker has been found among the members. */
  get isFound(): boolean {
    for (const member of this.#members.values()) if (member.isSelf) return true;
    return false;
  }

  get members(): Iterable<Member> {
    return this.#members.values();
  }

  /**
   * These are the members from now on; what is known of those that stay is kept.
   *
   * @param urls of any number and order; the first `peersMax` by name count
   * @param isSelf whether one looks like this broker; what it answers says more
   */
  setMembers(urls: Iterable<string>, isSelf: (url: string) => boolean): void {
    const wanted = new Set([...new Set(urls)].sort().slice(0, peersMax));
    for (const url of this.#members.keys()) if (!wanted.has(url)) this.#members.delete(url);
    for (const url of wanted) {
      if (this.#members.has(url)) continue;
      const health = new PeerHealth();
      const seed = seedOf(url);
      const isOwn = url === this.#selfUrl || (this.#selfUrl === null && isSelf(url));
      this.#members.set(url, { url, seed, health, isSelf: isOwn, dispatchUrl: url });
    }
    this.#recount();
  }

  /**
   * @param result of the check
   * @returns whether it is in now, when a peer has gone out or come back; else null, as for one that is in for the first time
   */
  noteCheck(url: string, result: PeerAnswer | PeerFailure): boolean | null {
    const member = this.#members.get(url);
    if (member === undefined) return null;
    const { health } = member;
    const { wasIn } = health;
    const isGood = typeof result !== "string";
    const hasMoved = health.noteCheck(isGood ? "good" : result) && wasIn;
    if (isGood) {
      member.dispatchUrl = withPort(url, result.dispatchPort);
      member.isSelf = result.broker === this.#id || url === this.#selfUrl;
    }
    this.#recount();
    return hasMoved && !member.isSelf ? health.isHealthy : null;
  }

  /** Whether it is a peer that serves, and the next refusal puts out. */
  isNearlyGone(url: string): boolean {
    const member = this.#members.get(url);
    return member !== undefined && !member.isSelf && member.health.isNearlyGone;
  }

  /** Peers that have never been in. */
  get unseen(): string[] {
    const unseen = [...this.#members.values()].filter((it) => !it.isSelf && !it.health.wasIn);
    return unseen.map(({ url }) => url);
  }

  ownerOf(key: MatchKey): Member | null {
    return this.#contenders.length === 0 ? null : this.#placementOf(key).owner;
  }

  heirOf(key: MatchKey): Member | null {
    return this.#contenders.length === 0 ? null : this.#placementOf(key).heir;
  }

  facts(): MemberFacts[] {
    return [...this.#members.values()].map(({ url, isSelf, health }) => ({
      url,
      isSelf,
      isHealthy: isSelf || health.isHealthy,
    }));
  }

  #placementOf(key: MatchKey): Placement {
    const known = this.#placements.get(key);
    if (known !== undefined) return known;
    const winner = winnerOf(this.#contenders, key);
    const heir = winnerOf(
      this.#contenders.filter((member) => !member.isSelf),
      key,
    );
    const owner = winner === null || winner.isSelf ? null : winner;
    const placement = owner === null && heir === null ? here : { owner, heir };
    if (this.#placements.size >= ownersRememberedMax) this.#placements.clear();
    this.#placements.set(key, placement);
    return placement;
  }

  #recount(): void {
    const all = [...this.#members.values()];
    this.#isAlone = all.every((member) => member.isSelf);
    this.#contenders = all.filter((member) => member.isSelf || member.health.isHealthy);
    const sides = this.#contenders.map(({ url, isSelf }) => `${isSelf} ${url}`).sort();
    if (sides.join() === this.#sides) return;
    this.#sides = sides.join();
    this.#changes += 1;
    this.#placements.clear();
    this.#epoch = epochOf(this.#contenders);
  }
}

function epochOf(contenders: readonly Contender[]): string {
  const text = contenders.map(({ url }) => url).sort();
  return Bun.hash.xxHash64(text.join(" ")).toString(16);
}

function withPort(url: string, port: number | null): string {
  if (port === null) return url;
  const { protocol, hostname } = new URL(url);
  return `${protocol}//${hostname}:${port}`;
}
