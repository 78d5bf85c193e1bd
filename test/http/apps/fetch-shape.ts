/** The probe app as a module that exports its handlers. */
import { probe } from "./probe.ts";
import { websocket } from "./sockets.ts";

export default { fetch: probe, websocket };
