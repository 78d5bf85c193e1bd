/**
 * What clients do that a pooler can get wrong, as cases: each says in a few words what came of it. The same cases are put
 * to PgBouncer and to the relay; docs/relay.md shows what both said.
 */
import type pg from "pg";
import postgres from "postgres";
import {
  type CaseContext,
  type PoolerAccess,
  type PoolingCase,
  patienceMs,
  said,
  within,
} from "./pooling-case.ts";

const works = "works";

export const poolingCases: readonly PoolingCase[] = [
  {
    name: "`SET TIME ZONE`, seen by the next transaction",
    run: ({ open, shift }) => settingLasts(open, shift, "timezone", "Asia/Tokyo"),
  },
  {
    name: "`SET statement_timeout`, seen by the next transaction",
    run: ({ open, shift }) => settingLasts(open, shift, "statement_timeout", "54321ms"),
  },
  {
    name: "`SET` of one client is not seen by another",
    async run({ open }) {
      const [one, two] = [await open(), await open()];
      await one.query("SET work_mem = '7MB'");
      const seen = await settingOf(two, "work_mem");
      return seen === "7MB" ? "**seen by the other**" : works;
    },
  },
  {
    name: "`SET LOCAL` in a transaction",
    async run({ open }) {
      const one = await open();
      await one.query("BEGIN; SET LOCAL work_mem = '9MB'");
      const inside = await settingOf(one, "work_mem");
      await one.query("COMMIT");
      return inside === "9MB" && (await settingOf(one, "work_mem")) !== "9MB" ? works : "lost";
    },
  },
  {
    name: "`LISTEN`, then a notification",
    async run({ open, direct }) {
      const [one, other] = [await open(), await direct()];
      const heard = new Promise<string>((resolve) => one.on("notification", () => resolve(works)));
      await one.query("LISTEN case_channel");
      await one.query("SELECT 1");
      await other.query("NOTIFY case_channel");
      return within(heard, "**never comes**");
    },
  },
  {
    name: "Temporary table, used by the next transaction",
    async run({ open, shift }) {
      const one = await open();
      await one.query("CREATE TEMP TABLE case_temp (a int)");
      await shift();
      await one.query("SELECT * FROM case_temp");
      return works;
    },
  },
  {
    name: "Temporary table `ON COMMIT DROP` within one",
    async run({ open }) {
      const one = await open();
      await one.query("BEGIN");
      await one.query("CREATE TEMP TABLE case_brief (a int) ON COMMIT DROP");
      await one.query("SELECT * FROM case_brief");
      await one.query("COMMIT");
      return works;
    },
  },
  {
    name: "`pg_advisory_lock` keeps others out",
    async run({ open }) {
      const [one, two] = [await open(), await open()];
      await one.query("SELECT pg_advisory_lock(4711)");
      const { rows } = await two.query("SELECT pg_try_advisory_lock(4711) AS is_locked");
      return rows[0].is_locked ? "**both have it**" : works;
    },
  },
  {
    name: "`pg_advisory_xact_lock` keeps others out",
    async run({ open }) {
      const [one, two] = [await open(), await open()];
      await one.query("BEGIN; SELECT pg_advisory_xact_lock(4712)");
      const { rows } = await two.query("SELECT pg_try_advisory_xact_lock(4712) AS is_locked");
      await one.query("COMMIT");
      return rows[0].is_locked ? "**both have it**" : works;
    },
  },
  {
    name: "Cursor `WITH HOLD`, read after its transaction",
    async run({ open, shift }) {
      const one = await open();
      await one.query("DECLARE case_cursor CURSOR WITH HOLD FOR SELECT 1 AS a");
      await shift();
      const { rows } = await one.query("FETCH case_cursor");
      return rows.length === 1 ? works : "lost";
    },
  },
  {
    name: "SQL `PREPARE`, then `EXECUTE`",
    async run({ open, shift }) {
      const one = await open();
      await one.query("PREPARE case_statement AS SELECT 5 AS a");
      await shift();
      const { rows } = await one.query("EXECUTE case_statement");
      return rows[0].a === 5 ? works : "wrong";
    },
  },
  {
    name: "Prepared statement of the protocol, used again",
    async run({ open, shift }) {
      const one = await open();
      const query = { name: "case_named", text: "SELECT $1::int + 1 AS a", values: [1] };
      await one.query(query);
      await shift();
      const { rows } = await one.query(query);
      return rows[0].a === 2 ? works : "wrong";
    },
  },
  {
    name: "Two clients, one name, two statements",
    async run({ open }) {
      const [one, two] = [await open(), await open()];
      await one.query({ name: "case_same", text: "SELECT 1 AS a" });
      await two.query({ name: "case_same", text: "SELECT 2 AS a" });
      const first = (await one.query({ name: "case_same", text: "SELECT 1 AS a" })).rows[0].a;
      const second = (await two.query({ name: "case_same", text: "SELECT 2 AS a" })).rows[0].a;
      return first === 1 && second === 2 ? works : "**wrong statement**";
    },
  },
  {
    name: "`DISCARD ALL`",
    async run({ open }) {
      const one = await open();
      await one.query("SET work_mem = '8MB'");
      await one.query("DISCARD ALL");
      return (await settingOf(one, "work_mem")) === "8MB" ? "lost" : works;
    },
  },
  {
    name: "`currval` in the next transaction",
    async run({ open, direct, shift }) {
      const [one, other] = [await open(), await direct()];
      await other.query("DROP SEQUENCE IF EXISTS case_sequence; CREATE SEQUENCE case_sequence");
      await one.query("SELECT nextval('case_sequence')");
      await shift();
      const { rows } = await one.query("SELECT currval('case_sequence')::int AS a");
      return rows[0].a === 1 ? works : "wrong";
    },
  },
  {
    name: "`COPY` to the client and from it",
    run: async ({ access }) => copies(access),
  },
  {
    name: "Pipelined queries (`postgres`)",
    run: async ({ access }) =>
      withPostgresJs(access, async (sql) => {
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, index) => sql`SELECT ${index}::int AS a`),
        );
        return answers.every(([row], index) => row!["a"] === index) ? works : "wrong";
      }),
  },
  {
    name: "Cancel request",
    async run({ open, direct }) {
      const [one, other] = [await open(), await direct()];
      const slow = one.query("SELECT pg_sleep(20)").then(
        () => "never cancelled",
        (error: { code?: string }) => (error.code === "57014" ? works : said(error)),
      );
      await running(other, "SELECT pg_sleep(20)");
      cancel(one);
      return within(slow, "**never cancelled**");
    },
  },
  {
    name: "`options=-c search_path=…` at the log-in",
    async run({ open }) {
      const one = await open({ options: "-c search_path=case_schema" });
      return (await settingOf(one, "search_path")) === "case_schema" ? works : "ignored";
    },
  },
  {
    name: "`statement_timeout` at the log-in",
    async run({ open }) {
      const one = await open({ statement_timeout: 43_210 });
      return (await settingOf(one, "statement_timeout")) === "43210ms" ? works : "ignored";
    },
  },
  {
    name: "Client leaves within a transaction",
    async run({ open, direct }) {
      const [one, other] = [await open(), await direct()];
      await other.query("DROP TABLE IF EXISTS case_left; CREATE TABLE case_left (a int)");
      await one.query("BEGIN");
      await one.query("INSERT INTO case_left VALUES (1)");
      (
        one as unknown as { connection: { stream: { destroy(): void } } }
      ).connection.stream.destroy();
      // Waits until nobody has the lock any more.
      await other.query("SET lock_timeout = 3000; LOCK TABLE case_left").catch(() => {});
      const { rows } = await other.query("SELECT count(*)::int AS a FROM case_left");
      return rows[0].a === 0 ? "rolled back" : "**committed**";
    },
  },
  {
    name: "Idle server connections are terminated, then a query",
    async run({ open, direct }) {
      const [one, other] = [await open(), await direct()];
      await one.query("SELECT 1");
      await terminateOthers(other);
      await one.query("SELECT 1");
      return works;
    },
  },
  {
    name: "The same with a setting and a prepared statement",
    async run({ open, direct }) {
      const [one, other] = [await open(), await direct()];
      await one.query("SET work_mem = '6MB'");
      const query = { name: "case_kept", text: "SELECT 1 AS a" };
      await one.query(query);
      await terminateOthers(other);
      await one.query(query);
      return (await settingOf(one, "work_mem")) === "6MB" ? works : "**setting lost**";
    },
  },
  {
    name: "Terminated within a transaction",
    async run({ open, direct }) {
      const [one, other] = [await open(), await direct()];
      await one.query("BEGIN");
      await terminateOthers(other);
      const [first] = await Promise.allSettled([one.query("SELECT 1")]);
      const [rollback] = await Promise.allSettled([one.query("ROLLBACK")]);
      const [next] = await Promise.allSettled([one.query("SELECT 1")]);
      if (first.status === "fulfilled") return "**no error**";
      // Which error is the client's affair: it hears of the end before or after it has asked.
      return rollback.status === "fulfilled" && next.status === "fulfilled"
        ? `error ${said(first.reason)}, the session goes on`
        : "an error, the session ends";
    },
  },
  {
    name: "More clients than server connections",
    async run({ open }) {
      const clients = await Promise.all(Array.from({ length: 6 }, () => open()));
      const { length } = await Promise.all(
        clients.map((client) => client.query("BEGIN; SELECT pg_sleep(0.02); COMMIT")),
      );
      return length === 6 ? works : "wrong";
    },
  },
];

async function settingOf(client: pg.Client, setting: string): Promise<string> {
  const { rows } = await client.query(`SELECT current_setting('${setting}') AS value`);
  return rows[0].value as string;
}

async function settingLasts(
  open: CaseContext["open"],
  shift: CaseContext["shift"],
  setting: string,
  value: string,
): Promise<string> {
  const one = await open();
  await one.query(`SET ${setting} = '${value}'`);
  await shift();
  return (await settingOf(one, setting)) === value ? works : "**lost**";
}

async function terminateOthers(client: pg.Client): Promise<void> {
  await client.query(
    `SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
}

/** Resolves when a statement runs. */
async function running(client: pg.Client, sql: string): Promise<void> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    const { rowCount } = await client.query(
      "SELECT FROM pg_stat_activity WHERE state = 'active' AND query = $1",
      [sql],
    );
    if (rowCount !== 0 || performance.now() > endMs) return;
  }
}

/** As `psql` does on Ctrl-C: `pg` has no public way. */
function cancel(client: pg.Client): void {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const { host, port } = client;
  const packet = Buffer.alloc(16);
  packet.writeInt32BE(16, 0);
  packet.writeInt32BE(80877102, 4);
  packet.writeInt32BE(processID, 8);
  packet.writeInt32BE(secretKey, 12);
  const socket = { open: (raw: Bun.Socket) => void raw.write(packet), data() {} };
  void Bun.connect({ hostname: host, port, socket }).catch(() => {});
}

async function withPostgresJs(
  { config }: PoolerAccess,
  run: (sql: postgres.Sql) => Promise<string>,
): Promise<string> {
  const { host, port, user, password, database } = config;
  const sql = postgres({
    host: host!,
    port: port!,
    username: user!,
    password: password as string,
    database: database!,
    max: 1,
    onnotice: () => {},
  });
  try {
    return await run(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function copies(access: PoolerAccess): Promise<string> {
  return withPostgresJs(access, async (sql) => {
    await sql`DROP TABLE IF EXISTS case_copy`;
    await sql`CREATE TABLE case_copy (a int)`;
    const sink = await sql`COPY case_copy FROM STDIN`.writable();
    for (let row = 0; row < 1000; row += 1) sink.write(`${row}\n`);
    await new Promise<void>((resolve, reject) => {
      sink.on("error", reject);
      sink.on("finish", () => resolve());
      sink.end();
    });
    let bytes = 0;
    for await (const chunk of await sql`COPY case_copy TO STDOUT`.readable()) {
      bytes += (chunk as Buffer).length;
    }
    return bytes === 3890 ? works : `${bytes} bytes`;
  });
}
