/** Quiet that has to follow a change before the project is looked at: an editor writes a file in several steps, and "save all" several files. Milliseconds. */
export const saveQuietMs = 10;

/** Longest that changes which do not stop may put that off. Milliseconds. */
export const saveQuietMsMax = 200;

/** What requests under way have left when newer code takes over; streams and sockets that stay open end then. Milliseconds. */
export const supersededDrainMs = 300;

/** Reading the configuration or bundling; more than either ever takes, so that one that hangs is told. Milliseconds. */
export const taskTimeoutMs = 60_000;

/** Ports that are tried when the first is taken and nobody asked for it by name. Count. */
export const portsTriedMax = 10;

/** Port that is tried first; that of a node is 4000, which may run beside it. */
export const devPortDefault = 3000;

/** Folders of a project that are watched; each costs an entry of the kernel's list. Count. */
export const watchedFoldersMax = 4096;

/** Lines of source that are shown around the place of an error, on each side. Count. */
export const excerptLines = 2;

/** What a framework's own development server has to end in after it was asked to. Milliseconds. */
export const devServerGraceMs = 3000;

/** What a build has to come to its end in after it, or a save, changed the file that ended the run before; doubles each time, so that a build which writes into its own source ends at last. Milliseconds. */
export const repeatedSaveWaitMs = 1000;
