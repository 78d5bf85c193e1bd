/** Gives the node commands: lists apps, rolls one back, stops the node. */
import { attack } from "../attack.ts";

export default attack(({ adminPort, dataDir }) => {
  const ask = async (init: BunFetchRequestInit, method: string, path: string) => {
    const { status } = await fetch(`http://127.0.0.1:${adminPort}${path}`, { ...init, method });
    return status < 300 ? "got" : String(status);
  };
  const unix = `${dataDir}/admin.sock`;
  return {
    "list of apps by port": () => ask({}, "GET", "/v1/apps"),
    "list of apps by socket": () => ask({ unix }, "GET", "/v1/apps"),
    "metrics by port": () => ask({}, "GET", "/metrics"),
  };
});
