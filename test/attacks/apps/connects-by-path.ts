/** Connects to sockets that have a path: of the node, of PostgreSQL, of other apps, of the machine's services. */
import { join } from "node:path";
import { attack } from "../attack.ts";
import { connectTo, unix } from "../sockets.ts";

export default attack(({ dataDir, postgresSockets, neighbour, outside }) => ({
  "the node's admin socket": () => connectTo(unix(join(dataDir, "admin.sock"))),
  PostgreSQL: () => connectTo(unix(join(postgresSockets, ".s.PGSQL.5432"))),
  "the neighbour's socket": () => connectTo(unix(join(neighbour.run, "io/app.sock"))),
  "a request over it": async () => {
    const { status } = await fetch("http://neighbour/", {
      unix: join(neighbour.run, "io/app.sock"),
    });
    return status === 403 ? "403" : `got ${status}`;
  },
  "a service that is open to everybody": () => connectTo(unix(outside.socket)),
}));
