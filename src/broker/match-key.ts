/** What a runner and a message must share to belong together: deployment, version, CPU, memory. */
import type { MatchKey } from "./broker-api.ts";

/** Numbers as a runner's head has them; anything else is compared as it is. */
const NUMBER = /^[0-9]{1,15}(?:\.[0-9]{1,15})?$/;

/** The key of a poll, whose head has texts. */
export function keyOfPoll(
  deployment: string,
  version: string,
  cpu: string,
  memory: string,
): MatchKey {
  return keyOf(deployment, version, plainNumber(cpu), plainNumber(memory));
}

/** The key of a message, which has numbers. No part is empty. */
export function keyOfMessage(
  deployment: string,
  version: string,
  cpu: number,
  memory: number,
): MatchKey {
  return keyOf(deployment, version, String(cpu), String(memory));
}

/** No part of a head can have NUL, and a message whose parts have one matches nothing. */
function keyOf(deployment: string, version: string, cpu: string, memory: string): MatchKey {
  return `${deployment}\0${version}\0${cpu}\0${memory}`;
}

/** `1.0` and `1` are the same machine. */
function plainNumber(text: string): string {
  return NUMBER.test(text) ? String(Number(text)) : text;
}
