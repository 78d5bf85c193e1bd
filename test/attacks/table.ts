/**
 * `bun test/attacks/table.ts`: lets every hostile app loose on a real node, once run by root when root runs this, once
 * by an ordinary user, and prints what each got as Markdown. `--expected` prints what `attacks.test.ts` holds Levain to,
 * which SECURITY.md shows, without attacking; `--write` puts that into SECURITY.md.
 */
import { join } from "node:path";
import { type Mode, openArena } from "./arena.ts";
import type { Report } from "./attack.ts";
import { ATTACKS, expected } from "./attacks.ts";
import { archiveTable, attackTable } from "./markdown.ts";
import { archiveAttacks, buildAttacks } from "./rows/deploys.ts";

const securityPath = join(import.meta.dir, "../../SECURITY.md");
const marks = ["<!-- begin attacks -->", "<!-- end attacks -->"] as const;

/** The part of SECURITY.md that is made from the expectations. */
export function expectedTables(): string {
  const rows = ATTACKS.map((attack) => ({
    ...attack,
    root: expected(attack, false),
    user: expected(attack, true),
  }));
  const count = ATTACKS.length + archiveAttacks.length + buildAttacks.length;
  return [
    `${count} attacks, ${ATTACKS.length} of them by apps that run:`,
    attackTable(rows),
    "By what is sent to be deployed:",
    archiveTable(archiveAttacks),
    "And by code that runs at a deploy, before there is an app:",
    attackTable(
      buildAttacks.map((attack) => ({
        ...attack,
        root: attack.gets,
        user: { ...attack.gets, ...attack.asUser },
      })),
      "it sends",
    ),
  ].join("\n\n");
}

/** SECURITY.md with its tables made anew. */
export function withTables(security: string): string {
  const [begin, end] = marks;
  const [before = "", rest = ""] = security.split(begin);
  const after = rest.slice(rest.indexOf(end));
  return `${before}${begin}\n${expectedTables()}\n${after}`;
}

async function measured(mode: Mode): Promise<Map<string, Report>> {
  const got = new Map<string, Report>();
  await using arena = await openArena(mode, ATTACKS);
  for (const attack of ATTACKS) {
    const { report, harm, left } = await arena.fight(attack);
    got.set(attack.app, report);
    for (const what of harm) console.error(`${attack.app} did harm: ${what}`);
    for (const pid of left) console.error(`${attack.app} left process ${pid}`);
  }
  return got;
}

if (import.meta.main) {
  if (process.argv.includes("--expected")) console.log(expectedTables());
  else if (process.argv.includes("--write")) {
    await Bun.write(securityPath, withTables(await Bun.file(securityPath).text()));
  } else {
    const user = await measured("user");
    const root = process.getuid?.() === 0 ? await measured("root") : user;
    const rows = ATTACKS.map((attack) => ({
      ...attack,
      root: root.get(attack.app)!,
      user: user.get(attack.app)!,
    }));
    console.log(attackTable(rows));
  }
}
