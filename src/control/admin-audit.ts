/** Which requests to the admin API are in the audit log, and what is said of them. */
import { asPlatformError } from "../base/errors.ts";
import type { AuditEntry } from "../store/audit.ts";
import { ACCESS, type Principal } from "./access.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { ENDPOINT_PATHS, type EndpointMatch } from "./endpoints.ts";
import { auditTextCharactersMax } from "./limits.ts";

/** Filled in by the call itself. Nothing secret may get here. */
export interface CallNote {
  /** Which app it turned out to be about; without this the one in its path. */
  about(app: string | null): void;
  /** Long texts are cut; `undefined` is left out. */
  add(detail: Record<string, string | number | boolean | null | undefined>): void;
  /** The answer goes on after the call: what is returned is called once, with `ok` or a code, when it is over. */
  later(): (result: string) => void;
}

export interface AuditedCall {
  match: EndpointMatch;
  principal: Principal;
  /** Where it came from. */
  address: string;
  audit: AuditTrail;
}

/** Carries a call out and notes it, unless it only asks. */
export async function audited<Answer>(
  { match, principal, address, audit }: AuditedCall,
  run: (note: CallNote) => Promise<Answer>,
): Promise<Answer> {
  let app = match.app === "" ? null : match.app;
  let isLater = false;
  const detail: AuditEntry["detail"] = {};
  const facts = (result: string) => ({
    action: match.name,
    app: app === null ? null : app.slice(0, auditTextCharactersMax),
    address,
    result,
    detail,
  });
  const note: CallNote = {
    about(named) {
      app = named;
    },
    add(more) {
      for (const [key, value] of Object.entries(more)) {
        if (value === undefined) continue;
        detail[key] = typeof value === "string" ? value.slice(0, auditTextCharactersMax) : value;
      }
    },
    later() {
      isLater = true;
      return (result) => {
        // It costs as little as what is refused at once.
        if (result.startsWith("ADMIN_TOKEN_")) audit.refused(principal, facts(result));
        else void audit.add(principal, facts(result));
      };
    },
  };
  const { isQuestion = ENDPOINT_PATHS[match.name].method === "GET" } = ACCESS[match.name];
  if (isQuestion) return run(note);
  let answer: Answer;
  try {
    answer = await run(note);
  } catch (thrown) {
    const { code, status } = asPlatformError(thrown);
    // What the caller got wrong costs nothing to ask for again and again.
    if (status < 500) audit.refused(principal, facts(code));
    else await audit.add(principal, facts(code));
    throw thrown;
  }
  if (!isLater) await audit.add(principal, facts("ok"));
  return answer;
}
