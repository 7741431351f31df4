/** No line of the admin API is as long; whoever sends one does not speak it. */
const LONGEST = 1024 * 1024;

/** Reads JSON, a value on a line, to the end of the answer. No more of it is held than a line. */
export async function readLines(response: Response, take: (value: unknown) => void): Promise<void> {
  if (response.body === null) {
    return;
  }
  let begun = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    const lines = (begun + value).split("\n");
    begun = lines.pop() ?? "";
    for (const line of lines) {
      take(JSON.parse(line));
    }
    if (begun.length > LONGEST) {
      await reader.cancel();
      throw new Error("a line of the answer is too long");
    }
  }
  if (begun !== "") {
    take(JSON.parse(begun));
  }
}
