/**
 * What a runner shows as its deployment: its id, or a token that names it, signed with HS256 (RFC 7515, RFC 7519). A token is
 * verified once and remembered; its text leaves this file in no form, since whoever has it is that deployment.
 *
 *   no secret        claims are believed                       nobody is refused
 *   secret, log      claims are believed, classes counted      nobody is refused
 *   secret, enforce  only a valid token is believed            anything else is refused
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { TokenEnforcement } from "./broker-config.ts";
import {
  deploymentNameCharactersMax,
  tokenCharactersMax,
  tokensCharactersMax,
  tokensMax,
} from "./limits.ts";
import type { DeploymentReading, DeploymentTokens, TokenClass, TokenFacts } from "./trust-api.ts";

export interface DeploymentTokensOptions {
  /** Null: tokens are decoded and believed. */
  secret: string | null;
  enforcement: TokenEnforcement;
  /** Expiry is compared with its wall-clock time. */
  clock: Clock;
}

/** Stands for whatever a token that cannot be read names: no message is for it, and it says nothing of the token. */
export const undecodableDeployment = "undecodable-token";

/** Whom the tokens of Trigger.dev are from and for; its own verification wants both. */
const issuer = "https://id.trigger.dev";
const audience = "https://api.trigger.dev";

/** What one token says, whatever version it comes with. */
interface Token {
  readonly deployment: string;
  readonly version: string | null;
  readonly tokenClass: TokenClass;
  readonly untilMs: number;
}

/** What is inside a token's second part. */
type Claims = Readonly<Record<string, unknown>>;

export function createDeploymentTokens(options: DeploymentTokensOptions): DeploymentTokens {
  return new RememberedTokens(options);
}

/** Whether it is meant as a token, as Trigger.dev tells: three parts between dots, none empty. */
export function looksLikeToken(header: string): boolean {
  const first = header.indexOf(".");
  const second = header.indexOf(".", first + 1);
  return (
    first > 0 &&
    second > first + 1 &&
    second < header.length - 1 &&
    header.indexOf(".", second + 1) < 0
  );
}

class RememberedTokens implements DeploymentTokens {
  readonly #options: DeploymentTokensOptions;
  readonly #isEnforced: boolean;
  /** By text; the one that came first goes first. */
  readonly #tokens = new Map<string, Token>();
  /** Of all texts. */
  #characters = 0;
  #refused = 0;
  readonly #byClass: Record<TokenClass, number> = {
    jwt_valid: 0,
    jwt_unverified: 0,
    jwt_invalid: 0,
    jwt_expired: 0,
    version_mismatch: 0,
    bare: 0,
    undecodable: 0,
  };

  constructor(options: DeploymentTokensOptions) {
    this.#options = options;
    this.#isEnforced = options.secret !== null && options.enforcement === "enforce";
  }

  read(header: string, version: string): DeploymentReading {
    if (!looksLikeToken(header)) {
      return this.#reading(header, "bare", Number.POSITIVE_INFINITY);
    }
    const { deployment, version: claimed, tokenClass, untilMs } = this.#token(header);
    const isOther = claimed !== null && claimed !== version;
    const isRead = tokenClass === "jwt_valid" || tokenClass === "jwt_unverified";
    return this.#reading(deployment, isOther && isRead ? "version_mismatch" : tokenClass, untilMs);
  }

  facts(): TokenFacts {
    return {
      byClass: { ...this.#byClass },
      refused: this.#refused,
      remembered: this.#tokens.size,
    };
  }

  #reading(deployment: string, tokenClass: TokenClass, untilMs: number): DeploymentReading {
    const isRefused = this.#isEnforced && tokenClass !== "jwt_valid";
    this.#byClass[tokenClass] += 1;
    if (isRefused) this.#refused += 1;
    return { deployment, isRefused, tokenClass, untilMs };
  }

  #token(text: string): Token {
    const wallMs = this.#options.clock.wallMs();
    const known = this.#tokens.get(text);
    if (known !== undefined && wallMs < known.untilMs) return known;
    // A text of any length could be sent; what is too long for a token is neither decoded nor kept.
    if (text.length > tokenCharactersMax) return undecodable;
    const token = readToken(text, this.#options.secret, wallMs);
    this.#remember(text, token);
    return token;
  }

  #remember(text: string, token: Token): void {
    if (this.#tokens.delete(text)) this.#characters -= text.length;
    this.#tokens.set(text, token);
    this.#characters += text.length;
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= tokensMax && this.#characters <= tokensCharactersMax) return;
      this.#tokens.delete(oldest);
      this.#characters -= oldest.length;
    }
  }
}

const undecodable: Token = {
  deployment: undecodableDeployment,
  version: null,
  tokenClass: "undecodable",
  untilMs: Number.POSITIVE_INFINITY,
};

function readToken(text: string, secret: string | null, wallMs: number): Token {
  const [head = "", payload = "", signature = ""] = text.split(".");
  const claims = decoded(payload);
  const deployment = nameIn(claims, "deployment");
  if (claims === null || deployment === null) return undecodable;
  const version = nameIn(claims, "deployment_version");

  if (secret === null) {
    const untilMs = Number.POSITIVE_INFINITY;
    return { deployment, version, tokenClass: "jwt_unverified", untilMs };
  }
  const isSigned = isHs256(decoded(head)) && isSignatureOf(signature, `${head}.${payload}`, secret);
  const { tokenClass, untilMs } = isSigned
    ? judgeClaims(claims, wallMs)
    : ({ tokenClass: "jwt_invalid", untilMs: Number.POSITIVE_INFINITY } as const);
  return { deployment, version, tokenClass, untilMs };
}

/** What is said of claims whose signature is right, and until when. */
function judgeClaims(claims: Claims, wallMs: number): Pick<Token, "tokenClass" | "untilMs"> {
  const forEver = Number.POSITIVE_INFINITY;
  const { ver, iss, aud, exp, nbf } = claims;
  const isForUs =
    iss === issuer && (Array.isArray(aud) ? aud.includes(audience) : aud === audience);
  const isWhole = ver === 1 && nameIn(claims, "deployment_version") !== null;
  if (!isForUs || !isWhole || typeof exp !== "number") {
    return { tokenClass: "jwt_invalid", untilMs: forEver };
  }
  if (nbf !== undefined && typeof nbf !== "number") {
    return { tokenClass: "jwt_invalid", untilMs: forEver };
  }
  if (exp * 1000 <= wallMs) return { tokenClass: "jwt_expired", untilMs: forEver };
  if (nbf !== undefined && nbf * 1000 > wallMs) {
    return { tokenClass: "jwt_invalid", untilMs: nbf * 1000 };
  }
  return { tokenClass: "jwt_valid", untilMs: exp * 1000 };
}

/** Any other algorithm is a way around the secret; `crit` names rules that we do not know (RFC 7515, 4.1.11). */
function isHs256(head: Claims | null): boolean {
  return head !== null && head["alg"] === "HS256" && head["crit"] === undefined;
}

function isSignatureOf(signature: string, signed: string, secret: string): boolean {
  const given = bytesOf(signature);
  const expected = createHmac("sha256", secret).update(signed).digest();
  return given !== null && given.length === expected.length && timingSafeEqual(given, expected);
}

/** A name that may become part of a key and of a log line: printable, without spaces, bounded. */
function nameIn(claims: Claims | null, claim: string): string | null {
  const name = claims?.[claim];
  if (typeof name !== "string" || name.length > deploymentNameCharactersMax) return null;
  return /^[\x21-\x7e]+$/.test(name) ? name : null;
}

/** The object in one part of a token; null when it is none. */
function decoded(part: string): Claims | null {
  const bytes = bytesOf(part);
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Claims) : null;
  } catch {
    return null;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Strict base64url: what does not come out of encoding the bytes again is refused, so that no token has two forms. */
function bytesOf(part: string): Buffer | null {
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes : null;
}
