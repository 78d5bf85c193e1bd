/** Opens a port for whoever may come. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";
import { AF_INET, IPPROTO_MPTCP, inet, SOCK_DGRAM, SOCK_STREAM, withSocket } from "../sockets.ts";

export default attack(() => {
  const listen = (address: Buffer | null, protocol: number) =>
    withSocket([AF_INET, SOCK_STREAM, protocol], (fd) => {
      if (address !== null) call("bind", fd, address, address.length);
      call("listen", fd, 1);
    });
  return {
    "on any port": () => listen(inet(0), 0),
    "on a port of its choice": () => listen(inet(48_911), 0),
    "on all addresses": () => listen(inet(0, "0.0.0.0"), 0),
    "without bind": () => listen(null, 0),
    "by multipath TCP": () => listen(inet(0), IPPROTO_MPTCP),
    "for UDP": () => withSocket([AF_INET, SOCK_DGRAM], (fd) => call("bind", fd, inet(0), 16)),
  };
});
