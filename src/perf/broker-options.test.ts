import { expect, test } from "bun:test";
import { dispatchTokenVariable, readBrokerBenchOptions } from "./broker-options.ts";

test("without a flag it is the load that figures are given for", () => {
  expect(readBrokerBenchOptions({}, {})).toMatchObject({
    url: null,
    controllers: 500,
    dispatchers: 50,
    keys: 20,
    payloadBytes: 2048,
    hitRatio: 1,
    directWithinMs: 0,
    dispatchToken: null,
  });
});

test("a broker that runs is asked at its two addresses, with the token of the variable", () => {
  const flags = { url: "http://10.0.0.5:4003", dispatchUrl: "http://10.0.0.6:4004/" };

  expect(readBrokerBenchOptions(flags, { [dispatchTokenVariable]: "secret" })).toMatchObject({
    url: "http://10.0.0.5:4003",
    dispatchUrl: "http://10.0.0.6:4004",
    dispatchToken: "secret",
  });
  expect(readBrokerBenchOptions({ url: "http://10.0.0.5" }, {}).dispatchUrl).toBe(
    "http://10.0.0.5",
  );
});

test.each([
  [{ controllers: "0.5" }, '--controllers is "0.5", must be a whole number'],
  [{ hitRatio: "2" }, '--hit-ratio is "2", must be a number from 0 to 1'],
  [{ url: "https://a" }, '--url is "https://a", must be an address with http://'],
  [{ url: "http://a/path" }, "without a path"],
  [{ dispatchUrl: "http://a" }, "--dispatch-url needs --url"],
  [{ url: "http://a", directWithinMs: "1" }, "--direct-within-ms and --url do not go together"],
])("%p is refused", (flags, why) => {
  expect(() => readBrokerBenchOptions(flags, {})).toThrow(why);
});
