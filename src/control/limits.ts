/** JSON body of an admin request; the largest real one has two short fields. Bytes. */
export const adminBodyBytesMax = 64 * 1024;

/** Body of a request with environment values: those of a large app together, as JSON. Bytes. */
export const envBodyBytesMax = 1024 * 1024;

/** A token that an operator wrote into the file; one of these is 128 bits in hex. Characters. */
export const adminTokenCharactersMin = 32;

/** Far below what a header may have. Characters. */
export const adminTokenCharactersMax = 512;

/** Wrong tokens that are told so at once, such as those of scripts after a rotation. Count. */
export const wrongTokensBurst = 20;

/** Beyond those; a token has 256 random bits, so this only keeps a loop from costing anything. Count per second. */
export const wrongTokensPerSecond = 1;

/** Between two lines of the node's log about wrong tokens. Milliseconds. */
export const wrongTokenNoteMs = 60_000;

/** Silence on an admin connection before it is closed; longer than any answer that is not a stream takes. Seconds. */
export const adminIdleSeconds = 120;

/** Time between the empty lines of a silent stream, well below every idle limit on the way. Milliseconds. */
export const streamHeartbeatMs = 10_000;

/** Unread bytes of a stream beyond which build output is left out, so that a client that stops reading costs no memory. Bytes. */
export const streamBacklogBytesMax = 1024 * 1024;

/** Grace for open answers when the admin server stops; then their connections are closed. Milliseconds. */
export const adminStopTimeoutMs = 2_000;

/** First pause before a failed publication of the route table is tried again; doubles each time. Milliseconds. */
export const publishRetryMs = 500;

/** Longest pause between two tries to publish the route table. Milliseconds. */
export const publishRetryMsMax = 15_000;

/** Records that one `logs` request may ask for with `tail`. Count. */
export const logTailMax = 100_000;

/** Text of `grep` in a `logs` request. Characters. */
export const logGrepCharactersMax = 1_000;

/** Silence of a client in the middle of its upload. Milliseconds. */
export const uploadSilenceMs = 30_000;

/** Path of the data directory: a unix socket's path has at most 107 bytes, and the longest below it adds 29. Bytes. */
export const dataDirBytesMax = 78;

// --- settings of a node: default, smallest, largest ---

/** A host name has 253 characters; labels for version and app come in front. Characters. */
export const domainCharactersMax = 180;

/** Longer than the default time limit of a request. Milliseconds. */
export const drainTimeoutMsDefault = 30_000;

/** Whoever stops a node does not wait longer; systemd kills after 90 s. Milliseconds. */
export const drainTimeoutMsLargest = 600_000;

/** At 40 MB for a small app that is 4 GB when all of them are in memory. Count. */
export const instancesMaxDefault = 100;

/** The node and its PostgreSQL take about 150 MiB; what is left is for apps. Bytes. */
export const memoryBytesSmallest = 256 * 1024 * 1024;

/** Each has a socket, two pipes and a process; Linux has 32,768 pids by default. Count. */
export const instancesMaxLargest = 10_000;

/** One for a first start, and one for the next while the first is replaced. Count. */
export const sparesMaxDefault = 2;

/** Each spare costs a few megabytes. Count. */
export const sparesMaxLargest = 100;

/** Below that not even an empty install ends. Milliseconds. */
export const buildTimeoutMsSmallest = 1_000;

/** A build that takes longer than an hour belongs on another machine. Milliseconds. */
export const buildTimeoutMsLargest = 3_600_000;

/** Bun itself does not start in less. Bytes. */
export const buildMemoryBytesMaxSmallest = 64 * 1024 * 1024;

/** More than any machine this is made for. Bytes. */
export const buildMemoryBytesMaxLargest = 1024 * 1024 * 1024 * 1024;

/** More cores than most machines have. Count. */
export const edgesLargest = 64;

// --- tokens and the audit log ---

/** Name of a token. Characters. */
export const tokenNameCharactersMax = 64;

/** Apps that one token can be limited to; for more there is a token without that limit. Count. */
export const tokenAppsMax = 100;

/** A token's last use is kept no more exactly than this, so that a busy one costs the store nothing. Milliseconds. */
export const tokenUseNoteMs = 5 * 60_000;

/** How late what goes on with a token may notice that it has expired. Milliseconds. */
export const tokenSweepMs = 1_000;

/** Pause before tokens are read again from a store that did not answer. Milliseconds. */
export const tokenLoadRetryMs = 1_000;

/** A host name, by the DNS. Characters. */
export const domainHostCharactersMax = 253;

/** One part of a host name, by the DNS. Characters. */
export const domainLabelCharactersMax = 63;

/** One question to a name server, and the whole request for a proof over HTTP. Milliseconds. */
export const domainCheckTimeoutMs = 5_000;

/** Answer that could be a proof; a right one has 46 characters. Bytes. */
export const domainCheckBytesMax = 1024;

/** Name servers that can be named. Count. */
export const dnsServersMax = 10;

/** Entries of the audit log that one request gives. Count. */
export const auditListMax = 1_000;

/** Pause before entries that the store did not take are written again. Milliseconds. */
export const auditRetryMs = 10_000;

/** Entries that wait for a store that is away. Count. */
export const auditWaitingMax = 200;

/** Refused requests that go to the audit log at once. Count. */
export const auditRefusalsBurst = 20;

/** Beyond those; the next entry says how many were left out. Count per second. */
export const auditRefusalsPerSecond = 0.1;

/** A name or a message in an entry of the audit log; longer ones are cut. Characters. */
export const auditTextCharactersMax = 200;

// --- the admin API beyond the machine ---

/** Connections at once; people and pipelines need a few each. Count. */
export const adminConnectionsMax = 256;

/** Of one address, so that one cannot take the place of all. Count. */
export const adminConnectionsOfOneMax = 64;

/** From the connection, TLS included, to the end of a request's head. Milliseconds. */
export const adminHeadTimeoutMs = 10_000;

/** Head of a request; the longest token and path take 2 KiB. Bytes. */
export const adminHeadBytesMax = 16 * 1024;

/** A JSON body, from its first byte to its last. Milliseconds. */
export const adminBodyTimeoutMs = 10_000;

/** Between two looks at whether the files of a certificate have changed. Milliseconds. */
export const tlsLookMs = 5_000;

/** Names that the admin API answers to behind a proxy. Count. */
export const adminNamesMax = 20;

/** Runs of migrations that are listed; each has a report of some KB. Count. */
export const migrationRunsShownMax = 50;

/** An app that failed at its first deploy, or was removed elsewhere: long enough to ask what it was. Days. */
export const logDaysMaxDefault = 30;

/** Requests under way on a version that was live end within half a minute; its processes are gone then. Milliseconds. */
export const collectRetryMs = 40_000;

/** Scheduled backups that stay unless the node says otherwise: a week of days. Count. */
export const backupsKeepDefault = 7;
/** Each is looked at when one is made. Count. */
export const backupsKeepLargest = 1000;
/** Shorter intervals than this are for replication, which is something else. Milliseconds. */
export const backupEveryMsSmallest = 60_000;
/** A year. Milliseconds. */
export const backupEveryMsLargest = 366 * 86_400_000;

// --- databases of branches ---

/** Each costs 8 MB of disk, and what was copied. Count. */
export const previewsOfAppMaxDefault = 20;
/** The same for all apps of a node. Count. */
export const previewsMaxDefault = 100;
/** PostgreSQL has no bound; its catalogues and backups grow with each. Count. */
export const previewsMaxLargest = 10_000;

/** A dump that is uploaded, still packed; nothing of it is kept, so only its time is paid for. Bytes. */
export const dumpUploadBytesMax = 1024 * 1024 * 1024 * 1024;

/** Verdicts on twenty runtimes with all their cases. Bytes. */
export const verdictBodyBytesMax = 1024 * 1024;
