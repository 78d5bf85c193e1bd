/**
 * A request for a file: what is sent and what has to come back. The site that the cases are about is in `site.ts`.
 */
export interface StaticCase {
  claim: string;
  /** Request line without the version. Default `GET /`. */
  ask?: string;
  lines?: readonly string[];
  status: number;
  /** Of the answer: a value, a pattern, or null for a line that must not be there. */
  headers?: Record<string, string | RegExp | null>;
  /** The whole body. Default: not looked at. */
  body?: string | Buffer;
  /** App that is asked. Default `site`. */
  app?: "site" | "spa" | "both" | "plain";
}

export const revalidated = "public, max-age=0, must-revalidate";
