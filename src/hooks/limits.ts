/** Hooks of one node; each is asked for every request. Count. */
export const hooksMax = 32;

/** From the import of a hook's module to what its set-up returns; a start that hangs would say nothing. Milliseconds. */
export const hookLoadTimeoutMs = 10_000;
