/**
 * The software bill of materials of a version, as CycloneDX JSON: every package that its build had installed, and what uses
 * what. The same version always gives the same text.
 */
import { createHash } from "node:crypto";
import { Enums, Models, Serialize, SPDX, Spec } from "@cyclonedx/cyclonedx-library";
import { versionName } from "../base/version-spec.ts";
import type { VersionPackages } from "../control/api.ts";
import type { InstalledPackage, PackageList } from "../deploy/package-list.ts";

export interface SbomSubject extends Omit<VersionPackages, "packages"> {
  packages: PackageList;
  /** Of Levain, which is named as the tool. */
  levain: string;
}

/** @returns text that ends in a newline */
export function renderSbom(subject: SbomSubject): string {
  const { app, version, digest, createdAtMs, packages, levain } = subject;
  const bom = new Models.Bom({ serialNumber: serialNumberOf(app, version, digest) });
  bom.metadata.timestamp = new Date(createdAtMs);
  bom.metadata.tools.components.add(
    new Models.Component(Enums.ComponentType.Application, "levain", { version: levain }),
  );
  const root = new Models.Component(Enums.ComponentType.Application, app, {
    bomRef: `${app}@${versionName(version)}`,
    version: versionName(version),
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-256"], digest]]),
  });
  bom.metadata.component = root;
  const components = packages.packages.map(componentOf);
  const refsOf = (places: readonly number[]) =>
    places.flatMap((place) => components[place]?.bomRef ?? []);
  for (const ref of refsOf(packages.uses)) root.dependencies.add(ref);
  for (const [place, component] of components.entries()) {
    for (const ref of refsOf(packages.packages[place]?.uses ?? [])) component.dependencies.add(ref);
    bom.components.add(component);
  }
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const options = { sortLists: true, space: 2 };
  return `${new Serialize.JsonSerializer(factory).serialize(bom, options)}\n`;
}

function componentOf(found: InstalledPackage): Models.Component {
  const { name, version, isDevelopment, isLocal, scripts, resolved } = found;
  const [group, plain] = name.startsWith("@") ? name.split("/") : [undefined, name];
  const component = new Models.Component(Enums.ComponentType.Library, plain ?? name, {
    bomRef: `${name}@${version}`,
    version,
    // What only the build used is not in what runs.
    scope: isDevelopment ? Enums.ComponentScope.Excluded : Enums.ComponentScope.Required,
    hashes: new Models.HashDictionary(hashesOf(found.integrity)),
    ...(group === undefined ? {} : { group }),
    ...(isLocal
      ? {}
      : { purl: `pkg:npm/${name.replace("@", "%40")}@${encodeURIComponent(version)}` }),
  });
  if (found.license !== null) component.licenses.add(licenseOf(found.license));
  if (resolved !== null) {
    component.externalReferences.add(
      new Models.ExternalReference(resolved, Enums.ExternalReferenceType.Distribution),
    );
  }
  if (isDevelopment) {
    component.properties.add(new Models.Property("cdx:npm:package:development", "true"));
  }
  for (const script of scripts) {
    component.properties.add(new Models.Property("levain:lifecycleScript:notRun", script));
  }
  return component;
}

const HASHES: Readonly<Record<string, Enums.HashAlgorithm>> = {
  sha1: Enums.HashAlgorithm["SHA-1"],
  sha256: Enums.HashAlgorithm["SHA-256"],
  sha384: Enums.HashAlgorithm["SHA-384"],
  sha512: Enums.HashAlgorithm["SHA-512"],
};

/** Of an integrity as lockfiles have it: `sha512-<base64>`, maybe several. */
function hashesOf(integrity: string | null): Models.Hash[] {
  return (integrity ?? "").split(" ").flatMap((text): Models.Hash[] => {
    const at = text.indexOf("-");
    const algorithm = HASHES[text.slice(0, Math.max(0, at))];
    const bytes = Buffer.from(text.slice(at + 1).replace(/\?.*$/, ""), "base64");
    return algorithm === undefined || bytes.length < 20 ? [] : [[algorithm, bytes.toString("hex")]];
  });
}

/** Words that join licences in an expression. */
const SPDX_OPERATORS = new Set(["AND", "OR", "WITH"]);

function licenseOf(text: string): Models.License {
  const id = SPDX.fixupSpdxId(text);
  if (id !== undefined) return new Models.SpdxLicense(id);
  const words = text.replace(/[()]/g, " ").trim().split(/\s+/);
  const isExpression =
    words.some((word) => SPDX_OPERATORS.has(word)) &&
    words.every(
      (word, index) =>
        SPDX_OPERATORS.has(word) ||
        // An exception is no licence; the list of those is another one.
        words[index - 1] === "WITH" ||
        SPDX.isSupportedSpdxId(word.replace(/\+$/, "")),
    );
  return isExpression ? new Models.LicenseExpression(text) : new Models.NamedLicense(text);
}

/** A name of the document that depends on what it is about, and on nothing else. */
function serialNumberOf(app: string, version: number, digest: string): string {
  const hash = createHash("sha256").update(`levain ${app} ${version} ${digest}`).digest("hex");
  const parts = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    // Version 8: made of what its maker likes; then the variant of RFC 9562.
    `8${hash.slice(13, 16)}`,
    `a${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ];
  return `urn:uuid:${parts.join("-")}`;
}
