/** Services that an app is told of by its environment and that its permissions do not let it reach. Pure. */
import { parseDestination, type SandboxLevel } from "../base/permissions.ts";

/**
 * Protocols that nobody puts into an environment but to connect, with the ports that their specifications give them.
 * `http:` is not among them: such values are as often links for others.
 */
const PORTS: Readonly<Record<string, number>> = {
  "amqp:": 5672,
  "amqps:": 5671,
  "mariadb:": 3306,
  "mongodb:": 27_017,
  "mongodb+srv:": 27_017,
  "mysql:": 3306,
  "nats:": 4222,
  "postgres:": 5432,
  "postgresql:": 5432,
  "redis:": 6379,
  "rediss:": 6379,
  "smtp:": 587,
  "smtps:": 465,
};

/**
 * Warnings for a person, with name and port of such values, nothing else of them. Only ports are looked at, as the kernel
 * does. Empty where the network is open.
 *
 * @param values of the app, by name
 * @param connect the app's permission, as in `Permissions`
 */
export function closedPortWarnings(
  values: ReadonlyMap<string, string>,
  connect: readonly string[],
  level: SandboxLevel,
): string[] {
  if (level !== "strict") return [];
  const open = new Set(connect.map((text) => parseDestination(text)?.port));
  const warnings: string[] = [];
  for (const [name, value] of values) {
    const port = servicePort(value);
    if (port === null || open.has(port)) continue;
    const wanted = [...connect, `*:${port}`].map((text) => `"${text}"`).join(", ");
    warnings.push(
      `environment value ${name} leads to port ${port}, which the app may not connect to; levain.config.ts opens it with \`permissions: { connect: [${wanted}] }\``,
    );
  }
  return warnings;
}

/** Null when it is no URL of a service. */
function servicePort(value: string): number | null {
  const url = URL.parse(value);
  if (url === null) return null;
  const usual = PORTS[url.protocol];
  if (usual === undefined) return null;
  return url.port === "" ? usual : Number(url.port);
}
