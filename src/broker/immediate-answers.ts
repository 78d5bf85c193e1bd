/** Answers that need nobody's decision: who may ask, health, what runners are told of time. */
import { headerValues } from "./header-values.ts";
import type { ServerContext } from "./server-context.ts";

/**
 * Whether a request shows the dispatch token, or the word of another broker. Where none is asked for, a page that somebody looks
 * at beside the broker may still not switch it.
 *
 * @param head of the request, whole
 */
export function isAdmitted(
  { isGuarded, gate }: ServerContext,
  head: Buffer,
  kind: "dispatch" | "operation",
  voucher: string,
): boolean {
  const linesAt = head.indexOf("\r\n") + 2;
  if (!isGuarded) {
    return kind === "dispatch" || headerValues(head, linesAt, ["origin"])?.[0] === "";
  }
  const values = headerValues(head, linesAt, ["authorization"]);
  const [authorization = ""] = values ?? [];
  if (authorization !== "") return gate.admits(authorization);
  return voucher === "" ? gate.admits(null) : gate.admitsVouched(voucher);
}

/** @param isHead without its body */
export function healthAnswer(context: ServerContext, isHead: boolean, isLast: boolean): Buffer {
  const { membership, answers } = context;
  const answer = answers.text(200, "application/json", membership.healthBody, isLast);
  return isHead ? answer.subarray(0, answer.indexOf("\r\n\r\n") + 4) : answer;
}

export function connectAnswer(context: ServerContext, address: string, isLast: boolean): Buffer {
  const body = JSON.stringify(context.core.connect(address));
  return context.answers.text(200, "application/json", body, isLast);
}
