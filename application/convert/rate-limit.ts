import type { Clock } from '../ports/clock.js';

const LONGEST_SLEEP_MS = 200;

/** Holds a copy to a number of bytes a second; null: no limit. */
export class RateLimit {
  private readonly startedAt: number;
  private movedBytes = 0;

  constructor(
    private readonly bytesPerSecond: number | null,
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
  ) {
    this.startedAt = clock.monotonic();
  }

  /** Returns when the next bytes may move; at once when the copy is to stop. */
  async moved(bytes: number): Promise<void> {
    if (this.bytesPerSecond === null) return;
    this.movedBytes += bytes;
    const dueAt = this.startedAt + (this.movedBytes / this.bytesPerSecond) * 1000;
    for (let wait = dueAt - this.clock.monotonic(); wait > 0; wait = dueAt - this.clock.monotonic()) {
      if (this.signal.aborted) return;
      await this.clock.sleep(Math.min(wait, LONGEST_SLEEP_MS), this.signal);
    }
  }
}
