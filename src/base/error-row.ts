/** What the catalogue says of one error. */

export interface ErrorRow {
  /** Who can fix it. */
  owner: "user" | "platform";
  /** HTTP status of the edge and the admin API. */
  status: number;
  message: (...args: never[]) => string;
  /** With the values of the message where they make it something that can be run as it is. */
  remedy: string | ((...args: never[]) => string);
}
