/** Every bound of the backup folder, with its reason. */

/** One part of a backup: what is sent, and tried again, at once; two are on their way while a third fills. Bytes. */
export const partBytesMax = 16 * 1024 * 1024;
/** Parts on their way to the storage at once. Count. */
export const partsInFlightMax = 2;
/** A manifest names each part: 16 TiB of them. Bytes. */
export const manifestBytesMax = 128 * 1024 * 1024;
/** What PostgreSQL says of a base backup: about 200 bytes a file. Bytes. */
export const clusterManifestBytesMax = 512 * 1024 * 1024;
/** Compression of what is sent: fast; more takes several times the CPU for a tenth less. */
export const compressionLevel = 3;
/** Plain bytes that are sealed at once, and that have to be there before any of them is believed. Bytes. */
export const sealedChunkBytes = 64 * 1024;
/** The whole of GCM's tag. Bytes. */
export const sealTagBytes = 16;
/** Cost of a guess at a passphrase: 64 MiB of memory and some 0.2 s. */
export const scryptCost = 65_536;
/** The usual block size of scrypt; with the cost it gives the memory. */
export const scryptBlockSize = 8;
/** Shorter ones are guessed. Characters. */
export const passphraseCharactersMin = 12;
/** A file with a passphrase has one line. Bytes. */
export const passphraseBytesMax = 4096;
/** Unread bytes of a base backup or of rows beyond which the server is made to wait. Bytes. */
export const copyQueueBytesMax = 4 * 1024 * 1024;
/** Silence of the server within a base backup; its checkpoint comes first. Milliseconds. */
export const baseBackupSilenceMs = 300_000;
/** Until the server answers a command of the replication protocol. Milliseconds. */
export const replicationTimeoutMs = 30_000;
/** Tries of one request to an S3 storage, with growing pauses between them. Count. */
export const s3TriesMax = 5;
/** First pause between two tries; doubles each time. Milliseconds. */
export const s3RetryMs = 300;
/** One request to an S3 storage: a part at 1 Mbit/s, and some. Milliseconds. */
export const s3RequestTimeoutMs = 180_000;
/** What a storage says that went wrong is read up to this. Bytes. */
export const s3ErrorBytesMax = 16 * 1024;
/** Backups in one place that are looked at. Count. */
export const backupsListedMax = 1000;
/** Age of something unfinished in an S3 storage after which nobody can be at it any more. Milliseconds. */
export const unfinishedMsMax = 48 * 3_600_000;
/** All of one backup; a cluster that takes longer needs another way. Milliseconds. */
export const backupTimeoutMs = 12 * 3_600_000;
/** Between two reports of how far a backup is. Milliseconds. */
export const progressMs = 500;

/** How often the process of a backup says that it runs. Milliseconds. */
export const aliveMs = 5_000;

/**
 * It is killed when it has said nothing for so long: it stands still, and would keep artifacts and keys for ever. It has the lowest
 * priority, so a busy machine makes it late. Milliseconds.
 */
export const backupSilenceMs = 300_000;
/** Pause before a scheduled backup that failed is tried again; doubles each time. Milliseconds. */
export const backupRetryMs = 5 * 60_000;
/** Longest pause between two tries. Milliseconds. */
export const backupRetryMsMax = 3_600_000;
/** How much later than planned the last good backup may be before it is called overdue: a part of the interval. */
export const overdueFactor = 1.5;
/** Recovery of a restored cluster, once, before anybody uses it. Milliseconds. */
export const recoveryTimeoutMs = 3_600_000;
/** Room that a restore leaves on the disk. Bytes. */
export const restoreReserveBytes = 64 * 1024 * 1024;
/** pg_dump of the schema of one database, without its rows; seconds for thousands of tables. Milliseconds. */
export const schemaDumpTimeoutMs = 300_000;
/** A large object is read, and written again, in such pieces. Bytes. */
export const largeObjectPieceBytes = 512 * 1024;
/** One statement of a dump: the longest function anybody wrote, and a piece of a large object in hex. Bytes. */
export const dumpStatementBytesMax = 64 * 1024 * 1024;
/** One statement of a dump that is restored: an index of a large table. Milliseconds. */
export const dumpStatementTimeoutMs = 3_600_000;
