import type { Clock } from '../ports/clock.js';
import type { StopRequests } from './stop-requests.js';

/** Holds a merge to a rate, if there is one, and tells watchers how much was copied. */
export class Pace {
  private startedAt: number | null = null;
  private movedBytes = 0;

  /** `bytesPerSecond` null: no limit. */
  constructor(
    private readonly bytesPerSecond: number | null,
    private readonly clock: Clock,
    private readonly stop: StopRequests,
    private readonly onCopied: (bytes: number) => void,
  ) {}

  static unlimited(clock: Clock, stop: StopRequests): Pace {
    return new Pace(null, clock, stop, () => undefined);
  }

  /** Bytes that read zero now without having been moved. */
  said(count: number): void {
    this.onCopied(count);
  }

  /** Returns when the next bytes may move; at once when the run is to stop, so that the block under way ends soon. */
  async moved(count: number): Promise<void> {
    this.onCopied(count);
    if (this.bytesPerSecond === null) return;
    this.startedAt ??= this.clock.monotonic();
    this.movedBytes += count;
    const dueAt = this.dueAt(this.startedAt, this.bytesPerSecond);
    for (let wait = dueAt - this.clock.monotonic(); wait > 0; wait = dueAt - this.clock.monotonic()) {
      if ((await this.stop.check()) !== null) return;
      await this.clock.sleep(Math.min(wait, LONGEST_SLEEP_MS), this.stop.signal);
    }
  }

  private dueAt(startedAt: number, bytesPerSecond: number): number {
    const takes = (this.movedBytes / bytesPerSecond) * 1000;
    const arrears = this.clock.monotonic() - (startedAt + takes);
    if (arrears > LONGEST_ARREARS_MS) this.startedAt = startedAt + arrears - LONGEST_ARREARS_MS;
    return startedAt + takes;
  }
}

const LONGEST_SLEEP_MS = 200;
/** A merge that stood still, because it waited for its journal, must not make up for all of it at once. */
const LONGEST_ARREARS_MS = 1000;
