/** Connects by TCP to what it was not given: the machine's own services, the node, the cloud's metadata. */
import { attack } from "../attack.ts";
import { call } from "../kernel.ts";
import { AF_INET, connectTo, inet, SOCK_STREAM, withSocket } from "../sockets.ts";

const SOCK_NONBLOCK = 0x800;

export default attack(({ outside, adminPort, port }) => ({
  "a service of this machine": () => connectTo(inet(outside.port)),
  "the same, by fetch": async () => void (await fetch(`http://127.0.0.1:${outside.port}/`)),
  "the admin port": () => connectTo(inet(adminPort)),
  "the node's own edge": () => connectTo(inet(port)),
  "the cloud's metadata": () =>
    withSocket([AF_INET, SOCK_STREAM | SOCK_NONBLOCK], (fd) =>
      call("connect", fd, inet(80, "169.254.169.254"), 16),
    ),
}));
