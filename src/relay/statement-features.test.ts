import { describe, expect, test } from "bun:test";
import { featuresKeptMax } from "./limits.ts";
import { Feature, featuresOf, StatementFeatures } from "./statement-features.ts";

type FeatureName = keyof typeof Feature;

const named = (text: string): FeatureName[] => {
  const features = featuresOf(text);
  return (Object.keys(Feature) as FeatureName[]).filter((name) => features & Feature[name]);
};

const CASES: [text: string, ...features: FeatureName[]][] = [
  ["select 1"],
  ["update t set a = 1 where b = 'reset'"],
  ["insert into t (listen) values ('begin')"],
  ["select 'set x = 1', \"pg_advisory_lock\" from t -- discard all"],
  ["set time zone 'UTC'", "setsSession"],
  ["/* hello */ SET search_path TO a, b", "setsSession"],
  ["set session role bob", "setsSession"],
  ["set local statement_timeout = 5", "setsLocal"],
  ["set transaction isolation level serializable", "setsLocal"],
  ["set constraints all deferred", "setsLocal"],
  ["select set_config('app.user', $1, true)", "setsLocal"],
  ["select set_config('app.user', f(1, 'a'), FALSE)", "setsSession"],
  ["select set_config($1, $2, $3)", "setsSession", "allowsWrites"],
  ["reset all", "resets"],
  ["discard all", "resets", "discardsAll", "unlistens", "deallocates", "deallocatesAll"],
  ["discard plans"],
  ["listen jobs", "listens"],
  ["unlisten *", "unlistens"],
  ["prepare q as select $1", "prepares"],
  ["prepare transaction 'x'", "ends", "preparesTransaction"],
  ["execute q(1)", "executes"],
  ["explain execute q(1)", "executes"],
  ["explain analyze execute q(1)", "executes"],
  ["deallocate q", "deallocates"],
  ["DEALLOCATE PREPARE ALL", "deallocates", "deallocatesAll"],
  ["declare c cursor with hold for select 1", "holdsCursor"],
  ["declare c cursor without hold for select 1"],
  ["declare c cursor for select 1"],
  ["create temp table t (a int)", "makesTemporary"],
  ["CREATE OR REPLACE TEMPORARY VIEW v AS SELECT 1", "makesTemporary"],
  ["create local temp table t (a int) on commit drop", "makesTransient"],
  ["create table pg_temp.t (a int)", "makesTemporary"],
  ["select 1 into temp t", "makesTemporary"],
  ["create table temp (a int)", "makesTemporary"],
  ["select pg_advisory_lock(1)", "locksSession"],
  ["with l as (select pg_try_advisory_lock_shared(1, 2)) select * from l", "locksSession"],
  ["select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock(1), pg_advisory_unlock(1)"],
  ["select currval('s')", "readsSequence"],
  ["load 'plpgsql'", "loads"],
  ["DO $$ begin commit; end $$", "mayCommit"],
  ["select 1; call p()", "mayCommit"],
  ["insert into t values (1) on conflict do nothing"],
  ["begin", "begins"],
  ["start transaction read only", "begins"],
  ["BEGIN ISOLATION LEVEL SERIALIZABLE, READ WRITE", "allowsWrites", "begins"],
  ["set transaction read write", "setsLocal", "allowsWrites"],
  ["set session characteristics as transaction read write", "setsSession", "allowsWrites"],
  ["set session characteristics as transaction read only", "setsSession"],
  ["set default_transaction_read_only = off", "setsSession", "allowsWrites"],
  ["set \"default_transaction_read_only\" to 'on'", "setsSession"],
  ["set transaction_read_only to 0", "setsLocal", "allowsWrites"],
  [
    "select set_config('default_transaction_read_only', 'off', false)",
    "setsSession",
    "allowsWrites",
  ],
  ["commit; select 1; rollback to savepoint a", "ends"],
  ["rollback", "ends"],
  ["commit prepared 'x'"],
  ["select 1; set a.b = 'x;y'; select 2", "setsSession"],
  ["set x = 'open", "setsSession"],
];

describe("features of a statement", () => {
  test.each(CASES)("%s", (text, ...features) => {
    expect(named(text).toSorted()).toEqual(features.toSorted());
  });
});

test("features are kept by text in bounded number", () => {
  const kept = new StatementFeatures();

  for (let index = 0; index < 3 * featuresKeptMax; index += 1) {
    expect(kept.of(`set a.b = ${index}`)).toBe(Feature.setsSession);
    expect(kept.size).toBeLessThanOrEqual(featuresKeptMax);
  }
});
