/**
 * One poll that the broker holds.
 *
 *   (a poll) ──▶ fresh ────────▶ doubtful      both are listed: messages are offered to them, fresh ones first
 *                  │                │
 *                  ├──▶ cordoned ◀──┤          its machine is cordoned: it is held and gets nothing, until that is over
 *                  └──▶ spent    ◀──┘          its client is about to ask anew: it is held and gets nothing any more
 */
import type { Poll, PollSocket, Waiter } from "./broker-api.ts";
import type { KeyEntry } from "./key-table.ts";

export type Rank = "fresh" | "doubtful" | "cordoned" | "spent";

export class ParkedWaiter implements Waiter {
  readonly poll: Poll;
  readonly socket: PollSocket;
  /** When this poll came. Clock time. */
  readonly polledMs: number;
  /** When its client began to wait, redirects included. Clock time. */
  readonly beganMs: number;
  /** Redirects of this fetch. */
  readonly hops: number;
  rank: Rank;
  /** Null: it is parked no more. `Waiters` assigns it. */
  entry: KeyEntry | null = null;
  /** In a list of its entry. */
  prev: ParkedWaiter | null = null;
  next: ParkedWaiter | null = null;
  /** In a slot of `WaiterDeadlines`, which owns these. Clock time. */
  dueMs = 0;
  duePrev: ParkedWaiter | null = null;
  dueNext: ParkedWaiter | null = null;

  constructor(
    poll: Poll,
    socket: PollSocket,
    polledMs: number,
    beganMs: number,
    hops: number,
    rank: Rank,
  ) {
    this.poll = poll;
    this.socket = socket;
    this.polledMs = polledMs;
    this.beganMs = beganMs;
    this.hops = hops;
    this.rank = rank;
  }
}
