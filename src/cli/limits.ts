/** Width of output that goes to no terminal. Characters. */
export const columnsDefault = 80;

/** Until the node has answered a command that is not a stream; the slowest waits for a statement of the store. Milliseconds. */
export const answerTimeoutMs = 60_000;
/** Until a broker has answered; it has what it says in memory. Milliseconds. */
export const brokerAnswerTimeoutMs = 5000;

/**
 * An app that starts in another environment: its longest boot, behind a deploy that builds, and a migration on a copy and on the
 * database. One that is allowed more goes on when the command has given up. Milliseconds.
 */
export const rebindTimeoutMs = 40 * 60_000;

/** What comes on stdin or from a file as environment values; more than an app may have. Bytes. */
export const envInputBytesMax = 512 * 1024;

/** Silence of a stream of the node, which sends something every 10 s; then it is taken for dead. Milliseconds. */
export const streamSilenceMs = 45_000;

/** One line of a stream, such as a log record; longer means that the other end is not a node. Bytes. */
export const streamLineBytesMax = 16 * 1024 * 1024;

/** Until a node started in the background serves; longer than its database takes to recover from a crash. Milliseconds. */
export const detachTimeoutMs = 180_000;

/** Until the process of a stopped node is gone; longer than the longest drain that can be configured. Milliseconds. */
export const downTimeoutMs = 660_000;

/** Pause between two looks at a process that is ending. Milliseconds. */
export const downPollMs = 20;

/** A line that is read as a token or another secret. Characters. */
export const secretCharactersMax = 64 * 1024;

/** Lines of the node's log that are shown when it ends before it serves. Lines. */
export const nodeLogTailLines = 20;

/** Newest log records that `logs` shows when nothing says how many; about ten screens of them. Count. */
export const logTailDefault = 1_000;

/** Until what an ended node reported has been read; it is in the pipe already. Milliseconds. */
export const reportGraceMs = 100;

/** Until a node that may run on the data directory has answered a demo; then the demo brings its own. Milliseconds. */
export const demoFindTimeoutMs = 3_000;

/** Until a demo's own node serves; it creates its database first. Milliseconds. */
export const demoNodeTimeoutMs = 60_000;

/** Until a demo's app is live; its one dependency may have to be fetched over a slow line. Milliseconds. */
export const demoDeployTimeoutMs = 120_000;

/** One of a demo's other steps; the longest waits for the app to be idle for two seconds. Milliseconds. */
export const demoStepTimeoutMs = 20_000;

/** Until a demo's own node is gone. Milliseconds. */
export const demoStopTimeoutMs = 30_000;

/** What requests under way get when a demo's own node stops; an open page has two that never end. Milliseconds. */
export const demoDrainTimeoutMs = 500;

/** How long a demo's app sleeps before it is woken, so that there is something to see. Milliseconds. */
export const demoNapMs = 1_500;

/** Pause between two looks at what a demo waits for. Milliseconds. */
export const demoPollMs = 50;

/** Log records that a demo shows before it follows the log. Count. */
export const demoLogTail = 100;

/** Width of a demo's lines on a wider terminal. Characters. */
export const demoColumnsMax = 80;

/** Looking at a large working tree takes a second or two; a deploy does not wait longer to know whether it is clean. Milliseconds. */
export const gitStatusTimeoutMs = 5_000;

/** Until the node has said which names there are; longer, and who presses Tab would have typed them. Milliseconds. */
export const completionTimeoutMs = 2000;

/** Until a storage elsewhere has said which backups there are, with every try. Milliseconds. */
export const backupRequestTimeoutMs = 20 * 60_000;

/** Until a dump of any size that is sensible here has been restored. Milliseconds. */
export const dumpRestoreTimeoutMs = 6 * 3_600_000;
