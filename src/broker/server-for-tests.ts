/** A broker's server with the real core, on free ports of this machine. */
import { systemClock } from "../base/clock.ts";
import { TurnClock } from "../base/turn-clock.ts";
import { type Broker, createBroker } from "./broker.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { configForTests } from "./broker-for-tests.ts";
import { createDeploymentTokens } from "./deployment-tokens.ts";
import { createDispatchGate } from "./dispatch-gate.ts";
import { createMembership } from "./membership.ts";
import { startBrokerServer } from "./server.ts";
import type { BrokerServer } from "./server-api.ts";
import type { Membership } from "./trust-api.ts";

export interface TestServer extends Disposable {
  readonly server: BrokerServer;
  readonly core: Broker;
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
}

/** Dispose it. */
export function startTestServer(
  changes: Partial<BrokerConfig> = {},
  membership: Membership | null = null,
): TestServer {
  const config = { ...configForTests, ...changes };
  const clock = new TurnClock(systemClock);
  const core = createBroker({
    config,
    clock,
    random: (below) => Math.floor(Math.random() * below),
    cordon: { has: () => false },
    placement: null,
    onDispatch: null,
  });
  const server = startBrokerServer({
    config,
    core,
    tokens: createDeploymentTokens({
      secret: config.tokenSecret,
      enforcement: config.tokenEnforcement,
      clock,
    }),
    gate: createDispatchGate({ token: config.dispatchToken, clock }),
    membership: membership ?? createMembership({ config, id: "test", note: () => {} }),
    operations: (path, method, body) => ({
      status: 200,
      contentType: "text/plain",
      body: `${method} ${path} ${body.length}`,
    }),
    clock,
    note: () => {},
  });
  const ticks = setInterval(() => core.tick(), 10);
  return {
    server,
    core,
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.dispose]() {
      clearInterval(ticks);
      server.stop();
    },
  };
}
