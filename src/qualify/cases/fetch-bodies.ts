/** Takes the bodies of answers in each of the ways that there are, also half of them, and none. */
import { type CaseContext, must, watchGrowth } from "../case-context.ts";

const bodyBytes = 2 * 1024 * 1024;

const WAYS: readonly ((response: Response) => Promise<number>)[] = [
  async (response) => (await response.arrayBuffer()).byteLength,
  async (response) => (await response.text()).length,
  async (response) => (await response.blob()).size,
  async (response) => {
    let bytes = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
      bytes += chunk.length;
    return bytes;
  },
  async (response) => {
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    return bodyBytes;
  },
  async (response) => {
    await response.body?.cancel();
    return bodyBytes;
  },
];

export default async function run(context: CaseContext): Promise<void> {
  const bounds = {
    steps: context.isQuick ? 60 : 240,
    warmUpSteps: 24,
    growthMaxMib: 250,
    slopeMaxMib: 0.5,
  };
  await watchGrowth(context, bounds, async (index) => {
    const response = await fetch(`${context.peer}/bytes/${bodyBytes}/${index}`);
    const bytes = await WAYS[index % WAYS.length]!(response);
    must(bytes === bodyBytes, `took ${bytes} of ${bodyBytes} bytes`);
  });
}
