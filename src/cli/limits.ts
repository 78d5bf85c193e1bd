/** Width of output that goes to no terminal. Characters. */
export const columnsDefault = 80;

/** Until the node has answered a command that is not a stream; the slowest waits for a statement of the store. Milliseconds. */
export const answerTimeoutMs = 60_000;

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

/** Lines of the node's log that are shown when it ends before it serves. Lines. */
export const nodeLogTailLines = 20;

/** Newest log records that `logs` shows when nothing says how many; about ten screens of them. Count. */
export const logTailDefault = 1_000;

/** Until what an ended node reported has been read; it is in the pipe already. Milliseconds. */
export const reportGraceMs = 100;
