/** Connects by multipath TCP, which the rules for TCP do not cover. */
import { attack } from "../attack.ts";
import { connectTo, IPPROTO_MPTCP, inet } from "../sockets.ts";

export default attack(({ outside }) => ({
  "a service of this machine": () => connectTo(inet(outside.port), IPPROTO_MPTCP),
}));
