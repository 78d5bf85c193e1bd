/** The body of an answer that somebody else has sent, who may send for ever. */

/** @throws when it has more than `bytesMax`, or does not come whole */
export async function boundedText(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    // Leaving the loop cancels what is left.
    if (bytes > bytesMax) throw new Error(`its answer has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
