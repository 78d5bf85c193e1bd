import { expect, test } from "bun:test";
import { clientAddressOf, plainAddress } from "./client-address.ts";
import { forwardedHopsMax } from "./limits.ts";

const trusted = new Set(["10.0.0.1", "10.0.0.2", "fd00::1"]);
const clientOf = (peer: string, forwardedFor: string) =>
  clientAddressOf(peer, forwardedFor, (address) => trusted.has(address));

test.each([
  ["a peer that is not trusted is the client, whatever it writes", "6.6.6.6", "1.1.1.1", "6.6.6.6"],
  ["a trusted peer says who has reached it", "10.0.0.1", "1.1.1.1", "1.1.1.1"],
  ["what stands before was written by the client", "10.0.0.1", "9.9.9.9, 1.1.1.1", "1.1.1.1"],
  ["a chain of trusted ones is followed", "10.0.0.1", "9.9.9.9,1.1.1.1 , 10.0.0.2", "1.1.1.1"],
  ["a trusted peer that says nothing is the client", "10.0.0.1", "", "10.0.0.1"],
  ["a chain of only trusted ones ends with the first", "10.0.0.1", "10.0.0.2", "10.0.0.2"],
  ["what is no address ends the chain", "10.0.0.1", "1.1.1.1, unknown", "10.0.0.1"],
  ["nor does an empty entry hide one", "10.0.0.1", "1.1.1.1,", "10.0.0.1"],
  ["a port does not count", "10.0.0.1", "1.1.1.1:80", "1.1.1.1"],
  ["nor one behind brackets", "10.0.0.1", "[2001:DB8::1]:80", "2001:db8::1"],
  ["nor brackets alone", "10.0.0.1", "[2001:db8::1]", "2001:db8::1"],
  ["nor a zone", "10.0.0.1", "fe80::1%eth0", "fe80::1"],
  ["IPv4 as IPv6 is IPv4, also of a proxy", "10.0.0.1", "1.1.1.1, ::ffff:10.0.0.2", "1.1.1.1"],
])("%s", (_, peer, forwardedFor, client) => {
  expect(clientOf(peer, forwardedFor)).toBe(client);
});

test("a chain is followed so far and no further", () => {
  const hops = ["1.1.1.1", ...Array(forwardedHopsMax).fill("10.0.0.2")];

  expect(clientOf("10.0.0.1", hops.join(","))).toBe("10.0.0.2");
  expect(clientOf("10.0.0.1", hops.slice(0, -1).join(","))).toBe("1.1.1.1");
});

test("an address has one spelling", () => {
  expect(["::FFFF:1.2.3.4", "2001:DB8::A", "::ffff:102:304"].map(plainAddress)).toEqual([
    "1.2.3.4",
    "2001:db8::a",
    "::ffff:102:304",
  ]);
});
