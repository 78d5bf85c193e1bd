/** The key `assets` of `levain.config.ts`: which folders hold files that the node answers by itself. */
import { z } from "zod";
import { assetPathBytesMax } from "./limits.ts";

/** With every default filled in, except what depends on the files. */
export interface AssetsConfig {
  /** Folders of the project by the path in front of their files: `{ "/": "public" }`. */
  folders: Record<string, string>;
  /** null: yes when there is one page, which has a script, and no 404.html. */
  spa: boolean | null;
  cleanUrls: boolean;
}

const folder = z
  .string()
  .min(1)
  .max(assetPathBytesMax)
  .refine(isInside, "must be a folder inside the project, such as dist")
  .transform((path) => path.replace(/^\.\/+/, "").replace(/\/+$/, "") || ".");

const prefix = z
  .string()
  .max(assetPathBytesMax)
  .regex(/^\/[^?#%\\]*$/, "a path begins with / and has no escapes, no query and no #")
  .refine((path) => !path.split("/").includes(".."), "a path must not contain ..");

/** Also `false`, which switches off what would be found. */
export const assetsSchema = z
  .union(
    [
      z.literal(false),
      folder,
      z.strictObject({
        folder: z.union([folder, z.record(prefix, folder)]),
        spa: z.boolean().optional(),
        cleanUrls: z.boolean().default(true),
      }),
    ],
    {
      error: 'must be a folder such as "dist", or an object with folder, spa and cleanUrls',
    },
  )
  .transform((given): AssetsConfig | false => {
    if (given === false) return false;
    const { folder, spa, cleanUrls } =
      typeof given === "string" ? { folder: given, spa: undefined, cleanUrls: true } : given;
    return { ...assetsFrom(folder), spa: spa ?? null, cleanUrls };
  });

/** What is assumed of a folder that was found and not named. */
function assetsFrom(folder: string | Record<string, string>): AssetsConfig {
  const given = typeof folder === "string" ? { "/": folder } : folder;
  const folders = Object.entries(given).map(([path, name]) => [
    path.endsWith("/") ? path : `${path}/`,
    name,
  ]);
  return { folders: Object.fromEntries(folders), spa: null, cleanUrls: true };
}

function isInside(path: string): boolean {
  if (path.startsWith("/") || path.includes("\\") || path.includes("\0")) return false;
  return !path.split("/").includes("..");
}

/** The folder whose files stand at the top; without one, the first. */
export function topFolder({ folders }: AssetsConfig): string {
  return folders["/"] ?? Object.values(folders)[0] ?? ".";
}
