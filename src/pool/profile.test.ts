import { describe, expect, test } from "bun:test";
import { defaultPermissions, type Permissions, type SandboxLevel } from "../base/permissions.ts";
import { resourceLimitsDefault, type VersionSpec } from "../base/version-spec.ts";
import {
  connectPorts,
  defaultProfile,
  heldDestinations,
  isSameProfile,
  type ProfileRules,
  profileOf,
} from "./profile.ts";

const rules: ProfileRules = {
  kernel: { landlock: 7, seccomp: true, arch: "x64" },
  isUserShared: true,
  sandboxMin: "relaxed",
  writeRoots: ["/srv/data"],
};

function spec(sandbox: SandboxLevel | null, permissions: Partial<Permissions> = {}): VersionSpec {
  return {
    app: "shop",
    sandbox,
    permissions: { ...defaultPermissions, ...permissions },
    limits: resourceLimitsDefault,
  } as VersionSpec;
}

const withLandlock = (landlock: number): ProfileRules => ({
  ...rules,
  kernel: { ...rules.kernel, landlock },
});

const codeOf = (run: () => unknown) => {
  try {
    run();
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("a version's profile", () => {
  test("is as strict as the kernel can be when the version names no level", () => {
    expect(profileOf(spec(null), rules).level).toBe("strict");
    expect(profileOf(spec(null), withLandlock(5)).level).toBe("relaxed");
    expect(profileOf(spec(null), { ...withLandlock(5), isUserShared: false }).level).toBe("strict");
    expect(profileOf(spec(null), withLandlock(0)).level).toBe("relaxed");
    expect(
      profileOf(spec(null), { ...rules, kernel: { ...rules.kernel, seccomp: false } }).level,
    ).toBe("relaxed");
  });

  test("that demands what the kernel cannot do is refused", () => {
    expect(codeOf(() => profileOf(spec("strict"), withLandlock(5)))).toBe("SANDBOX_UNAVAILABLE");
    expect(profileOf(spec("strict"), rules).level).toBe("strict");
  });

  test("that asks for less than the operator wants is refused", () => {
    expect(codeOf(() => profileOf(spec("off"), rules))).toBe("SANDBOX_TOO_WEAK");
    expect(codeOf(() => profileOf(spec("relaxed"), { ...rules, sandboxMin: "strict" }))).toBe(
      "SANDBOX_TOO_WEAK",
    );
    expect(profileOf(spec("off"), { ...rules, sandboxMin: "off" }).level).toBe("off");
  });

  test("has only folders beneath those of the operator", () => {
    const write =
      (...paths: string[]) =>
      () =>
        profileOf(spec(null, { write: paths }), rules);

    expect(codeOf(write("/srv/data", "/srv/data/shop"))).toBe(null);
    expect(codeOf(write("/srv/database"))).toBe("WRITE_NOT_GRANTED");
    expect(codeOf(write("/srv/data/shop", "/etc"))).toBe("WRITE_NOT_GRANTED");
  });

  test("is that of a spare only when nothing differs", () => {
    const spare = defaultProfile(rules);

    expect(isSameProfile(profileOf(spec(null), rules), spare)).toBe(true);
    expect(isSameProfile(profileOf(spec("strict"), rules), spare)).toBe(true);
    expect(isSameProfile(profileOf(spec("relaxed"), rules), spare)).toBe(false);
    expect(isSameProfile(profileOf(spec(null, { udp: true }), rules), spare)).toBe(false);
    const more = { ...spec(null), limits: { ...spec(null).limits, openFilesMax: 20_000 } };
    expect(isSameProfile(profileOf(more, rules), spare)).toBe(false);
  });
});

test("ports are those that are declared, of name servers when a host is named, and of databases", () => {
  let databasePort: number | null = null;
  const ports = (...connect: string[]) =>
    connectPorts({ ...defaultPermissions, connect }, databasePort);

  expect(ports()).toEqual([]);
  expect(ports("*:443", "db.example.com:5432", "other:443")).toEqual([443, 5432, 53]);
  expect(ports("10.0.0.1:5432", "[::1]:80")).toEqual([5432, 80]);
  databasePort = 4002;
  expect(ports("*:443")).toEqual([443, 53, 4002]);
});

test("an app that names hosts for the port of databases reaches its own all the same", () => {
  const held = (...connect: string[]) => heldDestinations({ ...defaultPermissions, connect }, 4002);

  expect(held("api.example.com:443")).toEqual(["api.example.com:443"]);
  expect(held("db.example.com:4002")).toContain("127.0.0.1:4002");
});
