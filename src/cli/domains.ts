/** `levain domains`: hosts of the apps' own. */
import type { DomainInfo, OutputOf } from "../control/api.ts";
import { usageError } from "./failure.ts";
import { type Column, renderTable } from "./table.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

const ACTIONS: Readonly<Record<string, (call: Call) => Promise<Outcome>>> = { list, add, remove };

export const domains: Verb = {
  name: "domains",
  group: "Deploy",
  asksNode: true,
  summary: "Give an app's branch a host of your own",
  description:
    "`add` asks for a host, says how to prove that it is yours, and looks for the proof: a TXT record, or a " +
    "text that the host answers with. Run it again when it is there; from then on the host leads to the branch. " +
    "The name itself has to lead to the node, or to the proxy in front of it. Again with another --branch moves it. " +
    "Whoever proves a host first has it until it is removed.",
  arguments: [
    ["[action]", "list (default), add or remove", ["list", "add", "remove"]],
    ["[app]", "name of the app; list: all without it"],
    ["[host]", "such as shop.example.com"],
  ],
  flags: [["--branch <name>", "add: branch that the host leads to (default: main)"]],
  exits: [[1, "failed, or the proof is not there yet"]],
  examples: [
    ["levain domains add shop shop.example.com", "ask for it, and look for the proof"],
    ["levain domains add shop next.example.com --branch next", "a host for a branch"],
    ["levain domains", "all of them"],
    ["levain domains remove shop shop.example.com", "it leads nowhere any more"],
  ],
  async run(call) {
    const [action = "list"] = call.args;
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (act === undefined) throw usageError(`"${action}" is none of list, add and remove`);
    return act(call);
  },
};

async function list(call: Call): Promise<Outcome> {
  const [, app] = call.args;
  const data = await call.client.call("domains", { query: { app } });
  return {
    data,
    next: [call.command(`levain domains add ${app ?? "<app>"} <host>`)],
    text: () => {
      if (data.domains.length === 0) return "No domains. Add one with `levain domains add`.";
      const columns: Column<DomainInfo>[] = [
        { title: "HOST", cell: (row) => row.host, paint: call.paint.bold },
        { title: "APP", cell: (row) => row.app, cutTo: 12 },
        { title: "BRANCH", cell: (row) => row.branch, cutTo: 10 },
        { title: "STATE", cell: (row) => (row.isVerified ? "verified" : "needs proof") },
      ];
      const size = { columns: call.io.stdout.columns, paintTitle: call.paint.dim };
      return renderTable(data.domains, columns, size);
    },
  };
}

async function add(call: Call): Promise<Outcome> {
  const { app, host } = namesOf(call, "add");
  const branch = typeof call.flags.branch === "string" ? { branch: call.flags.branch } : {};
  const data = await call.client.call("domainAdd", { app, input: { host, ...branch } });
  const again = call.command(
    `levain domains add ${app} ${data.host}${data.branch === "main" ? "" : ` --branch ${data.branch}`}`,
  );
  return {
    data,
    next: data.isVerified ? [call.command(`levain domains list ${app}`)] : [again],
    exitCode: data.isVerified ? 0 : 1,
    text: () => addedText(data, again, call),
  };
}

function addedText(data: OutputOf<"domainAdd">, again: string, { paint }: Call): string {
  const { host, app, branch, proof, check } = data;
  if (data.isVerified) {
    return [
      `${paint.green("✔")} ${host} leads to ${app}, branch ${branch}`,
      `  ${paint.cyan(data.url)}`,
      paint.dim("  Its name has to lead to this node, or to the proxy in front of it."),
    ].join("\n");
  }
  return [
    `${paint.bold(host)} is not proved to be yours yet. Either add the DNS record`,
    `  ${paint.cyan(proof.dnsName)}  TXT  ${paint.cyan(proof.text)}`,
    `  ${paint.dim(`now: ${check?.dns ?? ""}`)}`,
    "or let what answers there now answer with that text at",
    `  ${paint.cyan(proof.url)}`,
    `  ${paint.dim(`now: ${check?.http ?? ""}`)}`,
    `Then run it again: ${again}`,
  ].join("\n");
}

async function remove(call: Call): Promise<Outcome> {
  const { app, host } = namesOf(call, "remove");
  const data = await call.client.call("domainRemove", { app, query: { host } });
  return {
    data,
    next: [call.command(`levain domains list ${app}`)],
    text: () => `${call.paint.green("✔")} ${data.host} leads nowhere any more`,
  };
}

function namesOf(call: Call, action: string): { app: string; host: string } {
  const [, app, host] = call.args;
  if (app !== undefined && host !== undefined) return { app, host };
  throw usageError(`\`domains ${action}\` needs an app and a host`);
}
