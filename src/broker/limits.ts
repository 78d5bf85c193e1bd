/** Bounds of the warm-start broker, each with its reason. */
/** A deployment token; those of Trigger.dev have some 500. Longer ones are not decoded. Characters. */
export const tokenCharactersMax = 4096;
/** Tokens that are remembered as verified; one per deployment that polls. Count. */
export const tokensMax = 4096;
/** Of all texts of remembered tokens. Characters. */
export const tokensCharactersMax = 4 * 1024 * 1024;
/** The name of a deployment or its version inside a token. Characters. */
export const deploymentNameCharactersMax = 256;
