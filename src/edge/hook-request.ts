/** A request's head as hooks see it: what is costly is read when somebody asks. */
import type { HookRequest } from "../../sdk/src/hooks.ts";
import { clientAddressOf } from "../base/client-address.ts";
import { targetBytesMax } from "../http/limits.ts";
import type { ParsedHead } from "../http/parsed-head.ts";
import type { Destination } from "../router/destination.ts";
import { hostName } from "../router/router.ts";
import type { Peer } from "./forwarded-head.ts";
import { EditableHeaders, REQUEST_LINES_OF_EDGE } from "./hook-headers.ts";
import { pathOf, plainPathOf, queryOf } from "./hook-path.ts";
import type { RequestId } from "./request-id.ts";

/** Visible ASCII without `#`: what the edge lets clients send, once it has escaped what lies above. */
const TARGET = /^\/[\x21\x22\x24-\x7e]*$/;

export class HookedRequest implements HookRequest {
  readonly method: string;
  readonly authority: string;
  readonly isWebSocket: boolean;
  readonly headers: EditableHeaders;
  readonly #requestId: RequestId;
  readonly #peer: Peer;
  readonly #forwardedFor: string;
  readonly #hasForwardedProto: boolean;
  readonly #destination: Destination | null;
  readonly #isTrusted: (address: string) => boolean;
  #target: string;
  #id: string | null = null;
  #isSealed = false;
  #path: string | null = null;
  #plainPath: string | null = null;
  #clientAddress: string | null = null;

  /** Reads `source`, which `head` was parsed from, until it is sealed. */
  constructor(
    id: RequestId,
    head: ParsedHead,
    source: Buffer,
    peer: Peer,
    destination: Destination | null,
    isTrusted: (address: string) => boolean,
  ) {
    this.#requestId = id;
    this.method = head.method;
    this.authority = head.host;
    this.isWebSocket = head.wantsWebSocket;
    const kept = head.kept.toList();
    const ranges = peer.isTrusted ? [kept, head.forwarded.toList()] : [kept];
    this.headers = new EditableHeaders(REQUEST_LINES_OF_EDGE, { buffer: source, ranges });
    this.#peer = peer;
    this.#forwardedFor = peer.isTrusted ? head.forwardedFor : "";
    this.#hasForwardedProto = peer.isTrusted && head.hasForwardedProto;
    this.#destination = destination;
    this.#isTrusted = isTrusted;
    this.#target = head.target;
  }

  get id(): string {
    this.#id ??= this.#requestId.text;
    return this.#id;
  }

  get target(): string {
    return this.#target;
  }

  get path(): string {
    this.#path ??= pathOf(this.#target);
    return this.#path;
  }

  get plainPath(): string {
    this.#plainPath ??= plainPathOf(this.path);
    return this.#plainPath;
  }

  get query(): string {
    return queryOf(this.#target);
  }

  get host(): string {
    return hostName(this.authority);
  }

  get scheme(): "http" | "https" {
    if (!this.#hasForwardedProto) return "http";
    // With several proxies, the first one knows what the client has used.
    const [first = ""] = (this.headers.get("x-forwarded-proto") ?? "").split(",");
    return first.trim().toLowerCase() === "https" ? "https" : "http";
  }

  get clientAddress(): string {
    this.#clientAddress ??= clientAddressOf(
      this.#peer.address,
      this.#forwardedFor,
      this.#isTrusted,
    );
    return this.#clientAddress;
  }

  get app(): string | null {
    return this.#destination?.spec.app ?? null;
  }

  get branch(): string | null {
    return this.#destination?.spec.branch ?? null;
  }

  get version(): number | null {
    return this.#destination?.spec.number ?? null;
  }

  rewrite(target: string): void {
    if (this.#isSealed) throw new TypeError("it has been sent on: it cannot be changed");
    if (typeof target !== "string" || target.length > targetBytesMax || !TARGET.test(target)) {
      const given =
        typeof target === "string" ? JSON.stringify(target.slice(0, 100)) : typeof target;
      throw new TypeError(
        `a target begins with "/" and has at most ${targetBytesMax} characters of visible ASCII, without "#"; it is ${given}`,
      );
    }
    this.#target = target;
    this.#path = null;
    this.#plainPath = null;
  }

  /** No hook changes it any more. Without `headers.keep()` before, its headers cannot be read either. */
  seal(): void {
    this.#isSealed = true;
    this.headers.seal();
  }
}
