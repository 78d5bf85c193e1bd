/** Bounds of the relay, each with its reason. */

/** Characters of a statement that are looked at for its shape; a bulk insert is many times as long. */
export const shapeTextCharactersMax = 65_536;
/** Characters of a statement's shape that are shown; the others count for its fingerprint only. */
export const shapeCharactersMax = 1000;
/** Shapes that are kept by text, so that a statement that repeats is not read anew. */
export const shapesKeptMax = 512;
/** Texts whose features are kept, so that a statement that repeats is not read anew. */
export const featuresKeptMax = 512;
/** Requests of one app whose queries are counted at once; the one that was silent longest is dropped. */
export const requestsCountedMax = 1000;
/** Shapes that are told apart within one request; what is beyond is counted together. */
export const requestShapesMax = 50;
/** Silence after which a request over its budget is reported, with all of its queries. Milliseconds. */
export const requestReportMs = 1000;
/** Records of one database and one kind that are written per second; more are counted. */
export const guardRecordsPerSecondMax = 5;
/** The same, at once. */
export const guardRecordsBurstMax = 20;
/** Pause between two records that say how many were left out. Milliseconds. */
export const guardGapReportMs = 1000;
