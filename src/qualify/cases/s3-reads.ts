/** Reads files of 8 MiB from S3 as `ArrayBuffer`s, which are let go of at once. */
import { type CaseContext, must, SkipCase, watchGrowth } from "../case-context.ts";

const fileBytes = 8 * 1024 * 1024;

export default async function run(context: CaseContext): Promise<void> {
  if (Bun.S3Client === undefined) throw new SkipCase("this Bun has no Bun.S3Client");
  const client = new Bun.S3Client({
    accessKeyId: "key",
    secretAccessKey: "secret",
    bucket: "bucket",
    endpoint: context.peer,
  });
  const bounds = {
    steps: context.isQuick ? 56 : 256,
    warmUpSteps: 8,
    growthMaxMib: 900,
    slopeMaxMib: 1,
  };
  await watchGrowth(context, bounds, async (index) => {
    const bytes = await client.file(`bytes/${fileBytes}/${index}`).arrayBuffer();
    must(bytes.byteLength === fileBytes, `read ${bytes.byteLength} of ${fileBytes} bytes`);
  });
}
