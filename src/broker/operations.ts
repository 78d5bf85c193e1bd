/** `/metrics`, `/status` and `/control`, as the server hands them over. */
import { PlatformError } from "../base/errors.ts";
import { expositionType } from "../telemetry/exposition.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { renderBrokerMetrics } from "./broker-metrics.ts";
import type { BrokerOperations, OperationAnswer } from "./operations-api.ts";
import { type BrokerStatus, brokerControl } from "./status-api.ts";

export interface OperationsOptions {
  config: Pick<BrokerConfig, "dispatchPort" | "dispatchToken">;
  status(): BrokerStatus;
  /** @param now whether those who wait are sent home, too */
  switch(isOn: boolean, now: boolean): void;
}

export function brokerOperations(options: OperationsOptions): BrokerOperations {
  return (path, method, body) => {
    try {
      switch (path) {
        case "/metrics":
          return { ...text(renderBrokerMetrics(options.status())), contentType: expositionType };
        case "/status":
          return json(200, options.status());
        case "/control":
          return method === "POST" ? control(options, body) : json(405, {});
        default:
          return json(404, {});
      }
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      return json(error.status, { error: error.toBody() });
    }
  };
}

/** @throws {PlatformError} `BROKER_CONTROL_CLOSED`, `INPUT_INVALID` */
function control(options: OperationsOptions, body: Uint8Array): OperationAnswer {
  const { dispatchPort, dispatchToken } = options.config;
  // Where runners connect, strangers' code does.
  if (dispatchPort === null && dispatchToken === null) {
    throw new PlatformError("BROKER_CONTROL_CLOSED", []);
  }
  const { success, data } = brokerControl.safeParse(parsed(body));
  if (!success) {
    throw new PlatformError("INPUT_INVALID", ['the body must be {"isOn": true or false}']);
  }
  options.switch(data.isOn, data.now);
  return json(200, options.status());
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return null;
  }
}

function json(status: number, value: unknown): OperationAnswer {
  return { status, contentType: "application/json", body: JSON.stringify(value) };
}

function text(body: string): OperationAnswer {
  return { status: 200, contentType: "text/plain", body };
}
