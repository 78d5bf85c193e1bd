/** Its branches have databases, which the files in `migrations/` bring up to date at each deploy and promote. */
export default {
  name: "notes",
  database: true,
  migrate: "migrations",
};
