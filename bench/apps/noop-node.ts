/** The smallest app with a server of `node:http`. */
import { createServer } from "node:http";

export const server = createServer((_request, response) => response.end("ok"));
server.listen(process.env["PORT"]);
