/** The JSON lines that a child process prints, one by one, as they come. Other lines go to `other`. */
export async function eachJsonLine(
  stream: ReadableStream<Uint8Array>,
  take: (value: Record<string, unknown>) => void,
  other: (line: string) => void = () => {},
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith("{")) take(JSON.parse(line));
      else if (line !== "") other(line);
    }
  }
}
