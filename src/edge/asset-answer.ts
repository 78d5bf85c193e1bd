/**
 * Answers requests with the files of a version. What is in memory is answered in the turn that has brought the request;
 * other files are read first, large ones a piece at a time.
 *
 *   request ──a file──▶ 200, 206, 304, 412, 416         method, conditions, encoding, range
 *      ├─────a rule───▶ 3xx
 *      └─────nothing──▶ the process, when there is one; else the app's page, its 404.html, 404
 */
import { type Accepted, acceptedEncodings, bestOf } from "../assets/accept-encoding.ts";
import { bodyRoomBytes } from "../assets/body-cache.ts";
import { byteRangeOf } from "../assets/byte-range.ts";
import { conditionsOf, isRangeCurrent } from "../assets/conditions.ts";
import { FileFeed } from "../assets/file-feed.ts";
import { cachedFileBytesMax } from "../assets/limits.ts";
import type { Page, Representation, Site } from "../assets/site.ts";
import { asPlatformError, PlatformError } from "../base/errors.ts";
import { Ranges } from "../base/ranges.ts";
import { nothing } from "../http/input.ts";
import type { ParsedHead } from "../http/parsed-head.ts";
import { AssetLines } from "./asset-lines.ts";
import type { EdgeContext } from "./edge-context.ts";
import type { Exchange } from "./exchange.ts";

/** Reading is synchronous, so one object serves all requests. */
const lines = new AssetLines();

/**
 * @param source what `head` was parsed from
 * @returns whether the request is answered, now or later; else it is for the process
 */
export function answerWithFile(
  context: EdgeContext,
  exchange: Exchange,
  source: Buffer,
  head: ParsedHead,
): boolean {
  const { spec } = exchange.pool!;
  const hasProcess = spec.entry !== null;
  const { method, target } = head;
  if (method !== "GET" && method !== "HEAD") {
    if (hasProcess) return false;
    exchange.fail(new PlatformError("METHOD_NOT_ALLOWED", [method]));
    return true;
  }
  if (hasProcess && head.wantsWebSocket) return false;
  let site: Site;
  try {
    site = context.sites.of(spec);
  } catch (error) {
    exchange.fail(asPlatformError(error));
    return true;
  }
  const found = site.find(target);
  if (found === null && hasProcess) return false;
  readLines(exchange, source, head);
  if (found === null) answerWithout(context, exchange, site, target);
  else if (found.kind === "page") sendPage(context, exchange, found.page);
  else if (found.kind === "missing") sendMissing(context, exchange, found.page);
  else if (found.kind === "detour") {
    sendHead(exchange, found.detour.status, found.detour.block, 0);
  } else exchange.fail(new PlatformError("FILE_PATH_MALFORMED", [target.slice(0, 200)]));
  return true;
}

function readLines({ hooked }: Exchange, source: Buffer, head: ParsedHead): void {
  const edited = hooked?.editedLines() ?? null;
  if (edited === null) return lines.read(source, head.kept);
  // Hooks have given it other lines.
  const ranges = new Ranges();
  ranges.add(0, edited.length);
  lines.read(edited, ranges);
}

/** Nothing has that path. */
function answerWithout(context: EdgeContext, exchange: Exchange, site: Site, target: string): void {
  const page = wantsPage() ? site.fallback(target) : null;
  if (page !== null) return sendPage(context, exchange, page);
  const missing = site.missing(target);
  if (missing !== null) return sendMissing(context, exchange, missing);
  exchange.fail(new PlatformError("FILE_NOT_FOUND", [target.slice(0, 200)]));
}

/** Whether somebody goes to a page; scripts and pictures that are missing are not answered with one. */
function wantsPage(): boolean {
  if (lines.fetchMode !== null) return lines.fetchMode === "navigate";
  return lines.accept !== null && /\btext\/html\b/i.test(lines.accept);
}

function sendPage(context: EdgeContext, exchange: Exchange, page: Page): void {
  const form = formOf(exchange, page);
  if (form === null) return;
  const validators = { etag: form.etag, lastModified: page.lastModified };
  const outcome = conditionsOf(lines, validators);
  if (outcome === 304) return sendHead(exchange, 304, page.unchangedBlock(form), -1);
  if (outcome === 412) return sendHead(exchange, 412, nothing, 0);
  const { range, ifRange } = lines;
  const isOnlyForm = page.representations.length === 1;
  if (
    range !== null &&
    exchange.method === "GET" &&
    isRangeCurrent(ifRange, validators, isOnlyForm)
  ) {
    const part = byteRangeOf(range, form.bytes);
    if (part === "unsatisfiable") {
      const block = Buffer.from(`content-range: bytes */${form.bytes}\r\n`);
      return sendHead(exchange, 416, block, 0);
    }
    if (part !== null) {
      const block = page.rangeBlock(form, part.start, part.end);
      return sendBytes(context, exchange, { form, status: 206, block, ...part });
    }
  }
  sendWhole(context, exchange, form, 200, page.block(form));
}

/** A file in the place of one that is not there. */
function sendMissing(context: EdgeContext, exchange: Exchange, page: Page): void {
  const form = formOf(exchange, page);
  if (form !== null) sendWhole(context, exchange, form, 404, page.missingBlock(form));
}

/** Null when the client takes none; it has been told so. */
function formOf(exchange: Exchange, page: Page): Representation | null {
  const forms = page.representations;
  const accepted = acceptedEncodings(lines.acceptEncoding);
  const isPart = lines.range !== null && exchange.method === "GET";
  const form = isPart ? formOfPart(forms, accepted, lines.ifRange) : bestOf(forms, accepted);
  if (form === null) {
    const accepted = (lines.acceptEncoding ?? "").slice(0, 200);
    exchange.fail(new PlatformError("ENCODING_NOT_ACCEPTABLE", [accepted]));
  }
  return form;
}

/**
 * Parts are of the plain form, since many clients decode whatever says that it is encoded; unless the client has a part
 * of another one, or takes no plain one.
 */
function formOfPart(
  forms: readonly Representation[],
  accepted: Accepted,
  ifRange: string | null,
): Representation | null {
  const begun = forms.find(({ etag, coding }) => etag === ifRange && accepted[coding] > 0);
  if (begun !== undefined) return begun;
  return accepted.identity > 0 ? forms.at(-1)! : bestOf(forms, accepted);
}

function sendHead(exchange: Exchange, status: number, block: Buffer, length: number): void {
  const end = block.length;
  exchange.onResponse(status, "", length, block, 0, end, end, end, true);
}

function sendWhole(
  context: EdgeContext,
  exchange: Exchange,
  form: Representation,
  status: number,
  block: Buffer,
): void {
  const { body, bytes } = form;
  if (exchange.method === "HEAD") return sendHead(exchange, status, block, bytes);
  if (body !== null && block.length <= bodyRoomBytes) {
    form.isUsed = true;
    // The room is free again as soon as the kernel, or the socket's own buffer, has the answer.
    block.copy(body, 0);
    exchange.isBodyKept = true;
    const end = body.length;
    return exchange.onResponse(status, "", bytes, body, 0, block.length, bodyRoomBytes, end, true);
  }
  sendBytes(context, exchange, { form, status, block, start: 0, end: bytes });
}

/** A part of a form, and the head in front of it. */
interface Part {
  form: Representation;
  status: number;
  block: Buffer;
  start: number;
  /** Behind the last byte. */
  end: number;
}

function sendBytes(context: EdgeContext, exchange: Exchange, part: Part): void {
  const { form } = part;
  if (form.bytes > cachedFileBytesMax) return feed(context, exchange, part);
  if (form.body !== null) return sendPart(exchange, part, form.body);
  let isWanted = true;
  exchange.feed = {
    granted: () => {},
    cancel: () => {
      isWanted = false;
    },
  };
  context.sites.bodies.read(form, (body, error) => {
    if (!isWanted) return;
    exchange.feed = null;
    context.clock.nowMs();
    if (body === null) exchange.fail(unreadable(exchange, error));
    else sendPart(exchange, part, body);
  });
}

function sendPart(exchange: Exchange, part: Part, body: Buffer): void {
  const { form, status, block, start, end } = part;
  form.isUsed = true;
  // With its own room, since the body's is in front of its first byte.
  const bytes = end - start;
  const buffer = Buffer.allocUnsafe(block.length + bytes);
  block.copy(buffer, 0);
  body.copy(buffer, block.length, bodyRoomBytes + start, bodyRoomBytes + end);
  const at = block.length;
  exchange.onResponse(status, "", bytes, buffer, 0, at, at, at + bytes, true);
}

function feed(
  context: EdgeContext,
  exchange: Exchange,
  { form, status, block, start, end }: Part,
): void {
  const file = new FileFeed(form.path, start, end, {
    onOpen() {
      context.clock.nowMs();
      const at = block.length;
      exchange.onResponse(status, "", end - start, block, 0, at, at, at, false);
    },
    onPiece(buffer, from, to, ended) {
      context.clock.nowMs();
      if (ended) exchange.feed = null;
      exchange.onData(buffer, from, to, ended, false);
    },
    onFailed(error) {
      context.clock.nowMs();
      exchange.feed = null;
      exchange.fail(unreadable(exchange, error));
    },
  });
  exchange.feed = file;
  file.start();
}

function unreadable(exchange: Exchange, cause: unknown): PlatformError {
  return new PlatformError("ASSETS_UNREADABLE", [exchange.pool?.spec.app ?? ""], { cause });
}
