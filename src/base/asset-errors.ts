/** Errors of files that the node answers by itself: when they are prepared, and when they are asked for. */
import type { ErrorRow } from "./error-row.ts";

export const assetErrors = {
  FILE_NOT_FOUND: {
    owner: "user",
    status: 404,
    message: (path: string) => `Cannot find a file for ${path}`,
    remedy:
      "Check the address; with `spa: true` in `assets`, a single-page app answers for its pages to those who accept text/html; a file 404.html takes the place of this page",
  },
  FILE_PATH_MALFORMED: {
    owner: "user",
    status: 400,
    message: (path: string) => `Cannot read the path ${path}: its escapes are not UTF-8`,
    remedy: "Escape the path as in a URL, each byte of its UTF-8 as %XX",
  },
  METHOD_NOT_ALLOWED: {
    owner: "user",
    status: 405,
    message: (method: string) => `Cannot carry out ${method}: this app consists of files`,
    remedy: "Use GET or HEAD",
  },
  ENCODING_NOT_ACCEPTABLE: {
    owner: "user",
    status: 406,
    message: (accepted: string) => `Cannot send the file in an encoding that "${accepted}" takes`,
    remedy: "Send `accept-encoding` without `identity;q=0` and `*;q=0`, or not at all",
  },
  ASSETS_UNREADABLE: {
    owner: "platform",
    status: 500,
    message: (app: string) => `Cannot read the files of app "${app}"`,
    remedy:
      "Read the node's log for the cause; restore the artifacts folder of the data directory, or deploy the app again",
  },
  ASSETS_INVALID: {
    owner: "user",
    status: 422,
    message: (what: string) => `Cannot prepare the assets: ${what}`,
    remedy: "Correct what is named and deploy again; docs/static.md has the rules",
  },
  ASSETS_NO_PAGE: {
    owner: "user",
    status: 422,
    message: (path: string) => `Cannot take the new version live: no file is the answer to ${path}`,
    remedy:
      "Put an index.html into the asset folder, name the folder that has one with `assets`, or another page with `healthPath`",
  },
} as const satisfies Record<string, ErrorRow>;
