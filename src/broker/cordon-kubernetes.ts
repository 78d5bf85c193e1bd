/**
 * Nodes that Kubernetes says are cordoned (`spec.unschedulable`), asked every few seconds with the service account of the
 * broker's own pod. When nobody answers for long, nothing that was said is believed any more.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { boundedText } from "./bounded-text.ts";
import type { CordonSource, CordonTeller } from "./cordon.ts";
import {
  cordonKubernetesAgeMsMax,
  cordonKubernetesBytesMax,
  cordonKubernetesLookMs,
  cordonKubernetesPageNodesMax,
  cordonKubernetesPagesMax,
  cordonKubernetesTimeoutMs,
} from "./limits.ts";

/** Where Kubernetes is, and what it is asked with. The files are read for each look: they change while a pod runs. */
export interface KubernetesAccess {
  /** Base URL of its API, without a slash at its end; null: this is no pod. */
  url: string | null;
  tokenFile: string;
  /** Of who signed its certificate. */
  caFile: string;
}

export interface KubernetesCordonOptions {
  access: KubernetesAccess;
  clock: Clock;
  /** Between two looks; `cordonKubernetesLookMs` when it is left out. Milliseconds. */
  lookMs?: number;
}

/** As every pod finds it. */
export function inCluster(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  folder = "/var/run/secrets/kubernetes.io/serviceaccount",
): KubernetesAccess {
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = environment["KUBERNETES_SERVICE_PORT"] ?? "443";
  const named = host.includes(":") ? `[${host}]` : host;
  return {
    url: host === "" ? null : `https://${named}:${port}`,
    tokenFile: join(folder, "token"),
    caFile: join(folder, "ca.crt"),
  };
}

export class KubernetesCordon implements CordonSource {
  readonly name = "Kubernetes";
  readonly #options: KubernetesCordonOptions;
  readonly #ended = new AbortController();
  #timer: ReturnType<typeof setInterval> | null = null;
  #isLooking = false;
  #seenMs: number;

  constructor(options: KubernetesCordonOptions) {
    this.#options = options;
    this.#seenMs = options.clock.nowMs();
  }

  start(teller: CordonTeller): void {
    const look = (): void => {
      if (!this.#isLooking) void this.#look(teller);
    };
    this.#timer = setInterval(look, this.#options.lookMs ?? cordonKubernetesLookMs);
    look();
  }

  close(): void {
    this.#ended.abort();
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async #look(teller: CordonTeller): Promise<void> {
    const { access, clock } = this.#options;
    this.#isLooking = true;
    try {
      const machines = await cordonedNodes(access, this.#ended.signal);
      this.#seenMs = clock.nowMs();
      teller.saw(machines);
    } catch (error) {
      if (!this.#ended.signal.aborted) {
        teller.failed((error as Error).message);
        if (clock.nowMs() - this.#seenMs > cordonKubernetesAgeMsMax) teller.dropped();
      }
    }
    this.#isLooking = false;
  }
}

/** @throws when there is no whole answer in time. No message has the token. */
async function cordonedNodes(access: KubernetesAccess, ended: AbortSignal): Promise<Set<string>> {
  if (access.url === null) throw new Error("KUBERNETES_SERVICE_HOST is not set: this is no pod");
  const [token, ca] = await Promise.all([
    readFile(access.tokenFile, "utf8"),
    readFile(access.caFile, "utf8"),
  ]);
  const signal = AbortSignal.any([ended, AbortSignal.timeout(cordonKubernetesTimeoutMs)]);
  const machines = new Set<string>();
  let next = "";
  for (let page = 0; page < cordonKubernetesPagesMax; page += 1) {
    const query = new URLSearchParams({
      // Answered by the API itself: a cluster of thousands sends the few nodes that matter.
      fieldSelector: "spec.unschedulable=true",
      limit: String(cordonKubernetesPageNodesMax),
      ...(next === "" ? {} : { continue: next }),
    });
    const response = await fetch(`${access.url}/api/v1/nodes?${query}`, {
      headers: { authorization: `Bearer ${token.trim()}`, accept: "application/json" },
      // The token is for this address and no other.
      redirect: "manual",
      signal,
      tls: { ca },
    });
    const text = await boundedText(response, cordonKubernetesBytesMax);
    if (response.status !== 200) throw new Error(`it answered ${response.status}`);
    const list = readNodes(text);
    for (const name of list.cordoned) machines.add(name);
    if (list.next === "") return machines;
    next = list.next;
  }
  throw new Error(`its list has more than ${cordonKubernetesPagesMax} pages`);
}

interface NodeList {
  readonly cordoned: readonly string[];
  /** What asks for the next page; empty: this was the last. */
  readonly next: string;
}

/** @throws for what is no list of nodes */
export function readNodes(text: string): NodeList {
  const list = objectIn(JSON.parse(text));
  if (list["kind"] !== "NodeList" || !Array.isArray(list["items"])) {
    throw new Error("its answer is no list of nodes");
  }
  const cordoned = list["items"].flatMap((item: unknown) => {
    const { metadata, spec } = objectIn(item);
    const { name } = objectIn(metadata);
    return objectIn(spec)["unschedulable"] === true && typeof name === "string" ? [name] : [];
  });
  const next = objectIn(list["metadata"])["continue"];
  return { cordoned, next: typeof next === "string" ? next : "" };
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
