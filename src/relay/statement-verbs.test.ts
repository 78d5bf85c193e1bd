import { expect, test } from "bun:test";
import { hasSeveral, isAtomic, isBegin, transactionVerb } from "./statement-verbs.ts";

test.each([
  "select 1",
  "-- why\n/* /* a comment */ within one */ ( SELECT 1 )",
  "begin; insert into t values (';call p()'); ",
  "with x as (delete from t returning *) select $$; call p()$$ from x",
  "",
])("%p commits as a whole or not at all", (sql) => expect(isAtomic(sql)).toBe(true));

test.each([
  "/* /* */ select */ call p()",
  "select 1; call p()",
  "select 1; /* /* */ select */ vacuum",
  "do $$ begin commit; end $$",
  "commit",
  '"select" 1',
  "select 'where does it end\\'; call p() --'",
])("%p may commit on its way", (sql) => expect(isAtomic(sql)).toBe(false));

test.each([
  ["COMMIT", "commit"],
  ["/* /* */ select */ end work;", "commit"],
  ["commit and no chain", "commit"],
  ["commit; select 1", "commit"],
  ["commit and chain", "other"],
  ["COMMIT TRANSACTION AND /**/ CHAIN", "other"],
  ["commit; begin", "other"],
  ["commit prepared 'x'", "other"],
  ["ROLLBACK", "rollback"],
  ["abort transaction and no chain", "rollback"],
  ["rollback; begin", "rollback"],
  ["rollback work and chain", "other"],
  ["rollback to savepoint s", "other"],
  ["select 1; commit", "other"],
  ["", "other"],
])("%p is a %s", (sql, verb) => expect(transactionVerb(sql)).toBe(verb as "other"));

test("a begin is seen behind comments, a second statement behind the first one's literals", () => {
  expect(isBegin("/* /* */ */ start transaction")).toBe(true);
  expect(isBegin("select 1; begin")).toBe(false);
  expect(hasSeveral("select ';'; -- nothing")).toBe(false);
  expect(hasSeveral("select ';'; select 2")).toBe(true);
});
