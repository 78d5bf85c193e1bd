/** Uses the corners of the kernel in which most ways out of a sandbox were found. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";

export default attack(() => ({
  bpf: () => call("bpf", 0, new Uint8Array(128), 128),
  perf_event_open: () => call("perf_event_open", new Uint8Array(128), 0, -1, -1, 0),
  // 1 = faults of user code only, which a system may allow everybody.
  userfaultfd: () => call("userfaultfd", 1),
  fanotify: () => call("fanotify_init", 0, 0),
  "files by handle": () => call("open_by_handle_at", -100, new Uint8Array(128), 0),
  "memory of its own that the kernel cannot see": () => call("memfd_secret", 0),
}));
