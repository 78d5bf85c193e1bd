/** `levain context`: the nodes that were logged in to, and which one the commands ask. Asks no node. */
import { PlatformError } from "../base/errors.ts";
import { type Contexts, contextsPath, LOCAL, readContexts, writeContexts } from "./contexts.ts";
import { usageError } from "./failure.ts";
import { type Column, renderTable } from "./table.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

interface Row {
  name: string;
  /** Null: the data directory. */
  url: string | null;
  isCurrent: boolean;
}

export const context: Verb = {
  name: "context",
  group: "Node",
  summary: "List the nodes you have logged in to, or choose one",
  description:
    "`levain login` adds one. Commands ask the chosen one; --node, --context and --data-dir, and LEVAIN_NODE, " +
    "LEVAIN_CONTEXT and LEVAIN_DATA_DIR go before it. `local` is the node of the data directory. `remove` forgets " +
    "the token here; `levain token revoke` ends it.",
  arguments: [
    ["[action]", "list (default), use or remove", ["list", "use", "remove"]],
    ["[name]", "name of the context, or local"],
  ],
  environment: [["XDG_CONFIG_HOME", "folder of the configuration in place of ~/.config"]],
  examples: [
    ["levain context", "what there is; * marks the chosen one"],
    ["levain context use levain.example.com", "ask that one from now on"],
    ["levain context use local", "the node of this machine again"],
    ["levain context remove lab", "forget an address and its token"],
  ],
  async run(call) {
    const [action = "list", name] = call.args;
    const known = readContexts(call.io.env);
    if (action === "list") return listed(known, call);
    if (action !== "use" && action !== "remove") {
      throw usageError(`"${action}" is none of list, use and remove`);
    }
    if (name === undefined) throw usageError(`\`context ${action}\` needs a name`);
    const isThere = Object.hasOwn(known.contexts, name);
    if (!isThere && !(action === "use" && name === LOCAL)) {
      throw new PlatformError("CONTEXT_UNKNOWN", [name.slice(0, 100)]);
    }
    const changed = action === "use" ? used(known, name) : removed(known, name);
    writeContexts(call.io.env, changed);
    return listed(changed, call);
  },
};

function used(known: Contexts, name: string): Contexts {
  return { ...known, current: name === LOCAL ? null : name };
}

function removed({ current, contexts }: Contexts, name: string): Contexts {
  const { [name]: _, ...rest } = contexts;
  return { current: current === name ? null : current, contexts: rest };
}

function listed({ current, contexts }: Contexts, call: Call): Outcome {
  const rows: Row[] = [
    { name: LOCAL, url: null, isCurrent: current === null },
    ...Object.entries(contexts).map(([name, { url }]) => ({
      name,
      url,
      isCurrent: name === current,
    })),
  ];
  const columns: Column<Row>[] = [
    { title: "", cell: (row) => (row.isCurrent ? "*" : ""), paint: call.paint.green },
    { title: "NAME", cell: (row) => row.name, paint: call.paint.bold },
    { title: "NODE", cell: (row) => row.url ?? call.dataDir, paint: call.paint.cyan },
  ];
  const size = { columns: call.io.stdout.columns, paintTitle: call.paint.dim };
  return {
    data: { contexts: rows, path: contextsPath(call.io.env) },
    next: ["levain status", "levain login --node https://levain.example.com"],
    text: () => renderTable(rows, columns, size),
  };
}
