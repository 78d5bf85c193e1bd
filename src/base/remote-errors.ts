/** Errors of using a node from elsewhere: tokens, domains. */
import type { ErrorRow } from "./error-row.ts";

export const remoteErrors = {
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
