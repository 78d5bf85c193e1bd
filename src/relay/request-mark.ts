/**
 * Which of the app's requests a statement belongs to, as the statement says itself: a comment anywhere in its text, or
 * the end of the session's application_name.
 *
 *   SELECT … /* levain:request=0f3a… *\/          set application_name = 'api levain:request=0f3a…'
 */

/** What an id may be made of to be marked; the edge takes others too, which the package `levain` leaves out. */
const ID = "[A-Za-z0-9._~+/=:@-]{1,64}";
const COMMENT = new RegExp(`/\\*\\s*levain:request=(${ID}?)\\s*\\*/`);
const SUFFIX = new RegExp(`(?:^|\\s)levain:request=(${ID})$`);

/** Words that both begin with: most texts have them not, and finding that out is cheap. */
const MARK = "levain:request=";

/** The id in a text's comment, or null. */
export function requestOfText(sql: string): string | null {
  return sql.includes(MARK) ? (COMMENT.exec(sql)?.[1] ?? null) : null;
}

/** The id at the end of an application_name, or null. */
export function requestOfName(applicationName: string): string | null {
  return applicationName.includes(MARK) ? (SUFFIX.exec(applicationName)?.[1] ?? null) : null;
}
