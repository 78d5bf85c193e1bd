/** What the edge knows of a request from its head. */
import { Ranges } from "../base/ranges.ts";

/** A parsed head. One object is used again for every request. */
export class ParsedHead {
  /** Where it ends: behind its empty line. */
  end = 0;
  method = "";
  /** Origin form; what an absolute-form target had before its path is in `host`. */
  target = "";
  /** The buffer has method, space and target in this form from `start` to here; 0 when it has not. */
  targetEnd = 0;
  /** Where the head starts. */
  start = 0;
  host = "";
  /** The authority came with an absolute-form target; no Host line is among the kept ones. */
  hostIsFromTarget = false;
  isHttp10 = false;
  keepAlive = true;
  /** Declared length of the body, or -1. */
  contentLength = -1;
  isChunked = false;
  expectsContinue = false;
  /** Asks to become a WebSocket. */
  wantsWebSocket = false;
  /** The client's `accept`, for error pages. */
  accept = "";
  requestId = "";
  traceparent = "";
  /** Values of all `x-forwarded-for` lines. */
  forwardedFor = "";
  hasForwardedProto = false;
  /** A proxy says that the client has used HTTPS; counts only when the proxy is trusted. */
  isForwardedSecure = false;
  /** What of the buffer is passed on; whole lines. */
  readonly kept = new Ranges();
  /** `x-forwarded-*` and `forwarded` lines, passed on only for a trusted proxy. */
  readonly forwarded = new Ranges();
  // What the lines say together; read by `conclude`.
  hostLines = 0;
  connection = "";
  upgrade = "";
  transferEncoding: string | null = null;
  readonly upgradeLines = new Ranges();

  reset(): void {
    this.method = "";
    this.target = "";
    this.targetEnd = 0;
    this.host = "";
    this.hostIsFromTarget = false;
    this.isHttp10 = false;
    this.keepAlive = true;
    this.contentLength = -1;
    this.isChunked = false;
    this.expectsContinue = false;
    this.wantsWebSocket = false;
    this.accept = "";
    this.requestId = "";
    this.traceparent = "";
    this.forwardedFor = "";
    this.hasForwardedProto = false;
    this.isForwardedSecure = false;
    this.kept.clear();
    this.forwarded.clear();
    this.hostLines = 0;
    this.connection = "";
    this.upgrade = "";
    this.transferEncoding = null;
    this.upgradeLines.clear();
  }
}

/** Parsing is synchronous, so one parsed head serves all connections. */
export const parsed = new ParsedHead();
