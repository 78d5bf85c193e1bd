/** `permissions` and `sandbox` of a config file. */
import { z } from "zod";
import { defaultPermissions, parseDestination, SANDBOX_LEVELS } from "../base/permissions.ts";
import { connectMax, sourcePathBytesMax, writeFoldersMax } from "./limits.ts";

export const permissionsSchema = z
  .strictObject({
    connect: z
      .array(
        z
          .string()
          .refine(
            (text) => parseDestination(text) !== null,
            "must be a host and a port, such as api.example.com:443 or *:5432",
          ),
      )
      .max(connectMax)
      .default(defaultPermissions.connect),
    listen: z.boolean().default(defaultPermissions.listen),
    udp: z.boolean().default(defaultPermissions.udp),
    write: z
      .array(
        z
          .string()
          .max(sourcePathBytesMax)
          .refine(isPlainPath, "must be absolute paths of folders, such as /srv/uploads"),
      )
      .max(writeFoldersMax)
      .default(defaultPermissions.write),
  })
  .prefault({});

/** Null: as strictly as the kernel can. */
export const sandboxSchema = z.enum(SANDBOX_LEVELS).nullable().default(null);

/** Keys below `permissions`. */
export const PERMISSION_KEYS = { connect: null, listen: null, udp: null, write: null } as const;

/** Without anything that would make it another path than it says. */
function isPlainPath(path: string): boolean {
  const [first, ...names] = path.split("/");
  return (
    first === "" && names.every((name) => !["", ".", ".."].includes(name)) && !path.includes("\0")
  );
}
