/** A broker's server on a free port of this machine, with a core that does what a test says. */
import { type Clock, systemClock } from "../base/clock.ts";
import { TurnClock } from "../base/turn-clock.ts";
import { until } from "../base/until-for-tests.ts";
import type {
  BrokerCore,
  Dispatch,
  Dispatcher,
  Poll,
  PollPath,
  PollSocket,
  Waiter,
} from "./broker-api.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { configForTests } from "./broker-for-tests.ts";
import { createDeploymentTokens } from "./deployment-tokens.ts";
import { createDispatchGate } from "./dispatch-gate.ts";
import { createMembership } from "./membership.ts";
import { startBrokerServer } from "./server.ts";
import type { BrokerServer } from "./server-api.ts";
import type { DeploymentTokens, Membership } from "./trust-api.ts";

export interface HeldPollForTests extends Waiter {
  readonly poll: Poll;
  readonly path: PollPath;
  readonly socket: PollSocket;
  readonly sameSocket: boolean;
}

export interface HeldDispatchForTests {
  readonly dispatch: Dispatch;
  readonly dispatcher: Dispatcher;
}

/** Notes what it is told; answers when a test says so, or at once by `onPoll` and `onDispatch`. */
class ScriptedCore implements BrokerCore {
  readonly polls: HeldPollForTests[] = [];
  readonly dispatches: HeldDispatchForTests[] = [];
  readonly wentAway: object[] = [];
  readonly lostPolls: Poll[] = [];
  readonly connects: string[] = [];
  /** True: answered, nothing is held. */
  onPoll: (poll: HeldPollForTests) => boolean = () => false;
  onDispatch: (dispatch: HeldDispatchForTests) => void = () => {};

  isOwnLease(): boolean {
    return true;
  }

  connect(address: string) {
    this.connects.push(address);
    return { connectionTimeoutMs: 30_000, keepaliveMs: 300_000 };
  }

  poll(poll: Poll, path: PollPath, socket: PollSocket, sameSocket: boolean): Waiter | null {
    const held = { poll, path, socket, sameSocket };
    this.polls.push(held);
    return this.onPoll(held) ? null : held;
  }

  gone(waiter: Waiter): void {
    this.wentAway.push(waiter);
  }

  lost(poll: Poll): void {
    this.lostPolls.push(poll);
  }

  dispatch(dispatch: Dispatch, dispatcher: Dispatcher): object {
    const held = { dispatch, dispatcher };
    this.dispatches.push(held);
    this.onDispatch(held);
    return held;
  }

  dispatcherGone(handle: object): void {
    this.wentAway.push(handle);
  }

  tick(): void {}

  /** The poll with this number, from 0, as soon as it has come. */
  async pollNumber(index: number): Promise<HeldPollForTests> {
    await until(() => this.polls.length > index);
    return this.polls[index]!;
  }

  async dispatchNumber(index: number): Promise<HeldDispatchForTests> {
    await until(() => this.dispatches.length > index);
    return this.dispatches[index]!;
  }
}

export interface ScriptedServer extends Disposable {
  readonly server: BrokerServer;
  readonly core: ScriptedCore;
  readonly port: number;
}

export interface ScriptedServerOptions {
  config?: Partial<BrokerConfig>;
  membership?: Membership;
  tokens?: DeploymentTokens;
  connectionsMax?: number;
  clock?: Clock;
}

/** Dispose it. */
export function startScriptedServer(options: ScriptedServerOptions = {}): ScriptedServer {
  const config = { ...configForTests, ...options.config };
  const clock = new TurnClock(options.clock ?? systemClock);
  const core = new ScriptedCore();
  const { tokenSecret, tokenEnforcement, dispatchToken } = config;
  const server = startBrokerServer({
    config,
    core,
    tokens:
      options.tokens ??
      createDeploymentTokens({ secret: tokenSecret, enforcement: tokenEnforcement, clock }),
    gate: createDispatchGate({ token: dispatchToken, clock }),
    membership: options.membership ?? createMembership({ config, id: "test", note: () => {} }),
    operations: (path, method, body) => ({
      status: 200,
      contentType: "text/plain",
      body: `${method} ${path} ${body.length}`,
    }),
    clock,
    note: () => {},
    ...(options.connectionsMax === undefined ? {} : { connectionsMax: options.connectionsMax }),
  });
  return { server, core, port: server.port, [Symbol.dispose]: () => server.stop() };
}
