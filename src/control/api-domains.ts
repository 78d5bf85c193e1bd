/** What the admin API says of hosts of the apps' own, and takes to add and remove them. */
import { z } from "zod";

export const domainInfo = z.object({
  /** In lower case and ASCII. */
  host: z.string(),
  app: z.string(),
  branch: z.string(),
  /** It routes only then. */
  isVerified: z.boolean(),
  /** How its owner proves that it is theirs, in either of two ways. */
  proof: z.object({
    /** Name of a TXT record. */
    dnsName: z.string(),
    /** Address that answers to `GET`. */
    url: z.string(),
    /** What the record, or the answer, has to be. */
    text: z.string(),
  }),
  /** Where it answers when it is verified and leads here. */
  url: z.string(),
  createdAtMs: z.number(),
  verifiedAtMs: z.number().nullable(),
});

export const domainAddInput = z.strictObject({
  host: z.string().min(1).max(600),
  branch: z.string().default("main"),
});
export const domainAdded = domainInfo.extend({
  /** What the check found: `found`, or what was in the way; null when it was verified before. */
  check: z.object({ dns: z.string(), http: z.string() }).nullable(),
});

export const domainsQuery = z.strictObject({ app: z.string().optional() });
export const domainRemoveQuery = z.strictObject({ host: z.string().min(1).max(600) });

export type DomainInfo = z.infer<typeof domainInfo>;
