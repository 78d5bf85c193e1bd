/**
 * What the hooks do to one request and its answer.
 *
 *   asking ──all let it pass──▶ passed ──the answer's head──▶ adorning ──▶ over
 *     ├──a hook answers or rejects──────────────────────────▶ adorning
 *     └──a hook throws or takes too long──▶ over: HOOK_FAILED ◀──┘
 *
 * Hooks that return no promise run to their end within the call that has brought the head, and nothing is copied for
 * them but what an `onResponse` may ask for. While one is waited for, the request's body waits with the client, as for an
 * instance that is not there yet; the first pieces of an answer are held, and no more of it is granted. Whatever ends the
 * exchange meanwhile makes what the hook says later count for nothing.
 */
import type { HookAnswer, HookRejection } from "../../sdk/src/hooks.ts";
import { PlatformError } from "../base/errors.ts";
import type { LoadedHook } from "../hooks/loaded-hook.ts";
import { isTraceparent, parseHead } from "../http/head-parser.ts";
import { nothing } from "../http/input.ts";
import { ParsedHead } from "../http/parsed-head.ts";
import { HAS_DATE, HAS_REQUEST_ID, WANTS_CLOSE } from "../router/destination.ts";
import type { Route } from "../router/router.ts";
import type { Exchange } from "./exchange.ts";
import type { Peer } from "./forwarded-head.ts";
import type { HookChain } from "./hook-chain.ts";
import { HookedRequest } from "./hook-request.ts";
import {
  checkStatus,
  HookedResponse,
  type ResponseSource,
  readyAnswer,
  replacedLines,
} from "./hook-response.ts";
import { hookTimeoutMs } from "./limits.ts";
import type { TraceLines } from "./trace-lines.ts";
import { verdictPage } from "./verdict-page.ts";

/** What the connection does for the hooks of its request. */
export interface HookHost {
  /** A hook is waited for: `HookRun.expire` is called when that takes longer. */
  awaitHook(ms: number): void;
  /** The request goes on. `isLate`: hooks were waited for, and its route may have changed. */
  passHooks(source: Buffer, head: ParsedHead, isLate: boolean): void;
}

/** The head of an answer, and what has come of its body while hooks were waited for. */
interface HeldAnswer {
  response: HookedResponse;
  /** The status that `reason` belongs to. */
  status: number;
  reason: string;
  contentLength: number;
  pieces: Buffer[];
  ended: boolean;
}

export class HookRun {
  readonly #chain: HookChain;
  readonly #exchange: Exchange;
  readonly #host: HookHost;
  readonly #request: HookedRequest;
  #source: Buffer;
  #head: ParsedHead;
  readonly #trace: TraceLines;
  /** Hooks before this one have let the request pass. Index. */
  #passed = 0;
  /** The hook that is waited for. */
  #awaited: LoadedHook | null = null;
  /** Some hook was waited for before the request passed. */
  #isLate = false;
  /** The time for the hooks runs; all that are waited for have it together. */
  #isTimed = false;
  /** Grows when what was waited for is not waited for any more. */
  #turn = 0;
  #isAdorned = false;
  #held: HeldAnswer | null = null;

  /** `head` was parsed from `source`, and `trace` stands at its lines; all three are only valid during the call. */
  constructor(
    chain: HookChain,
    exchange: Exchange,
    host: HookHost,
    route: Route,
    head: ParsedHead,
    source: Buffer,
    peer: Peer,
    trace: TraceLines,
  ) {
    this.#chain = chain;
    this.#exchange = exchange;
    this.#host = host;
    this.#source = source;
    this.#head = head;
    this.#trace = trace;
    const destination = route instanceof PlatformError ? null : route;
    const { isTrusted } = chain;
    this.#request = new HookedRequest(exchange.id, head, source, peer, destination, isTrusted);
    exchange.hooked = this;
    // Whose log tells of a hook that fails.
    exchange.pool = destination;
  }

  /** A hook has not returned yet. */
  get isWaiting(): boolean {
    return this.#awaited !== null;
  }

  /** The hooks have seen the answer's head. */
  get isAdorned(): boolean {
    return this.#isAdorned;
  }

  /** Asks the hooks. The exchange goes on by itself, perhaps before this returns. */
  start(): void {
    this.#ask(0);
  }

  /** Header lines that hooks have given the request, in place of the client's; written at `at`. Returns where they end. */
  writeLines(out: Buffer, at: number): number {
    const { headers } = this.#request;
    return headers.isEdited ? at + out.latin1Write(headers.toLines(), at) : at;
  }

  /** Header lines as hooks have left them; null when they are the client's. */
  editedLines(): Buffer | null {
    const { headers } = this.#request;
    return headers.isEdited ? Buffer.from(headers.toLines(), "latin1") : null;
  }

  /** The hook took too long. */
  expire(): void {
    const hook = this.#awaited;
    if (hook !== null) this.#fail(hook, new Error(`it was not done after ${hookTimeoutMs} ms`));
  }

  /** Nobody wants the answer any more, or there is another one. Twice is safe. */
  cancel(): void {
    this.#turn += 1;
    this.#awaited = null;
    this.#isTimed = false;
    this.#held = null;
  }

  /** The head of an answer has come; it goes back to the exchange when the hooks have seen it. */
  respond(
    source: ResponseSource,
    status: number,
    reason: string,
    contentLength: number,
    buffer: Buffer,
    blockStart: number,
    blockEnd: number,
    bodyStart: number,
    bodyEnd: number,
    ended: boolean,
  ): void {
    const lines = { buffer, ranges: [[blockStart, blockEnd]] };
    const response = new HookedResponse(source, status, lines);
    const outcome = this.#adorn(response, this.#passed - 1);
    if (outcome === "failed") return;
    if (outcome === "waiting") {
      response.headers.keep();
      const first = Buffer.from(buffer.subarray(bodyStart, bodyEnd));
      this.#held = { response, status, reason, contentLength, pieces: [first], ended };
      return;
    }
    // As it came, unless it was changed.
    if (response.status === status && !response.headers.isEdited && source === "app") {
      this.#isAdorned = true;
      // The lines stand in a buffer that is used again at once.
      response.seal();
      this.#exchange.onResponse(
        status,
        reason,
        contentLength,
        buffer,
        blockStart,
        blockEnd,
        bodyStart,
        bodyEnd,
        ended,
      );
      return;
    }
    const body = buffer.subarray(bodyStart, bodyEnd);
    this.#send({ response, status, reason, contentLength, pieces: [], ended }, body, ended);
  }

  /** Keeps a piece of the body while the head's hooks are waited for; at most what the wire has been granted. */
  hold(buffer: Buffer, start: number, end: number, ended: boolean): void {
    const held = this.#held!;
    held.pieces.push(Buffer.from(buffer.subarray(start, end)));
    held.ended = ended;
  }

  // --- private: the request ---

  #ask(from: number): void {
    const { hooks } = this.#chain;
    for (let index = from; index < hooks.length; index++) {
      this.#passed = index;
      const hook = hooks[index]!;
      if (hook.onRequest === null) continue;
      let result: unknown;
      try {
        result = hook.onRequest(this.#request);
      } catch (thrown) {
        return this.#fail(hook, thrown);
      }
      if (result === undefined) continue;
      if (isPromise(result)) {
        this.#detach();
        return this.#wait(hook, result, (value) => {
          if (value === undefined) this.#ask(index + 1);
          else this.#answer(hook, value);
        });
      }
      return this.#answer(hook, result);
    }
    this.#passed = hooks.length;
    this.#pass();
  }

  #pass(): void {
    const request = this.#request;
    const head = this.#head;
    const source = this.#source;
    if (request.target !== head.target) {
      head.target = request.target;
      // Not as it stands in the buffer.
      head.targetEnd = 0;
    }
    if (this.#chain.seesResponses || request.headers.isEdited) request.headers.keep();
    if (request.headers.isEdited) {
      // They are written by `writeLines`.
      head.kept.clear();
      head.forwarded.clear();
    }
    request.seal();
    this.#isTimed = false;
    this.#exchange.pool = null;
    this.#source = nothing;
    this.#host.passHooks(source, head, this.#isLate);
  }

  #answer(hook: LoadedHook, value: unknown): void {
    const { id, accept, tally } = this.#exchange;
    let status: number;
    let lines: string;
    let body: Buffer;
    try {
      if (typeof value !== "object" || value === null) {
        throw new TypeError(`it returned ${value === null ? "null" : `a ${typeof value}`}`);
      }
      if ("reject" in value) {
        const rejection = value as HookRejection;
        status = rejection.status ?? 403;
        checkStatus(status, 400);
        const error = new PlatformError("REQUEST_REJECTED", [String(rejection.reject)]);
        const page = verdictPage(error, id.text, accept, status);
        lines = replacedLines(page.block, rejection.headers);
        body = Buffer.from(page.body);
        tally.code = error.code;
      } else ({ status, lines, body } = readyAnswer(value as HookAnswer));
    } catch (thrown) {
      return this.#fail(hook, thrown);
    }
    tally.hook = hook.name;
    if (this.#chain.seesResponses) this.#request.headers.keep();
    this.#request.seal();
    this.#exchange.answer("hook", status, lines, body);
  }

  /** The buffer that the head was read from is used again while the hook is waited for. */
  #detach(): void {
    if (this.#isLate) return;
    this.#isLate = true;
    this.#request.headers.keep();
    const { end } = this.#head;
    this.#source = Buffer.from(this.#source.subarray(0, end));
    this.#head = new ParsedHead();
    parseHead(this.#source, 0, end, this.#head);
    const { id } = this.#exchange;
    if (!isTraceparent(this.#head.traceparent)) this.#head.traceparent = this.#trace.traceparent;
    id.isMadeNow = false;
  }

  // --- private: the answer ---

  /** Shows the answer to the hooks from `from` down. */
  #adorn(response: HookedResponse, from: number): "done" | "waiting" | "failed" {
    const { hooks } = this.#chain;
    for (let index = from; index >= 0; index--) {
      const hook = hooks[index]!;
      if (hook.onResponse === null) continue;
      let result: unknown;
      try {
        result = hook.onResponse(response, this.#request);
      } catch (thrown) {
        this.#fail(hook, thrown);
        return "failed";
      }
      if (!isPromise(result)) continue;
      this.#wait(hook, result, () => {
        if (this.#adorn(response, index - 1) === "done") this.#release();
      });
      return "waiting";
    }
    return "done";
  }

  /** The hooks have seen the head that was held: it leaves, and what has come behind it. */
  #release(): void {
    const held = this.#held!;
    const [first = nothing, ...rest] = held.pieces;
    this.#held = null;
    const turn = this.#turn;
    this.#send(held, first, held.ended && rest.length === 0);
    for (const [index, piece] of rest.entries()) {
      // It may have turned out to be no answer that can be passed on.
      if (turn !== this.#turn) return;
      const isLast = index === rest.length - 1;
      this.#exchange.onData(piece, 0, piece.length, held.ended && isLast, false);
    }
  }

  #send(answer: HeldAnswer, body: Buffer, ended: boolean): void {
    const { response, status, reason, contentLength } = answer;
    const { headers } = response;
    const lines = headers.toLines();
    response.seal();
    const whole = Buffer.allocUnsafe(lines.length + body.length);
    whole.latin1Write(lines, 0);
    body.copy(whole, lines.length);
    const wantsClose = this.#exchange.foundLines & WANTS_CLOSE;
    const hasDate = headers.has("date") ? HAS_DATE : 0;
    const hasRequestId = headers.has("x-request-id") ? HAS_REQUEST_ID : 0;
    this.#exchange.foundLines = wantsClose | hasDate | hasRequestId;
    this.#isAdorned = true;
    this.#exchange.onResponse(
      response.status,
      response.status === status ? reason : "",
      contentLength,
      whole,
      0,
      lines.length,
      lines.length,
      whole.length,
      ended,
    );
  }

  // --- private: waiting ---

  #wait(hook: LoadedHook, promise: PromiseLike<unknown>, then: (value: unknown) => void): void {
    this.#turn += 1;
    const turn = this.#turn;
    this.#awaited = hook;
    if (!this.#isTimed) this.#host.awaitHook(hookTimeoutMs);
    this.#isTimed = true;
    promise.then(
      (value) => {
        if (turn !== this.#turn) return;
        this.#awaited = null;
        then(value);
      },
      (thrown) => {
        if (turn === this.#turn) this.#fail(hook, thrown);
      },
    );
  }

  #fail(hook: LoadedHook, thrown: unknown): void {
    this.cancel();
    this.#request.seal();
    const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    this.#chain.report(hook, stack, this.#exchange.id.text);
    const detail = { hook: hook.name, stack };
    this.#exchange.fail(new PlatformError("HOOK_FAILED", [], { cause: thrown, detail }));
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
