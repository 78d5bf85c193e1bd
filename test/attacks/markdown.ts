/** The table of attacks as SECURITY.md has it. Pure. */
import type { Report } from "./attack.ts";
import type { ArchiveAttack } from "./rows/deploys.ts";

/** An attack with what it got. */
export interface TableRow {
  tries: string;
  by: string;
  root: Report;
  user: Report;
}

/** Lines of the table, with its head. @param what they do, for the head */
export function attackTable(rows: readonly TableRow[], what = "it tries to"): string {
  const head = [what, "node of root", "node of an ordinary user", "held by"];
  const body = rows.map(({ tries, by, root, user }) => [
    tries,
    cell(root),
    Bun.deepEquals(root, user)
      ? "the same"
      : cell(difference(user, root), Object.keys(user).length),
    by,
  ]);
  return lines([head, head.map(() => "---"), ...body]);
}

/** The same for archives, where it makes no difference who runs the node. */
export function archiveTable(attacks: readonly ArchiveAttack[]): string {
  const head = ["it sends", "it gets", "held by"];
  const body = attacks.map(({ tries, gets, by }) => [tries, shown(gets), by]);
  return lines([head, head.map(() => "---"), ...body]);
}

/** What came of each try; when all `tries` came to the same, it is said once. */
function cell(report: Report, tries = Object.keys(report).length): string {
  const outcomes = [...new Set(Object.values(report))];
  const isAll = Object.keys(report).length === tries;
  if (outcomes.length === 1 && isAll) return shown(outcomes[0]!);
  const groups = outcomes.map((outcome) => {
    const names = Object.keys(report).filter((name) => report[name] === outcome);
    return `${names.join(", ")}: ${shown(outcome)}`;
  });
  return groups.join("; ");
}

function difference(report: Report, other: Report): Report {
  return Object.fromEntries(
    Object.entries(report).filter(([name, outcome]) => other[name] !== outcome),
  );
}

/** What was got is what a reader looks for. */
function shown(outcome: string): string {
  if (outcome.startsWith("got")) return `**${outcome}**`;
  return /[A-Z_]{4}/.test(outcome) ? `\`${outcome}\`` : outcome;
}

function lines(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}
