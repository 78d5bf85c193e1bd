/** Entries of `x-forwarded-for` that are followed back to the client. Count. */
export const forwardedHopsMax = 32;
