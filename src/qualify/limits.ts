/** Of one case, unless it has a bound of its own: the longest takes 13 s on a slow runtime of a quiet machine. Milliseconds. */
export const caseTimeoutMsDefault = 60_000;

/** Of a case of an app's own, and of its test command, unless `--case-timeout-ms` says otherwise. Milliseconds. */
export const appCaseTimeoutMsDefault = 120_000;

/** What `--case-timeout-ms` may be. Milliseconds. */
export const caseTimeoutMsLargest = 3_600_000;

/** Private memory of all processes of a case together: the leak that is looked for is called one at 900 MiB. Bytes. */
export const caseMemoryBytesMax = 1_536 * 1024 * 1024;

/** The same for an app's own test command, which may be a bundler too. Bytes. */
export const appTestsMemoryBytesMax = 4 * 1024 * 1024 * 1024;

/** Processes of one case at the same time. Count. */
export const caseProcessesMax = 64;

/** How often the processes of a case are looked at. Milliseconds. */
export const caseLookMs = 100;

/** How long output is still read that something outside of the case holds open. Milliseconds. */
export const outputGraceMs = 1_000;

/** Lines of what a case printed that are kept as evidence. Count. */
export const evidenceLinesMax = 20;

/** Of one of them. Bytes. */
export const evidenceLineBytesMax = 400;

/** What a case leaves as its outcome. Bytes. */
export const outcomeBytesMax = 65_536;

/** Numbers that a case may note. Count. */
export const measuresMax = 100;

/** Of a reason. Characters. */
export const reasonCharactersMax = 500;

/** Until the other side of a case listens. Milliseconds. */
export const peerStartTimeoutMs = 20_000;

/** Runtimes in one run. Count. */
export const runtimesMax = 20;

/** Cases of an app's own. Count. */
export const appCasesMax = 100;

/** Until a query counts as hung. Milliseconds. */
export const sqlDeadlineMs = 4_000;

/** How long the first query after a pause may take on a busy machine. Milliseconds. */
export const sqlRecoveryMsMax = 3_000;

/** Counted load of a performance scenario. Milliseconds. */
export const loadMs = 1_500;

/** Load before it. Milliseconds. */
export const loadWarmUpMs = 500;

/** A runtime that answers fewer requests than this share of the node's own is too slow; a machine that is busy errs by half. Share. */
export const loadRateShareMin = 0.25;

/** The same with `--quick`. Milliseconds. */
export const loadQuickMs = 400;
