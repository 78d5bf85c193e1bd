/** One step of the schema. Applied once, in order, and never edited after a release: a change is a further step. */
export interface Migration {
  /** 1, 2, 3 … without gaps. */
  number: number;
  /** What it brings, for a person who reads the table of applied ones. */
  name: string;
  /** Statements, run in one transaction. Everything is in schema `levain`. */
  sql: string;
}
