/** Spellings of hosts kept with their answer; a client chooses them, so they are bounded. Count. */
export const spellingsMax = 10_000;
