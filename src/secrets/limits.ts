/** Every bound of the secrets folder, with its reason. Checked against docs/limits.md. */

/** Longer than any name in use, short enough for a line. Characters. */
export const envNameCharactersMax = 256;
/** Certificates and service accounts fit; Linux takes 128 KiB in one variable of a process. Bytes. */
export const envValueBytesMax = 64 * 1024;
/** Values that are set for one app, over all its branches; bounds what one deploy reads. Count. */
export const envValuesMax = 2000;
/** Names and values of one version together; Linux gives a process 2 MiB. Bytes. */
export const envBytesMax = 256 * 1024;
/** AES-256. Bytes. */
export const masterKeyBytes = 32;
/** What GCM takes without hashing it; at random, a key is good for 2^32 values. Bytes. */
export const nonceBytes = 12;
/** The whole of GCM's tag. Bytes. */
export const tagBytes = 16;
/** The key in use, one that a rotation replaces, and a few more by hand. Count. */
export const masterKeysMax = 8;
/** A few keys with a comment. Bytes. */
export const masterKeyFileBytesMax = 4096;
/** Tells values of one app apart, and says too little of a value to guess it by. Hex digits. */
export const fingerprintDigits = 8;
/** Rows that one transaction of a rotation seals anew. Count. */
export const resealBatch = 100;
/** Names that one command sets or takes away. Count. */
export const envChangesMax = 500;
/** Issues of one value that a schema of the app's own may name. Count. */
export const issuesPerValueMax = 3;
/** One rule that a schema of the app's own names, as it is passed on. Characters. */
export const ruleCharactersMax = 200;
