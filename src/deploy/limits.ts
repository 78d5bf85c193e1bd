/** Places that an app may name to connect to; Landlock rules are looked through for each connection. Count. */
export const connectMax = 100;

/** Folders of the machine that an app may be given. Count. */
export const writeFoldersMax = 20;

/** Every bound of the deploy folder, with its reason. Checked against docs/limits.md. */

// --- the source on its way in ---

/** Room for an app with its assets; more belongs in object storage. Bytes, expanded. */
export const sourceBytesMax = 512 * 1024 * 1024;
/** Far above any project without node_modules; each file costs a stat and an open. Count. */
export const sourceFilesMax = 20_000;
/** Gzip of files that do not compress adds little; the same bound as expanded. Bytes. */
export const sourceUploadBytesMax = 512 * 1024 * 1024;
/** Head, padding and extended head of one file in a tar, rounded up. Bytes. */
export const tarEntryOverheadBytes = 4096;
/** Leaves room for the data directory's own path below Linux's 4,096. Bytes. */
export const sourcePathBytesMax = 1024;
/** More would not be read. Count of files that were left out, as told to the person. */
export const skippedNotesMax = 100;
/** A loop of symlinks to folders ends here. Folders below each other. */
export const sourceDepthMax = 64;
/** A config is a few lines and 5,000 packages take some 2 MiB; a larger result is a mistake. Bytes of JSON. */
export const childResultBytesMax = 4 * 1024 * 1024;
/** Packages of one version that are listed; the largest of real monorepos install some 4,000. Count. */
export const packageListMax = 5_000;
/** An installer runs `preinstall`, `install` and `postinstall`. Count. */
export const packageScriptsMax = 3;
/** A name, a licence, a hash or an address of a package; what is longer is cut. Characters. */
export const packageTextCharactersMax = 500;
/** A package.json of an installed package; generated ones have some 100 KiB. Larger ones are not read. Bytes. */
export const packageManifestBytesMax = 1024 * 1024;
/** Reading some thousand of them takes a second or two. Milliseconds. */
export const packagesTimeoutMs = 60_000;
/** Packages that a deploy names of each kind of change; the rest is counted. Count. */
export const packageChangesShownMax = 20;
/** package.json and lists of ignored files are read whole. Bytes. */
export const manifestBytesMax = 4 * 1024 * 1024;
/** The largest of real monorepos have some 10 MiB. Bytes. */
export const lockfileBytesMax = 64 * 1024 * 1024;

/** Of one repository; each has a package.json that is read and packed. Count. */
export const workspacesMax = 1000;

/** Sources that are read for environment values; reading one takes some 50 microseconds. Count. */
export const bakedFilesMax = 5_000;
/** Sources that people write are shorter. Bytes. */
export const bakedFileBytesMax = 512 * 1024;

// --- the build ---

/** Large frameworks build in three to five minutes on small machines. Milliseconds, all steps together. */
export const buildTimeoutMs = 10 * 60_000;
/** Twice the largest peak measured of real framework builds. Bytes over the whole process tree. */
export const buildMemoryBytesMax = 2 * 1024 * 1024 * 1024;
/** Frameworks start a process per core and a few tools; a build that forks without end has thousands. Count at one look. */
export const buildProcessesMax = 512;
/** Processes and threads of one build; a Node has a dozen threads. The kernel refuses more, so that a build which forks without end is held before anybody looks. Count. */
export const buildTasksMax = 2048;
/** Apps whose packages are kept for their next build, those that were built last. A framework's take 100 to 500 MB. Count. */
export const buildCachesMax = 50;
/** Handing the files of a project to the build's user; 20,000 take half a second. Milliseconds. */
export const chownTimeoutMs = 60_000;
/** A config file that takes longer does work that belongs into `build`. Milliseconds. */
export const configTimeoutMs = 20_000;
/** Reading /proc of a build costs about a millisecond. Milliseconds between two looks. */
export const watchIntervalMs = 200;
/** Rounds of finding and killing what a build left behind; each round kills all that it finds. Count. */
export const killRoundsMax = 400;
/** Pause between two of these rounds. Milliseconds. */
export const killRoundMs = 5;
/** One line of build output; longer ones come in pieces. Bytes. */
export const outputLineBytesMax = 4096;
/** After a step and all its processes have ended, its output is read for so long; normally it ends at once. Milliseconds. */
export const outputGraceMs = 1_000;
/** Output of one deploy that is passed on; the rest is dropped with a note. Characters. */
export const outputCharactersMax = 4 * 1024 * 1024;
/** Warnings of the bundler that are passed on. Count. */
export const bundleWarningsMax = 20;
/** Environment values below it, such as `true` and `eu`, are not taken out of build output: they are words like others. Characters. */
export const hiddenCharactersMin = 6;
/** Files of an artifact that are looked through for names of environment values; takes a tenth of a second. Bytes. */
export const readScanBytesMax = 128 * 1024 * 1024;
/** One such file; larger ones are data. Bytes. */
export const readScanFileBytesMax = 16 * 1024 * 1024;
/** Last lines that a failure shows as evidence. Count. */
export const evidenceLinesMax = 20;
/** Part of the node's memory that all builds may use together; the rest is for apps, whatever is built. Part of 1. */
export const buildShareMax = 0.5;
/** Builds at once on a node; each may use a core or more. Count. */
export const buildsMax = 2;
/** Deploys of one app that wait for the running one. Count. */
export const deploysWaitingMax = 5;
/** Deploys on a node, from the first byte of their upload on; each holds an unpacked source on disk. Count. */
export const deploysMax = 32;
/** Of these with one token: uploads that trickle must not keep out everybody else. Count. */
export const deploysOfOneMax = 16;

// --- the artifact ---

/** An artifact is copied and hashed whole; four times the source, for bundles and node_modules. Bytes. */
export const artifactBytesMax = 2 * 1024 * 1024 * 1024;
/** node_modules of a large framework has about 50,000 files. Count. */
export const artifactFilesMax = 100_000;

/** Files copied at once: enough to keep a disk busy, far below the limit of open files. Count. */
export const artifactCopiesMax = 16;
/** One read of a file that is copied and hashed. Bytes. */
export const artifactChunkBytes = 256 * 1024;

// --- names ---

/** With a version (`v1234567--`) in front it stays below the 63 of a host label. Characters. */
export const appNameCharactersMax = 40;
/** RFC 1035. Characters. */
export const hostLabelCharactersMax = 63;
/** Git allows more; a person does not read more. Characters. */
export const branchNameCharactersMax = 200;

// --- keys of levain.config.ts: default, smallest, largest ---

/** Enough for an ordinary API with caches. Bytes. */
export const memoryBytesMaxDefault = 512 * 1024 * 1024;
/** A Bun process with a small framework needs about 40 MB. Bytes. */
export const memoryBytesMaxSmallest = 64 * 1024 * 1024;
/** More than any machine this is made for. Bytes. */
export const memoryBytesMaxLargest = 256 * 1024 * 1024 * 1024;
/** A person has left after half a minute. Milliseconds. */
export const requestTimeoutMsDefault = 30_000;
/** Below that, the scheduling of a busy machine would time requests out. Milliseconds. */
export const requestTimeoutMsSmallest = 100;
/** A request that has no first byte after an hour is a job. Milliseconds. */
export const requestTimeoutMsLargest = 3_600_000;
/** Longer than the 15 to 45 seconds between comments of common SSE servers. Milliseconds. */
export const streamIdleMsDefault = 60_000;
/** Below that, a slow mobile network would cut downloads. Milliseconds. */
export const streamIdleMsSmallest = 1_000;
/** Streams that are silent for a day are gone. Milliseconds. */
export const streamIdleMsLargest = 86_400_000;
/** What an event loop that mostly waits can handle; open streams count. What it may cost is bounded by `memoryBytesMax`. Count. */
export const concurrencyMaxDefault = 2000;
/** Each ephemeral request has module state of its own. Count. */
export const concurrencyMaxEphemeralDefault = 10;
/** At least one request runs. Count. */
export const concurrencyMaxSmallest = 1;
/** The wire numbers streams well beyond it; file descriptors end before. Count. */
export const concurrencyMaxLargest = 10_000;
/** Half a wave of requests more. Count. */
export const queueMaxDefault = 1000;
/** None wait. Count. */
export const queueMaxSmallest = 0;
/** Waiting requests keep a connection each. Count. */
export const queueMaxLargest = 10_000;
/** Uploads are streamed through; the bound is against mistakes. Bytes. */
export const bodyBytesMaxDefault = 100 * 1024 * 1024;
/** No body at all. Bytes. */
export const bodyBytesMaxSmallest = 0;
/** Larger files are sent in parts. Bytes. */
export const bodyBytesMaxLargest = 100 * 1024 * 1024 * 1024;
/** Migrations and warm-up at start fit in. Milliseconds. */
export const bootTimeoutMsDefault = 30_000;
/** A cold start on a busy machine takes a few hundred milliseconds. Milliseconds. */
export const bootTimeoutMsSmallest = 500;
/** Requests are held while an app starts; nobody waits longer. Milliseconds. */
export const bootTimeoutMsLargest = 600_000;
/** A process is kept as long as it is healthy. Count; 0 = any number. */
export const requestsMaxDefault = 0;
/** Any number. Count. */
export const requestsMaxSmallest = 0;
/** More than a process takes between two deploys. Count. */
export const requestsMaxLargest = 1_000_000_000;
/** No quota. Cores. */
export const cpuCoresMaxSmallest = 0;
/** More cores than most machines have. Cores. */
export const cpuCoresMaxLargest = 64;
/** Less than Bun's own threads and a child or two would not start. Count. */
export const processesMaxSmallest = 64;
/** As many as Linux has by default. Count. */
export const processesMaxLargest = 32_768;
/** Bun itself has some twenty open. Count. */
export const openFilesMaxSmallest = 128;
/** As many as Linux lets a process have by default. Count. */
export const openFilesMaxLargest = 1_048_576;
/** Room for Bun's own files. Bytes. */
export const diskBytesMaxSmallest = 1024 * 1024;
/** More than the disk of any machine this is made for. Bytes. */
export const diskBytesMaxLargest = 16 * 1024 * 1024 * 1024 * 1024;
/** The folders themselves, and some. Count. */
export const diskFilesMaxSmallest = 16;
/** Counting them takes a minute then. Count. */
export const diskFilesMaxLargest = 10_000_000;
/** What an app keeps in its memory is there for every request then. Count. */
export const instancesDefault = 1;
/** There is one while the app is awake. Count. */
export const instancesSmallest = 1;
/** More cores than most machines have. Count. */
export const instancesLargest = 64;
/** Waking takes a millisecond, so freeze early. Milliseconds. */
export const idleFreezeMsDefault = 30_000;
/** Handing memory to swap takes 2.5 ms of CPU per MiB the first time, a tenth of it later, and a waking request 2 ms more. Milliseconds. */
export const idlePageMsDefault = 60_000;
/** An idle app keeps what it has in memory; after 15 minutes only where `standby` allows to stop it. Milliseconds. */
export const idleStopMsDefault = 15 * 60_000;
/** Never. Milliseconds. */
export const idleMsSmallest = 0;
/** Thirty days. Milliseconds. */
export const idleMsLargest = 30 * 86_400_000;
/** Enough to go back some steps on each branch; an artifact has some hundred KB to some hundred MB. Count. */
export const retentionVersionsMaxDefault = 10;
/** The newest one, beside those that nothing may remove. Count. */
export const retentionVersionsMaxSmallest = 1;
/** As good as all of them. Count. */
export const retentionVersionsMaxLargest = 100_000;
/** Their number decides, not their age. Days; 0 = any age. */
export const retentionDaysMaxDefault = 0;
/** Any age. Days. */
export const retentionDaysMaxSmallest = 0;
/** Ten years. Days. */
export const retentionDaysMaxLargest = 3650;
/** A migration of some million rows; longer ones are better done in parts. Milliseconds. */
export const migrateTimeoutMsDefault = 10 * 60_000;
/** A connection alone takes a part of that. Milliseconds. */
export const migrateTimeoutMsSmallest = 1_000;
/** Six hours. Milliseconds. */
export const migrateTimeoutMsLargest = 6 * 3_600_000;
/** Requests wait that long at worst, far below the 30 s that they have. Milliseconds. */
export const migrateLockMsDefault = 3_000;
/** Locks are looked at every 20 ms. Milliseconds. */
export const migrateLockMsSmallest = 50;
/** No bound beside the migration's own time. Milliseconds. */
export const migrateLockMsLargest = 6 * 3_600_000;
/** Files and folders that a migration needs. Count. */
export const migrateFilesMax = 100;
/** What a command needs with its packages, which is kept for each version that has another. Bytes. */
export const kitBytesMax = 1024 * 1024 * 1024;
/** A name of a contract or a flag; it goes into the environment of every process. Characters. */
export const contractCharactersMax = 100;
/** Flags that a version declares. Count. */
export const flagsMax = 50;
/** Files that are named when a build differs from an artifact. Count. */
export const differencesShownMax = 50;
/** Largest files of an artifact that are named. Count. */
export const largestFilesMax = 5;

// --- the database of a branch ---

/** What a request needs at once, times a few; clients of most libraries open ten. Connections of one branch to PostgreSQL. Count. */
export const databasePoolMaxDefault = 10;
/** A branch without one could ask nothing. Count. */
export const databasePoolMaxSmallest = 1;
/** More than a server of this size runs at once. Count. */
export const databasePoolMaxLargest = 500;
/** Nothing is dropped unless somebody says so. Milliseconds; 0 = never. */
export const databaseTtlMsDefault = 0;
/** Never. Milliseconds. */
export const databaseTtlMsSmallest = 0;
/** Ten years. Milliseconds. */
export const databaseTtlMsLargest = 3650 * 86_400_000;
/** The disk is the bound. Bytes; 0 = none. */
export const databaseBytesMaxDefault = 0;
/** None. Bytes. */
export const databaseBytesMaxSmallest = 0;
/** 64 TiB: beyond any single server. Bytes. */
export const databaseBytesMaxLargest = 64 * 1024 ** 4;
/** Work that takes minutes is somebody's on purpose; who wants a bound says which. Milliseconds; 0 = none. */
export const databaseStatementTimeoutMsDefault = 0;
/** The same. Milliseconds; 0 = none. */
export const databaseTransactionTimeoutMsDefault = 0;
/** A request of half a second is slow by itself. Milliseconds; 0 = none is logged. */
export const databaseSlowStatementMsDefault = 500;
/** A page that asks more often asks once per row. Count; 0 = any number. */
export const databaseQueriesPerRequestMaxDefault = 100;
/** Any number. Count. */
export const databaseQueriesPerRequestMaxSmallest = 0;
/** As good as any number. Count. */
export const databaseQueriesPerRequestMaxLargest = 1_000_000;
/** Longer than the pauses of an app that works, shorter than its way into a freeze. Milliseconds; 0 = never. */
export const databaseIdleReleaseMsDefault = 15_000;
/** Off. Milliseconds. */
export const databaseMsSmallest = 0;
/** A day: what takes longer is no query. Milliseconds. */
export const databaseMsLargest = 86_400_000;
/** Extensions of one app. Count. */
export const databaseExtensionsMax = 30;
/** SQL that masks a copy; a statement for each table has some KiB. Bytes. */
export const databaseMaskBytesMax = 1024 * 1024;
