/** The one table of what each endpoint does. Inputs are validated here, outputs are typed by the contract. */
import { z } from "zod";
import { appNameProblem } from "../deploy/names.ts";
import {
  deleteQuery,
  deployQuery,
  inspectQuery,
  logsQuery,
  type OutputOf,
  promoteInput,
  rollbackInput,
} from "./api.ts";
import { listApps, listVersions } from "./apps.ts";
import { deleteApp } from "./delete.ts";
import { deployStream } from "./deploy.ts";
import type { AdminDeps } from "./deps.ts";
import type { EndpointMatch, EndpointName } from "./endpoints.ts";
import { parseInput } from "./input-issues.ts";
import { inspect } from "./inspect.ts";
import { readJsonBody } from "./json-body.ts";
import { logsStream } from "./logs.ts";
import { metricsResponse } from "./metrics.ts";
import { promote } from "./promote.ts";
import { rollback } from "./rollback.ts";

/** One request to an endpoint. */
export interface AdminCall {
  request: Request;
  query: URLSearchParams;
  deps: AdminDeps;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
  /** Aborted when the server stops, with `NODE_DRAINING` as its reason. */
  stopping: AbortSignal;
  /** Takes the idle limit off the request's connection. */
  unboundIdle(): void;
}

type Answer<Name extends EndpointName> = [OutputOf<Name>] extends [never]
  ? Response
  : OutputOf<Name>;

const CALLS: {
  [Name in EndpointName]: (call: AdminCall, app: string) => Answer<Name> | Promise<Answer<Name>>;
} = {
  status: ({ deps }) => deps.status(),
  apps: async ({ deps }) => ({ apps: await listApps(deps) }),
  versions: async ({ deps }, app) => ({ app, versions: await listVersions(deps, app) }),
  deploy(call) {
    const query = readQuery(deployQuery, call);
    call.unboundIdle();
    return deployStream(call.deps, query, call.request.body ?? emptyBody(), call);
  },
  promote: async (call, app) => promote(call.deps, app, await readInput(promoteInput, call)),
  rollback: async (call, app) => rollback(call.deps, app, await readInput(rollbackInput, call)),
  delete: (call, app) => deleteApp(call.deps, app, readQuery(deleteQuery, call).confirm),
  inspect: (call, app) => inspect(call.deps, app, readQuery(inspectQuery, call)),
  async ps({ deps }) {
    const { instancesMax, memory } = await deps.status();
    const { budgetBytes, usedBytes, level } = memory;
    return {
      instances: await deps.instances(),
      instancesMax,
      memory: { budgetBytes, usedBytes, level },
    };
  },
  async logs(call, app) {
    const query = readQuery(logsQuery, call);
    call.unboundIdle();
    return logsStream(call.deps, app, query, call);
  },
  metrics: ({ deps }) => metricsResponse(deps),
  down({ deps }) {
    // After the answer is on its way; the node ends connections only when it is sent.
    setImmediate(() => deps.shutdown());
    return { pid: process.pid };
  },
};

/** @throws {PlatformError} `INPUT_INVALID` naming the field, or what the endpoint has against it. */
export async function answerCall(match: EndpointMatch, call: AdminCall): Promise<Response> {
  const app = match.app === "" ? "" : parseInput(appParameter, match.app, "app");
  const answer = await CALLS[match.name](call, app);
  if (answer instanceof Response) return answer;
  return Response.json(answer, { headers: { "cache-control": "no-store" } });
}

function readQuery<Schema extends z.ZodObject>(
  schema: Schema,
  { query }: AdminCall,
): z.output<Schema> {
  return parseInput(
    z.strictObject(schema.shape),
    Object.fromEntries(query),
    "query",
  ) as z.output<Schema>;
}

async function readInput<Schema extends z.ZodType>(
  schema: Schema,
  { request }: AdminCall,
): Promise<z.output<Schema>> {
  return parseInput(schema, await readJsonBody(request), "body");
}

/** Checked before anything looks for it: it becomes part of paths and host names. */
const appParameter = z.string().superRefine((name, context) => {
  const problem = appNameProblem(name);
  if (problem !== null) context.addIssue({ code: "custom", message: problem });
});

function emptyBody(): ReadableStream<Uint8Array> {
  return new Blob([]).stream();
}
