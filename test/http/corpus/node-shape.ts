/**
 * Where an app with a server of `node:http` is judged otherwise than one with a handler, case by case, and why. All other
 * cases hold for it as they are; its oracle is the same app under bare `node:http` of Bun.
 */

const RESPONSE =
  "it is about what a handler returns, and here a framework has turned that into an answer";
const OWN_WORDS = "the app answers errors in its own words";

/** Not asked: they have no meaning for it. */
const unasked: Readonly<Record<string, string>> = {
  "a throwing handler is answered with 500": OWN_WORDS,
  "a rejected handler is answered with 500": OWN_WORDS,
  "a thrown Response is an error, not an answer": RESPONSE,
  "a file that is not there is answered with 500": RESPONSE,
  "a handler that returns no Response is answered once": RESPONSE,
  "a handler that returns undefined is answered with 502": RESPONSE,
  "Response.error() is answered with 502": RESPONSE,
  "a Response whose body was read is answered with 502": RESPONSE,
  "CR LF in a status text does not become a header": "node:http throws, and the app answers 500",
  "a character that ends in CR as Latin-1 does not become a header":
    "node:http throws, and the app answers 500",
};

/** Strict elsewhere; here the answer is that of bare `node:http`. */
const asBareNode: Readonly<Record<string, string>> = {
  "a method that a Request cannot carry does not become GET":
    "node:http refuses methods that it does not know with 400",
  "a half-close after the request does not cut a long answer":
    "the app writes it in chunks, without a length",
  "a content-length that is too long does not leave the client waiting":
    "who has ended an answer of node:http cannot be seen; `limits.streamIdleMs` ends the wait",
  "a handshake of another version is refused": "the package ws of Bun accepts any version",
};

/** Bare `node:http` refuses what the edge reads for every app: the answer is that of bare Bun.serve. */
const asBareServe: Readonly<Record<string, string>> = {
  "bytes of UTF-8 in a target are what the app gets under Bun": "bare node:http answers 400",
  "an absolute target is read like its path": "bare node:http hands it on as it is",
  "an upgrade to something unknown is not made": "the edge drops what it does not tunnel",
  "Proxy-Connection is nothing to the edge": "bare node:http closes because of it",
};

export const nodeShape = { unasked, asBareNode, asBareServe };
