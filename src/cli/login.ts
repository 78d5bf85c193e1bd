/** `levain login`: keeps the address and the token of a node, after it was asked who the token is for. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../base/errors.ts";
import { AdminClient } from "./admin-client.ts";
import { contextsPath, isContextName, readContexts, writeContexts } from "./contexts.ts";
import { usageError } from "./failure.ts";
import { nodeUrlOf } from "./node-target.ts";
import { showDate } from "./units.ts";
import type { Call, Verb } from "./verb.ts";

export const login: Verb = {
  name: "login",
  group: "Node",
  asksNode: true,
  summary: "Use a node elsewhere from now on",
  description:
    "Asks the node who the token is for, keeps both in levain/contexts.json of ~/.config (mode 0600), " +
    "and makes it what the other commands ask; `levain context` changes that. The token comes from a prompt, " +
    "from stdin with `--token -`, or from LEVAIN_TOKEN. The node's certificate has to be one that this " +
    "machine trusts, or one of --ca-file.",
  flags: [
    ["--name <name>", "what to call it (default: its host)"],
    ["--ca-file <file>", "certificates in PEM to trust for it, and no others"],
    ["--plain-http", "take http:// to another machine: on a network that encrypts"],
  ],
  environment: [["XDG_CONFIG_HOME", "folder of the configuration in place of ~/.config"]],
  examples: [
    ["levain login --node https://levain.example.com", "asks for the token"],
    ["levain login --node https://levain.example.com --token -", "the token comes on stdin"],
    [
      "levain login --node https://10.0.0.5:4001 --ca-file ca.pem --name lab",
      "with a CA of its own",
    ],
  ],
  async run(call) {
    const { flags, io, dataDir } = call;
    const address = flags.node ?? io.env.LEVAIN_NODE;
    if (typeof address !== "string" || address === "") {
      throw usageError("`login` needs the address of a node: --node https://levain.example.com");
    }
    const url = nodeUrlOf(address, flags.plainHttp === true);
    const name = typeof flags.name === "string" ? flags.name : new URL(url).hostname;
    if (!isContextName(name)) {
      throw usageError(
        `--name "${name}" has to be letters, digits, dots and dashes, and not "local"`,
      );
    }
    const ca = typeof flags.caFile === "string" ? readCertificates(call, flags.caFile) : null;
    const token = await tokenFrom(call);
    const client = new AdminClient({ dataDir, url, token, ca: ca ?? undefined });
    const who = await client.call("whoami");

    const known = readContexts(io.env);
    const contexts = { ...known.contexts, [name]: { url, token, ca } };
    writeContexts(io.env, { current: name, contexts });
    const path = contextsPath(io.env);
    return {
      data: { name, url, path, who },
      next: ["levain apps", "levain deploy", "levain context use local"],
      text: () => {
        const apps = who.apps === null ? "every app" : who.apps.join(", ");
        const until = who.expiresAtMs === null ? "" : `, until ${showDate(who.expiresAtMs)}`;
        return [
          `${call.paint.green("✔")} ${name} is what commands ask from now on`,
          `  ${call.paint.cyan(url)}  (Levain ${who.version})`,
          `  as ${who.name}: ${who.role} on ${apps}${until}`,
          call.paint.dim(`  kept in ${path}`),
        ].join("\n");
      },
    };
  },
};

async function tokenFrom({ flags, io }: Call): Promise<string> {
  const given = typeof flags.token === "string" ? flags.token : io.env.LEVAIN_TOKEN;
  const token =
    given === undefined || given === "" || given === "-" ? await io.secret("Token: ") : given;
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token;
  throw usageError("`login` got no token; give it with --token - on stdin, or in LEVAIN_TOKEN");
}

function readCertificates(call: Call, file: string): string {
  let text: string;
  try {
    text = readFileSync(resolve(call.io.cwd, file), "utf8");
  } catch (error) {
    throw usageError(`--ca-file "${file}" cannot be read: ${messageOf(error)}`);
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw usageError(`--ca-file "${file}" has no certificate in PEM`);
}
