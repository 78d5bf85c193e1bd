/** A pool of `pg`, with the listener for errors of idle connections that its manual asks for. */
import pg from "pg";
import { pgClient } from "./pg-client.ts";

const pool = new pg.Pool();
pool.on("error", () => {});

export default pgClient("pg", pool);
