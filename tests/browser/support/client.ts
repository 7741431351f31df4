// An application that reads slowly.
import { get } from "node:http";
import type { IncomingMessage } from "node:http";

/** Takes a document at about so many bytes a second, until it is stopped. */
export class SlowReader {
  taken = 0;
  private answer: IncomingMessage | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(url: string, bytesPerSecond: number, token?: string) {
    const request = get(url, { headers: token ? { authorization: `Bearer ${token}` } : {} }, (answer) => {
      this.answer = answer;
      answer.on("data", (piece: Buffer) => {
        this.taken += piece.length;
        answer.pause();
        this.timer = setTimeout(() => answer.resume(), (piece.length / bytesPerSecond) * 1000);
      });
      // Ours is the side that hangs up.
      answer.on("error", () => {});
    });
    request.on("error", () => {});
  }

  stop(): void {
    clearTimeout(this.timer);
    this.answer?.destroy();
  }
}
