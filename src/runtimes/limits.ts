/** Until a runtime is there, waiting for somebody else who fetches it included: 35 MB over a slow line. Milliseconds. */
export const fetchTimeoutMs = 300_000;

/** Between two looks whether somebody else has done with it. Milliseconds. */
export const lockPollMs = 100;

/** Until a runtime has said which version it is. It takes 10 ms; the disk may be slow. Milliseconds. */
export const askVersionTimeoutMs = 15_000;

/** Of what a package manager says about a failure, the end is shown. Characters. */
export const reasonCharactersMax = 300;

/** Of what it prints, so much is kept until it has ended. Characters. */
export const outputCharactersMax = 16_384;

/** A note about a runtime is a few hundred. Bytes. */
export const noteBytesMax = 16_384;
