/** What a node and the process that pages for it say to each other. */

export type ToPager =
  /** Page out this process and what descends from it. One job at a time. */
  | { type: "page"; id: number; pid: number }
  /** Break off this job. */
  | { type: "cancel"; id: number };

export interface FromPager {
  type: "done";
  id: number;
  /** In RAM, the processes' own, before and after. Bytes. */
  beforeBytes: number;
  afterBytes: number;
  isCancelled: boolean;
  /** Why the kernel did not let us: a symbolic errno. Null when it did. */
  errno: string | null;
}
