/** Time is passed in, so that decisions can be tested with any time. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970; for records, never for durations. */
  wallMs(): number;
  /** Milliseconds since some fixed point; never goes back. For durations and deadlines. */
  nowMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  nowMs: () => performance.now(),
};
