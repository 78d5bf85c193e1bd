/** Errors of using a node from elsewhere: tokens, domains. */
import type { ErrorRow } from "./error-row.ts";

export const remoteErrors = {
  ADMIN_TOKEN_EXPIRED: {
    owner: "user",
    status: 401,
    message: (name: string) => `Cannot answer the admin request: token "${name}" has expired`,
    remedy: "Ask who runs the node for another one: `levain token create`",
  },
  ADMIN_TOKEN_REVOKED: {
    owner: "user",
    status: 401,
    message: (name: string) => `Cannot go on: token "${name}" was revoked or has expired`,
    remedy: "Ask who runs the node for another one: `levain token create`",
  },
  ADMIN_TOKEN_ROLE: {
    owner: "user",
    status: 403,
    message: (name: string, role: string, endpoint: string, needed: string) =>
      `Cannot answer the admin request: token "${name}" has role ${role}, "${endpoint}" takes ${needed}`,
    remedy:
      "Use a token of that role; who runs the node makes one with `levain token create` and `--role`",
  },
  ADMIN_TOKEN_APP: {
    owner: "user",
    status: 403,
    message: (name: string, apps: string, what: string) =>
      `Cannot answer the admin request: token "${name}" is for ${apps} only, not for ${what}`,
    remedy:
      "Name one of those apps (`--app` of `levain deploy`), or use a token without that limit",
  },
  TOKEN_NAME_TAKEN: {
    owner: "user",
    status: 409,
    message: (name: string) => `Cannot create token "${name}": there is one of that name`,
    remedy: (name: string) =>
      `Choose another name, or end the old one first: \`levain token revoke ${name}\``,
  },
  TOKENS_FULL: {
    owner: "user",
    status: 409,
    message: (tokensMax: number) => `Cannot create a token: there are ${tokensMax} already`,
    remedy: "Revoke what nobody uses; `levain token list` shows when each was used last",
  },
  TOKEN_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (name: string) => `Cannot find token "${name}"`,
    remedy: "Run `levain token list` for the tokens that exist",
  },
  ADMIN_TLS_UNUSABLE: {
    owner: "user",
    status: 400,
    message: (path: string, what: string) =>
      `Cannot serve the admin API over TLS: ${path}: ${what}`,
    remedy:
      "Name the certificate with those between it and the root, and its key, in PEM: `--admin-tls-cert`, `--admin-tls-key`",
  },
  NODE_CERTIFICATE_REFUSED: {
    owner: "user",
    status: 526,
    message: (url: string, why: string) =>
      `Cannot trust the node at ${url}: its certificate was refused, ${why}`,
    remedy:
      "Check the address; a certificate of a CA of your own is trusted with `levain login --ca-file`. Nothing was sent",
  },
  NODE_VERSION_OTHER: {
    owner: "user",
    status: 426,
    message: (url: string, found: string, known: number) =>
      `Cannot use the node at ${url}: its admin API has version ${found}, this command line knows ${known}`,
    remedy:
      "Use the Levain release that the node runs (`levain version` shows yours), or bring the node up to date",
  },
  CONTEXT_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (name: string) => `Cannot find context "${name}"`,
    remedy: "Run `levain context list` for those there are; `levain login` adds one",
  },
  CONTEXTS_UNUSABLE: {
    owner: "user",
    status: 500,
    message: (path: string, what: string) => `Cannot use ${path}: ${what}`,
    remedy: "Correct the file or remove it, then run `levain login` again",
  },
  DOMAIN_INVALID: {
    owner: "user",
    status: 400,
    message: (host: string, problem: string) => `Cannot use domain "${host}": ${problem}`,
    remedy: "Name one host of your own, such as shop.example.com",
  },
  DOMAIN_TAKEN: {
    owner: "user",
    status: 409,
    message: (host: string) => `Cannot use domain "${host}": another app of this node has it`,
    remedy: "Remove it there first: `levain domains list` shows whose it is",
  },
  DOMAINS_FULL: {
    owner: "user",
    status: 409,
    message: (app: string, domainsMax: number) =>
      `Cannot add a domain to app "${app}": it has ${domainsMax} already`,
    remedy: (app: string) => `Remove what is not used: \`levain domains list ${app}\``,
  },
  DOMAIN_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (app: string, host: string) => `Cannot find domain "${host}" of app "${app}"`,
    remedy: (app: string) => `Run \`levain domains list ${app}\` for the domains it has`,
  },
} as const satisfies Record<string, ErrorRow>;
