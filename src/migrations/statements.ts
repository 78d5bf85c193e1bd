/**
 * Where one SQL statement ends and the next begins, as PostgreSQL's own lexer sees it: not in strings, quoted names,
 * dollar quotes, comments, parentheses or the body of a function in standard SQL (`BEGIN ATOMIC … END`). Pure.
 */

/** What cannot hold a `;` that ends a statement. Sticky, tried in this order. */
const OPAQUE = [
  // Escape strings have backslashes before their quotes; others do not.
  /[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)/y,
  /'(?:[^']|'')*(?:'|$)/y,
  /"(?:[^"]|"")*(?:"|$)/y,
  /\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?(?:\$\1\$|$)/y,
  /--[^\n]*/y,
];
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;

/** Statements without their `;` and what surrounds them; empty ones and lone comments are none. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let hasText = false;
  let parentheses = 0;
  /** Open `BEGIN ATOMIC` and `CASE`, each of which has an `END`. */
  let blocks = 0;
  let before = "";
  const take = (end: number) => {
    if (hasText) statements.push(withoutLeadingComments(sql.slice(start, end)));
    start = end + 1;
    [hasText, parentheses, blocks, before] = [false, 0, 0, ""];
  };
  for (let at = 0; at < sql.length; ) {
    const skipped = endOfOpaque(sql, at);
    if (skipped > at) {
      if (!isComment(sql, at)) hasText = true;
      at = skipped;
      continue;
    }
    WORD.lastIndex = at;
    const [word] = WORD.exec(sql) ?? [];
    if (word !== undefined) {
      const lower = word.toLowerCase();
      if (lower === "atomic" && before === "begin") blocks += 1;
      else if (lower === "case" && blocks > 0) blocks += 1;
      else if (lower === "end" && blocks > 0) blocks -= 1;
      before = lower;
      hasText = true;
      at += word.length;
      continue;
    }
    const character = sql[at] ?? "";
    if (character === ";" && parentheses === 0 && blocks === 0) take(at);
    else if (character === "(") parentheses += 1;
    else if (character === ")") parentheses = Math.max(parentheses - 1, 0);
    if (character !== ";" && !/\s/.test(character)) [hasText, before] = [true, ""];
    at += 1;
  }
  take(sql.length);
  return statements;
}

/** Whether a statement begins or ends a transaction. Savepoints do neither. */
export function hasTransactionControl(statement: string): boolean {
  return /^(?:begin|commit|rollback(?!\s+(?:work\s+|transaction\s+)?to\b)|abort|end|start\s+transaction|prepare\s+transaction)\b/i.test(
    statement,
  );
}

/** Where what begins here and cannot be looked into ends; the same place when nothing of that kind begins. */
function endOfOpaque(sql: string, at: number): number {
  if (sql.startsWith("/*", at)) return endOfComment(sql, at);
  const isInName = at > 0 && /[\w$\u0080-\uffff]/.test(sql[at - 1] ?? "");
  for (const pattern of OPAQUE) {
    // `a$b$c` is one name, and `type'…'` is no escape string because its type ends in an e.
    if (isInName && (pattern === OPAQUE[0] || pattern === OPAQUE[3])) continue;
    pattern.lastIndex = at;
    const [text] = pattern.exec(sql) ?? [];
    if (text !== undefined) return at + text.length;
  }
  return at;
}

/** Comments of this kind nest. */
function endOfComment(sql: string, at: number): number {
  let depth = 0;
  for (let place = at; place < sql.length; ) {
    if (sql.startsWith("/*", place)) [depth, place] = [depth + 1, place + 2];
    else if (sql.startsWith("*/", place)) [depth, place] = [depth - 1, place + 2];
    else place += 1;
    if (depth === 0) return place;
  }
  return sql.length;
}

function isComment(sql: string, at: number): boolean {
  return sql.startsWith("--", at) || sql.startsWith("/*", at);
}

function withoutLeadingComments(text: string): string {
  let at = 0;
  for (;;) {
    while (/\s/.test(text[at] ?? "")) at += 1;
    if (!isComment(text, at)) return text.slice(at).trim();
    at = endOfOpaque(text, at);
  }
}
