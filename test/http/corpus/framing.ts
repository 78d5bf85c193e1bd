/**
 * Where a body ends. Everything here that is ambiguous is refused with 400 and a close, because two parties who
 * disagree on the end of a body make one request out of two, or two out of one.
 */
import type { Case } from "../case.ts";
import { chunkedHead, chunks, head } from "./request-text.ts";

const smuggled = (name: string) => `GET /mark/${name} HTTP/1.1\r\nHost: {host}\r\n\r\n`;

/** A POST whose head says two things about its body; a lenient reader finds a second request in it. */
const refused = (
  claim: string,
  lines: readonly string[],
  body: string,
  because: string,
  status: number | readonly number[] = 400,
): Case => {
  const name = claim.replaceAll(/[^a-z0-9]+/gi, "-").toLowerCase();
  return {
    claim,
    steps: [
      head("POST /echo HTTP/1.1", "Accept: application/json", ...lines) + body + smuggled(name),
    ],
    asked: [{ method: "POST" }],
    finally: "wait",
    judge: { kind: "strict", answers: [{ status }], end: "closed", because },
    unreached: `/mark/${name}`,
  };
};

const bodyOf5 = "12345";
const CL_TE =
  "RFC 9112 6.1: both headers are an attack or an error; refusing is the safe choice it allows";
const NOT_FINAL = "RFC 9112 6.3: 400 when chunked is not the final coding of a request";
const UNKNOWN = "RFC 9112 6.1: 501 for a coding the server does not know; 400 is as safe";
const LENGTH = "RFC 9112 6.3: an invalid content-length is an unrecoverable error: 400 and close";
const CHUNK = "RFC 9112 7.1: this is no chunked body";

const te = (claim: string, value: string, because = NOT_FINAL): Case =>
  refused(claim, [`Transfer-Encoding: ${value}`], chunks(bodyOf5), because, [400, 501]);

const length = (claim: string, value: string, status: number[] = [400]): Case =>
  refused(claim, [`Content-Length: ${value}`], bodyOf5, LENGTH, status);

/** A chunked POST that goes wrong in its body: the app may have been asked already. */
const badChunks = (claim: string, body: string, bareVaries?: true): Case => {
  const name = claim.replaceAll(/[^a-z0-9]+/gi, "-").toLowerCase();
  return {
    claim,
    steps: [chunkedHead("/echo", "Accept: application/json") + body + smuggled(name)],
    asked: [{ method: "POST" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 400, verdict: "REQUEST_MALFORMED" }],
      end: "closed",
      because: CHUNK,
      ...(bareVaries ? { bareVaries } : {}),
    },
    unreached: `/mark/${name}`,
  };
};

export const framing: readonly Case[] = [
  refused(
    "content-length before transfer-encoding is refused",
    ["Content-Length: 5", "Transfer-Encoding: chunked"],
    chunks(bodyOf5),
    CL_TE,
  ),
  refused(
    "transfer-encoding before content-length is refused",
    ["Transfer-Encoding: chunked", "Content-Length: 5"],
    chunks(bodyOf5),
    CL_TE,
  ),
  refused(
    "content-length 0 with transfer-encoding is refused",
    ["Content-Length: 0", "Transfer-Encoding: chunked"],
    chunks(bodyOf5),
    CL_TE,
  ),
  te("chunked followed by another coding is refused", "chunked, identity"),
  te("chunked twice is refused", "chunked, chunked"),
  te("identity alone is refused", "identity"),
  te("a coding that ends like chunked is refused", "xchunked", UNKNOWN),
  te("a coding that begins like chunked is refused", "chunkedx", UNKNOWN),
  te("a coding that the edge cannot take off is refused", "gzip, chunked", UNKNOWN),
  te("chunked in quotes is refused", '"chunked"', UNKNOWN),
  te("chunked with a parameter is refused", "chunked;q=1", UNKNOWN),
  te("chunked after a vertical tab is refused", "\x0bchunked"),
  te("an empty transfer-encoding is refused", ""),
  refused(
    "two transfer-encoding lines are refused",
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    chunks(bodyOf5),
    NOT_FINAL,
    [400, 501],
  ),
  refused(
    "two transfer-encoding lines that differ are refused",
    ["Transfer-Encoding: identity", "Transfer-Encoding: chunked"],
    chunks(bodyOf5),
    NOT_FINAL,
    [400, 501],
  ),
  refused(
    "transfer-encoding with a space before its colon is refused",
    ["Transfer-Encoding : chunked"],
    chunks(bodyOf5),
    "RFC 9112 5.1: 400 to whitespace between name and colon",
  ),
  refused(
    "transfer-encoding on a folded line is refused",
    ["Transfer-Encoding:", " chunked"],
    chunks(bodyOf5),
    "RFC 9112 5.2: obs-fold is deprecated; refusing is allowed",
  ),
  refused(
    "transfer-encoding hidden behind a bare LF is refused",
    ["X-Other: a\nTransfer-Encoding: chunked"],
    chunks(bodyOf5),
    "RFC 9112 2.2: a bare LF may be refused, and one hop's value is the next one's header",
  ),
  refused(
    "two content-lengths that differ are refused",
    ["Content-Length: 5", "Content-Length: 0"],
    bodyOf5,
    LENGTH,
  ),
  refused(
    "two content-lengths that are alike are refused",
    ["Content-Length: 5", "Content-Length: 5"],
    bodyOf5,
    "RFC 9112 6.3 allows to refuse them; one that is right for us may be dropped elsewhere",
  ),
  length("a list as content-length is refused", "5, 5"),
  length("a content-length with a plus is refused", "+5"),
  length("a negative content-length is refused", "-5"),
  length("a hexadecimal content-length is refused", "0x5"),
  length("a content-length with a fraction is refused", "5.0"),
  length("a content-length with an exponent is refused", "5e0"),
  length("a content-length with a space inside is refused", "5 0"),
  length("an empty content-length is refused", ""),
  length("a content-length beyond 64 bits is refused", "18446744073709551621", [400, 413]),
  length(
    "a content-length of a thousand digits is refused",
    `${"0".repeat(10)}${"9".repeat(990)}`,
    [400, 413],
  ),
  {
    claim: "transfer-encoding in HTTP/1.0 is refused",
    steps: [
      `${head("POST /echo HTTP/1.0", "Transfer-Encoding: chunked")}${chunks(bodyOf5)}${smuggled("te-in-1-0")}`,
    ],
    asked: [{ method: "POST", version: "1.0" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 400 }],
      end: "closed",
      because: "RFC 9112 6.1: the framing of such a message is faulty",
    },
    unreached: "/mark/te-in-1-0",
  },
  badChunks("a chunk size that is no number is refused", "zz\r\n12345\r\n0\r\n\r\n"),
  badChunks("a chunk size with 0x is refused", "0x5\r\n12345\r\n0\r\n\r\n"),
  badChunks("a negative chunk size is refused", "-5\r\n12345\r\n0\r\n\r\n"),
  badChunks("a chunk size with a plus is refused", "+5\r\n12345\r\n0\r\n\r\n"),
  badChunks("a chunk size beyond 64 bits is refused", "10000000000000005\r\n12345\r\n0\r\n\r\n"),
  badChunks("a chunk size after a space is refused", " 5\r\n12345\r\n0\r\n\r\n"),
  badChunks("a missing chunk size is refused", "\r\n12345\r\n0\r\n\r\n"),
  badChunks("a chunk size ended by a bare LF is refused", "5\n12345\r\n0\r\n\r\n"),
  badChunks("a chunk size ended by a bare CR is refused", "5\rX12345\r\n0\r\n\r\n"),
  badChunks("chunk data longer than its size is refused", "5\r\n123456\r\n0\r\n\r\n"),
  badChunks("chunk data ended by a bare LF is refused", "5\r\n12345\n0\r\n\r\n"),
  badChunks("a chunk extension with a bare LF is refused", "5;a\nb\r\n12345\r\n0\r\n\r\n"),
  badChunks(
    "a chunk extension without end is refused",
    `5;${"x".repeat(100_000)}\r\n12345\r\n0\r\n\r\n`,
  ),
  badChunks(
    "a trailer that is no header line is refused",
    "5\r\n12345\r\n0\r\nno colon\r\n\r\n",
    true,
  ),
  badChunks(
    "trailers without end are refused",
    `5\r\n12345\r\n0\r\n${"X-T: yyyyyyyyyyyyyyy\r\n".repeat(8000)}\r\n`,
    true,
  ),
];
