/** Waits for changes in folders of others by inotify, which opens nothing either. */
import { join } from "node:path";
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

const IN_ALL_EVENTS = 0xfff;

export default attack(({ dataDir, neighbour }) => {
  const watch = (path: string) => {
    const fd = call("inotify_init1", 0);
    try {
      call("inotify_add_watch", fd, path, IN_ALL_EVENTS);
    } finally {
      call("close", fd);
    }
  };
  return {
    "the data directory": () => watch(dataDir),
    "the neighbour's temporary folder": () => watch(join(neighbour.run, "tmp")),
    "/tmp": () => watch("/tmp"),
  };
});
