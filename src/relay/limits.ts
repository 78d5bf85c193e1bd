/** Bounds of the relay, each with its reason. */

/** Characters of a statement that are looked at for its shape; a bulk insert is many times as long. */
export const shapeTextCharactersMax = 65_536;
/** Characters of a statement's shape that are shown; the others count for its fingerprint only. */
export const shapeCharactersMax = 1000;
/** Shapes that are kept by text, so that a statement that repeats is not read anew. */
export const shapesKeptMax = 512;
/** Texts whose features are kept, so that a statement that repeats is not read anew. */
export const featuresKeptMax = 512;
