/** Every bound of the assets folder, with its reason. Checked against docs/limits.md. */

// --- at build ---

/** Files of all asset folders of an app; each has a row in memory while the app is asked for. Count. */
export const assetFilesMax = 20_000;

/** Path of one file below its folder, in UTF-8; a URL has to hold it with its escapes. Bytes. */
export const assetPathBytesMax = 1024;

/** Larger files are sent as they are: what is that large is mostly compressed already, and takes a build minutes. Bytes. */
export const preparedBytesMax = 16 * 1024 * 1024;

/** Smaller files fit the first packets with their head in any case. Bytes. */
export const preparedBytesMin = 256;

/** A prepared encoding has to save at least this part of a file; less is not worth the reader's work. Part of 1. */
export const preparedGainMin = 0.05;

/** Up to here the slowest and smallest brotli is made, at about 3 s per MB; beyond, one that is ten times as fast. Bytes. */
export const slowBrotliBytesMax = 64 * 1024;

/** Up to here zstd takes its time; beyond, a level that is several times as fast. Bytes. */
export const slowZstdBytesMax = 1024 * 1024;

/** `_redirects` and `_headers`, each; they are read whole. Bytes. */
export const rulesBytesMax = 256 * 1024;

/** Rules of `_redirects`; those with placeholders are looked through for each path that is no file. Count. */
export const redirectRulesMax = 2000;

/** Rules of `_headers`. Count. */
export const headerRulesMax = 100;

/** A line of either file. Characters. */
export const ruleLineCharactersMax = 2000;

/** Header lines that rules give one answer, all together and with what their placeholders stand for; they stand in front of each cached file. Bytes. */
export const ruleLinesBytesMax = 8 * 1024;

/** Problems that are named when a deploy is refused. Count. */
export const ruleProblemsMax = 20;

/** The manifest, with a row for each file. Bytes. */
export const assetManifestBytesMax = 32 * 1024 * 1024;

// --- while serving ---

/** Files up to this size are answered from memory once they were read; larger ones are read for each answer. Bytes. */
export const cachedFileBytesMax = 256 * 1024;

/** Files that one edge keeps in memory. Bytes. */
export const assetCacheBytesMax = 64 * 1024 * 1024;

/** A piece of a larger file: read, sent, and taken by the client before the next one is read. Bytes. */
export const pieceBytesMax = 128 * 1024;

/** Buffers for such pieces that are kept for the next ones. Count. */
export const pieceBuffersMax = 16;

/** Rows of all versions that one edge has in memory, of 2 KB each; versions that nobody asked for longest go first. Count. */
export const siteRowsMax = 50_000;

/** Spellings of `Accept-Encoding` that are remembered; browsers have a few dozen. Count. */
export const acceptSpellingsMax = 256;

/** Target of a redirect with what its placeholders stand for: the longest path, and as much again. Characters. */
export const redirectCharactersMax = 32 * 1024;

/** Longer paths are worked out each time, so that nobody fills the memory with them. Characters. */
export const derivedPathCharactersMax = 1024;

/** Paths of a version that have no row and are remembered with what they lead to. Count. */
export const derivedPathsMax = 1024;
