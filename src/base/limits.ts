/** Entries of `x-forwarded-for` that are followed back to the client. Count. */
export const forwardedHopsMax = 32;

/** Enough of a wrong value to recognize it in a message. Count of characters. */
export const problemValueCharactersMax = 60;
