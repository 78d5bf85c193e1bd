/** A pool of `pg` without a listener for errors: what is easily forgotten. */
import pg from "pg";
import { pgClient } from "./pg-client.ts";

export default pgClient("pg, no listener", new pg.Pool());
