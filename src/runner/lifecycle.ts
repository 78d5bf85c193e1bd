/**
 * The runner's side of what `levain` exports to apps: `waitUntil`, `keepAwake`, `onStandby`, `onResume`. The package finds
 * it under a symbol of the global object, whichever copy of the package an app was built with.
 */
import type { Lifecycle } from "../../sdk/src/lifecycle.ts";
import type { HolderKind, RunnerMessage } from "../wire/control.ts";
import { currentRequestId } from "./console.ts";
import type { HeldGraphs } from "./held-graphs.ts";
import { Holders } from "./holders.ts";
import { Nap } from "./nap.ts";

/** As in `sdk/src/lifecycle.ts`. */
const lifecycleKey = Symbol.for("levain.lifecycle");

export class AppLifecycle {
  readonly nap: Nap;
  readonly holders: Holders;
  /** Set for an ephemeral app. */
  graphs: HeldGraphs | null = null;

  /** @param say tells the node */
  constructor(say: (message: RunnerMessage) => void) {
    this.holders = new Holders(say);
    this.nap = new Nap({
      onHooks: (hasHooks) => {
        this.holders.hasHooks = hasHooks;
      },
      onSettled: (turn) => say({ type: "settled", turn }),
      onResumed: () => say({ type: "resumed" }),
    });
  }

  /** Offers it to the app. Call it once, before any code of the app's is loaded. */
  install(): void {
    const offered: Lifecycle = {
      waitUntil: (work, name) => {
        const release = this.#take("waitUntil", name);
        work.then(release, (error) => {
          console.error(`waitUntil${name === "" ? "" : ` "${name}"`}:`, error);
          release();
        });
      },
      keepAwake: (name) => this.#take("keepAwake", name),
      onStandby: (run) => this.#forLasting("onStandby").onStandby(run),
      onResume: (run) => this.#forLasting("onResume").onResume(run),
      requestId: () => currentRequestId.getStore() ?? null,
    };
    Object.defineProperty(globalThis, lifecycleKey, { value: Object.freeze(offered) });
  }

  #take(kind: HolderKind, name: string): () => void {
    const release = this.holders.take(kind, name);
    if (release === null) return () => {};
    return this.graphs === null ? release : this.graphs.hold(release);
  }

  /** @throws {TypeError} in an ephemeral app */
  #forLasting(name: string): Nap {
    if (this.graphs === null) return this.nap;
    throw new TypeError(
      `${name} is not for an app with \`ephemeral: true\`: nothing of a request is left while its process sleeps`,
    );
  }
}
