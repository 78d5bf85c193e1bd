/**
 * Whether a request to S3 is signed as Amazon's rule says (Signature Version 4), in its head or in its query: worked out from
 * what came over the wire alone. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 */
import { createHash, createHmac } from "node:crypto";

const hmac = (key: string | Buffer, text: string) =>
  createHmac("sha256", key).update(text).digest();

/** @param secret of whoever signs */
export function isSigned(request: Request, secret: string): boolean {
  const { pathname, search } = new URL(request.url);
  const pairs = search === "" ? [] : search.slice(1).split("&");
  const query = new Map(
    pairs.map((pair) => pair.split("=").map(decodeURIComponent) as [string, string]),
  );
  const inHead = /Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
    request.headers.get("authorization") ?? "",
  );
  const said =
    inHead === null
      ? ["X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature"].map((key) => query.get(key))
      : inHead.slice(1);
  const [credential = "", names = "", signature] = said;
  const time = request.headers.get("x-amz-date") ?? query.get("X-Amz-Date") ?? "";
  const [, date = "", region = "", ...rest] = credential.split("/");
  const canonical = [
    request.method,
    pathname,
    pairs
      .filter((pair) => !pair.startsWith("X-Amz-Signature="))
      .sort()
      .join("&"),
    ...names.split(";").map((name) => `${name}:${request.headers.get(name)}`),
    "",
    names,
    inHead === null ? "UNSIGNED-PAYLOAD" : request.headers.get("x-amz-content-sha256"),
  ].join("\n");
  const hash = createHash("sha256").update(canonical).digest("hex");
  const text = ["AWS4-HMAC-SHA256", time, [date, region, ...rest].join("/"), hash].join("\n");
  const key = [region, "s3", "aws4_request"].reduce<Buffer>(hmac, hmac(`AWS4${secret}`, date));
  return hmac(key, text).toString("hex") === signature;
}
