/** A build that connects to what its app may not: services of the machine, the node's own. */
import { attackBuild } from "../build-attack.ts";
import { AF_INET, connectTo, IPPROTO_MPTCP, inet, SOCK_DGRAM, withSocket } from "../sockets.ts";

await attackBuild(({ dataDir, outside, adminPort }) => ({
  "a service of this machine": () => connectTo(inet(outside.port)),
  "by multipath TCP": () => connectTo(inet(outside.port), IPPROTO_MPTCP),
  "by UDP": () => withSocket([AF_INET, SOCK_DGRAM], () => "got"),
  "the admin port": () => connectTo(inet(adminPort)),
  "the node's commands by socket": async () => {
    const { status } = await fetch("http://levain/v1/apps", { unix: `${dataDir}/admin.sock` });
    return status < 300 ? "got" : String(status);
  },
}));
