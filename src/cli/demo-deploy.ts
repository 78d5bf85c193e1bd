/** How a demo's app gets onto the node: by the verb `levain deploy` itself, with its events read instead of printed. */
import { join } from "node:path";
import { versionName } from "../base/version-spec.ts";
import type { DeployEvent, DeployResult } from "../deploy/deploy-api.ts";
import { type AdminClient, NodeError } from "./admin-client.ts";
import type { OutputStream } from "./cli-io.ts";
import { expectThat, type StepScope } from "./demo-steps.ts";
import { deploy } from "./deploy.ts";
import type { Call } from "./verb.ts";

export const exampleFolder = join(import.meta.dir, "../../examples/shop");

/** Message of every version that a demo deploys: an app that has others is somebody's. */
const demoMessage = "levain demo";
export const appNames = ["shop", "levain-demo"] as const;

/**
 * The name to deploy to: on a node that ran before, an app called shop may be somebody's.
 *
 * @throws {DemoMismatch} when every name is taken.
 */
export async function chooseApp(
  client: AdminClient,
  signal: AbortSignal,
): Promise<{ name: string; isNew: boolean }> {
  for (const name of appNames) {
    const messages = await messagesOf(client, name, signal);
    if (messages === null) return { name, isNew: true };
    if (messages.every((message) => message === demoMessage)) return { name, isNew: false };
  }
  expectThat(false, `the node has apps called ${appNames.join(" and ")} that are no demo's`);
}

export async function deployExample(
  call: Call,
  client: AdminClient,
  app: string,
  { say, signal }: StepScope,
): Promise<DeployResult> {
  const silent: OutputStream = { ...call.io.stderr, isTerminal: false, write: () => {} };
  const stdout: OutputStream = {
    ...silent,
    write(line) {
      const event = JSON.parse(line) as DeployEvent;
      if (event.type === "step") say(event.step);
    },
  };
  say("pack and upload");
  const { data } = await deploy.run({
    ...call,
    client,
    args: [exampleFolder],
    flags: { app, branch: "main", message: demoMessage, events: true },
    isJson: true,
    io: { ...call.io, stdout, stderr: silent, interrupt: () => signal },
  });
  const result = data as DeployResult;
  say(`${result.app} ${versionName(result.version)} is live, ${result.url}`);
  return result;
}

/** Messages of an app's versions, or null when there is no such app. */
async function messagesOf(
  client: AdminClient,
  app: string,
  signal: AbortSignal,
): Promise<(string | null)[] | null> {
  try {
    const { versions } = await client.call("versions", { app, signal });
    return versions.map(({ message }) => message);
  } catch (error) {
    if (error instanceof NodeError && error.body.code === "APP_UNKNOWN") return null;
    throw error;
  }
}
