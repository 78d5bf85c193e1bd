/** What the server hands over beside polls and dispatches: `/metrics`, `/status` and `/control`. */

export interface OperationAnswer {
  status: number;
  contentType: string;
  body: string;
}

/**
 * Answers at once and never throws. Whether the request showed the dispatch token is checked before.
 *
 * @param path without a query
 * @param body of a POST; empty otherwise
 */
export type BrokerOperations = (path: string, method: string, body: Uint8Array) => OperationAnswer;
